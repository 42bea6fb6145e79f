//! One project's bare mirror on the local disk. It is a cache of the remote plus the commits made here that are not pushed yet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use git2::{ErrorCode, Repository, RepositoryInitOptions};

use super::branch::BranchName;
use super::checkout::{self, Checkout, CheckoutLimits};
use super::error::{GitError, Result};
use super::history::{self, CommitRow, ListedFile};
use super::objects::{self, NewCommit, TreeId};
use super::packs::FetchLimits;
use super::tree;
use crate::domain::forge::Sha;
use crate::domain::path::{FileChange, RepoPath};

/// How long a call of the `git` program may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// A bare mirror. Clones share it; all methods may be called at the same time, from several processes too: calls to the remote take turns, objects need none.
#[derive(Clone, Debug)]
pub struct Mirror {
    pub(super) path: Arc<PathBuf>,
    pub(super) patience: Duration,
    pub(super) limits: FetchLimits,
}

impl Mirror {
    /// Opens the mirror in this directory, makes it when it is missing, and completes it when a crash left it half made.
    pub async fn open(path: &Path) -> Result<Mirror> {
        let path = std::path::absolute(path)?;
        let mirror = Mirror { path: Arc::new(path), patience: PATIENCE, limits: FetchLimits::default() };
        let place = mirror.clone();
        tokio::task::spawn_blocking(move || place.prepare()).await??;
        Ok(mirror)
    }

    /// The same mirror with another time limit for calls to the remote.
    pub fn with_patience(mut self, patience: Duration) -> Mirror {
        self.patience = patience;
        self
    }

