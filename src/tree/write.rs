//! Writing and deleting files.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::walk::{check_plain, look, tree_error};
use super::{TreeError, WorkTree};
use crate::domain::path::RepoPath;

/// How the names of half-written files begin. A crash may leave one behind; lists pass over it.
pub(super) const TEMP: &str = ".syndarix-writing-";

static NEXT: AtomicU64 = AtomicU64::new(0);

impl WorkTree {
    /// Makes `bytes` the content of the file, all or nothing, and makes the directories above it. An executable file stays so.
    pub fn write(&self, path: &RepoPath, bytes: &[u8]) -> Result<(), TreeError> {
        let io = |errno| tree_error(path, errno);
        let parents = self.parents(path, true)?;
        let dir = parents.last(self);
        let mode = match look(dir, parents.name).map_err(io)? {
            Some(stat) => {
                check_plain(path, &stat)?;
                Mode::from_raw_mode(stat.st_mode & 0o777 | 0o600)
            }
            None => Mode::from_raw_mode(0o644),
        };
        let temp = format!("{TEMP}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let done = fill(dir, &temp, mode, bytes, path)
            // Replaces the entry itself, whatever it has become meanwhile; a link there is never followed.
            .and_then(|()| rustix::fs::renameat(dir, temp.as_str(), dir, parents.name).map_err(io));
        if done.is_err() {
            let _ = rustix::fs::unlinkat(dir, temp.as_str(), AtFlags::empty());
        }
        done
    }

    /// Deletes the file and the directories above it that became empty.
    pub fn delete(&self, path: &RepoPath) -> Result<(), TreeError> {
        let io = |errno| tree_error(path, errno);
        let parents = self.parents(path, false)?;
        let dir = parents.last(self);
        let stat = look(dir, parents.name).map_err(io)?.ok_or_else(|| TreeError::NotFound(path.to_string()))?;
        check_plain(path, &stat)?;
        rustix::fs::unlinkat(dir, parents.name, AtFlags::empty()).map_err(io)?;
        let names: Vec<&str> = path.parts().collect();
        for depth in (1..=parents.dirs.len()).rev() {
            let above = if depth == 1 { self.root.as_fd() } else { parents.dirs[depth - 2].as_fd() };
            // Removes an empty directory and nothing else: a link or a full directory is an error, and the pruning ends there.
            if rustix::fs::unlinkat(above, names[depth - 1], AtFlags::REMOVEDIR).is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn fill(dir: BorrowedFd<'_>, temp: &str, mode: Mode, bytes: &[u8], path: &RepoPath) -> Result<(), TreeError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, temp, flags, mode).map_err(|errno: Errno| tree_error(path, errno))?;
    rustix::fs::fchmod(&fd, mode).map_err(|errno| tree_error(path, errno))?;
    File::from(fd).write_all(bytes).map_err(|source| TreeError::Io { path: path.to_string(), source })
}
