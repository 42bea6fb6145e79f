//! Merging inside a bare repository: no work tree, every object written before any ref moves.

use super::git_ops::{CommitRow, Git, Maker, Signature};
use super::problem::Problem;
use super::state::Check;

/// How a pull request comes into its base branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Merge,
    Rebase,
    RebaseMerge,
    Squash,
    FastForwardOnly,
    /// One commit as by `Squash`, brought in by a merge commit. The message holds both, that of the merge first, with a NUL between them.
    SquashMerge,
}

/// Largest number of commits that a rebase replays.
const REBASE_LIMIT: usize = 500;

impl Git {
    /// What bringing `head` into `base` would mean.
    pub async fn check(&self, base: &str, head: &str) -> Result<Check, Problem> {
        let found = self.run(&["merge-base", base, head], b"", &[]).await?;
        let merge_base = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        if merge_base.is_empty() {
            return Ok(Check { conflicts: true, ..Check::default() });
        }
        let counts = self.text(&["rev-list", "--left-right", "--count", &format!("{base}...{head}")]).await?;
        let mut counts = counts.split_whitespace().filter_map(|count| count.parse().ok());
        let (behind, ahead) = (counts.next().unwrap_or(0), counts.next().unwrap_or(0));
        let (mut additions, mut deletions, mut files) = (0, 0, 0);
        for line in self.text(&["diff-tree", "-r", "--numstat", "-M", &merge_base, head]).await?.lines() {
            let mut columns = line.split('\t').map(|column| column.parse::<u64>().unwrap_or(0));
            additions += columns.next().unwrap_or(0);
            deletions += columns.next().unwrap_or(0);
            files += 1;
        }
        let conflicts = behind > 0 && self.merged_tree(base, head).await?.is_none();
        Ok(Check { merge_base, conflicts, ahead, behind, additions, deletions, files })
    }

    /// The tree of a merge of two commits, `None` when they conflict.
    async fn merged_tree(&self, ours: &str, theirs: &str) -> Result<Option<String>, Problem> {
        let output = self.run(&["merge-tree", "--write-tree", "--no-messages", ours, theirs], b"", &[]).await?;
        match output.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)),
            Some(1) => Ok(None),
            _ => Err(Problem::broken(format!("`git merge-tree` failed: {}", String::from_utf8_lossy(&output.stderr).trim()))),
        }
    }

    /// Writes the commit that bringing `head` into `base` gives, moving no ref. A `Conflict` when the two do not go together.
    pub async fn integrate(&self, style: Style, base: &str, head: &str, message: &str, maker: &Maker) -> Result<String, Problem> {
        let conflict = || Problem::conflict("the branches change the same lines; merge the base branch in and resolve the conflict");
        let own = Signature { name: maker.name.clone(), email: maker.email.clone(), date: String::new() };
        match style {
            Style::FastForwardOnly if self.is_ancestor(base, head).await? => Ok(head.to_owned()),
            Style::FastForwardOnly => {
                Err(Problem::conflict("the base branch has commits that the head branch lacks; no fast-forward is possible"))
            }
            Style::Merge => {
                let tree = self.merged_tree(base, head).await?.ok_or_else(conflict)?;
                self.commit_tree(&tree, &[base, head], message, &own, maker).await
            }
            Style::Squash => {
                let tree = self.merged_tree(base, head).await?.ok_or_else(conflict)?;
                let first = self.log(&["--reverse", &format!("{base}..{head}")], REBASE_LIMIT).await?.into_iter().next();
                let author = first.map_or(own, |commit| Signature { date: String::new(), ..commit.author });
                self.commit_tree(&tree, &[base], message, &author, maker).await
            }
            Style::SquashMerge => {
                let (merge, squash) = message.split_once('\0').unwrap_or((message, message));
                let one = format!("{}\n", squash.trim());
                let squashed = Box::pin(self.integrate(Style::Squash, base, head, &one, maker)).await?;
                let tree = self.commit(&squashed).await?.tree;
                self.commit_tree(&tree, &[base, &squashed], &format!("{}\n", merge.trim()), &own, maker).await
            }
            Style::Rebase => self.rebase(base, head, maker).await,
            Style::RebaseMerge => {
                let tip = self.rebase(base, head, maker).await?;
                let tree = self.commit(&tip).await?.tree;
                self.commit_tree(&tree, &[base, &tip], message, &own, maker).await
            }
        }
    }

    /// Replays the commits of `head` that `base` lacks on top of `base`, without merge commits.
    pub async fn rebase(&self, base: &str, head: &str, maker: &Maker) -> Result<String, Problem> {
        if self.is_ancestor(base, head).await? {
            return Ok(head.to_owned());
        }
        let mut commits = self.log(&["--no-merges", &format!("{base}..{head}")], REBASE_LIMIT).await?;
        commits.reverse();
        let mut onto = base.to_owned();
        for commit in commits {
            onto = self.pick(&onto, &commit, maker).await?;
        }
        Ok(onto)
    }

    /// Applies one commit on top of another. The helper commit has the target's tree and the parent of the picked commit,
    /// which makes that parent the merge base (`merge-tree --merge-base` exists only since Git 2.40).
    async fn pick(&self, onto: &str, commit: &CommitRow, maker: &Maker) -> Result<String, Problem> {
        let target = self.commit(onto).await?;
        let parents: Vec<&str> = commit.parents.iter().map(String::as_str).collect();
        let helper = self.commit_tree(&target.tree, &parents, "helper of a rebase", &commit.author, maker).await?;
        let tree = self.merged_tree(&helper, &commit.sha).await?;
        let tree = tree.ok_or_else(|| Problem::conflict(format!("commit {} does not apply on the base branch", &commit.sha[..10])))?;
        if tree == target.tree {
            return Ok(onto.to_owned());
        }
        self.commit_tree(&tree, &[onto], &commit.message, &commit.author, maker).await
    }
}
