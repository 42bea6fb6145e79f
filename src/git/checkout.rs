//! Writing a tree to disk by hand. The tree comes from strangers: no name in it is trusted, and nothing is ever written through a link.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};

use super::error::{GitError, Result};
use super::objects::{TreeId, find_tree};
use crate::base::text::visible;
use crate::domain::path::RepoPath;

/// What a checkout may write at most. Beyond `entries` or `bytes` it fails with [`GitError::Limit`]; a file larger than `file` is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutLimits {
    /// Files, links and directories together.
    pub entries: usize,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Bytes of one file.
    pub file: u64,
}

impl Default for CheckoutLimits {
    fn default() -> CheckoutLimits {
        CheckoutLimits { entries: 200_000, bytes: 2 << 30, file: 64 << 20 }
    }
}

/// What a checkout wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkout {
    pub files: usize,
    pub bytes: u64,
    pub left_out: Vec<LeftOut>,
}

/// Something of the tree that was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path, made printable.
    pub path: String,
    pub reason: String,
}

pub(super) fn checkout(repo: &Repository, tree: &TreeId, into: &Path, limits: &CheckoutLimits) -> Result<Checkout> {
    make_empty(into)?;
    let root = find_tree(repo, tree)?.id();
    let mut writer = Writer { repo, limits, entries: 0, links: Vec::new(), done: Checkout::default() };
    writer.directory(root, "", into)?;
    for (target, path) in std::mem::take(&mut writer.links) {
        writer.link(&target, &path, into)?;
    }
    Ok(writer.done)
}

/// The directory must not exist, or be an empty real directory: otherwise a link put there before could lead elsewhere.
fn make_empty(into: &Path) -> Result<()> {
    let refused = |reason: &str| GitError::Io(format!("{} cannot take a checkout: {reason}", into.display()));
    if let Some(parent) = into.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(into) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if !fs::symlink_metadata(into)?.is_dir() {
                return Err(refused("it is not a directory"));
            }
            if fs::read_dir(into)?.next().is_some() {
                return Err(refused("it is not empty"));
            }
            Ok(())
        }
        Err(error) => Err(refused(&error.to_string())),
    }
}

struct Writer<'a> {
    repo: &'a Repository,
    limits: &'a CheckoutLimits,
    entries: usize,
    /// Target and path of each link, written last.
    links: Vec<(Vec<u8>, RepoPath)>,
    done: Checkout,
}

impl Writer<'_> {
    /// Writes one directory of the tree. `path` is its place in the repository (empty for the root), `place` the same on disk.
    fn directory(&mut self, tree: Oid, path: &str, place: &Path) -> Result<()> {
        let tree = self.repo.find_tree(tree)?;
        for entry in tree.iter() {
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(self.limit(&format!("more than {} entries", self.limits.entries)));
            }
            let Some((inner, name)) = inner_path(path, entry.name_bytes()) else {
                self.leave_out(&format!("{path}/{}", String::from_utf8_lossy(entry.name_bytes())), "its name cannot be used safely");
                continue;
            };
            let here = place.join(name);
            match (entry.filemode(), entry.kind()) {
                (0o120000, _) => self.note_link(entry.id(), inner)?,
                (0o160000, _) => self.make_directory(&here, &inner).map(drop)?,
                (_, Some(ObjectType::Tree)) => {
                    if self.make_directory(&here, &inner)? {
                        self.directory(entry.id(), inner.as_str(), &here)?;
                    }
                }
                (mode, Some(ObjectType::Blob)) => self.file(entry.id(), mode, &here, &inner)?,
                _ => self.leave_out(inner.as_str(), "it is neither a file nor a directory"),
            }
        }
        Ok(())
    }

    /// False when something of this name was written before: a hostile tree may hold a name twice.
    fn make_directory(&mut self, place: &Path, path: &RepoPath) -> Result<bool> {
        match DirBuilder::new().mode(0o700).create(place) {
            Err(error) => self.twice(error, path).map(|()| false),
            Ok(()) => Ok(true),
        }
    }

    fn file(&mut self, id: Oid, mode: i32, place: &Path, path: &RepoPath) -> Result<()> {
        let (size, _) = self.repo.odb()?.read_header(id)?;
        if size as u64 > self.limits.file {
            self.leave_out(path.as_str(), &format!("it has {size} bytes, more than the {} allowed for one file", self.limits.file));
            return Ok(());
        }
        self.done.bytes += size as u64;
        if self.done.bytes > self.limits.bytes {
            return Err(self.limit(&format!("more than {} bytes", self.limits.bytes)));
        }
        let permissions = if mode == 0o100755 { 0o700 } else { 0o600 };
        // `create_new` neither follows a link nor overwrites.
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(permissions).open(place) {
            Ok(file) => file,
            Err(error) => return self.twice(error, path),
        };
        file.write_all(self.repo.find_blob(id)?.content())?;
        self.done.files += 1;
        Ok(())
    }

    fn note_link(&mut self, id: Oid, path: RepoPath) -> Result<()> {
        let (size, _) = self.repo.odb()?.read_header(id)?;
        if size == 0 || size > 4095 {
            self.leave_out(path.as_str(), "it is a symbolic link with an unusable target");
            return Ok(());
        }
        self.links.push((self.repo.find_blob(id)?.content().to_vec(), path));
        Ok(())
    }

    fn link(&mut self, target: &[u8], path: &RepoPath, root: &Path) -> Result<()> {
        use std::os::unix::ffi::OsStrExt as _;
        let place: PathBuf = root.join(path.as_str());
        // Only earlier links could lead out of the tree by now, and a link's parents are real directories or the link is left out.
        let parents_are_real = path
            .as_str()
            .match_indices('/')
            .all(|(at, _)| fs::symlink_metadata(root.join(&path.as_str()[..at])).is_ok_and(|data| data.is_dir()));
        if target.contains(&0) || !parents_are_real {
            self.leave_out(path.as_str(), "it is a symbolic link that cannot be made safely");
            return Ok(());
        }
        match symlink(std::ffi::OsStr::from_bytes(target), place) {
            Ok(()) => {
                self.done.files += 1;
                Ok(())
            }
            Err(error) => self.twice(error, path),
        }
    }

    fn twice(&mut self, error: std::io::Error, path: &RepoPath) -> Result<()> {
        match error.kind() {
            ErrorKind::AlreadyExists => self.leave_out(path.as_str(), "the tree, or this file system, has its name twice"),
            ErrorKind::InvalidFilename => self.leave_out(path.as_str(), "its path is too long for this file system"),
            _ => return Err(error.into()),
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &str, reason: &str) {
        let path = visible(path.trim_start_matches('/')).chars().take(300).collect();
        self.done.left_out.push(LeftOut { path, reason: reason.to_owned() });
    }

    fn limit(&self, what: &str) -> GitError {
        GitError::Limit(format!("the repository is too large to check out: {what}"))
    }
}

/// The entry's path from the root, and its name alone, if both are safe. What no tool could name later is not written either.
pub(super) fn inner_path<'n>(directory: &str, name: &'n [u8]) -> Option<(RepoPath, &'n str)> {
    let name = std::str::from_utf8(name).ok().filter(|name| !name.contains('/'))?;
    let joined = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
    let path = RepoPath::parse(&joined).ok()?;
    (path.as_str() == joined).then_some((path, name))
}
