//! What can go wrong in the store, and whether trying again helps.

use std::path::PathBuf;

/// A failed store operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else appended to the stream first: fold again, decide again.
    #[error("the stream is at version {actual}, not at the expected {expected}; read it again and decide again")]
    VersionConflict {
        /// The version the caller had folded.
        expected: i64,
        /// The version the stream has; -1 when another writer won at the very same moment.
        actual: i64,
    },
    /// The lease ran out and the work was given to another worker, so this write was refused.
    #[error("the lease on this work is gone: another worker has it or has finished it; nothing was written")]
    LeaseLost,
    /// There is no such row in this project.
    #[error("there is no {0} with that id in this project")]
    NotFound(&'static str),
    /// The database was written by a newer program.
    #[error(
        "the database is at schema version {found}, this program knows only {known}: it was used by a newer Syndarix. \
         Start that version again, or restore a backup taken before the upgrade"
    )]
    TooNew {
        /// Version of the newest migration in the database.
        found: i64,
        /// Version of the newest migration in this program.
        known: i64,
    },
    /// Another process serves this database.
    #[error("another Syndarix already serves {}{}; stop it first, or give this one a data directory of its own", .path.display(), holder(.pid))]
    Locked {
        /// The database file.
        path: PathBuf,
        /// The process that holds the lock, when the lock file tells.
        pid: Option<u32>,
    },
    /// The database is reachable but set up in a way that would break a promise.
    #[error("{0}")]
    Setup(String),
    /// The migrations could not be applied.
    #[error("the database schema could not be brought up to date: {0}")]
    Migrate(#[source] Box<sqlx::migrate::MigrateError>),
    /// The database answered with an error.
    #[error("{}", failed(.0))]
    Db(#[from] sqlx::Error),
    /// A transaction that carried several callers' writes failed; each of them gets this.
    #[error("{error}")]
    Batch {
        /// What went wrong.
        error: String,
        /// Whether the same may succeed when tried again.
        transient: bool,
        /// Whether the disk is full.
        full: bool,
    },
}

/// Result of a store operation.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A full disk is somebody's to mend, so it is said what to do.
fn failed(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(told) if told.code().is_some_and(|code| is_full_code(&code)) => {
            format!("the database's disk is full ({told}). Make room; nothing else is needed, everything goes on by itself")
        }
        _ => format!("the database failed: {error}"),
    }
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl StoreError {
    /// True when the same operation may succeed if the whole transaction is run again: a busy or restarting database, a lost
    /// connection, a serialization failure or a deadlock, a full disk on which room is made.
    pub fn is_transient(&self) -> bool {
        match self {
            StoreError::Db(
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_)
                | sqlx::Error::BeginFailed,
            ) => true,
            StoreError::Db(sqlx::Error::Database(error)) => error.code().is_some_and(|code| is_transient_code(&code)),
            StoreError::Batch { transient, .. } => *transient,
            _ => false,
        }
    }

    /// True when the database's disk has no room left. Nothing was written; the same operation succeeds once there is room again.
    pub fn is_disk_full(&self) -> bool {
        match self {
            StoreError::Db(sqlx::Error::Database(error)) => error.code().is_some_and(|code| is_full_code(&code)),
            StoreError::Batch { full, .. } => *full,
            _ => false,
        }
    }

    /// True when a unique key was hit.
    pub(super) fn is_duplicate(error: &sqlx::Error) -> bool {
        matches!(error, sqlx::Error::Database(error) if error.is_unique_violation())
    }
}

/// PostgreSQL: connection exceptions (08), serialization failure and deadlock (40001, 40P01), lack of a resource (53: disk, memory,
/// connections), lock not available (55P03), shutdown and start-up (57P01 to 57P05), ended for being idle (25P03), the system failed
/// to read or write (58030). SQLite: BUSY (5), LOCKED (6), IOERR (10) and FULL (13) with their extended codes.
fn is_transient_code(code: &str) -> bool {
    code.len() == 5 && (code.starts_with("08") || code.starts_with("53"))
        || matches!(code, "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "58030")
        || matches!(code.parse::<u32>(), Ok(number) if number < 10_000 && matches!(number & 0xff, 5 | 6 | 10 | 13))
}

/// PostgreSQL: disk full (53100). SQLite: FULL (13), and IOERR_SHMSIZE (4874), which is what it says when the index of the write-ahead
/// log finds no room to grow.
fn is_full_code(code: &str) -> bool {
    code == "53100" || matches!(code.parse::<u32>(), Ok(number) if number == 4874 || number < 10_000 && number & 0xff == 13)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_worth_another_try() {
        let rows = [
            ("40001", true),
            ("08006", true),
            ("57P01", true),
            ("5", true),
            ("517", true),
            ("6", true),
            ("13", true),
            ("53100", true),
            ("23505", false),
            ("2067", false),
        ];
        for (code, transient) in rows {
            assert_eq!(is_transient_code(code), transient, "{code}");
        }
    }

    #[test]
    fn codes_of_a_full_disk() {
        for (code, full) in [("13", true), ("53100", true), ("4874", true), ("10", false), ("778", false), ("53200", false), ("5", false)] {
            assert_eq!(is_full_code(code), full, "{code}");
        }
    }

    #[test]
    fn sentences_say_what_to_do() {
        let locked = StoreError::Locked { path: "data/syndarix.db".into(), pid: Some(7) };
        assert_eq!(
            locked.to_string(),
            "another Syndarix already serves data/syndarix.db (process 7); stop it first, or give this one a data directory of its own"
        );
        assert!(StoreError::TooNew { found: 9, known: 1 }.to_string().contains("newer Syndarix"));
    }
}
