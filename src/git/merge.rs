//! Bringing two commits together as objects alone: no index on disk, no work tree, no branch that moves.

use std::collections::BTreeSet;

use git2::{Index, IndexConflict, IndexEntry, MergeFileInput, MergeFileOptions, MergeFileResult, MergeOptions, Repository};

use super::error::{GitError, Result};
use super::history::merge_base;
use super::mirror::Mirror;
use super::objects::{TreeId, find_commit};
use crate::base::text::visible;
use crate::domain::conflict::{Conflict, ConflictKind, marker_size};
use crate::domain::forge::Sha;
use crate::domain::path::RepoPath;

/// Most entries of the merged tree.
const ENTRIES: usize = 200_000;
/// Largest file that is shown with markers, in bytes; agents can change no larger one.
const SHOWN: usize = 2 << 20;
/// Most conflicts that are listed one by one.
const CONFLICTS: usize = 200;

const LINK: u32 = 0o120000;
const SUBMODULE: u32 = 0o160000;
const EXECUTABLE: u32 = 0o100755;
/// The bits of an index entry that say which side it belongs to.
const STAGE: u16 = 0x3000;

/// How two commits go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The first holds the second already.
    UpToDate,
    /// The tree of both, with nothing for anybody to decide.
    Clean(TreeId),
    /// The tree as far as they go together: files whose lines conflict hold both sides and what was there before, between markers; of a file that one
    /// side deleted, the changed version stays. What only a person can resolve is missing from it.
    Conflicts { tree: TreeId, files: Vec<Conflict> },
}

/// What the sides of a conflict are called beside the markers.
#[derive(Clone, Debug)]
pub struct Sides {
    pub ours: String,
    pub theirs: String,
}

impl Mirror {
    /// Brings `theirs` into `ours`. The same commits always give the same trees; nothing but objects is written.
    pub async fn merge(&self, ours: &Sha, theirs: &Sha, sides: &Sides) -> Result<Merge> {
        let (ours, theirs, sides) = (ours.clone(), theirs.clone(), sides.clone());
        self.with(move |repo| merge(repo, &ours, &theirs, &sides)).await
    }
}

fn merge(repo: &Repository, ours: &Sha, theirs: &Sha, sides: &Sides) -> Result<Merge> {
    let (our, their) = (find_commit(repo, ours)?, find_commit(repo, theirs)?);
    if our.id() == their.id() || repo.graph_descendant_of(our.id(), their.id())? {
        return Ok(Merge::UpToDate);
    }
    if merge_base(repo, ours, theirs)?.is_none() {
        return Err(GitError::Refused(format!(
            "{} and {} have no commit in common, so they cannot be merged",
            ours.short(),
            theirs.short()
        )));
    }
    let mut options = MergeOptions::new();
    options.find_renames(true).target_limit(400).recursion_limit(8);
    let mut index: Index = repo.merge_commits(&our, &their, Some(&options))?;
    if index.len() > ENTRIES {
        return Err(GitError::Limit(format!("the merge would hold more than {ENTRIES} entries")));
    }
    let found = index.conflicts()?.collect::<std::result::Result<Vec<IndexConflict>, _>>()?;
    if found.is_empty() {
        return Ok(Merge::Clean(TreeId(index.write_tree_to(repo)?.to_string())));
    }
    if found.len() > CONFLICTS {
        return Err(GitError::Limit(format!("the branches conflict in more than {CONFLICTS} files; merge them by hand")));
    }
    let agreed: Vec<IndexEntry> = index.iter().filter(|entry| entry.flags & STAGE == 0).collect();
    let taken: BTreeSet<Vec<u8>> = agreed.iter().map(|entry| entry.path.clone()).collect();
    let mut side_by_side = SideBySide { repo, sides, taken, files: Vec::new(), entries: Vec::new() };
    for conflict in &found {
        side_by_side.lay(conflict)?;
    }
    let SideBySide { entries, files, .. } = side_by_side;
    let mut index = Index::new()?;
    for entry in agreed.iter().chain(&entries) {
        index.add(entry)?;
    }
    match (files.is_empty(), TreeId(index.write_tree_to(repo)?.to_string())) {
        (true, tree) => Ok(Merge::Clean(tree)),
        (false, tree) => Ok(Merge::Conflicts { tree, files }),
    }
}

/// Lays out the conflicts of one merge.
struct SideBySide<'a> {
    repo: &'a Repository,
    sides: &'a Sides,
    /// Paths that the two agree on.
    taken: BTreeSet<Vec<u8>>,
    files: Vec<Conflict>,
    entries: Vec<IndexEntry>,
}

