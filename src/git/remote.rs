//! Talking to remotes: fetch, look, plain push. Nothing here forces a remote branch anywhere: before a push the remote is looked at, after an unclear one again.

use std::fs;
use std::path::Path;
use std::time::Duration;

use git2::{ErrorCode, Repository};
use serde::{Deserialize, Serialize};

use super::branch::BranchName;
use super::command::{Invocation, Output, check_url};
use super::error::{GitError, Result};
use super::mirror::{Mirror, drop_ref, remove_if_there, set_ref};
use super::objects::{oid, sha};
use super::packs::{check, sweep_packs};
use crate::base::text::clip;
use crate::domain::forge::{GitRemote, Sha};

/// Longest text of a remote that is passed on, in bytes.
const REMOTE_TEXT: usize = 2_000;

/// What became of a push, or of the deletion of a remote branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pushed {
    /// The remote branch is now as wanted.
    Done,
    /// It was already before.
    Already,
    /// Somebody else moved it; nothing was changed.
    Moved {
        /// Where it is now; `None` when it is gone.
        actual: Option<Sha>,
    },
    /// A rule of the remote (a protection, a hook) refused, in the remote's words.
    Refused(String),
}

/// The version of the installed `git` program, as it prints it.
pub async fn git_version() -> Result<String> {
    let output = Invocation::new(Path::new("/nonexistent"), "version", None)?.run(Duration::from_secs(10)).await?;
    Ok(output.stdout.trim().to_owned())
}

/// From about as many loose objects on they are packed.
const LOOSE_OBJECTS: usize = 4_000;

impl Mirror {
    /// Brings the mirror's view of all branches up to date; branches gone from the remote vanish here too. Objects are checked on the way in.
    pub async fn fetch(&self, remote: &GitRemote) -> Result<()> {
        let _turn = self.remote_turn().await?;
        let call = Invocation::new(self.path(), "fetch", Some(remote))?;
        let call =
            call.arg("--prune").arg("--no-tags").arg("--no-write-fetch-head").arg("--no-recurse-submodules").arg("--no-auto-maintenance");
        let call = call.arg("--quiet").arg("--").arg(&remote.url).arg("+refs/heads/*:refs/remotes/origin/*");
        let output = match call.run_while(self.patience, || check(self.path(), &self.limits)).await {
            Err(error @ GitError::Limit(_)) => {
                sweep_packs(self.path())?;
                return Err(error);
            }
            output => output?,
        };
        if !output.ok {
            return Err(failure(&output));
        }
        self.gather_packs().await
    }

    /// The commit that a branch of the remote points to right now; `None` when there is no such branch, or nothing at all yet.
    pub async fn remote_head(&self, remote: &GitRemote, branch: &BranchName) -> Result<Option<Sha>> {
        let wanted = branch.remote_ref();
        if let Some(found) = local_head(remote, &wanted).await? {
            return Ok(found);
        }
        let call = Invocation::new(self.path(), "ls-remote", Some(remote))?.arg("--quiet").arg("--").arg(&remote.url).arg(&wanted);
        let output = call.run(self.patience.min(Duration::from_secs(60))).await?;
        if !output.ok {
            return Err(failure(&output));
        }
        let line = output.stdout.lines().filter_map(|line| line.split_once('\t')).find(|(_, name)| *name == wanted);
        line.map(|(id, _)| oid(id).map(|_| Sha(id.to_owned()))).transpose()
    }

