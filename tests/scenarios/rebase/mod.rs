//! The base branch is merged in: because somebody types `rebase`, or because the forge would not merge otherwise. Nothing is ever forced.

use reqwest::Method;
use serde_json::json;

use super::world::{REPO, World};

mod conflicts;
mod interrupted;
mod merging;

const BRANCH: &str = "syndarix/1-three-items-no-discount";

impl World {
    /// The commits of the story's branch that the main branch lacks, each with the number of its parents; and whether the branch holds all of main.
    fn branch_log(&self) -> (Vec<String>, bool) {
        let dir = self.sandbox.git_dir(REPO).unwrap();
        let log = run(&dir, &["log", "--format=%P|%s", &format!("main..{BRANCH}")]);
        let rows = log.lines().map(|line| line.split_once('|').unwrap()).map(|(parents, subject)| {
            let parents = parents.split(' ').count();
            format!("{parents} {subject}")
        });
        (rows.collect(), run(&dir, &["rev-list", "--count", &format!("{BRANCH}..main")]).trim() == "0")
    }

    fn file(&self, branch: &str, path: &str) -> String {
        run(&self.sandbox.git_dir(REPO).unwrap(), &["show", &format!("{branch}:{path}")])
    }

    async fn main_is_protected(&self) {
        let rule = json!({"rule_name": "main", "enable_push": true, "block_on_outdated_branch": true, "block_admin_merge_override": true});
        let answer = self.mona().request(Method::POST, "branch_protections", &rule).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

impl World {
    /// Leases end by the database's own clock; nobody waits here until they do.
    async fn its_leases_are_over(&self) {
        let freed = self.store().let_go(&self.app.engine.owner).await.unwrap();
        assert!(freed > 0, "the run is leased");
    }
}

fn run(dir: &std::path::Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git").current_dir(dir).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
