//! Commits as objects: the same input always gives the same id, so that work interrupted at any point can be done again.

use git2::{Oid, Repository};
use serde::{Deserialize, Serialize};

use super::error::{GitError, Result};
use crate::base::Time;
use crate::domain::forge::Sha;

/// The id of a tree, in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreeId(pub String);

impl std::fmt::Display for TreeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TreeId {
    /// The tree without any file, which every repository has; the base of a repository's first commit.
    pub fn empty() -> TreeId {
        TreeId("4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned())
    }
}

/// Who wrote or committed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub name: String,
    pub email: String,
}

/// A commit to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommit {
    pub tree: TreeId,
    /// None for the first commit of a repository.
    pub parents: Vec<Sha>,
    pub author: Signature,
    pub committer: Signature,
    /// The whole message, as [`commit_message`](super::commit_message) builds it.
    pub message: String,
    /// Date of author and committer, from the journal, so that a repetition gives the same id. Whole seconds, UTC.
    pub at: Time,
}

/// A full object id. Shortened ones are refused: libgit2 would silently fill them up with zeros.
pub(super) fn oid(hex: &str) -> Result<Oid> {
    let full = hex.len() == 40 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !full {
        let shown: String = hex.chars().take(80).collect();
        let why = if hex.len() == 64 { " (SHA-256 repositories are not supported)" } else { "" };
        return Err(GitError::BadObject(format!("`{shown}` is not a full commit id of 40 hex digits{why}")));
    }
    Ok(Oid::from_str(hex)?)
}

pub(super) fn sha(oid: Oid) -> Sha {
    Sha(oid.to_string())
}

/// The commit with this id, or a sentence that names it.
pub(super) fn find_commit<'r>(repo: &'r Repository, id: &Sha) -> Result<git2::Commit<'r>> {
    repo.find_commit(oid(&id.0)?)
        .map_err(|error| GitError::BadObject(format!("the mirror has no readable commit {}: {}", id.short(), error.message())))
}

/// The tree with this id, or a sentence that names it.
pub(super) fn find_tree<'r>(repo: &'r Repository, id: &TreeId) -> Result<git2::Tree<'r>> {
    let oid = oid(&id.0)?;
    if *id == TreeId::empty() {
        repo.treebuilder(None)?.write()?;
    }
    repo.find_tree(oid).map_err(|error| GitError::BadObject(format!("the mirror has no readable tree {id}: {}", error.message())))
}

/// Writes the commit object; sets no ref.
pub(super) fn write_commit(repo: &Repository, new: &NewCommit) -> Result<Sha> {
    let tree = find_tree(repo, &new.tree)?;
    let parents = new.parents.iter().map(|parent| find_commit(repo, parent)).collect::<Result<Vec<_>>>()?;
    let author = signature(&new.author, new.at)?;
    let committer = signature(&new.committer, new.at)?;
    if new.message.trim().is_empty() {
        return Err(GitError::Refused("a commit needs a message, and this one is empty".to_owned()));
    }
    if new.message.contains('\0') {
        return Err(GitError::Refused("a commit message cannot hold a NUL character".to_owned()));
    }
    let parents: Vec<_> = parents.iter().collect();
    Ok(sha(repo.commit(None, &author, &committer, &new.message, &tree, &parents)?))
}

/// Names from a forge may hold what the commit format gives a meaning to; those characters are left out.
fn signature(who: &Signature, at: Time) -> Result<git2::Signature<'static>> {
    let clean = |text: &str| -> String {
        let shown = crate::base::text::visible(text);
        let plain: String = shown.chars().filter(|c| !matches!(c, '<' | '>' | '\n')).collect();
        plain.trim().chars().take(200).collect()
    };
    let (name, email) = (clean(&who.name), clean(&who.email));
    let name = if name.is_empty() { "unnamed".to_owned() } else { name };
    let email = if email.is_empty() { "unknown@localhost".to_owned() } else { email };
    Ok(git2::Signature::new(&name, &email, &git2::Time::new(at.seconds(), 0))?)
}
