//! What the sandbox forge holds, in neutral words: users, repositories, issues, pull requests, reviews. No wire format is known here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::Time;

/// Names of things that the whole forge shares.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Meta {
    /// Random, made at the first start; keeps ids of deliveries apart from those of other sandboxes.
    pub instance: String,
    /// The last id given out, per kind of thing.
    pub counters: BTreeMap<String, i64>,
    /// Former paths of renamed repositories, in lower case, and the repository they lead to.
    pub former_paths: BTreeMap<String, i64>,
}

/// An account: a person or a bot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    pub login: String,
    pub admin: bool,
    pub bot: bool,
    pub token: String,
    /// The name it was given by, where it was made over the interface.
    #[serde(default)]
    pub token_name: String,
    #[serde(default)]
    pub full_name: String,
    pub created: Time,
}

/// What a user may do in a repository; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grant {
    None,
    Read,
    Write,
    Admin,
    Owner,
}

/// A repository. Its branches and tags are remembered to tell what a push changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repo {
    pub id: i64,
    pub owner: i64,
    pub name: String,
    pub private: bool,
    pub archived: bool,
    pub default_branch: String,
    pub created: Time,
    pub updated: Time,
    /// Number of the newest issue or pull request; both share one row of numbers.
    pub last_number: i64,
    pub grants: BTreeMap<i64, Grant>,
    /// Full ref names (`refs/heads/...`, `refs/tags/...`) and the commits they stand on.
    pub refs: BTreeMap<String, String>,
    /// What only the protocol of GitLab keeps of a repository.
    #[serde(default)]
    pub lab: Lab,
}

/// What the protocol of GitLab keeps of a repository: numbers counted apart, and settings that the others lack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lab {
    /// Number of the newest issue, pull requests not counted.
    pub last_issue: i64,
    /// Number of the newest pull request, issues not counted.
    pub last_pull: i64,
    /// A paid plan: labels `a::b` of one scope exclude each other.
    pub premium: bool,
    /// A push takes all approvals back.
    pub reset_approvals: bool,
    /// Hooks are told when a reviewer requests changes; older servers keep silent.
    pub tells_requested_changes: bool,
    /// `merge`, `rebase_merge` or `ff`.
    pub merge_method: String,
    /// `never`, `always`, `default_on` or `default_off`.
    pub squash_option: String,
}

impl Default for Lab {
    fn default() -> Lab {
        Lab {
            last_issue: 0,
            last_pull: 0,
            premium: false,
            reset_approvals: false,
            tells_requested_changes: true,
            merge_method: "merge".to_owned(),
            squash_option: "default_off".to_owned(),
        }
    }
}

impl Repo {
    /// The commit that a branch stands on.
    pub fn branch(&self, name: &str) -> Option<&str> {
        self.refs.get(&format!("refs/heads/{name}")).map(String::as_str)
    }

    /// Branch names in order, with their commits.
    pub fn branches(&self) -> impl Iterator<Item = (&str, &str)> {
        self.refs.iter().filter_map(|(name, sha)| Some((name.strip_prefix("refs/heads/")?, sha.as_str())))
    }
}

/// A label of a repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Label {
    pub id: i64,
    pub repo: i64,
    pub name: String,
    /// Six hex digits without `#`.
    pub color: String,
    pub description: String,
    pub exclusive: bool,
}

impl Label {
    /// The scope that an exclusive label shares with its siblings: what stands before the last slash, if that is neither first nor last.
    pub fn scope(&self) -> Option<&str> {
        let at = self.name.rfind('/').filter(|&at| self.exclusive && at > 0 && at + 1 < self.name.len())?;
        self.name.get(..at)
    }
}

/// A milestone of a repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Milestone {
    pub id: i64,
    pub repo: i64,
    pub title: String,
    pub description: String,
    pub closed: Option<Time>,
    pub due: Option<Time>,
    pub created: Time,
    pub updated: Time,
}

/// A reaction of one user; at most one per user and content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    pub user: i64,
    pub content: String,
    pub at: Time,
    /// 0 in old rows.
    #[serde(default)]
    pub id: i64,
}