    /// The same mirror with other bounds of what a fetch may bring.
    pub fn with_limits(mut self, limits: FetchLimits) -> Mirror {
        self.limits = limits;
        self
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest commit of a branch as of the last fetch or push; `None` when the remote had no such branch.
    pub async fn branch_head(&self, branch: &BranchName) -> Result<Option<Sha>> {
        let name = branch.tracking_ref();
        self.with(move |repo| read_ref(repo, &name)).await
    }

    /// The branches of the remote as of the last fetch, with their newest commits.
    pub async fn branches(&self) -> Result<Vec<(BranchName, Sha)>> {
        self.with(history::branches).await
    }

    /// The tree of a commit.
    pub async fn tree_of(&self, commit: &Sha) -> Result<TreeId> {
        let commit = commit.clone();
        self.with(move |repo| Ok(TreeId(objects::find_commit(repo, &commit)?.tree_id().to_string()))).await
    }

    /// The tree that results from applying the changes in order. Nothing but objects is written; the same input gives the same tree.
    /// A change on or through a symbolic link, a submodule, or a directory where a file is wanted is [`GitError::Refused`].
    pub async fn apply(&self, base: &TreeId, changes: Vec<FileChange>) -> Result<TreeId> {
        let base = base.clone();
        self.with(move |repo| tree::apply(repo, &base, &changes)).await
    }

    /// Makes the commit and keeps it from being collected. The same input gives the same id, so repeating it is harmless. No branch moves.
    pub async fn commit(&self, new: &NewCommit) -> Result<Sha> {
        let new = new.clone();
        let mirror = self.clone();
        self.with(move |repo| {
            let made = objects::write_commit(repo, &new)?;
            let _turn = mirror.turn("refs.lock")?;
            set_ref(repo, &format!("refs/syndarix/commit/{made}"), &made)?;
            // The parents stay reachable through the new commit.
            for parent in &new.parents {
                drop_ref(repo, &format!("refs/syndarix/commit/{parent}"))?;
            }
            Ok(made)
        })
        .await
    }

    /// Keeps a commit from being collected for as long as this name points to it, or until [`Mirror::forget`].
    pub async fn keep(&self, name: &str, commit: &Sha) -> Result<()> {
        let (name, commit) = (kept_ref(name)?, commit.clone());
        let mirror = self.clone();
        self.with(move |repo| {
            objects::find_commit(repo, &commit)?;
            let _turn = mirror.turn("refs.lock")?;
            set_ref(repo, &name, &commit)
        })
        .await
    }

    /// What a kept name points to.
    pub async fn kept(&self, name: &str) -> Result<Option<Sha>> {
        let name = kept_ref(name)?;
        self.with(move |repo| read_ref(repo, &name)).await
    }

    /// Forgets a kept name; a name that is not kept is fine.
    pub async fn forget(&self, name: &str) -> Result<()> {
        let name = kept_ref(name)?;
        let mirror = self.clone();
        self.with(move |repo| {
            let _turn = mirror.turn("refs.lock")?;
            drop_ref(repo, &name)
        })
        .await
    }

    /// Writes the tree into an empty or missing directory, within the default limits. See [`CheckoutLimits`].
    pub async fn checkout(&self, tree: &TreeId, into: &Path) -> Result<Checkout> {
        self.checkout_within(tree, into, CheckoutLimits::default()).await
    }

    /// Writes the tree into an empty or missing directory: plain files with their executable bit first, symbolic links after all of them, submodules as empty directories.
    /// What may not be written (names that are not paths inside the tree, files over the limit) is left out and listed.
    pub async fn checkout_within(&self, tree: &TreeId, into: &Path, limits: CheckoutLimits) -> Result<Checkout> {
        let (tree, into) = (tree.clone(), into.to_owned());
        self.with(move |repo| checkout::checkout(repo, &tree, &into, &limits)).await
    }

    /// A file's bytes at a commit; `None` when there is no plain file at this path (links are not followed).
    pub async fn read_file(&self, commit: &Sha, path: &RepoPath) -> Result<Option<Vec<u8>>> {
        let (commit, path) = (commit.clone(), path.clone());
        self.with(move |repo| history::read_file(repo, &commit, &path)).await
    }

    /// The same of a tree that no commit holds yet.
    pub async fn read_file_of(&self, tree: &TreeId, path: &RepoPath) -> Result<Option<Vec<u8>>> {
        let (tree, path) = (tree.clone(), path.clone());
        self.with(move |repo| history::read_in_tree(repo, objects::find_tree(repo, &tree)?, &path)).await
    }

    /// All files at a commit, by path. Links and submodules are not among them.
    pub async fn list_files(&self, commit: &Sha) -> Result<Vec<ListedFile>> {
        let commit = commit.clone();
        self.with(move |repo| history::list_files(repo, &commit)).await
    }

    /// True when `ancestor` is `descendant` or one of those it builds on.
    pub async fn is_ancestor(&self, ancestor: &Sha, descendant: &Sha) -> Result<bool> {
        let (ancestor, descendant) = (ancestor.clone(), descendant.clone());
        self.with(move |repo| history::is_ancestor(repo, &ancestor, &descendant)).await
    }

    /// The newest commit that both build on, if any.
    pub async fn merge_base(&self, one: &Sha, other: &Sha) -> Result<Option<Sha>> {
        let (one, other) = (one.clone(), other.clone());
        self.with(move |repo| history::merge_base(repo, &one, &other)).await
    }

    /// The commits that `to` builds on and `from` does not, oldest first, `to` included.
    pub async fn commits_between(&self, from: &Sha, to: &Sha) -> Result<Vec<CommitRow>> {
        let (from, to) = (from.clone(), to.clone());
        self.with(move |repo| history::commits_between(repo, Some(&from), &to)).await
    }

    /// One commit.
    pub async fn commit_row(&self, commit: &Sha) -> Result<CommitRow> {
        let commit = commit.clone();
        self.with(move |repo| history::commit_row(repo, &commit)).await
    }

    /// Paths that differ between two commits, sorted; a renamed file counts with both its paths.
    pub async fn changed_paths(&self, from: &Sha, to: &Sha) -> Result<Vec<String>> {
        let (from, to) = (from.clone(), to.clone());
        self.with(move |repo| history::changed_paths(repo, &from, &to)).await
    }

    /// The unified diff between two commits, at most `max_bytes` long and marked where it is cut.
    pub async fn diff(&self, from: &Sha, to: &Sha, max_bytes: usize) -> Result<String> {
        let (from, to) = (self.tree_of(from).await?, self.tree_of(to).await?);
        self.diff_trees(&from, &to, max_bytes).await
    }

    /// The unified diff between two trees, at most `max_bytes` long and marked where it is cut.
    pub async fn diff_trees(&self, from: &TreeId, to: &TreeId, max_bytes: usize) -> Result<String> {
        let (from, to) = (from.clone(), to.clone());
        self.with(move |repo| history::diff(repo, &from, &to, max_bytes)).await
    }

    /// Runs a function on the repository, off the async threads. A handle is opened per call: it must not be shared between threads.
    pub(super) async fn with<T: Send + 'static>(&self, work: impl FnOnce(&Repository) -> Result<T> + Send + 'static) -> Result<T> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || work(&Repository::open_bare(path.as_path())?)).await?
    }

    /// Waits for this process's turn; the turn ends when the file is dropped, also by a crash.
    pub(super) fn turn(&self, name: &str) -> Result<File> {
        let file = File::options().create(true).append(true).open(self.path.join("syndarix").join(name))?;
        file.lock()?;
        Ok(file)
    }

    fn prepare(&self) -> Result<()> {
        if is_complete(&self.path) {
            return Ok(());
        }
        fs::create_dir_all(self.path.join("syndarix"))
            .map_err(|error| GitError::Io(format!("{} cannot be created: {error}. Check the data directory", self.path.display())))?;
        let _turn = self.turn("open.lock")?;
        if is_complete(&self.path) {
            return Ok(());
        }
        complete(&self.path)
    }
}

