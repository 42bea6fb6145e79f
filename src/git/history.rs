//! Reading: files, commits and differences, from objects alone.

use std::collections::BTreeSet;

use git2::{Diff, DiffFormat, DiffLineType, ErrorCode, ObjectType, Oid, Repository, Sort};

use super::branch::BranchName;
use super::checkout::inner_path;
use super::error::{GitError, Result};
use super::message::trailers;
use super::objects::{Signature, TreeId, find_commit, find_tree, oid, sha};
use crate::base::Time;
use crate::domain::forge::Sha;
use crate::domain::path::RepoPath;

/// Most bytes of one file that is read whole.
const FILE_LIMIT: usize = 64 << 20;

/// Most entries of a tree that are listed, most commits that are walked.
const LIST_LIMIT: usize = 200_000;
const COMMIT_LIMIT: usize = 20_000;

/// Files larger than this are shown as changed but not compared line by line.
const DIFF_FILE_LIMIT: i64 = 2 << 20;

/// A file in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    pub path: RepoPath,
    /// Bytes.
    pub size: u64,
    pub executable: bool,
}

/// A commit as people read it. Text that is not UTF-8 is replaced character by character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRow {
    pub sha: Sha,
    pub tree: TreeId,
    pub parents: Vec<Sha>,
    pub author: Signature,
    pub committer: Signature,
    pub message: String,
    /// The committer's date.
    pub at: Time,
    /// Key and value of each line of the last paragraph, when all of it is trailers.
    pub trailers: Vec<(String, String)>,
}

