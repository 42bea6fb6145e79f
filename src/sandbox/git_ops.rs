//! The Git commands behind the forge: always a child process with a clean environment, always on a bare repository of the sandbox.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::problem::Problem;
use crate::base::Time;

/// A commit as the forge shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRow {
    pub sha: String,
    pub tree: String,
    pub parents: Vec<String>,
    pub author: Signature,
    pub committer: Signature,
    pub message: String,
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub modified: Vec<String>,
}

/// Who and when, as written in a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub email: String,
    /// RFC 3339 with the offset of the commit.
    pub date: String,
}

/// One Git repository of the sandbox.
#[derive(Clone, Debug)]
pub struct Git {
    pub dir: PathBuf,
    /// What was read of commits before.
    pub known: Known,
}

/// Commits that were read already, by repository and id: a commit never changes. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<Mutex<HashMap<(PathBuf, String), Row>>>);

/// A commit, and whether its files are filled in.
type Row = (CommitRow, bool);

impl Known {
    /// How many are kept; beyond that all are read anew.
    const MOST: usize = 10_000;

    fn find(&self, git: &Git, sha: &str) -> Option<Row> {
        self.all().get(&(git.dir.clone(), sha.to_owned())).cloned()
    }

    fn keep(&self, git: &Git, row: Row) {
        let mut all = self.all();
        if all.len() >= Known::MOST {
            all.clear();
        }
        all.insert((git.dir.clone(), row.0.sha.clone()), row);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(PathBuf, String), Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The search path, and where on it `git` is: found once, a program is started without copying this process first.
fn found() -> &'static (OsString, PathBuf) {
    static FOUND: OnceLock<(OsString, PathBuf)> = OnceLock::new();
    FOUND.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "Git finds its helpers by the search path; nothing else is read from the environment"
        )]
        let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
        let git = std::env::split_paths(&path).map(|place| place.join("git")).find(|program| program.is_absolute() && program.is_file());
        (path, git.unwrap_or_else(|| PathBuf::from("git")))
    })
}

/// `git`, with nothing of the caller's environment but the search path.
pub fn git() -> Command {
    let (path, program) = found();
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .kill_on_drop(true);
    command
}

/// Who makes a commit on behalf of the forge, and when.
#[derive(Clone, Debug)]
pub struct Maker {
    pub name: String,
    pub email: String,
    pub at: Time,
}

impl Git {
    /// Runs `git` with these arguments; the exit status is for the caller to judge.
    pub async fn run(&self, arguments: &[&str], input: &[u8], more: &[(&str, &str)]) -> Result<Output, Problem> {
        let broken =
            |error: std::io::Error| Problem::broken(format!("`git {}` could not be run: {error}", arguments.first().unwrap_or(&"")));
        let mut command = git();
        command.arg("--git-dir").arg(&self.dir).args(arguments).envs(more.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(broken)?;
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A child that stops reading early tells why by its exit status.
                let _ = stdin.write_all(input).await;
            }
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        output.map_err(broken)
    }

