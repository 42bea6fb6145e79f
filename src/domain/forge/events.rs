//! Neutral events: what a forge reports, by delivery or by list.

use serde::{Deserialize, Serialize};

use crate::base::text::sha256_hex;

use super::{CiState, Comment, Issue, Pull, RepoRef, Sha, User, Verdict};

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