/// An issue, or the issue half of a pull request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issue {
    pub id: i64,
    pub repo: i64,
    pub number: i64,
    pub author: i64,
    pub title: String,
    pub body: String,
    pub closed: Option<Time>,
    pub labels: BTreeSet<i64>,
    pub assignees: Vec<i64>,
    pub milestone: Option<i64>,
    pub reactions: Vec<Reaction>,
    pub created: Time,
    pub updated: Time,
    /// Counts edits of title and body.
    pub version: i64,
    pub pull: Option<Pull>,
    /// Its number among the issues, or among the pull requests, of the repository: what GitLab counts.
    #[serde(default)]
    pub iid: i64,
    /// Shown to members only, by the protocols that know such issues.
    #[serde(default)]
    pub confidential: bool,
}

/// The pull request half.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pull {
    pub id: i64,
    pub head: String,
    pub base: String,
    pub head_sha: String,
    pub head_gone: bool,
    pub check: Check,
    /// How many more questions are answered with "still checking".
    pub busy: u32,
    /// The commit a merge under way will put on the base branch; read after a crash to finish or forget it.
    pub merging: Option<Merged>,
    pub merged: Option<Merged>,
    /// Wished when it was opened: one commit at the merge, the end of the head branch after it.
    #[serde(default)]
    pub squash: bool,
    #[serde(default)]
    pub remove_source: bool,
    /// The one commit that a squash made of it, where a protocol names it.
    #[serde(default)]
    pub squashed: String,
}

/// A merge: the commit on the base branch, by whom, when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Merged {
    pub sha: String,
    pub by: i64,
    pub at: Time,
}

/// What Git says about bringing head into base.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub merge_base: String,
    pub conflicts: bool,
    /// Commits of the head that the base lacks, and the other way round.
    pub ahead: u64,
    pub behind: u64,
    pub additions: u64,
    pub deletions: u64,
    pub files: u64,
}

/// A comment in a conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comment {
    pub id: i64,
    pub issue: i64,
    pub author: i64,
    pub body: String,
    pub reactions: Vec<Reaction>,
    pub created: Time,
    pub updated: Time,
    /// The comment, or comment on a line, that it answers; 0: it stands for itself.
    #[serde(default)]
    pub thread: i64,
    /// For members only, by the protocols that know such comments.
    #[serde(default)]
    pub internal: bool,
}

/// A conversation that began with a comment or a comment on a line, for the protocols that keep them together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Thread {
    /// That of its first comment.
    pub id: i64,
    pub issue: i64,
    /// By whom and when it was called settled.
    pub resolved: Option<(i64, Time)>,
}

/// What a review says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    Approve,
    Reject,
    Comment,
    Pending,
    /// Not a review yet: somebody asks this user for one.
    Requested,
}

impl Verdict {
    /// Approve or reject: the ones that count.
    pub fn decides(self) -> bool {
        matches!(self, Verdict::Approve | Verdict::Reject)
    }
}

/// A review of a pull request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Review {
    pub id: i64,
    pub issue: i64,
    pub author: i64,
    pub verdict: Verdict,
    pub body: String,
    pub commit: String,
    pub stale: bool,
    pub official: bool,
    pub dismissed: bool,
    /// Counts no more because the same user gave another verdict; it is marked as dismissed too.
    #[serde(default)]
    pub superseded: bool,
    pub lines: Vec<LineComment>,
    pub submitted: Time,
    pub updated: Time,
}

/// A comment of a review on a line of the diff.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineComment {
    pub id: i64,
    pub path: String,
    /// Line in the new file, or 0.
    pub new_line: u64,
    /// Line in the old file, or 0.
    pub old_line: u64,
    pub body: String,
    #[serde(default)]
    pub reactions: Vec<Reaction>,
}

/// A status that somebody posted on a commit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub id: i64,
    pub repo: i64,
    pub sha: String,
    pub state: String,
    pub context: String,
    pub description: String,
    pub url: String,
    pub creator: i64,
    pub at: Time,
}

