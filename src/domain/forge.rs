//! Neutral words for what a forge holds and reports. Drivers translate their wire formats into these; everything above them speaks only these.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::base::Time;
use crate::base::secret::SecretString;
use crate::base::text::sha256_hex;

/// Which kind of forge; Forgejo is a dialect of Gitea with other events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    Gitea,
    Forgejo,
    GitHub,
    GitLab,
}

/// What is added to the number of a merge request on a forge that counts issues and merge requests apart (GitLab has `#1` and `!1`), so that
/// there is one number space inside the program. No forge counts this far.
pub const PULL_OFFSET: i64 = 1 << 40;

/// The number as people write it: `!18` for a merge request of a forge that counts them apart, else `#18`.
pub fn mention(number: i64) -> String {
    format!("{}{}", if number > PULL_OFFSET { '!' } else { '#' }, own_number(number))
}

/// The ref under which forges serve the head of a pull request, also of one from a fork.
/// Gitea and GitHub: `refs/pull/<n>/head`. GitLab: `refs/merge-requests/<iid>/head`.
pub fn pull_ref(number: i64) -> String {
    let kind = if number > PULL_OFFSET { "merge-requests" } else { "pull" };
    format!("refs/{kind}/{}/head", own_number(number))
}

/// The number that the forge itself knows an issue or pull request by.
pub fn own_number(number: i64) -> i64 {
    if number > PULL_OFFSET { number - PULL_OFFSET } else { number }
}

/// Reads a number as people write it: `#18`, `18`, or `!18`, which is a merge request of a forge that counts them apart.
pub fn read_mention(text: &str) -> Option<i64> {
    let (offset, digits) = match text.strip_prefix('!') {
        Some(digits) => (PULL_OFFSET, digits),
        None => (0, text.strip_prefix('#').unwrap_or(text)),
    };
    let number: i64 = digits.parse().ok().filter(|number| (1..=PULL_OFFSET).contains(number))?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(number + offset)
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

/// One side of a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullSide {
    /// Branch name, without `refs/heads/`.
    pub branch: String,
    pub sha: Sha,
    /// `None` when the fork it came from is gone.
    pub repo_id: Option<i64>,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    pub number: i64,
    /// Title without the draft prefix.
    pub title: String,
    pub body: String,
    pub state: State,
    pub draft: bool,
    pub merged: bool,
    pub merge_sha: Option<Sha>,
    pub merged_by: Option<User>,
    /// `Some(false)` also while the forge is still checking.
    pub mergeable: Option<bool>,
    pub head: PullSide,
    pub base: PullSide,
    pub labels: Vec<String>,
    pub author: User,
    pub updated_at: Time,
}

/// What a review says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Approved,
    ChangesRequested,
    Commented,
    /// Not submitted yet; never counts.
    Pending,
    /// The forge asks this user for a review; never counts.
    Requested,
}

/// A review as the forge lists it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub id: i64,
    pub author: User,
    pub verdict: Verdict,
    pub body: String,
    /// The commit it was given on.
    pub commit: Option<Sha>,
    /// The forge says that the head has moved since.
    pub stale: bool,
    /// The forge counts it for branch protection.
    pub official: bool,
    pub dismissed: bool,
    pub submitted_at: Time,
}

/// A comment of a review on a line of the diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewComment {
    pub id: i64,
    pub author: User,
    pub path: String,
    /// Line in the new file; `None` for a comment on a removed line or a whole file.
    pub line: Option<u32>,
    pub body: String,
}

/// A finding to post with a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReviewComment {
    pub path: String,
    /// Line in the new file, from 1.
    pub line: u32,
    pub body: String,
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

/// What happened to an issue or pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueAction {
    Opened,
    Edited,
    Closed,
    Reopened,
    Deleted,
    Labeled,
    Assigned,
    Milestoned,
}

