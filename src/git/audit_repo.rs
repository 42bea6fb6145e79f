//! The audit repository: segments of the record, committed one on top of the other and pushed plainly. It is only ever added to;
//! a remote that shows anything else is left as it is and reported, and the record goes on locally.

use std::path::{Path, PathBuf};

use git2::{ObjectType, Repository};

use super::branch::BranchName;
use super::error::{GitError, Result};
use super::history::{self, blob};
use super::mirror::{Mirror, read_ref, set_ref};
use super::objects::{self, NewCommit, Signature, TreeId};
use super::remote::Pushed;
use super::tree;
use crate::base::Time;
use crate::domain::forge::{GitRemote, Sha};
use crate::domain::path::{FileChange, RepoPath};

/// Our newest commit, and the one the remote confirmed last.
const OURS: &str = "refs/syndarix/audit/ours";
const CONFIRMED: &str = "refs/syndarix/audit/confirmed";

/// Files with this ending are never shortened or changed, only continued.
const APPEND_ONLY: &str = ".jsonl";

/// Where the audit repository is published.
#[derive(Clone, Debug)]
pub enum AuditRemote {
    /// A bare repository on the local disk, made when it is missing.
    Path(PathBuf),
    /// A repository on a forge.
    Remote(GitRemote),
}

/// What became of an addition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Published; this is the new head.
    Done { head: Sha },
    /// Nothing new: the files were published before.
    Already { head: Sha },
    /// The remote does not continue what was published. It was not touched; the addition is committed locally as `ours`. A person has to look.
    Diverged { remote: Option<Sha>, ours: Sha },
}

/// One audit repository: a local mirror with all of the record, and the place where it is published.
#[derive(Clone, Debug)]
pub struct AuditRepo {
    mirror: Mirror,
    remote: GitRemote,
    branch: BranchName,
}

impl AuditRepo {
    /// Opens the local mirror at `local` (made when missing), published to `remote` on the branch `main`.
    pub async fn open(local: &Path, remote: AuditRemote) -> Result<AuditRepo> {
        let mirror = Mirror::open(local).await?;
        let remote = match remote {
            AuditRemote::Remote(remote) => remote,
            AuditRemote::Path(path) => {
                let path = std::path::absolute(path)?;
                let url = path
                    .to_str()
                    .ok_or_else(|| GitError::Io(format!("{} is not valid UTF-8; choose another path", path.display())))?
                    .to_owned();
                tokio::task::spawn_blocking(move || make_bare(&path)).await??;
                GitRemote { url, header: None }
            }
        };
        Ok(AuditRepo { mirror, remote, branch: BranchName::parse("main")? })
    }

    /// The newest commit of ours, published or not.
    pub async fn head(&self) -> Result<Option<Sha>> {
        self.mirror.with(|repo| read_ref(repo, OURS)).await
    }

    /// Commits the files (whole content each) on top of our newest commit and publishes it. The same files again change nothing. What a crash left unpublished is published first.
    /// `at` dates the commit. A transient error means: committed locally or not at all, repeat later.
    pub async fn append(&self, files: &[(String, Vec<u8>)], message: &str, author: &Signature, at: Time) -> Result<Appended> {
        let changes = files
            .iter()
            .map(|(path, bytes)| Ok(FileChange { path: RepoPath::parse(path)?, content: Some(bytes.clone()) }))
            .collect::<Result<Vec<_>>>()?;
        let _turn = self.turn().await?;
        let remote = self.mirror.remote_head(&self.remote, &self.branch).await?;
        let sound = self.adopt(remote.clone()).await?;
        let (message, author) = (message.to_owned(), author.clone());
        let ours = self.mirror.with(move |repo| add(repo, &changes, &message, &author, at)).await?;
        if !sound {
            return Ok(Appended::Diverged { remote, ours });
        }
        if remote.as_ref() == Some(&ours) {
            return Ok(Appended::Already { head: ours });
        }
        match self.mirror.push(&self.remote, &self.branch, remote.as_ref(), &ours).await? {
            Pushed::Done | Pushed::Already => {
                self.confirm(&ours).await?;
                Ok(Appended::Done { head: ours })
            }
            Pushed::Moved { actual } => Ok(Appended::Diverged { remote: actual, ours }),
            Pushed::Refused(reason) => Err(GitError::Refused(format!("the audit repository refuses the push: {reason}"))),
        }
    }