    /// Moves a branch of the remote from `expect` (`None`: it must not exist) to the commit `to`, which must build on `expect`. Repeating it is harmless.
    pub async fn push(&self, remote: &GitRemote, branch: &BranchName, expect: Option<&Sha>, to: &Sha) -> Result<Pushed> {
        oid(&to.0)?;
        let _turn = self.remote_turn().await?;
        let actual = self.remote_head(remote, branch).await?;
        if actual.as_ref() == Some(to) {
            self.remember(branch, Some(to)).await?;
            return Ok(Pushed::Already);
        }
        if actual.as_ref() != expect {
            return Ok(Pushed::Moved { actual });
        }
        if let Some(expect) = expect
            && !self.is_ancestor(expect, to).await?
        {
            return Err(GitError::Refused(format!(
                "commit {} does not build on {}, the head of `{branch}`; nothing is ever forced",
                to.short(),
                expect.short()
            )));
        }
        let sent = self.send(remote, &[format!("{to}:{}", branch.remote_ref())]).await;
        self.conclude(remote, branch, expect, Some(to), sent).await
    }

    /// Deletes a branch of the remote if it still points to `expect`. A branch that is gone already is fine.
    pub async fn delete_remote_branch(&self, remote: &GitRemote, branch: &BranchName, expect: &Sha) -> Result<Pushed> {
        oid(&expect.0)?;
        let _turn = self.remote_turn().await?;
        let actual = self.remote_head(remote, branch).await?;
        if actual.is_none() {
            self.remember(branch, None).await?;
            return Ok(Pushed::Already);
        }
        if actual.as_ref() != Some(expect) {
            return Ok(Pushed::Moved { actual });
        }
        let name = branch.remote_ref();
        // The lease makes a deletion stricter, not freer: without it, a commit pushed since the look above would be deleted too.
        let sent = self
            .send(remote, &[format!("--force-with-lease={name}:{expect}"), "--".to_owned(), remote.url.clone(), format!(":{name}")])
            .await;
        self.conclude(remote, branch, Some(expect), None, sent).await
    }

    /// Packs the objects and drops what nothing has referred to for two weeks, if enough has gathered to be worth it. Says whether it did.
    /// Automatic collection is off in every mirror, so that it never comes between a step and its answer: somebody has to call this.
    pub async fn maintain(&self) -> Result<bool> {
        // As Git itself estimates: objects lie in 256 folders, and one of them is counted.
        let sample = self.path().join("objects/17");
        let loose = std::fs::read_dir(sample).map_or(0, |entries| entries.count());
        if loose * 256 < LOOSE_OBJECTS {
            return Ok(false);
        }
        let _turn = self.remote_turn().await?;
        let output = Invocation::new(self.path(), "gc", None)?.arg("--quiet").arg("--prune=2.weeks.ago").run(self.patience).await?;
        if output.ok { Ok(true) } else { Err(failure(&output)) }
    }

    /// Runs `git push` with these arguments; those without an option of their own get the address put before them.
    async fn send(&self, remote: &GitRemote, args: &[String]) -> Result<Output> {
        let mut call = Invocation::new(self.path(), "push", Some(remote))?
            .arg("--porcelain")
            .arg("--no-verify")
            .arg("--no-follow-tags")
            .arg("--no-signed");
        if !args.iter().any(|arg| arg == "--") {
            call = call.arg("--").arg(&remote.url);
        }
        for arg in args {
            call = call.arg(arg);
        }
        call.run(self.patience).await
    }

    /// Decides what a push did. Unless it plainly worked, the remote is asked: an answer lost on the way must not be taken for a failure.
    async fn conclude(
        &self,
        remote: &GitRemote,
        branch: &BranchName,
        before: Option<&Sha>,
        wanted: Option<&Sha>,
        sent: Result<Output>,
    ) -> Result<Pushed> {
        if !matches!(&sent, Ok(output) if output.ok) {
            match self.remote_head(remote, branch).await {
                Ok(actual) if actual.as_ref() == wanted => {}
                Ok(actual) if actual.as_ref() != before => return Ok(Pushed::Moved { actual }),
                _ => return refusal(&sent?),
            }
        }
        self.remember(branch, wanted).await?;
        Ok(Pushed::Done)
    }

