//! Trees as values: a list of changes applied to a base tree gives a new tree, without an index and without a work tree.

use git2::{ObjectType, Oid, Repository};

use super::error::{GitError, Result};
use super::objects::{TreeId, find_tree};
use crate::domain::path::FileChange;

const FILE: i32 = 0o100644;
const EXECUTABLE: i32 = 0o100755;
const DIRECTORY: i32 = 0o040000;
const SYMLINK: i32 = 0o120000;
const SUBMODULE: i32 = 0o160000;

/// Applies the changes in order. Directories that become empty vanish; deleting what is not there changes nothing, because a change says how a file shall be.
pub(super) fn apply(repo: &Repository, base: &TreeId, changes: &[FileChange]) -> Result<TreeId> {
    let mut root = find_tree(repo, base)?.id();
    for change in changes {
        let parts: Vec<&str> = change.path.parts().collect();
        let blob = change.content.as_deref().map(|content| repo.blob(content)).transpose()?;
        let place = Place { whole: change.path.as_str(), repo };
        root = match place.put(Some(root), &parts, blob)? {
            Some(tree) => tree,
            None => repo.treebuilder(None)?.write()?,
        };
    }
    Ok(TreeId(root.to_string()))
}

/// One change on its way down the tree.
struct Place<'a> {
    whole: &'a str,
    repo: &'a Repository,
}

impl Place<'_> {
    /// The tree with the blob at this path, or without it; `None` when nothing is left in it.
    fn put(&self, tree: Option<Oid>, parts: &[&str], blob: Option<Oid>) -> Result<Option<Oid>> {
        let Some((name, rest)) = parts.split_first() else {
            return Err(GitError::Refused("a change names no file".to_owned()));
        };
        let tree = tree.map(|id| self.repo.find_tree(id)).transpose()?;
        let entry = tree.as_ref().and_then(|tree| tree.get_name(name)).map(|entry| (entry.filemode(), entry.kind(), entry.id()));
        let mut builder = self.repo.treebuilder(tree.as_ref())?;
        if rest.is_empty() {
            let mode = self.mode_of_file(entry, blob.is_some())?;
            match (blob, mode) {
                (Some(blob), mode) => drop(builder.insert(*name, blob, mode.unwrap_or(FILE))?),
                (None, Some(_)) => builder.remove(*name)?,
                (None, None) => {}
            }
        } else {
            let below = self.directory(name, entry, blob.is_some())?;
            if below.is_none() && blob.is_none() {
                return Ok(tree.map(|tree| tree.id()));
            }
            match self.put(below, rest, blob)? {
                Some(changed) => drop(builder.insert(*name, changed, DIRECTORY)?),
                None if entry.is_some() => builder.remove(*name)?,
                None => {}
            }
        }
        Ok(if builder.is_empty() { None } else { Some(builder.write()?) })
    }

    /// The mode of the file that is there; `None` when nothing is. Anything that is not a plain file is refused.
    fn mode_of_file(&self, entry: Option<(i32, Option<ObjectType>, Oid)>, writing: bool) -> Result<Option<i32>> {
        match entry {
            None => Ok(None),
            Some((EXECUTABLE, ..)) => Ok(Some(EXECUTABLE)),
            Some((SYMLINK, ..)) => Err(self.refused("it is a symbolic link, and links are neither followed nor replaced")),
            Some((SUBMODULE, ..)) => Err(self.refused("it is a submodule, which belongs to another repository")),
            Some((_, Some(ObjectType::Tree), _)) if writing => Err(self.refused("it is a directory, and a file cannot take its place")),
            Some((_, Some(ObjectType::Tree), _)) => Err(self.refused("it is a directory; delete its files one by one")),
            Some(_) => Ok(Some(FILE)),
        }
    }

    /// The directory of this name; `None` when there is none yet. Links and submodules are never passed through.
    fn directory(&self, name: &str, entry: Option<(i32, Option<ObjectType>, Oid)>, writing: bool) -> Result<Option<Oid>> {
        match entry {
            None => Ok(None),
            Some((SYMLINK, ..)) => Err(self.refused(&format!("`{name}` on the way is a symbolic link, and links are not followed"))),
            Some((SUBMODULE, ..)) => Err(self.refused(&format!("`{name}` on the way is a submodule, which belongs to another repository"))),
            Some((_, Some(ObjectType::Tree), id)) => Ok(Some(id)),
            Some(_) if writing => Err(self.refused(&format!("`{name}` on the way is a file, not a directory"))),
            Some(_) => Ok(None),
        }
    }

    fn refused(&self, reason: &str) -> GitError {
        GitError::Refused(format!("`{}` cannot be changed: {reason}", self.whole))
    }
}