    /// Brings our copy up to what is published, as far as that continues it: another instance may have published since.
    pub async fn refresh(&self) -> Result<()> {
        let _turn = self.turn().await?;
        let remote = self.mirror.remote_head(&self.remote, &self.branch).await?;
        self.adopt(remote).await.map(drop)
    }

    /// All files of our newest commit, by path.
    pub async fn read_all(&self) -> Result<Vec<(String, Vec<u8>)>> {
        self.read_picked(|paths| (0..paths.len()).collect()).await
    }

    /// Some files of our newest commit: `pick` is given all paths, sorted, and names the places of those whose content is wanted. A record
    /// grows for years, and a push needs its end alone.
    pub async fn read_picked(&self, pick: impl FnOnce(&[String]) -> Vec<usize> + Send + 'static) -> Result<Vec<(String, Vec<u8>)>> {
        self.mirror
            .with(move |repo| match read_ref(repo, OURS)? {
                Some(head) => picked_of(repo, &head, pick),
                None => Ok(Vec::new()),
            })
            .await
    }

    /// Compares the remote with what we know. True when we may go on from here: it is where we left it, behind by what a crash kept from being pushed,
    /// or ahead by additions only (another instance published), which become ours.
    async fn adopt(&self, remote: Option<Sha>) -> Result<bool> {
        let (ours, confirmed) = self.mirror.with(|repo| Ok((read_ref(repo, OURS)?, read_ref(repo, CONFIRMED)?))).await?;
        let Some(remote) = remote else { return Ok(confirmed.is_none()) };
        if ours.as_ref() == Some(&remote) {
            self.confirm(&remote).await?;
            return Ok(true);
        }
        self.mirror.fetch(&self.remote).await?;
        self.mirror
            .with(move |repo| {
                let builds_on = |old: Option<&Sha>, new: &Sha| old.map_or(Ok(true), |old| history::is_ancestor(repo, old, new));
                if !builds_on(confirmed.as_ref(), &remote)? {
                    return Ok(false);
                }
                if let Some(ours) = &ours
                    && history::is_ancestor(repo, &remote, ours)?
                {
                    return Ok(true);
                }
                if !builds_on(ours.as_ref(), &remote)? || !only_additions(repo, ours.as_ref(), &remote)? {
                    return Ok(false);
                }
                set_ref(repo, OURS, &remote)?;
                set_ref(repo, CONFIRMED, &remote)?;
                Ok(true)
            })
            .await
    }

    async fn confirm(&self, head: &Sha) -> Result<()> {
        let head = head.clone();
        self.mirror.with(move |repo| set_ref(repo, CONFIRMED, &head)).await
    }

    async fn turn(&self) -> Result<std::fs::File> {
        let mirror = self.mirror.clone();
        tokio::task::spawn_blocking(move || mirror.turn("audit.lock")).await?
    }
}

/// Commits the changes on top of our newest commit, unless they change nothing.
fn add(repo: &Repository, changes: &[FileChange], message: &str, author: &Signature, at: Time) -> Result<Sha> {
    let ours = read_ref(repo, OURS)?;
    let base = match &ours {
        Some(ours) => TreeId(objects::find_commit(repo, ours)?.tree_id().to_string()),
        None => TreeId::empty(),
    };
    let tree = tree::apply(repo, &base, changes)?;
    if let Some(ours) = &ours
        && tree == base
    {
        return Ok(ours.clone());
    }
    check_additions(repo, &base, &tree)?.map_or(Ok(()), |path| {
        Err(GitError::Refused(format!("`{path}` would change what the record already holds; segments are only ever continued")))
    })?;
    let commit = NewCommit {
        tree,
        parents: ours.into_iter().collect(),
        author: author.clone(),
        committer: author.clone(),
        message: message.to_owned(),
        at,
    };
    let made = objects::write_commit(repo, &commit)?;
    set_ref(repo, OURS, &made)?;
    Ok(made)
}

