//! Pull requests and what is said in their reviews.

use serde::{Deserialize, Serialize};

use crate::base::Time;

use super::{Sha, State, User};

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
