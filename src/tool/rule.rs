//! Which rule forbade a call. The record names the rule; what was asked for stands there only as a hash.

use crate::tree::TreeError;

use super::Outcome;

/// A rule that agents run into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// There is no tool of that name.
    NoSuchTool,
    /// The tool is not given to this type of agent.
    ToolNotGiven,
    /// The arguments are none of the tool's.
    Form,
    /// The path leads out of the tree, into Git's own files, or reads as something else somewhere.
    Path,
    /// The path is a link, a device or anything else that is no plain file, or lies behind one.
    Link,
    /// The file may hold secrets.
    SecretFile,
    /// A person has to approve a change of that file.
    Protected,
    /// The agent only reads.
    ReadOnly,
    /// The commit message claims who did or approved something, or would close an issue.
    CommitClaim,
}

impl Rule {
    /// The word that stands in the record.
    pub fn word(self) -> &'static str {
        match self {
            Rule::NoSuchTool => "no-such-tool",
            Rule::ToolNotGiven => "tool-not-given",
            Rule::Form => "form",
            Rule::Path => "path",
            Rule::Link => "link",
            Rule::SecretFile => "secret-file",
            Rule::Protected => "protected",
            Rule::ReadOnly => "read-only",
            Rule::CommitClaim => "commit-claim",
        }
    }
}

/// What the tree would not do, after words that say what did not happen. A way out of the tree is no slip: it belongs in the record.
pub(super) fn of_tree(nothing: &str, error: &TreeError) -> Outcome {
    let reason = format!("{nothing}: {error}.");
    if error.leads_out() { Outcome::denied(Rule::Link, reason) } else { Outcome::refused(reason) }
}
