//! What the forge tells its listeners, in neutral words. A skin turns each into the payload its hooks expect.

use super::git_ops::CommitRow;
use super::state::{Comment, Reaction, Repo, Status};

/// One thing that happened, with who did it and where.
#[derive(Clone, Debug)]
pub struct Told {
    pub repo: i64,
    pub actor: i64,
    pub what: What,
}

/// What is done to a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Created,
    Edited,
    Deleted,
}

/// The things that are told. Issues are named by id and read when the payload is made, in the same moment.
#[derive(Clone, Debug)]
pub enum What {
    Opened {
        issue: i64,
    },
    Edited {
        issue: i64,
        title_from: Option<String>,
        body_from: Option<String>,
        base_from: Option<String>,
    },
    /// Also a merge: the pull request says so.
    Closed {
        issue: i64,
    },
    Reopened {
        issue: i64,
    },
    /// `cleared`: all labels were taken off at once.
    Labels {
        issue: i64,
        cleared: bool,
        added: Vec<i64>,
        removed: Vec<i64>,
    },
    Assigned {
        issue: i64,
        added: bool,
    },
    Milestoned {
        issue: i64,
        set: bool,
    },
    Commented {
        done: Done,
        comment: Box<Comment>,
        body_from: Option<String>,
    },
    Synchronized {
        issue: i64,
        before: String,
        after: String,
    },
    ReviewRequest {
        issue: i64,
        reviewer: i64,
        added: bool,
    },
    Reviewed {
        review: i64,
    },
    /// Commits newest first, already cut; `total` as the forge counts them.
    Pushed {
        name: String,
        before: String,
        after: String,
        commits: Vec<CommitRow>,
        total: u64,
    },
    RefCreated {
        name: String,
        sha: String,
    },
    RefDeleted {
        name: String,
        before: String,
    },
    StatusPosted {
        status: Box<Status>,
        commit: Box<CommitRow>,
    },
    RepoCreated,
    /// A reaction came (`added`) or went, on an issue or on one of its comments.
    Reacted {
        issue: i64,
        comment: Option<i64>,
        reaction: Reaction,
        added: bool,
    },
    /// An approval was taken back by who gave it; without a user: by a push that took all back.
    Unapproved {
        issue: i64,
        user: Option<i64>,
    },
    /// A comment on a line got another text.
    LineEdited {
        review: i64,
        line: i64,
    },
    /// A verdict was dismissed, by somebody or by a push.
    Dismissed {
        review: i64,
    },
    /// A repository got another name; this was the old one.
    Renamed {
        from: String,
    },
    /// A repository got another owner; this was the old one.
    Transferred {
        from: i64,
    },
    Archived {
        archived: bool,
    },
    /// The repository as it was.
    Deleted {
        repo: Box<Repo>,
    },
    /// A check was made (`begun`) or changed.
    Checked {
        check: i64,
        begun: bool,
    },
    /// Told beside a push that left commits behind.
    Forced {
        name: String,
    },
}
