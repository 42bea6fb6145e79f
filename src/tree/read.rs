//! Reading files.

use std::fs::File;
use std::io::Read as _;

use rustix::fs::{Mode, OFlags, Stat};

use super::walk::{check_plain, look, tree_error};
use super::{FileStat, TreeError, WorkTree};
use crate::domain::path::RepoPath;

/// Without blocking, so that a pipe cannot hold the caller.
pub(super) const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

impl WorkTree {
    /// The whole content of a file of at most `max_bytes`.
    pub fn read(&self, path: &RepoPath, max_bytes: u64) -> Result<Vec<u8>, TreeError> {
        let parents = self.parents(path, false)?;
        self.read_at(parents.last(self), parents.name, path, max_bytes)
    }

    /// What is known about a file; `None` when nothing has that name.
    pub fn stat(&self, path: &RepoPath) -> Result<Option<FileStat>, TreeError> {
        let parents = match self.parents(path, false) {
            Err(TreeError::NotFound(_)) => return Ok(None),
            other => other?,
        };
        let Some(stat) = look(parents.last(self), parents.name).map_err(|errno| tree_error(path, errno))? else { return Ok(None) };
        check_plain(path, &stat)?;
        Ok(Some(FileStat { size: size(&stat), executable: stat.st_mode & 0o100 != 0 }))
    }

    /// Opens, checks what was really opened, then reads one byte more than allowed to notice a file that grows.
    pub(super) fn read_at(&self, dir: impl std::os::fd::AsFd, name: &str, path: &RepoPath, max_bytes: u64) -> Result<Vec<u8>, TreeError> {
        let io = |errno| tree_error(path, errno);
        let before = look(dir.as_fd(), name).map_err(io)?.ok_or_else(|| TreeError::NotFound(path.to_string()))?;
        check_plain(path, &before)?;
        let fd = rustix::fs::openat(dir.as_fd(), name, FILE, Mode::empty()).map_err(io)?;
        let stat = rustix::fs::fstat(&fd).map_err(io)?;
        check_plain(path, &stat)?;
        let too_big = |size| TreeError::TooBig { path: path.to_string(), size, limit: max_bytes };
        if size(&stat) > max_bytes {
            return Err(too_big(size(&stat)));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size(&stat)).unwrap_or(0));
        let read = File::from(fd).take(max_bytes + 1).read_to_end(&mut bytes);
        read.map_err(|source| TreeError::Io { path: path.to_string(), source })?;
        if bytes.len() as u64 > max_bytes {
            return Err(too_big(bytes.len() as u64));
        }
        Ok(bytes)
    }
}

pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
