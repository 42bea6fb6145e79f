//! What a remote calls its default branch, and single refs beside the branches.

use std::path::Path;
use std::time::Duration;

use super::audit_repo::files_of;
use super::branch::BranchName;
use super::command::Invocation;
use super::error::{GitError, Result};
use super::mirror::{Mirror, kept_ref, read_ref};
use super::objects::oid;
use super::packs::check;
use super::remote::failure;
use crate::domain::forge::{GitRemote, Sha, pull_ref};

/// Paths and contents.
type Files = Vec<(String, Vec<u8>)>;

/// A commit that a mirror on this disk keeps under a name, with all its files. `None`: there is no such mirror, or no such name in it.
pub fn read_kept(path: &Path, name: &str) -> Result<Option<(Sha, Files)>> {
    let Ok(repo) = git2::Repository::open_bare(path) else { return Ok(None) };
    let Some(commit) = read_ref(&repo, &kept_ref(name)?)? else { return Ok(None) };
    let files = files_of(&repo, &commit)?;
    Ok(Some((commit, files)))
}

impl Mirror {
    /// The default branch of the remote and its newest commit, asked right now; `None`: nothing was ever pushed there.
    pub async fn remote_default(&self, remote: &GitRemote) -> Result<Option<(BranchName, Sha)>> {
        let call =
            Invocation::new(self.path(), "ls-remote", Some(remote))?.arg("--quiet").arg("--symref").arg("--").arg(&remote.url).arg("HEAD");
        let output = call.run(self.patience.min(Duration::from_secs(60))).await?;
        if !output.ok {
            return Err(failure(&output));
        }
        let (mut branch, mut head) = (None, None);
        for (value, name) in output.stdout.lines().filter_map(|line| line.split_once('\t')).filter(|(_, name)| *name == "HEAD") {
            match value.strip_prefix("ref: refs/heads/") {
                Some(name) => branch = Some(name.to_owned()),
                None => head = Some((value.to_owned(), name)),
            }
        }
        let Some((head, _)) = head else { return Ok(None) };
        oid(&head)?;
        let branch = branch.ok_or_else(|| GitError::Refused("the remote does not say which branch is its default one".to_owned()))?;
        Ok(Some((BranchName::parse(&branch)?, Sha(head))))
    }

    /// Brings the head of a pull request, which may come from a fork, and gives its commit. It is kept under a name of its own until the
    /// pull request is fetched again.
    pub async fn fetch_pull(&self, remote: &GitRemote, number: i64) -> Result<Option<Sha>> {
        let (_turn, name) = (self.remote_turn().await?, format!("refs/syndarix/pull/{}", number.unsigned_abs()));
        let call = Invocation::new(self.path(), "fetch", Some(remote))?;
        let call = call.arg("--no-tags").arg("--no-write-fetch-head").arg("--no-recurse-submodules").arg("--no-auto-maintenance");
        let call = call.arg("--quiet").arg("--").arg(&remote.url).arg(format!("+{}:{name}", pull_ref(number)));
        let output = call.run_while(self.patience, || check(self.path(), &self.limits)).await?;
        if !output.ok {
            return Err(failure(&output));
        }
        self.gather_packs().await?;
        self.with(move |repo| read_ref(repo, &name)).await
    }
}
