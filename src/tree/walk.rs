//! Walking to a place, part by part, without following links.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{TreeError, WorkTree};
use crate::domain::path::RepoPath;

pub(super) const DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The directories from the root down to the one that holds the last part.
pub(super) struct Parents<'a> {
    /// One descriptor per directory below the root, outermost first.
    pub dirs: Vec<OwnedFd>,
    /// The last part of the path.
    pub name: &'a str,
}

impl Parents<'_> {
    /// The directory that holds the last part.
    pub fn last<'t>(&'t self, tree: &'t WorkTree) -> std::os::fd::BorrowedFd<'t> {
        self.dirs.last().map_or(tree.root.as_fd(), AsFd::as_fd)
    }
}

impl WorkTree {
    /// Walks to the directory of `path`; with `make`, directories that are missing are made.
    pub(super) fn parents<'a>(&self, path: &'a RepoPath, make: bool) -> Result<Parents<'a>, TreeError> {
        let (parents, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
        let mut dirs: Vec<OwnedFd> = Vec::new();
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            let here = dirs.last().map_or(self.root.as_fd(), AsFd::as_fd);
            let next = self.step(here, part, make).map_err(|errno| tree_error(path, errno))?;
            dirs.push(next);
        }
        Ok(Parents { dirs, name })
    }

    /// Opens one directory inside another, on the same file system.
    pub(super) fn step(&self, here: impl AsFd, part: &str, make: bool) -> Result<OwnedFd, Errno> {
        let open = || rustix::fs::openat(here.as_fd(), part, DIR, Mode::empty());
        let fd = match open() {
            Err(Errno::NOENT) if make => match rustix::fs::mkdirat(here.as_fd(), part, Mode::from_bits_truncate(0o777)) {
                Ok(()) | Err(Errno::EXIST) => open()?,
                Err(errno) => return Err(errno),
            },
            other => other?,
        };
        if device(&fd)? != self.device {
            return Err(Errno::XDEV);
        }
        Ok(fd)
    }
}

/// The file system a descriptor is on.
#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, reason = "the field's type differs between systems")]
pub(super) fn device(fd: impl AsFd) -> Result<u64, Errno> {
    Ok(rustix::fs::fstat(fd)?.st_dev as u64)
}

/// Looks at an entry without opening or following it. `None` when there is none.
pub(super) fn look(dir: impl AsFd, name: &str) -> Result<Option<Stat>, Errno> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Says why an entry is not a plain file with a single name.
pub(super) fn check_plain(path: &RepoPath, stat: &Stat) -> Result<(), TreeError> {
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_nlink <= 1 => return Ok(()),
        FileType::RegularFile => "a hard link to a file with another name",
        FileType::Directory => super::DIRECTORY,
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::BlockDevice | FileType::CharacterDevice => "a device",
        _ => "of a kind this system does not name",
    };
    Err(TreeError::NotAFile { path: path.to_string(), what })
}

/// The error of a system call, in words where it has a meaning here.
pub(super) fn tree_error(path: &RepoPath, errno: Errno) -> TreeError {
    let path = path.to_string();
    match errno {
        Errno::NOENT => TreeError::NotFound(path),
        Errno::LOOP | Errno::MLINK | Errno::NOTDIR => TreeError::NotAFile { path, what: "below a link or a file" },
        Errno::XDEV => TreeError::NotAFile { path, what: "on another file system" },
        Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST => TreeError::NotAFile { path, what: super::DIRECTORY },
        Errno::NXIO => TreeError::NotAFile { path, what: "a pipe or a socket" },
        errno => TreeError::Io { path, source: errno.into() },
    }
}
