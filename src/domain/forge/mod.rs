//! Neutral words for what a forge holds and reports. Drivers translate their wire formats into these; everything above them speaks only these.

mod events;
mod numbers;
mod pulls;
mod remote;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::Time;

pub use events::{CommentAction, EventKind, ForgeEvent, IssueAction, Parsed, PullAction, content_key};
pub use numbers::{PULL_OFFSET, mention, own_number, pull_ref};
pub use pulls::{NewReviewComment, Pull, PullSide, Review, ReviewComment, Verdict};
pub use remote::{GitHeader, GitRemote};

/// Which kind of forge; Forgejo is a dialect of Gitea with other events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    Gitea,
    Forgejo,
    GitHub,
    GitLab,
}

/// A commit id in lower-case hex (40 characters, or 64 in SHA-256 repositories).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha(pub String);

impl Sha {
    /// The first ten characters, enough for a person.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }

    /// True for the all-zero id by which forges say "no such commit" (a created or deleted ref).
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0')
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A repository as an event names it. The numeric id is the key: paths change when a repository is renamed or moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoRef {
    pub id: i64,
    /// `owner/name`; may hold more than one slash on forges with nested groups.
    pub path: String,
}

/// Who may see a repository, the widest circle first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    Public,
    /// Everybody with an account on the forge, or everybody of the organisation.
    Internal,
    /// Only those who were let in. What a forge does not tell is taken for this.
    #[default]
    Private,
}

impl Visibility {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Internal => "internal",
            Visibility::Private => "private",
        }
    }
}

/// A repository as the forge describes it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    pub id: i64,
    pub path: String,
    pub default_branch: String,
    /// Who may see it.
    pub visibility: Visibility,
    pub archived: bool,
    pub empty: bool,
    /// The merge style the repository prefers.
    pub merge_style: MergeStyle,
    pub web_url: String,
    /// True when the bot's token has administrator rights here (it may then ask for other people's permissions).
    pub bot_is_admin: bool,
    /// True when the bot's token may push.
    pub bot_can_push: bool,
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeStyle {
    #[default]
    Merge,
    Rebase,
    RebaseMerge,
    Squash,
    FastForwardOnly,
}

/// A user. Ids can be negative (deleted user, built-in actions user), never reused, and survive a rename: authority is bound to them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    pub login: String,
}

/// A user's permission in a repository, as the forge answers it live. Ordered: each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Not even allowed to see the repository.
    None,
    /// May read.
    Reader,
    /// May push.
    Writer,
    /// May change the repository's settings.
    Maintainer,
    /// Owns the repository or administers the forge.
    Owner,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::None => "no access",
            Role::Reader => "read",
            Role::Writer => "write",
            Role::Maintainer => "maintainer (repository admin)",
            Role::Owner => "owner",
        })
    }
}

/// Open or closed; a merged pull request is closed with `merged` set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Open,
    Closed,
}

/// An issue, or the issue half of a pull request (both share one number space).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    pub number: i64,
    pub is_pull: bool,
    pub title: String,
    pub body: String,
    pub state: State,
    /// Names of the labels, sorted.
    pub labels: Vec<String>,
    pub author: User,
    pub created_at: Time,
    pub updated_at: Time,
    /// Not everybody who sees the repository may read it (GitLab).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confidential: bool,
}

/// A comment on an issue or in a pull request's conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    pub id: i64,
    pub body: String,
    pub author: User,
    pub created_at: Time,
    pub updated_at: Time,
}

/// Who made a commit, as far as the forge can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitInfo {
    pub sha: Sha,
    pub message: String,
    /// The forge account behind the author's address, if there is one.
    pub author: Option<User>,
    pub author_email: String,
    /// The forge account behind the committer's address, if there is one.
    pub committer: Option<User>,
}

/// State of a commit status or CI run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CiState {
    Success,
    Skipped,
    Warning,
    Pending,
    Failure,
    Error,
}

impl CiState {
    /// Neither failed nor still running.
    pub fn passes(self) -> bool {
        matches!(self, CiState::Success | CiState::Skipped | CiState::Warning)
    }
}

/// The newest status of one context on a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiStatus {
    pub context: String,
    pub state: CiState,
    pub description: String,
    pub url: String,
}

/// One change of an issue's labels, from its timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelChange {
    pub id: i64,
    pub actor: User,
    pub label: String,
    pub added: bool,
    pub at: Time,
}

/// A label to keep in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSpec {
    pub name: String,
    /// Six hex digits, without `#`.
    pub color: String,
    pub description: String,
    /// The forge itself shall keep the scope exclusive, where it can.
    pub exclusive: bool,
}
