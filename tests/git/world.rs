//! A remote, a mirror of it, and a person with a clone, all in one temporary directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use syndarix::base::Time;
use syndarix::domain::forge::{GitRemote, Sha};
use syndarix::domain::path::{FileChange, RepoPath};
use syndarix::git::{BranchName, Mirror, NewCommit, Signature, TreeId};

pub struct World {
    pub dir: tempfile::TempDir,
    pub mirror: Mirror,
}

impl World {
    /// A remote without any commit, and a mirror that has not fetched yet.
    pub async fn empty() -> World {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"]);
        git(dir.path(), &["clone", "--quiet", "remote.git", "person"]);
        let mirror = Mirror::open(&dir.path().join("mirror.git")).await.unwrap();
        World { dir, mirror }
    }

    /// A remote with a small project on `main`, fetched.
    pub async fn new() -> World {
        let world = World::empty().await;
        let person = world.person();
        std::fs::create_dir(person.join("src")).unwrap();
        std::fs::write(person.join("src/main.rs"), "fn main() {}\n").unwrap();
        std::fs::write(person.join("run.sh"), "#!/bin/sh\n").unwrap();
        git(&person, &["add", "-A"]);
        git(&person, &["update-index", "--chmod=+x", "run.sh"]);
        std::os::unix::fs::symlink("src", person.join("link")).unwrap();
        git(&person, &["add", "link"]);
        git(&person, &["commit", "--quiet", "-m", "Start"]);
        git(&person, &["push", "--quiet", "origin", "HEAD:main"]);
        world.mirror.fetch(&world.remote()).await.unwrap();
        world
    }

    pub fn person(&self) -> PathBuf {
        self.dir.path().join("person")
    }

    pub fn bare(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    pub fn remote(&self) -> GitRemote {
        local(&self.bare())
    }

    /// What a branch of the remote points to, asked without the code under test.
    pub fn remote_tip(&self, branch: &str) -> Option<Sha> {
        let shown = git(&self.bare(), &["for-each-ref", "--format=%(objectname)", &format!("refs/heads/{branch}")]);
        (!shown.is_empty()).then_some(Sha(shown))
    }

    pub async fn main(&self) -> Sha {
        self.mirror.branch_head(&branch("main")).await.unwrap().unwrap()
    }

    /// A commit on top of `parent` that writes one file, at a fixed moment.
    pub async fn commit(&self, parent: &Sha, path: &str, content: &str) -> Sha {
        let base = self.mirror.tree_of(parent).await.unwrap();
        let tree = self.mirror.apply(&base, vec![write(path, content.as_bytes())]).await.unwrap();
        self.mirror.commit(&new_commit(tree, vec![parent.clone()], &format!("Write {path}"))).await.unwrap()
    }

    /// A person's commit, pushed to a branch of the remote.
    pub fn person_pushes(&self, from: &str, to: &str, file: &str) -> Sha {
        let person = self.person();
        git(&person, &["fetch", "--quiet", "origin"]);
        git(&person, &["checkout", "--quiet", "--detach", from]);
        std::fs::write(person.join(file), "by hand\n").unwrap();
        git(&person, &["add", file]);
        git(&person, &["commit", "--quiet", "-m", "By hand"]);
        git(&person, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{to}")]);
        Sha(git(&person, &["rev-parse", "HEAD"]))
    }
}

pub fn local(path: &Path) -> GitRemote {
    GitRemote { url: path.to_str().unwrap().to_owned(), header: None }
}

pub fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

pub fn write(path: &str, content: &[u8]) -> FileChange {
    FileChange { path: RepoPath::parse(path).unwrap(), content: Some(content.to_vec()) }
}

pub fn delete(path: &str) -> FileChange {
    FileChange { path: RepoPath::parse(path).unwrap(), content: None }
}

pub fn dave() -> Signature {
    Signature { name: "Dave (Syndarix)".to_owned(), email: "bot@example.com".to_owned() }
}

pub fn new_commit(tree: TreeId, parents: Vec<Sha>, message: &str) -> NewCommit {
    NewCommit { tree, parents, author: dave(), committer: dave(), message: message.to_owned(), at: Time(1_770_000_000_123_456) }
}

/// Runs Git as a person would, apart from the settings of whoever runs the tests. Returns what it printed.
pub fn git(dir: &Path, args: &[&str]) -> String {
    git_fed(dir, args, b"")
}

pub fn git_fed(dir: &Path, args: &[&str], input: &[u8]) -> String {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .args(["-c", "user.name=Person", "-c", "user.email=person@example.com", "-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(dir)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?} in {}", dir.display());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