    /// Notes where a branch of the remote is now, so that the mirror is right without another fetch.
    async fn remember(&self, branch: &BranchName, at: Option<&Sha>) -> Result<()> {
        let (name, at) = (branch.tracking_ref(), at.cloned());
        self.with(move |repo| {
            let noted = match &at {
                Some(at) => set_ref(repo, &name, at),
                None => drop_ref(repo, &name),
            };
            // A stale neighbour (`a` where `a/b` is to be) makes way at the next fetch.
            if let Err(error) = noted {
                tracing::debug!(%error, name, "remote branch not noted in the mirror");
            }
            Ok(())
        })
        .await
    }

    /// Waits until nothing else in this mirror talks to the remote. What a killed `git` left behind is swept, since now it can have no owner.
    pub(super) async fn remote_turn(&self) -> Result<fs::File> {
        let mirror = self.clone();
        tokio::task::spawn_blocking(move || {
            let turn = mirror.turn("remote.lock")?;
            for lock in ["packed-refs.lock", "shallow.lock", "gc.pid", "FETCH_HEAD.lock"] {
                remove_if_there(&mirror.path().join(lock))?;
            }
            sweep(&mirror.path().join("refs/remotes"), &|name| name.ends_with(".lock"))?;
            sweep_packs(mirror.path())?;
            Ok(turn)
        })
        .await?
    }
}

/// The same of a repository on the local disk, read without starting anything. The outer `None`: `git` has to look, because the remote
/// is elsewhere or something about it is unusual, which `git` puts into words.
async fn local_head(remote: &GitRemote, wanted: &str) -> Result<Option<Option<Sha>>> {
    if !remote.url.starts_with('/') {
        return Ok(None);
    }
    check_url(&remote.url)?;
    let (place, wanted) = (remote.url.clone(), wanted.to_owned());
    let look = move || {
        let repo = Repository::open_bare(&place).ok()?;
        match repo.find_reference(&wanted) {
            Ok(found) => found.peel_to_commit().ok().map(|commit| Some(sha(commit.id()))),
            Err(error) if error.code() == ErrorCode::NotFound => Some(None),
            Err(_) => None,
        }
    };
    Ok(tokio::task::spawn_blocking(look).await?)
}

/// Removes the files that a test on their names picks, below a directory.
pub(super) fn sweep(directory: &Path, picks: &dyn Fn(&str) -> bool) -> Result<()> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sweep(&entry.path(), picks)?;
        } else if entry.file_name().to_str().is_some_and(picks) {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

/// What `git push` says when it did not work: the `!` line of its report, and the remote's own words.
fn refusal(output: &Output) -> Result<Pushed> {
    let rejected = output.stdout.lines().find(|line| line.starts_with('!')).and_then(|line| line.split('\t').nth(2));
    let Some(rejected) = rejected else { return Err(failure(output)) };
    let mut reason = rejected.to_owned();
    let words: Vec<&str> =
        output.stderr.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim).filter(|line| !line.is_empty()).collect();
    if !words.is_empty() {
        reason = format!("{}\n{reason}", words.join("\n"));
    }
    if output.stderr.contains("; cannot create ") || rejected.contains("directory file conflict") {
        reason.push_str("\nA branch whose name is the first part of this one may be in the way: rename or delete it.");
    }
    Ok(Pushed::Refused(clip(&reason, REMOTE_TEXT)))
}