    /// Runs `git` and returns what it printed; a failure is an error with what it said.
    pub async fn text(&self, arguments: &[&str]) -> Result<String, Problem> {
        let output = self.run(arguments, b"", &[]).await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Problem::broken(format!("`git {}` failed: {}", arguments.join(" "), said.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Makes the bare repository, empty or with all branches and tags of another, in one step: it is there whole or not at all.
    pub async fn create(&self, import: Option<&Path>, default_branch: &str) -> Result<(), Problem> {
        if self.dir.join("HEAD").exists() {
            return Ok(());
        }
        let io = |error: std::io::Error| Problem::broken(format!("cannot make {}: {error}", self.dir.display()));
        let beside = Git { dir: self.dir.with_extension("new"), known: Known::default() };
        if beside.dir.exists() {
            std::fs::remove_dir_all(&beside.dir).map_err(io)?;
        }
        std::fs::create_dir_all(&beside.dir).map_err(io)?;
        beside.text(&["init", "--quiet", "--bare", "--template=", "--object-format=sha1", "--initial-branch", default_branch]).await?;
        let config = beside.dir.join("config");
        let written = std::fs::read_to_string(&config).and_then(|text| std::fs::write(&config, text + SETTINGS));
        written.map_err(io)?;
        if let Some(source) = import {
            let source = source.to_str().ok_or_else(|| Problem::invalid("the path of the repository to import is not UTF-8"))?;
            let fetch =
                ["fetch", "--quiet", "--no-auto-gc", "--end-of-options", source, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
            beside.text(&fetch).await?;
        }
        std::fs::create_dir_all(beside.dir.join("hooks")).map_err(io)?;
        let hook = beside.dir.join("hooks/pre-receive");
        std::fs::write(&hook, PRE_RECEIVE).map_err(io)?;
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).map_err(io)?;
        std::fs::rename(&beside.dir, &self.dir).map_err(io)
    }

    /// All branches and tags with the commits they stand on.
    pub async fn refs(&self) -> Result<BTreeMap<String, String>, Problem> {
        let listing = self.text(&["for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", "refs/heads", "refs/tags"]).await?;
        let row = |line: &str| {
            let mut words = line.split_whitespace();
            let (name, sha) = (words.next()?.to_owned(), words.next()?);
            Some((name, words.next().unwrap_or(sha).to_owned()))
        };
        Ok(listing.lines().filter_map(row).collect())
    }

    /// Commits of a range, newest first.
    pub async fn log(&self, range: &[&str], limit: usize) -> Result<Vec<CommitRow>, Problem> {
        const FORMAT: &str = "--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%aI%x1f%cn%x1f%ce%x1f%cI%x1f%B";
        let limit = format!("--max-count={limit}");
        let mut arguments = vec!["log", "-z", "--topo-order", &limit, FORMAT];
        arguments.extend_from_slice(range);
        arguments.push("--");
        let listing = self.text(&arguments).await?;
        Ok(listing.split('\0').filter(|record| !record.is_empty()).filter_map(commit_row).collect())
    }

    /// One commit; `Missing` when there is none with this id.
    pub async fn commit(&self, sha: &str) -> Result<CommitRow, Problem> {
        let missing = || Problem::missing(format!("there is no commit {sha}"));
        if !is_hex(sha) {
            return Err(missing());
        }
        if let Some((commit, _)) = self.known.find(self, sha) {
            return Ok(commit);
        }
        match self.log(&[sha], 1).await {
            Ok(mut found) => {
                let commit = found.pop().ok_or_else(missing)?;
                self.known.keep(self, (commit.clone(), false));
                Ok(commit)
            }
            Err(_) if !self.exists(sha).await? => Err(missing()),
            Err(problem) => Err(problem),
        }
    }

    /// True when a commit with this full id is in the repository.
    pub async fn exists(&self, sha: &str) -> Result<bool, Problem> {
        Ok(self.run(&["cat-file", "-e", &format!("{sha}^{{commit}}")], b"", &[]).await?.status.success())
    }

    /// Fills in which files the commit touched.
    pub async fn with_files(&self, mut commit: CommitRow) -> Result<CommitRow, Problem> {
        if let Some((known, true)) = self.known.find(self, &commit.sha) {
            return Ok(known);
        }
        (commit.added, commit.removed, commit.modified) = Default::default();
        let listing =
            self.text(&["diff-tree", "--no-commit-id", "--name-status", "--no-renames", "--root", "-r", "-z", &commit.sha]).await?;
        let mut fields = listing.split('\0');
        while let (Some(status), Some(path)) = (fields.next(), fields.next()) {
            match status {
                "A" => commit.added.push(path.to_owned()),
                "D" => commit.removed.push(path.to_owned()),
                _ => commit.modified.push(path.to_owned()),
            }
        }
        self.known.keep(self, (commit.clone(), true));
        Ok(commit)
    }

    /// Moves a ref from one commit to another; a `Conflict` when it stands elsewhere. `None` stands for "is not there".
    pub async fn update_ref(&self, name: &str, new: Option<&str>, old: Option<&str>) -> Result<(), Problem> {
        const ZERO: &str = "0000000000000000000000000000000000000000";
        let old = old.unwrap_or(ZERO);
        let output = match new {
            Some(new) => self.run(&["update-ref", name, new, old], b"", &[]).await?,
            None => self.run(&["update-ref", "-d", name, old], b"", &[]).await?,
        };
        if output.status.success() {
            return Ok(());
        }
        Err(Problem::conflict(format!("{name} has moved meanwhile: {}", String::from_utf8_lossy(&output.stderr).trim())))
    }

    /// Sets a ref wherever it stood before.
    pub async fn set_ref(&self, name: &str, sha: &str) -> Result<(), Problem> {
        self.text(&["update-ref", name, sha]).await.map(drop)
    }

    /// Makes the branch the one that a clone checks out.
    pub async fn set_head(&self, branch: &str) -> Result<(), Problem> {
        self.text(&["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]).await.map(drop)
    }

    /// True when the first commit is an ancestor of (or the same as) the second.
    pub async fn is_ancestor(&self, ancestor: &str, descendant: &str) -> Result<bool, Problem> {
        Ok(self.run(&["merge-base", "--is-ancestor", ancestor, descendant], b"", &[]).await?.status.success())
    }

    /// Writes a commit object.
    pub async fn commit_tree(
        &self,
        tree: &str,
        parents: &[&str],
        message: &str,
        author: &Signature,
        maker: &Maker,
    ) -> Result<String, Problem> {
        let mut arguments = vec!["commit-tree", tree];
        for parent in parents {
            arguments.extend(["-p", parent]);
        }
        let date = format!("@{} +0000", maker.at.seconds());
        let identity = [
            ("GIT_AUTHOR_NAME", author.name.as_str()),
            ("GIT_AUTHOR_EMAIL", author.email.as_str()),
            ("GIT_AUTHOR_DATE", if author.date.is_empty() { date.as_str() } else { author.date.as_str() }),
            ("GIT_COMMITTER_NAME", maker.name.as_str()),
            ("GIT_COMMITTER_EMAIL", maker.email.as_str()),
            ("GIT_COMMITTER_DATE", date.as_str()),
        ];
        let output = self.run(&arguments, message.as_bytes(), &identity).await?;
        let sha = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || sha.is_empty() {
            return Err(Problem::broken(format!("`git commit-tree` failed: {}", String::from_utf8_lossy(&output.stderr).trim())));
        }
        Ok(sha)
    }
}

/// What is set beside what `git init` writes. A small forge is never tidied up, so nobody has to look after each push whether it should be.
const SETTINGS: &str = "[http]\n\treceivepack = true\n[receive]\n\thideRefs = refs/pull\n\thideRefs = refs/merge-requests\n\tautogc = false\n[gc]\n\tauto = 0\n";

/// Refuses the refs that the server has named as protected; the list comes in the environment of this one push.
const PRE_RECEIVE: &str = r#"#!/bin/sh
while read -r old new ref; do
  case "
$SANDBOX_REFUSED
" in *"
$ref
"*)
    echo "Not allowed to push to protected branch ${ref#refs/heads/}" >&2
    exit 1
  ;; esac
done
exit 0
"#;

fn commit_row(record: &str) -> Option<CommitRow> {
    let mut fields = record.splitn(10, '\u{1f}').map(str::to_owned);
    let mut next = || fields.next();
    let (sha, tree, parents) = (next()?, next()?, next()?);
    let author = Signature { name: next()?, email: next()?, date: next()? };
    let committer = Signature { name: next()?, email: next()?, date: next()? };
    let parents = parents.split_whitespace().map(str::to_owned).collect();
    let (added, removed, modified) = Default::default();
    Some(CommitRow { sha, tree, parents, author, committer, message: next()?, added, removed, modified })
}

/// True for a full commit id of SHA-1 in hex.
pub fn is_hex(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// True for a name that Git accepts for a branch and that no command line mistakes for an option.
pub fn is_branch_name(name: &str) -> bool {
    let bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.ends_with(".lock");
    name.len() <= 240
        && name != "@"
        && name != "HEAD"
        && !name.starts_with('-')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.chars().any(bad)
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names() {
        for good in ["main", "syndarix/17-csv", "a.b", "x@y"] {
            assert!(is_branch_name(good), "{good}");
        }
        for bad in ["", "-x", "a..b", "a b", "a/", "/a", "a//b", ".a", "a.lock", "a.", "@", "a@{1}", "a\nb", "a:b"] {
            assert!(!is_branch_name(bad), "{bad}");
        }
    }
}