impl SideBySide<'_> {
    fn lay(&mut self, conflict: &IndexConflict) -> Result<()> {
        let present = [&conflict.our, &conflict.their, &conflict.ancestor].into_iter().flatten();
        let Some(path) = present.clone().map(|entry| entry.path.clone()).next() else { return Ok(()) };
        if let Some(kind) = self.for_a_person(&path, present) {
            self.note(&path, kind, None);
            return Ok(());
        }
        match (&conflict.our, &conflict.their) {
            (Some(our), Some(their)) => self.lines(conflict.ancestor.as_ref(), our, their),
            (Some(one), None) | (None, Some(one)) => {
                let here = conflict.our.is_some();
                let kind = match (conflict.ancestor.is_some(), here) {
                    (true, true) => ConflictKind::DeletedThere,
                    (true, false) => ConflictKind::DeletedHere,
                    (false, _) => ConflictKind::Renamed,
                };
                self.note(&path, kind, None);
                self.entries.push(plain(one, one.id, one.mode));
                Ok(())
            }
            // Both took it away, each to a place of its own; those places are conflicts themselves.
            (None, None) => Ok(()),
        }
    }

    /// Why nobody but a person can resolve this, if so.
    fn for_a_person<'e>(&self, path: &[u8], mut present: impl Iterator<Item = &'e IndexEntry> + Clone) -> Option<ConflictKind> {
        if present.clone().any(|entry| entry.mode == SUBMODULE) {
            return Some(ConflictKind::Submodule);
        }
        if present.any(|entry| entry.mode == LINK) {
            return Some(ConflictKind::Link);
        }
        if std::str::from_utf8(path).ok().and_then(|text| RepoPath::parse(text).ok()).is_none() {
            return Some(ConflictKind::BadName);
        }
        self.is_directory_too(path).then_some(ConflictKind::FileAndDirectory)
    }

    /// True when something agreed on stands below this path, or where a directory above it must be.
    fn is_directory_too(&self, path: &[u8]) -> bool {
        let below = [path, b"/"].concat();
        let inside = self.taken.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below));
        let above = (0..path.len()).filter(|&at| path[at] == b'/').any(|at| self.taken.contains(&path[..at]));
        inside || above
    }

    fn lines(&mut self, before: Option<&IndexEntry>, our: &IndexEntry, their: &IndexEntry) -> Result<()> {
        let texts = [before, Some(our), Some(their)].map(|entry| entry.map(|entry| self.text(entry)).transpose());
        let [before_text, our_text, their_text] = texts;
        let (before_text, our_text, their_text) = match (before_text?, our_text?, their_text?) {
            (Some(Err(kind)), ..) | (_, Some(Err(kind)), _) | (_, _, Some(Err(kind))) => {
                self.note(&our.path, kind, None);
                return Ok(());
            }
            (before, our, their) => {
                let text =
                    |read: Option<std::result::Result<Vec<u8>, ConflictKind>>| read.and_then(std::result::Result::ok).unwrap_or_default();
                (text(before), text(our), text(their))
            }
        };
        let Some(marker) = marker_size([before_text.as_slice(), &our_text, &their_text]) else {
            self.note(&our.path, ConflictKind::TooLarge, None);
            return Ok(());
        };
        let merged = self.merged(&before_text, &our_text, &their_text, marker)?;
        if !merged.is_automergeable() {
            let kind = if before.is_some() { ConflictKind::Lines } else { ConflictKind::BothAdded };
            self.note(&our.path, kind, Some(marker));
        }
        let blob = self.repo.blob(merged.content())?;
        self.entries.push(plain(our, blob, mode(before, our, their)));
        Ok(())
    }

    /// What is in the file; `Err` says why it cannot be shown with markers.
    fn text(&self, entry: &IndexEntry) -> Result<std::result::Result<Vec<u8>, ConflictKind>> {
        let (size, _) = self.repo.odb()?.read_header(entry.id)?;
        if size > SHOWN {
            return Ok(Err(ConflictKind::TooLarge));
        }
        let bytes = self.repo.find_blob(entry.id)?.content().to_vec();
        let is_text = !bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok();
        Ok(if is_text { Ok(bytes) } else { Err(ConflictKind::Binary) })
    }

    fn merged(&self, before: &[u8], our: &[u8], their: &[u8], marker: u16) -> Result<MergeFileResult> {
        let mut inputs = [MergeFileInput::new(), MergeFileInput::new(), MergeFileInput::new()];
        for (input, text) in inputs.iter_mut().zip([before, our, their]) {
            input.content(text);
        }
        let label = |text: &str| visible(text).replace(['\n', '\r'], " ");
        let mut options = MergeFileOptions::new();
        options.style_diff3(true).marker_size(marker).ancestor_label("before");
        options.our_label(label(&self.sides.ours)).their_label(label(&self.sides.theirs));
        Ok(git2::merge_file(&inputs[0], &inputs[1], &inputs[2], Some(&mut options))?)
    }

    fn note(&mut self, path: &[u8], kind: ConflictKind, marker: Option<u16>) {
        let path = match std::str::from_utf8(path) {
            Ok(text) if RepoPath::parse(text).is_ok() => text.to_owned(),
            _ => visible(&String::from_utf8_lossy(path)),
        };
        self.files.push(Conflict { path, kind, marker });
    }
}

/// Executable when a side made it so; a side that left it as it was has no say.
fn mode(before: Option<&IndexEntry>, our: &IndexEntry, their: &IndexEntry) -> u32 {
    match before {
        Some(before) if before.mode == our.mode => their.mode,
        Some(_) => our.mode,
        None if their.mode == EXECUTABLE => EXECUTABLE,
        None => our.mode,
    }
}

/// An entry that belongs to no side.
fn plain(like: &IndexEntry, id: git2::Oid, mode: u32) -> IndexEntry {
    IndexEntry {
        ctime: git2::IndexTime::new(0, 0),
        mtime: git2::IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: like.path.clone(),
    }
}