/// What happened to a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullAction {
    Opened,
    Edited,
    /// Closed without being merged.
    Closed,
    Merged,
    Reopened,
    Deleted,
    /// New commits on the head branch.
    Synchronized,
    Labeled,
    Assigned,
    Milestoned,
    ReviewRequested,
    ReviewRequestRemoved,
}

/// What happened to a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommentAction {
    Created,
    Edited,
    Deleted,
}

/// A neutral event: what the forge reports, not yet what anybody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgeEvent {
    pub repo: RepoRef,
    /// Whom the forge names as the sender. `None`: the event carries no authority.
    pub actor: Option<User>,
    pub kind: EventKind,
}

/// The kinds of neutral events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EventKind {
    Issue {
        action: IssueAction,
        issue: Issue,
    },
    Comment {
        action: CommentAction,
        /// Number of the issue or pull request it stands on.
        number: i64,
        is_pull: bool,
        /// Head branch, when it stands on a pull request and the forge says so.
        head_branch: Option<String>,
        comment: Comment,
        /// The text before an edit, when the forge says so.
        previous_body: Option<String>,
    },
    Pull {
        action: PullAction,
        pull: Pull,
    },
    /// A review was submitted. What it says is read from the forge, bound to a commit; the event is only a hint.
    Review {
        pull: Pull,
        reviewer: Option<User>,
        verdict: Verdict,
        body: String,
        /// Number of the review, where it is known: deliveries do not name it, lists do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        review: Option<i64>,
        /// Somebody took its force away; only lists tell.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dismissed: bool,
    },
    Push {
        branch: String,
        before: Sha,
        after: Sha,
    },
    BranchCreated {
        branch: String,
        sha: Sha,
    },
    BranchDeleted {
        branch: String,
    },
    Ci {
        sha: Sha,
        context: String,
        state: CiState,
        url: String,
    },
    Repository {
        action: String,
    },
}

/// Where Git finds a repository, and the header that lets it in. The secret goes into the environment of the Git process only.
#[derive(Clone, Debug)]
pub struct GitRemote {
    pub url: String,
    /// Full header line, such as `Authorization: Basic …`; `None` for a local path.
    pub header: Option<GitHeader>,
}

/// A header line with a credential: as it was given, or as it is when it is used, where a driver renews its tokens.
#[derive(Clone, Debug)]
pub enum GitHeader {
    Fixed(SecretString),
    /// `None` inside: no token was given to the driver yet.
    Renewed(Arc<RwLock<Option<SecretString>>>),
}

impl GitHeader {
    /// The line that holds now.
    pub fn now(&self) -> Option<SecretString> {
        match self {
            GitHeader::Fixed(line) => Some(line.clone()),
            GitHeader::Renewed(line) => line.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl From<SecretString> for GitHeader {
    fn from(line: SecretString) -> GitHeader {
        GitHeader::Fixed(line)
    }
}

/// What a driver makes of a raw delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parsed {
    Event(Box<ForgeEvent>),
    /// Kept in the inbox with this reason, never journalled.
    Ignored(String),
}

/// The body that a source key is made of: a short content hash, so that an edited comment is a new source and a redelivered one is not.
pub fn content_key(text: &str) -> String {
    sha256_hex(text)[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_forge_writes_them() {
        assert_eq!((mention(18), mention(PULL_OFFSET + 18)), ("#18".to_owned(), "!18".to_owned()));
        assert_eq!((pull_ref(18), pull_ref(PULL_OFFSET + 18)), ("refs/pull/18/head".to_owned(), "refs/merge-requests/18/head".to_owned()));
        for text in ["#18", "!18"] {
            assert_eq!(read_mention(text).map(mention).as_deref(), Some(text));
        }
        assert_eq!(read_mention("18"), Some(18));
        for text in ["", "#", "!", "#0", "-1", "#+1", "x", "1099511627777"] {
            assert_eq!(read_mention(text), None, "{text}");
        }
    }
}