/// True when every commit on the way only adds to the record.
fn only_additions(repo: &Repository, from: Option<&Sha>, to: &Sha) -> Result<bool> {
    for commit in history::commits_between(repo, from, to)? {
        for parent in &commit.parents {
            let base = TreeId(objects::find_commit(repo, parent)?.tree_id().to_string());
            if check_additions(repo, &base, &commit.tree)?.is_some() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The first segment that is gone, or does not begin with what it held before.
fn check_additions(repo: &Repository, from: &TreeId, to: &TreeId) -> Result<Option<String>> {
    let (old, new) = (objects::find_tree(repo, from)?, objects::find_tree(repo, to)?);
    for delta in repo.diff_tree_to_tree(Some(&old), Some(&new), None)?.deltas() {
        let path = String::from_utf8_lossy(delta.old_file().path_bytes().unwrap_or_default()).into_owned();
        if !path.ends_with(APPEND_ONLY) || delta.status() == git2::Delta::Added {
            continue;
        }
        let continued = delta.status() == git2::Delta::Modified
            && blob(repo, delta.new_file().id(), &path)?.starts_with(&blob(repo, delta.old_file().id(), &path)?);
        if !continued {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

pub(super) fn files_of(repo: &Repository, commit: &Sha) -> Result<Vec<(String, Vec<u8>)>> {
    picked_of(repo, commit, |paths| (0..paths.len()).collect())
}

fn picked_of(repo: &Repository, commit: &Sha, pick: impl FnOnce(&[String]) -> Vec<usize>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    history::walk(repo, objects::find_commit(repo, commit)?.tree_id(), &mut |path, _, id| {
        found.push((path.to_string(), id));
        Ok(())
    })?;
    found.sort();
    let (paths, ids): (Vec<String>, Vec<git2::Oid>) = found.into_iter().unzip();
    let picked = pick(&paths);
    picked.into_iter().map(|at| Ok((paths[at].clone(), blob(repo, ids[at], &paths[at])?))).collect()
}

fn make_bare(path: &Path) -> Result<()> {
    if Repository::open(path).is_ok() {
        return Ok(());
    }
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).mkpath(true).external_template(false).initial_head("main");
    Repository::init_opts(path, &options)
        .map_err(|error| GitError::Io(format!("{} cannot become the audit repository: {}", path.display(), error.message())))?;
    Ok(())
}

/// All files of a repository on the local disk (bare or with a work tree) at a revision, by path, without any network. Without `rev`: the branch `main`, or else its `HEAD`.
pub fn read_repo_at(path: &Path, rev: Option<&str>) -> Result<Vec<(String, Vec<u8>)>> {
    let named = |error: git2::Error| match GitError::from(error) {
        GitError::Io(text) | GitError::BadObject(text) => GitError::Io(format!("{}: {text}", path.display())),
        other => other,
    };
    let repo = Repository::open(path).map_err(named)?;
    let found = match rev {
        Some(rev) => repo.revparse_single(rev),
        None => repo.revparse_single("refs/heads/main").or_else(|_| repo.revparse_single("HEAD")),
    };
    let wanted = rev.unwrap_or("main");
    let commit = found
        .and_then(|object| object.peel(ObjectType::Commit))
        .map_err(|error| GitError::BadObject(format!("{} has no commit `{wanted}`: {}", path.display(), error.message())))?;
    files_of(&repo, &objects::sha(commit.id()))
}
