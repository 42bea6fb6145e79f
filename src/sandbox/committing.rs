//! Commits that are made over an interface: files written and removed on top of a commit, on a branch that stands there or is made.

use super::act::no_such;
use super::act::refs::ZERO;
use super::forge::Forge;
use super::git_ops::{Signature, is_branch_name};
use super::problem::Problem;
use super::state::Grant;

/// A file with what it shall hold; `None`: it shall be gone.
pub type FileChange = (String, Option<Vec<u8>>);

impl Forge {
    /// Makes one commit with these changes and returns its id. `start` is where the branch begins if it is not there yet.
    pub async fn commit_files(
        &self,
        actor: i64,
        repo: i64,
        (branch, start): (&str, Option<&str>),
        changes: &[FileChange],
        message: &str,
    ) -> Result<String, Problem> {
        let _alone = self.alone(repo).await;
        self.act(actor, |act| act.repo(repo, Grant::Write).map(drop))?;
        if !is_branch_name(branch) {
            return Err(Problem::invalid(format!("`{branch}` is not a valid branch name")));
        }
        let row = self.read(|world| world.repos.get(repo).cloned()).ok_or_else(no_such)?;
        if self.read(|world| world.protection_of(repo, branch).is_some_and(|rule| !rule.allow_push)) {
            return Err(Problem::denied("branch is protected"));
        }
        let stands = row.branch(branch).map(str::to_owned);
        let base = match (&stands, start) {
            (Some(sha), _) => sha.clone(),
            (None, Some(start)) => self.resolve(&row, Some(start)).await?,
            (None, None) => return Err(Problem::missing("You can only create or edit files when you are on a branch")),
        };
        let git = self.git(repo);
        // A name of its own: a lock that a kill has left behind stands in nobody's way.
        let index = git.dir.join(format!("index-{}", uuid::Uuid::now_v7().simple())).display().to_string();
        let with_index = [("GIT_INDEX_FILE", index.as_str())];
        let said = |output: std::process::Output| String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !git.run(&["read-tree", &base], b"", &with_index).await?.status.success() {
            return Err(Problem::broken(format!("the tree of {base} cannot be read")));
        }
        for (path, content) in changes {
            check_path(path)?;
            // One entry as `update-index` reads them; nothing of a work tree is asked for. Mode 0 takes the path out.
            let entry = match content {
                Some(content) => format!("100644 {}\t{path}\0", said(git.run(&["hash-object", "-w", "--stdin"], content, &[]).await?)),
                None => format!("0 {ZERO}\t{path}\0"),
            };
            let done = git.run(&["update-index", "-z", "--index-info"], entry.as_bytes(), &with_index).await?;
            if !done.status.success() {
                return Err(Problem::invalid(format!("{path} cannot be written: {}", String::from_utf8_lossy(&done.stderr).trim())));
            }
        }
        let tree = said(git.run(&["write-tree"], b"", &with_index).await?);
        // What stays after a refusal is a small file nobody looks at.
        let _ = std::fs::remove_file(&index);
        let maker = self.maker(actor);
        let author = Signature { name: maker.name.clone(), email: maker.email.clone(), date: String::new() };
        let sha = git.commit_tree(&tree, &[&base], message, &author, &maker).await?;
        git.update_ref(&format!("refs/heads/{branch}"), Some(&sha), stands.as_deref()).await?;
        self.refs_changed(actor, repo).await?;
        Ok(sha)
    }
}

fn check_path(path: &str) -> Result<(), Problem> {
    let odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git");
    match path.split('/').any(odd) || path.chars().any(char::is_control) {
        true => Err(Problem::invalid(format!("`{path}` is not a path for a file"))),
        false => Ok(()),
    }
}
