//! An agent's work tree: a directory of plain files, without Git's own, that nothing can lead out of.
//!
//! The root is opened once. Every access walks from that descriptor, one part at a time, and refuses links, so a link swapped in
//! between two calls, or between check and use, is an error instead of a way out. Only regular files with a single name are opened:
//! a pipe would block, a device would act, and a second name may belong to a file outside.

mod list;
mod read;
mod search;
#[cfg(test)]
mod tests;
mod walk;
mod write;

pub use list::{Entry, Kind, ListLimits, Listing};
pub use search::{Found, Hit, SearchLimits};

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::domain::path::RepoPath;

/// A directory of plain files, held open.
#[derive(Debug)]
pub struct WorkTree {
    root: OwnedFd,
    /// File system of the root: directories on another one (mount points) are refused.
    device: u64,
}

/// Why the tree did not do what was asked; a sentence for the model.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("there is no file `{0}`")]
    NotFound(String),
    #[error("`{path}` is {what}, and only regular files inside the tree can be used")]
    NotAFile { path: String, what: &'static str },
    #[error("`{path}` has {size} bytes; at most {limit} can be handled at once")]
    TooBig { path: String, size: u64, limit: u64 },
    #[error("`{path}` could not be used: {source}")]
    Io { path: String, source: std::io::Error },
}

/// What a directory is called where a file was asked for.
const DIRECTORY: &str = "a directory";

impl TreeError {
    /// True when the path met something by which one could leave the tree or reach what is no file: a link, a device, another file system.
    pub fn leads_out(&self) -> bool {
        matches!(self, TreeError::NotAFile { what, .. } if *what != DIRECTORY)
    }
}

/// What is known about a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStat {
    /// Size in bytes.
    pub size: u64,
    /// True when its owner may execute it.
    pub executable: bool,
}

impl WorkTree {
    /// Opens the directory. Links above it are followed, since the operator chose the place; it must not be one itself.
    pub fn open(root: impl AsRef<Path>) -> Result<WorkTree, TreeError> {
        let name = root.as_ref().display().to_string();
        let io = |source: rustix::io::Errno| TreeError::Io { path: name.clone(), source: source.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(root.as_ref(), flags, Mode::empty()).map_err(io)?;
        let device = walk::device(&fd).map_err(io)?;
        Ok(WorkTree { root: fd, device })
    }

    /// True when a regular file of that name can be opened.
    pub fn exists(&self, path: &RepoPath) -> bool {
        matches!(self.stat(path), Ok(Some(_)))
    }
}