/// Somebody who wants to be told. Without a repository: about every repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hook {
    pub id: i64,
    pub repo: Option<i64>,
    pub url: String,
    pub secret: String,
    pub authorization: String,
    pub branches: String,
    /// Names of events in the words of the skin that made the hook; `*` is every event.
    pub events: BTreeSet<String>,
    pub active: bool,
    pub created: Time,
    pub updated: Time,
    /// The protocol it is told in.
    #[serde(default)]
    pub skin: Skin,
    /// Told as a form with the payload in a field, instead of JSON.
    #[serde(default)]
    pub form: bool,
    /// The app that it belongs to.
    #[serde(default)]
    pub app: Option<i64>,
}

/// A protocol that the forge speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Skin {
    #[default]
    Gitea,
    GitHub,
    GitLab,
}

/// A rule for branches whose name matches.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Protection {
    pub id: i64,
    pub repo: i64,
    pub rule: String,
    pub allow_push: bool,
    pub required_approvals: i64,
    pub dismiss_stale: bool,
    pub ignore_stale: bool,
    pub block_on_rejected: bool,
    pub block_on_outdated: bool,
    pub block_admin_override: bool,
    pub status_check: bool,
    pub contexts: Vec<String>,
    pub created: Time,
    /// Only these may merge; empty: whoever may write.
    #[serde(default)]
    pub mergers: Vec<String>,
    /// Made as GitHub made them before rulesets: it is not among the rulesets.
    #[serde(default)]
    pub classic: bool,
}

/// Something that happened to an issue beside comments and reviews.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    pub id: i64,
    pub issue: i64,
    pub actor: i64,
    pub kind: EventKind,
    pub at: Time,
}

/// The kinds of events in the timeline of an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    Label { label: i64, name: String, added: bool },
    Title { from: String, to: String },
    Closed,
    Reopened,
    Merged { sha: String },
    Assigned { user: i64, added: bool },
    Milestone { from: Option<i64>, to: Option<i64> },
    Base { from: String, to: String },
    Pushed { before: String, after: String },
    ReviewRequest { user: i64, added: bool },
    Dismissed { review: i64, message: String },
    BranchDeleted { name: String },
}

/// A program that acts under an account of its own, as an installation in some repositories.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct App {
    pub id: i64,
    pub slug: String,
    /// The account that its installation acts under.
    pub bot: i64,
    /// PEM of the key that its word is checked with.
    pub public_key: String,
    pub repos: BTreeSet<i64>,
    pub created: Time,
    /// The words that it signs are dated by the machine's clock, where the forge's own is another one.
    #[serde(default)]
    pub dates_by_machine: bool,
}

impl App {
    /// The name that stands for the number in signed words.
    pub fn client_id(&self) -> String {
        format!("Iv23sandbox{:06}", self.id)
    }

    /// There is one installation of each app.
    pub fn installation(&self) -> i64 {
        1000 + self.id
    }
}

/// A token of an installation, good until it expires.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppToken {
    pub id: i64,
    pub app: i64,
    pub token: String,
    /// What it is limited to; all that the installation reaches at the time, where it is not.
    pub repos: Option<BTreeSet<i64>>,
    pub expires: Time,
}

/// A check that somebody ran on a commit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckRun {
    pub id: i64,
    pub repo: i64,
    pub sha: String,
    pub name: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// Set once it is completed: `success`, `failure`, `neutral` and others.
    pub conclusion: Option<String>,
    pub url: String,
    pub title: String,
    pub summary: String,
    pub by: i64,
    pub started: Time,
    pub completed: Option<Time>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_ends_at_the_last_slash_of_an_exclusive_label() {
        let scope = |name: &str, exclusive| {
            let label = Label { id: 1, repo: 1, name: name.into(), color: String::new(), description: String::new(), exclusive };
            label.scope().map(str::to_owned)
        };
        let rows = [("a/b", Some("a")), ("a/b/c", Some("a/b")), ("a/", None), ("/a", None), ("a", None)];
        for (name, want) in rows {
            assert_eq!(scope(name, true).as_deref(), want, "{name}");
            assert_eq!(scope(name, false), None, "{name}");
        }
    }
}
