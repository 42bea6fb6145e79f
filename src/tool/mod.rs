//! What an agent can do. One file per tool, one line in [`registry`].
//!
//! A tool reaches the agent's work tree and nothing else: it holds no secret, no network and no forge. What goes further than the
//! tree (a commit, a question, the end of the run) is only proposed, as an [`Outcome`], and done by whoever called.

mod args;
mod commit;
mod create_file;
mod delete_file;
mod desk;
mod edit_file;
mod finish;
mod list_files;
mod policy;
mod question;
mod read_file;
mod rule;
mod search_files;
mod show_diff;
#[cfg(test)]
mod tests;

pub use desk::{Desk, DeskError, Limits};
pub use policy::{DEFAULT_PROTECTED, DEFAULT_READ_DENIED, Denial, PathPolicy};
pub use rule::Rule;

use serde_json::Value;

use crate::domain::agent::message::ToolSpec;
use crate::domain::path::FileChange;

/// One ability of an agent.
pub trait Tool: Send + Sync {
    /// The name a model calls it by.
    fn name(&self) -> &'static str;
    /// What it does and when to use it, for the model.
    fn description(&self) -> &'static str;
    /// JSON schema of its arguments.
    fn schema(&self, scope: &ToolScope) -> Value;
    /// True when a call may change files.
    fn mutates(&self) -> bool;
    /// Does it. The arguments have passed the schema.
    fn call(&self, desk: &mut Desk, args: &Value) -> Outcome;
}

/// What the schemas depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolScope {
    /// JSON schema of the outcome the run must end with.
    pub finish_schema: Value,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// An answer for the model.
    Text(String),
    /// Files changed; the changes, in order, can be replayed on the same base.
    Changed { text: String, changes: Vec<FileChange> },
    /// The changes since the last commit shall become one. Whoever makes it then calls [`Desk::committed`].
    Commit { message: String },
    /// A person is asked.
    Ask { question: String },
    /// The run ends with this outcome, which fits the schema.
    Finish { outcome: Value },
    /// The call itself cannot be read: no such tool, or arguments that do not fit. A sentence for the model.
    Malformed { reason: String, rule: Rule },
    /// Nothing was done; a sentence for the model. With a rule, that forbade it, which belongs in the record.
    Refused { reason: String, rule: Option<Rule> },
}

impl Outcome {
    /// A mistake of the model, which it can repair.
    pub(crate) fn refused(reason: impl Into<String>) -> Outcome {
        Outcome::Refused { reason: reason.into(), rule: None }
    }

    /// Something a rule forbids.
    pub(crate) fn denied(rule: Rule, reason: impl Into<String>) -> Outcome {
        Outcome::Refused { reason: reason.into(), rule: Some(rule) }
    }
}

/// Every tool there is.
pub fn registry() -> &'static [&'static dyn Tool] {
    &[
        &list_files::ListFiles,
        &read_file::ReadFile,
        &search_files::SearchFiles,
        &edit_file::EditFile,
        &create_file::CreateFile,
        &delete_file::DeleteFile,
        &show_diff::ShowDiff,
        &commit::Commit,
        &question::AskHuman,
        &finish::Finish,
    ]
}

/// The tools an agent type may use, as a model sees them, in the registry's order.
pub fn specs(allowed: &[String], scope: &ToolScope) -> Vec<ToolSpec> {
    registry()
        .iter()
        .filter(|tool| allowed.iter().any(|name| name == tool.name()))
        .map(|tool| ToolSpec { name: tool.name().to_owned(), description: tool.description().to_owned(), schema: tool.schema(scope) })
        .collect()
}

/// Names in `allowed` that are no tool: a mistake in the configuration.
pub fn unknown_tools(allowed: &[String]) -> Vec<&str> {
    allowed.iter().map(String::as_str).filter(|name| !registry().iter().any(|tool| tool.name() == *name)).collect()
}

/// Calls a tool by name, if the agent type may use it and the arguments fit.
pub fn call(desk: &mut Desk, allowed: &[String], name: &str, args: &Value) -> Outcome {
    let Some(at) = registry().iter().position(|tool| tool.name() == name) else {
        return Outcome::Malformed { reason: args::unknown_tool(allowed, name), rule: Rule::NoSuchTool };
    };
    let tool = registry()[at];
    if !allowed.iter().any(|allowed| allowed == name) {
        let reason = format!("The tool `{name}` is not given to this agent. It may use: {}.", allowed.join(", "));
        return Outcome::denied(Rule::ToolNotGiven, reason);
    }
    let read;
    let args = match args::read(args) {
        Ok(args::Args::Borrowed) => args,
        Ok(args::Args::Parsed(value)) => {
            read = value;
            &read
        }
        Err(reason) => {
            return Outcome::Malformed { reason: format!("The call of `{name}` was not carried out: {reason}"), rule: Rule::Form };
        }
    };
    if let Err(reason) = desk.check_args(at, args) {
        return Outcome::Malformed { reason: format!("The call of `{name}` was not carried out. {reason}"), rule: Rule::Form };
    }
    tool.call(desk, args)
}
