//! Why something in Git did not work, sorted by what the caller can do about it.

use std::io;
use std::time::Duration;

use super::branch::BadBranch;

/// Why a Git operation did not give what was asked for. The texts are sentences for people, free of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The remote did not answer, or broke off: worth repeating later. A push looks at the remote again before it says so.
    #[error("the Git remote cannot be reached: {0}")]
    Unreachable(String),
    /// The remote does not accept the credentials.
    #[error("the Git remote does not let the bot in: {0}. Check the token and its scopes, then run `syndarix doctor`")]
    Denied(String),
    /// The repository is not where it was.
    #[error("the Git remote has no such repository: {0}")]
    NotFound(String),
    /// No answer within this time; what was asked for may or may not have happened.
    #[error("`git {what}` gave no answer within {} s and was stopped; whether it took effect is not known", after.as_secs_f32())]
    Timeout { what: String, after: Duration },
    /// Refused by a rule, here or on the remote; repeating it changes nothing.
    #[error("{0}")]
    Refused(String),
    /// An object is missing, malformed, or not of the wanted kind.
    #[error("{0}")]
    BadObject(String),
    /// A limit that protects this process was reached.
    #[error("{0}")]
    Limit(String),
    /// The local disk, or the mirror on it.
    #[error("the local Git mirror cannot be used: {0}")]
    Io(String),
    /// The `git` program is missing.
    #[error("the `git` program was not found on PATH. Install Git 2.31 or newer and start again")]
    NoGit,
}

impl GitError {
    /// The same call may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, GitError::Unreachable(_) | GitError::Timeout { .. }) || self.is_disk_full()
    }

    /// A disk has no room left, here or on the remote. Nothing is lost; the same call succeeds once there is room.
    pub fn is_disk_full(&self) -> bool {
        let (GitError::Io(text) | GitError::BadObject(text) | GitError::Unreachable(text) | GitError::Refused(text)) = self else {
            return false;
        };
        text.contains("No space left on device") || text.contains("Disk quota exceeded")
    }
}

/// The result of a Git operation.
pub type Result<T> = std::result::Result<T, GitError>;

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> GitError {
        use git2::{ErrorClass, ErrorCode};
        let text = error.message().to_owned();
        match (error.code(), error.class()) {
            (ErrorCode::Owner, _) => GitError::Io(format!(
                "{text}. The directory belongs to another user: run as that user, or `git config --global --add safe.directory PATH`"
            )),
            (_, ErrorClass::Os | ErrorClass::Filesystem | ErrorClass::Config | ErrorClass::NoMemory) => GitError::Io(text),
            _ => GitError::BadObject(text),
        }
    }
}

impl From<io::Error> for GitError {
    fn from(error: io::Error) -> GitError {
        GitError::Io(error.to_string())
    }
}

impl From<BadBranch> for GitError {
    fn from(error: BadBranch) -> GitError {
        GitError::Refused(error.to_string())
    }
}

impl From<crate::domain::path::BadPath> for GitError {
    fn from(error: crate::domain::path::BadPath) -> GitError {
        GitError::Refused(error.to_string())
    }
}

impl From<tokio::task::JoinError> for GitError {
    fn from(error: tokio::task::JoinError) -> GitError {
        GitError::Io(format!("a Git task ended early: {error}"))
    }
}