/// Sorts what Git says on failing. The texts are those of Git (in the C locale) and of curl; what is not known is passed on as it is.
pub(super) fn failure(output: &Output) -> GitError {
    let text = clip(output.stderr.trim(), REMOTE_TEXT);
    let lower = text.to_lowercase();
    let has = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    if has(&[
        "returned error: 401",
        "returned error: 403",
        "authentication failed",
        "could not read username",
        "could not read password",
        "permission denied",
    ]) {
        return GitError::Denied(text);
    }
    if has(&["dubious ownership"]) {
        return GitError::Refused(format!(
            "{text}\nThe repository belongs to another user of this machine: run as that user, or give this one a copy."
        ));
    }
    if has(&["returned error: 301", "returned error: 302", "returned error: 307", "returned error: 308", "unable to update url base"]) {
        return GitError::NotFound(format!(
            "{text}. The server redirects elsewhere, and credentials never follow: the repository was renamed or the address is not its own"
        ));
    }
    if has(&["returned error: 404", "not found", "does not appear to be a git repository", "does not exist"]) {
        return GitError::NotFound(text);
    }
    if has(&["no space left", "read-only file system", "disk quota"]) {
        return GitError::Io(text);
    }
    let transient = [
        "returned error: 5",
        "returned error: 429",
        "returned error: 408",
        "could not resolve host",
        "failed to connect",
        "couldn't connect",
        "connection refused",
        "connection reset",
        "connection timed out",
        "timed out",
        "unexpected disconnect",
        "early eof",
        "hung up",
        "empty reply",
        "rpc failed",
        "network is unreachable",
        "operation too slow",
        "gnutls_handshake",
        "ssl_error_syscall",
        // An answer that was cut, garbled, or that a proxy gave in place of the server.
        "content unencoding",
        "transfer closed",
        "recv failure",
        "send failure",
        "bad line length",
        "invalid server response",
        "expected flush",
        "is this a git repository",
        // Git takes a page for an old WebDAV server then.
        "xml error",
    ];
    if has(&transient) {
        return GitError::Unreachable(text);
    }
    if has(&["fsck", "object corrupt", "bad object", "inflate", "mismatched algorithms"]) {
        return GitError::BadObject(format!("the remote sent something that is not a sound repository: {text}"));
    }
    GitError::Refused(if text.is_empty() { "Git failed and gave no reason".to_owned() } else { format!("Git refuses: {text}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_sorted_by_what_can_be_done() {
        let rows = [
            ("fatal: unable to access 'https://x/': The requested URL returned error: 503", true, "Unreachable"),
            ("fatal: unable to access 'https://x/': Could not resolve host: x", true, "Unreachable"),
            (
                "fatal: unable to access 'https://x/': Failed to connect to x port 1 after 0 ms: Couldn't connect to server",
                true,
                "Unreachable",
            ),
            ("error: RPC failed; curl 56 Recv failure: Connection reset by peer\nfatal: early EOF", true, "Unreachable"),
            ("fatal: unable to access 'https://x/': Error while processing content unencoding: invalid block type", true, "Unreachable"),
            ("fatal: unable to access 'https://x/': transfer closed with 5 bytes remaining to read", true, "Unreachable"),
            ("fatal: https://x/info/refs not valid: is this a git repository?", true, "Unreachable"),
            ("fatal: remote-curl: bad line length character: <!DO", true, "Unreachable"),
            ("XML error: junk after document element", true, "Unreachable"),
            ("fatal: could not read Username for 'https://x': terminal prompts disabled", false, "Denied"),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 403", false, "Denied"),
            ("remote: Not found.\nfatal: repository 'https://x/' not found", false, "NotFound"),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 301", false, "NotFound"),
            ("error: object abc: hasDotgit: contains '.git'\nfatal: fsck error in packed object", false, "BadObject"),
            // A full disk passes, too.
            ("fatal: write error: No space left on device", true, "Io"),
            ("", false, "Refused"),
        ];
        for (stderr, transient, kind) in rows {
            let error = failure(&Output { ok: false, stdout: String::new(), stderr: stderr.to_owned() });
            assert_eq!((error.is_transient(), format!("{error:?}").starts_with(kind)), (transient, true), "{stderr}: {error:?}");
        }
    }

    #[test]
    fn a_refusal_keeps_the_words_of_the_remote() {
        let output = Output {
            ok: false,
            stdout: "To /x\n!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)\nDone\n".to_owned(),
            stderr: "remote: main is protected\nremote: \nerror: failed to push some refs\n".to_owned(),
        };
        let reason = "main is protected\n[remote rejected] (pre-receive hook declined)".to_owned();
        assert_eq!(refusal(&output), Ok(Pushed::Refused(reason)));
    }
}