pub(super) fn branches(repo: &Repository) -> Result<Vec<(BranchName, Sha)>> {
    let mut found = Vec::new();
    for reference in repo.references_glob("refs/remotes/origin/*")? {
        let reference = reference?;
        let name =
            reference.name().ok().and_then(|name| name.strip_prefix("refs/remotes/origin/")).and_then(|name| BranchName::parse(name).ok());
        if let (Some(name), Some(id)) = (name, reference.target()) {
            found.push((name, sha(id)));
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn read_file(repo: &Repository, commit: &Sha, path: &RepoPath) -> Result<Option<Vec<u8>>> {
    read_in_tree(repo, find_commit(repo, commit)?.tree()?, path)
}

pub(super) fn read_in_tree<'r>(repo: &'r Repository, mut tree: git2::Tree<'r>, path: &RepoPath) -> Result<Option<Vec<u8>>> {
    let mut parts = path.parts().peekable();
    while let Some(part) = parts.next() {
        let Some((mode, kind, id)) = tree.get_name(part).map(|entry| (entry.filemode(), entry.kind(), entry.id())) else { return Ok(None) };
        match (kind, parts.peek()) {
            (Some(ObjectType::Tree), Some(_)) => tree = repo.find_tree(id)?,
            (Some(ObjectType::Blob), None) if mode != 0o120000 => return blob(repo, id, path.as_str()).map(Some),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// A blob's bytes, unless it is too large to hold in memory.
pub(super) fn blob(repo: &Repository, id: Oid, path: &str) -> Result<Vec<u8>> {
    let (size, _) = repo.odb()?.read_header(id)?;
    if size > FILE_LIMIT {
        return Err(GitError::Limit(format!("`{path}` has {size} bytes; files of more than {FILE_LIMIT} bytes are not read")));
    }
    Ok(repo.find_blob(id)?.content().to_vec())
}

pub(super) fn list_files(repo: &Repository, commit: &Sha) -> Result<Vec<ListedFile>> {
    let odb = repo.odb()?;
    let mut listed = Vec::new();
    walk(repo, find_commit(repo, commit)?.tree_id(), &mut |path, mode, id| {
        let (size, _) = odb.read_header(id)?;
        listed.push(ListedFile { path, size: size as u64, executable: mode == 0o100755 });
        Ok(())
    })?;
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(listed)
}

/// Calls `each` with path, mode and id of every plain file whose path can be named. Entries are counted, since a small tree can describe an endless one.
pub(super) fn walk(repo: &Repository, root: Oid, each: &mut dyn FnMut(RepoPath, i32, Oid) -> Result<()>) -> Result<()> {
    let mut waiting = vec![(String::new(), root)];
    let mut seen = 0;
    while let Some((directory, id)) = waiting.pop() {
        for entry in repo.find_tree(id)?.iter() {
            seen += 1;
            if seen > LIST_LIMIT {
                return Err(GitError::Limit(format!("the repository holds more than {LIST_LIMIT} entries")));
            }
            let Some((path, _)) = inner_path(&directory, entry.name_bytes()) else { continue };
            match (entry.kind(), entry.filemode()) {
                (Some(ObjectType::Tree), _) => waiting.push((path.to_string(), entry.id())),
                (Some(ObjectType::Blob), mode) if mode != 0o120000 => each(path, mode, entry.id())?,
                _ => {}
            }
        }
    }
    Ok(())
}

pub(super) fn is_ancestor(repo: &Repository, ancestor: &Sha, descendant: &Sha) -> Result<bool> {
    let (old, new) = (find_commit(repo, ancestor)?.id(), find_commit(repo, descendant)?.id());
    Ok(old == new || repo.graph_descendant_of(new, old)?)
}

pub(super) fn merge_base(repo: &Repository, one: &Sha, other: &Sha) -> Result<Option<Sha>> {
    match repo.merge_base(oid(&one.0)?, oid(&other.0)?) {
        Ok(base) => Ok(Some(sha(base))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn commits_between(repo: &Repository, from: Option<&Sha>, to: &Sha) -> Result<Vec<CommitRow>> {
    let mut walk = repo.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    walk.push(find_commit(repo, to)?.id())?;
    if let Some(from) = from {
        walk.hide(find_commit(repo, from)?.id())?;
    }
    let mut rows = Vec::new();
    for id in walk {
        if rows.len() == COMMIT_LIMIT {
            return Err(GitError::Limit(format!("there are more than {COMMIT_LIMIT} commits up to {}", to.short())));
        }
        rows.push(row(&repo.find_commit(id?)?));
    }
    Ok(rows)
}

pub(super) fn commit_row(repo: &Repository, commit: &Sha) -> Result<CommitRow> {
    Ok(row(&find_commit(repo, commit)?))
}

fn row(commit: &git2::Commit<'_>) -> CommitRow {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let who = |signature: &git2::Signature<'_>| Signature { name: text(signature.name_bytes()), email: text(signature.email_bytes()) };
    let message = text(commit.message_bytes());
    CommitRow {
        sha: sha(commit.id()),
        tree: TreeId(commit.tree_id().to_string()),
        parents: commit.parent_ids().map(sha).collect(),
        author: who(&commit.author()),
        committer: who(&commit.committer()),
        at: Time(commit.time().seconds().saturating_mul(1_000_000)),
        trailers: trailers(&message),
        message,
    }
}

pub(super) fn changed_paths(repo: &Repository, from: &Sha, to: &Sha) -> Result<Vec<String>> {
    let (old, new) = (find_commit(repo, from)?.tree()?, find_commit(repo, to)?.tree()?);
    let diff = repo.diff_tree_to_tree(Some(&old), Some(&new), None)?;
    let mut paths = BTreeSet::new();
    for delta in diff.deltas() {
        for file in [delta.old_file(), delta.new_file()] {
            paths.extend(file.path_bytes().map(|path| String::from_utf8_lossy(path).into_owned()));
        }
    }
    Ok(paths.into_iter().collect())
}

pub(super) fn diff(repo: &Repository, from: &TreeId, to: &TreeId, max_bytes: usize) -> Result<String> {
    let (old, new) = (find_tree(repo, from)?, find_tree(repo, to)?);
    let mut options = git2::DiffOptions::new();
    options.max_size(DIFF_FILE_LIMIT).indent_heuristic(true);
    let mut diff = repo.diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options))?;
    diff.find_similar(Some(git2::DiffFindOptions::new().renames(true).rename_limit(200)))?;
    unified(&diff, max_bytes)
}

/// Prints until the text is full, then stops the printing itself.
fn unified(diff: &Diff<'_>, max_bytes: usize) -> Result<String> {
    let mut text = Vec::new();
    let printed = diff.print(DiffFormat::Patch, |_, _, line| {
        if matches!(line.origin_value(), DiffLineType::Addition | DiffLineType::Deletion | DiffLineType::Context) {
            text.push(line.origin() as u8);
        }
        text.extend_from_slice(line.content());
        text.len() <= max_bytes
    });
    let cut = text.len() > max_bytes;
    match printed {
        Err(error) if error.code() != ErrorCode::User || !cut => return Err(error.into()),
        _ => {}
    }
    if cut {
        let end = text[..max_bytes].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        text.truncate(end);
        text.extend_from_slice("… (the rest of the diff is left out)\n".as_bytes());
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
