//! Making repositories and files over an interface, as people do without Git.

use std::collections::BTreeMap;

use super::admin::check_name;
use super::forge::Forge;
use super::git_ops::Signature;
use super::problem::Problem;
use super::state::{Grant, Lab, Repo};

impl Forge {
    /// Makes an empty repository; who makes it administers it. Returns its id.
    pub async fn make_repo(&self, owner: &str, name: &str, private: bool, maker: i64) -> Result<i64, Problem> {
        check_name(name)?;
        let at = self.clock.now();
        let id = self.change(|world| {
            let owner = world.user_named(owner).map(|user| user.id).ok_or_else(super::act::no_such)?;
            let id = world.next_id("repo");
            let repo = Repo {
                id,
                owner,
                name: name.to_owned(),
                private,
                archived: false,
                default_branch: "main".to_owned(),
                created: at,
                updated: at,
                last_number: 0,
                grants: BTreeMap::from([(maker, Grant::Admin)]),
                refs: BTreeMap::new(),
                lab: Lab::default(),
            };
            world.repos.put(id, repo);
            Ok(id)
        })?;
        let _alone = self.alone(id).await;
        self.git(id).create(None, "main").await?;
        Ok(id)
    }

    /// The first commit of an empty repository, with these files.
    pub async fn first_commit(
        &self,
        actor: i64,
        repo: i64,
        branch: &str,
        files: &[(String, String)],
        message: &str,
    ) -> Result<(), Problem> {
        {
            let _alone = self.alone(repo).await;
            let git = self.git(repo);
            if !git.refs().await?.is_empty() {
                return Err(Problem::conflict("the repository has commits already"));
            }
            let maker = self.maker(actor);
            let who = format!("{} <{}> {} +0000", maker.name, maker.email, maker.at.seconds());
            git.run(&["fast-import", "--quiet"], &super::seed::stream(branch, &who, files, message), &[]).await?;
        }
        self.refs_changed(actor, repo).await
    }

    /// Commits one new file on top of a commit, on a branch that is made or stands there.
    pub async fn add_file(
        &self,
        actor: i64,
        repo: i64,
        (base, branch): (&str, &str),
        (path, content): (&str, &[u8]),
        message: &str,
    ) -> Result<(), Problem> {
        let _alone = self.alone(repo).await;
        let git = self.git(repo);
        let said = |output: std::process::Output| String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let index = git.dir.join("index-of-a-new-file").display().to_string();
        let with_index = [("GIT_INDEX_FILE", index.as_str())];
        let blob = said(git.run(&["hash-object", "-w", "--stdin"], content, &[]).await?);
        git.run(&["read-tree", base], b"", &with_index).await?;
        git.run(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")], b"", &with_index).await?;
        let tree = said(git.run(&["write-tree"], b"", &with_index).await?);
        let maker = self.maker(actor);
        let author = Signature { name: maker.name.clone(), email: maker.email.clone(), date: String::new() };
        let sha = git.commit_tree(&tree, &[base], message, &author, &maker).await?;
        let name = format!("refs/heads/{branch}");
        let stands = git.refs().await?.get(&name).cloned();
        if stands.as_deref().is_some_and(|stands| stands != base) {
            return Err(Problem::invalid(format!("branch already exists [name: {branch}]")));
        }
        git.update_ref(&name, Some(&sha), stands.as_deref()).await?;
        self.refs_changed(actor, repo).await
    }
}
