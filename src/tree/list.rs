//! Listing what is there.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Dir, FileType};
use rustix::io::Errno;

use super::read::size;
use super::walk::{look, tree_error};
use super::write::TEMP;
use super::{TreeError, WorkTree};
use crate::domain::path::RepoPath;

/// Bounds of a walk through the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// Most entries returned.
    pub entries: usize,
    /// How many directories deep to go below the place asked for; 1 lists only that place.
    pub depth: usize,
}

impl Default for ListLimits {
    fn default() -> ListLimits {
        ListLimits { entries: 10_000, depth: 40 }
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    /// A directory that was not entered, because of its depth.
    Closed,
    /// A link, a device, a pipe, a hard link: named, never opened.
    Other,
}

/// A file, or a place that was not entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub path: RepoPath,
    pub kind: Kind,
    /// Size in bytes.
    pub size: u64,
}

/// The files below a place, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub entries: Vec<Entry>,
    /// True when a limit was reached and there is more.
    pub truncated: bool,
    /// Entries whose names cannot be used here, such as `.git` or names with control characters.
    pub skipped: usize,
}

/// Most names read from one directory.
const MOST_NAMES: usize = 100_000;

impl WorkTree {
    /// The files at or below `prefix` (the whole tree when `None`).
    pub fn list(&self, prefix: Option<&RepoPath>, limits: ListLimits) -> Result<Listing, TreeError> {
        let mut listing = Listing::default();
        self.visit(prefix, limits.depth, &mut |entry, _, _| {
            if listing.entries.len() >= limits.entries {
                return false;
            }
            listing.entries.push(entry);
            true
        })
        .map(|(skipped, complete)| {
            listing.skipped = skipped;
            listing.truncated = !complete;
            listing
        })
    }

    /// Shows every entry with the directory that holds it and its name there, sorted, until `see` answers false.
    /// Returns how many names could not be used, and whether it came to the end.
    pub(super) fn visit(
        &self,
        prefix: Option<&RepoPath>,
        depth: usize,
        see: &mut dyn FnMut(Entry, BorrowedFd<'_>, &str) -> bool,
    ) -> Result<(usize, bool), TreeError> {
        let mut visitor = Visitor { tree: self, see, skipped: 0 };
        let Some(path) = prefix else {
            let complete = visitor.directory(self.root.as_fd(), None, depth)?;
            return Ok((visitor.skipped, complete));
        };
        let parents = self.parents(path, false)?;
        let dir = parents.last(self);
        let found = look(dir, parents.name).map_err(|errno| tree_error(path, errno))?;
        let stat = found.ok_or_else(|| TreeError::NotFound(path.to_string()))?;
        let complete = if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let inside = self.step(dir, parents.name, false).map_err(|errno| tree_error(path, errno))?;
            visitor.directory(inside.as_fd(), Some(path), depth)?
        } else {
            super::walk::check_plain(path, &stat)?;
            (visitor.see)(Entry { path: path.clone(), kind: Kind::File, size: size(&stat) }, dir, parents.name)
        };
        Ok((visitor.skipped, complete))
    }
}

struct Visitor<'a> {
    tree: &'a WorkTree,
    see: &'a mut dyn FnMut(Entry, BorrowedFd<'_>, &str) -> bool,
    skipped: usize,
}

impl Visitor<'_> {
    /// One directory and what is below it. Holds one descriptor per level, which `depth` bounds.
    fn directory(&mut self, dir: BorrowedFd<'_>, path: Option<&RepoPath>, depth: usize) -> Result<bool, TreeError> {
        let (names, complete) = names(dir).map_err(|errno| match path {
            Some(path) => tree_error(path, errno),
            None => TreeError::Io { path: ".".to_owned(), source: errno.into() },
        })?;
        for name in names {
            let whole = path.map_or_else(|| RepoPath::parse(&name), |path| path.join(&name));
            let Ok(whole) = whole else {
                self.skipped += 1;
                continue;
            };
            if !self.entry(dir, &name, whole, depth)? {
                return Ok(false);
            }
        }
        Ok(complete)
    }

    fn entry(&mut self, dir: BorrowedFd<'_>, name: &str, path: RepoPath, depth: usize) -> Result<bool, TreeError> {
        // An entry may vanish while we look; then there is nothing to show.
        let Ok(Some(stat)) = look(dir, name) else { return Ok(true) };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth <= 1 => Kind::Closed,
            FileType::Directory => {
                return match self.tree.step(dir, name, false) {
                    Ok(inside) => self.directory(inside.as_fd(), Some(&path), depth - 1),
                    Err(_) => Ok((self.see)(Entry { path, kind: Kind::Other, size: 0 }, dir, name)),
                };
            }
            FileType::RegularFile if stat.st_nlink <= 1 => Kind::File,
            _ => Kind::Other,
        };
        Ok((self.see)(Entry { path, kind, size: size(&stat) }, dir, name))
    }
}

/// The names in a directory, sorted. A name that is not UTF-8 becomes one that no path accepts.
fn names(dir: BorrowedFd<'_>) -> Result<(Vec<String>, bool), Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let bytes = entry.file_name().to_bytes();
        if bytes == b"." || bytes == b".." || bytes.starts_with(TEMP.as_bytes()) {
            continue;
        }
        if names.len() >= MOST_NAMES {
            return Ok((sorted(names), false));
        }
        names.push(std::str::from_utf8(bytes).unwrap_or("\u{0}").to_owned());
    }
    Ok((sorted(names), true))
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}