/// Set last when a mirror is made, so that it also says that the making was finished.
const COMPLETE: &str = "syndarix.mirror";

fn is_complete(path: &Path) -> bool {
    let complete = || {
        let repo = Repository::open_bare(path)?;
        repo.find_reference("HEAD")?;
        repo.config()?.get_bool(COMPLETE)
    };
    complete().unwrap_or(false)
}

/// Makes the repository; what a crash cut short (files of length zero, forgotten locks) is made again. Objects and refs that are there are kept.
fn complete(path: &Path) -> Result<()> {
    for lock in ["config.lock", "HEAD.lock"] {
        remove_if_there(&path.join(lock))?;
    }
    if fs::read(path.join("HEAD")).is_ok_and(|head| !head.starts_with(b"ref: refs/")) {
        fs::remove_file(path.join("HEAD"))?;
    }
    if git2::Config::open(&path.join("config")).is_err() {
        remove_if_there(&path.join("config"))?;
    }
    let mut options = RepositoryInitOptions::new();
    options.bare(true).mkpath(true).external_template(false).initial_head("main");
    let mut config = Repository::init_opts(path, &options)?.config()?;
    config.set_bool("core.fsyncObjectFiles", true)?;
    config.set_bool(COMPLETE, true)?;
    Ok(())
}

pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(GitError::Io(format!("{}: {error}", path.display()))),
        _ => Ok(()),
    }
}

pub(super) fn read_ref(repo: &Repository, name: &str) -> Result<Option<Sha>> {
    match repo.refname_to_id(name) {
        Ok(id) => Ok(Some(objects::sha(id))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Points a ref of our own somewhere. Whoever calls holds the turn for refs, so a lock that is still there belongs to a process that died.
pub(super) fn set_ref(repo: &Repository, name: &str, to: &Sha) -> Result<()> {
    remove_if_there(&repo.path().join(format!("{name}.lock")))?;
    repo.reference(name, objects::oid(&to.0)?, true, "syndarix")?;
    Ok(())
}

pub(super) fn drop_ref(repo: &Repository, name: &str) -> Result<()> {
    remove_if_there(&repo.path().join(format!("{name}.lock")))?;
    match repo.find_reference(name) {
        Ok(mut found) => match found.delete() {
            // Somebody packs refs by hand right now; a ref that outlives its use by a while does no harm.
            Err(error) if error.code() == ErrorCode::Locked => Ok(()),
            done => Ok(done?),
        },
        Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Kept names follow the rules of branch names.
pub(super) fn kept_ref(name: &str) -> Result<String> {
    Ok(format!("refs/syndarix/keep/{}", BranchName::parse(name)?))
}
