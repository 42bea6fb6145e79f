//! Runs that merge the base branch in: the tree that both sides give, the brief about what conflicts, and no end while a marker is left.

use serde::{Deserialize, Serialize};

use crate::domain::agent::ConflictBrief;
use crate::domain::conflict::{Conflict, leftover};
use crate::domain::forge::Sha;
use crate::domain::path::RepoPath;
use crate::domain::workflow::effect::StartRun;
use crate::git::{GitError, Merge, Mirror, TreeId};

use super::super::perform::sides;
use super::super::{EngineError, Result};
use super::Session;
use super::tools::with_desk;

/// Largest file that is searched for markers, in bytes.
const SEARCHED: u64 = 64 << 20;

/// What is merged into the run's base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merging {
    /// The commit of the base branch.
    pub theirs: Sha,
    pub files: Vec<Conflict>,
}

/// Brings the base branch in as far as it goes by itself. The same two commits always give the same tree.
pub(super) async fn merge(mirror: &Mirror, start: &StartRun, base: &Sha) -> Result<Option<(TreeId, Merging)>> {
    let Some(theirs) = start.input.merge.clone() else { return Ok(None) };
    let (tree, files) = match mirror.merge(base, &theirs, &sides(&start.input.branch, &start.input.base_branch)).await? {
        Merge::Conflicts { tree, files } => (tree, files),
        Merge::Clean(tree) => (tree, Vec::new()),
        Merge::UpToDate => return Err(EngineError::Git(GitError::Refused("the base branch is merged in already".into()))),
    };
    Ok(Some((tree, Merging { theirs, files })))
}

/// What conflicts, for the brief: both sides as the files hold them.
pub(super) async fn briefs(mirror: &Mirror, tree: &TreeId, merging: &Merging) -> Result<Vec<ConflictBrief>> {
    let mut briefs = Vec::new();
    for conflict in &merging.files {
        let text = match (conflict.marker, RepoPath::parse(&conflict.path)) {
            (Some(size), Ok(path)) => between_markers(&mirror.read_file_of(tree, &path).await?.unwrap_or_default(), size),
            _ => String::new(),
        };
        briefs.push(ConflictBrief { path: conflict.path.clone(), what: conflict.kind.words().to_owned(), text });
    }
    Ok(briefs)
}

/// The conflicting parts of a file, without what lies between them.
fn between_markers(bytes: &[u8], size: u16) -> String {
    let (size, text) = (usize::from(size), String::from_utf8_lossy(bytes));
    let starts = |line: &str, mark: char| line.starts_with(&mark.to_string().repeat(size));
    let mut parts = String::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if starts(line, '<') {
            inside = true;
            parts.push_str(&format!("(line {})\n", at + 1));
        }
        if inside {
            parts.push_str(line);
            parts.push('\n');
        }
        inside &= !starts(line, '>');
    }
    parts
}

impl Session<'_> {
    /// The parents of the next commit: the first one of a merging run brings both sides together.
    pub(super) fn parents(&self) -> Vec<Sha> {
        let theirs = self.prepared.merging.as_ref().filter(|_| self.commits == 0).map(|merging| merging.theirs.clone());
        std::iter::once(self.head.clone()).chain(theirs).collect()
    }

    /// Makes the merge again after a restart; `Err` is why the run cannot go on. The mirror may be a fresh one, so the remote is asked for what is missing.
    pub(super) async fn merged_as_before(&self) -> Result<std::result::Result<(), String>> {
        let Some(before) = &self.prepared.merging else { return Ok(Ok(())) };
        let again = match merge(&self.mirror, &self.start, &self.prepared.base).await {
            Err(EngineError::Git(GitError::BadObject(_))) => {
                self.mirror.fetch(&self.site.remote()).await?;
                merge(&self.mirror, &self.start, &self.prepared.base).await?
            }
            other => other?,
        };
        let same = again.is_some_and(|(tree, merging)| tree.0 == self.prepared.tree && merging == *before);
        Ok(if same { Ok(()) } else { Err("merging the base branch does not lead to the recorded tree any more".into()) })
    }

    /// A sentence for the model when a file that had conflict markers still has one.
    pub(super) async fn unresolved(&mut self) -> Result<Option<String>> {
        let files = self.prepared.merging.as_ref().map(|merging| merging.files.clone()).unwrap_or_default();
        let marked: Vec<(RepoPath, u16)> =
            files.iter().filter_map(|file| Some((RepoPath::parse(&file.path).ok()?, file.marker?))).collect();
        if marked.is_empty() {
            return Ok(None);
        }
        let desk = self.desk.take().ok_or_else(|| EngineError::Setup("the run has no work tree".into()))?;
        let (desk, left) = with_desk(desk, move |desk| {
            let line = |path: &RepoPath, size| desk.tree().read(path, SEARCHED).ok().and_then(|bytes| leftover(&bytes, size));
            Ok(marked.iter().filter_map(|(path, size)| Some(format!("`{path}` line {}", line(path, *size)?))).collect::<Vec<_>>())
        })
        .await?;
        self.desk = Some(desk);
        Ok((!left.is_empty()).then(|| format!("Conflict markers are left: {}. Resolve these conflicts first.", left.join(", "))))
    }

    /// Paths in which the merge commit differs from both of its parents: where somebody decided.
    pub(super) async fn decided_paths(&self, theirs: &Sha) -> Result<Vec<String>> {
        let from_base = self.mirror.changed_paths(theirs, &self.head).await?;
        let from_branch = self.mirror.changed_paths(&self.prepared.base, &self.head).await?;
        Ok(from_branch.into_iter().filter(|path| from_base.contains(path)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::between_markers;

    #[test]
    fn only_the_conflicting_parts_are_shown() {
        let file = "a\n<<<<<<< x\nb\n||||||| before\nc\n=======\nd\n>>>>>>> y\ne\n<<<<<<< x\nf\n=======\n>>>>>>> y\n";
        let parts = between_markers(file.as_bytes(), 7);
        assert_eq!(
            parts,
            "(line 2)\n<<<<<<< x\nb\n||||||| before\nc\n=======\nd\n>>>>>>> y\n(line 10)\n<<<<<<< x\nf\n=======\n>>>>>>> y\n"
        );
    }
}
