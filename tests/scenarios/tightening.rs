//! A repository makes its own rules tighter with `.syndarix.toml` on its default branch, and never looser.

use serde_json::Value;
use syndarix::store::WorkKind;

use super::answers::*;
use super::scenario;
use super::world::{REPO, World, policy};

const FILE: &str = ".syndarix.toml";

impl World {
    async fn file_is_looked_at(&self) {
        self.settle().await;
        while let Some(claim) = self.app.engine.claim(&[WorkKind::Look]).await.unwrap() {
            self.app.engine.work(claim).await.unwrap();
        }
        self.settle().await;
    }

    async fn rules(&self) -> (String, String) {
        let project = self.project(REPO).await;
        let site = self.app.engine.site_of(project).await.unwrap();
        (site.rules.policy.autonomy.name().to_owned(), site.rules.limits.hard.to_string())
    }

    /// State and sentence of the file's status on the head of a branch.
    async fn verdict(&self, branch: &str) -> Vec<(String, String)> {
        let head = self.get(&format!("branches/{branch}")).await["commit"]["id"].as_str().unwrap().to_owned();
        let all = self.get(&format!("commits/{head}/statuses")).await;
        let text = |status: &Value, key: &str| status[key].as_str().unwrap_or_default().to_owned();
        let ours = all.as_array().unwrap().iter().filter(|status| status["context"] == "syndarix/config");
        ours.map(|status| (text(status, "status"), text(status, "description"))).collect()
    }
}

fn good(state: &str, sentence: &str) -> Vec<(String, String)> {
    vec![(state.to_owned(), sentence.to_owned())]
}

#[tokio::test]
async fn a_repository_may_tighten_and_what_would_loosen_is_refused() {
    scenario(policy(to_the_plan(), "hard_usd = 4"), async |w| {
        assert_eq!(w.rules().await, ("MILESTONE".into(), "$4.00".into()));
        w.mona().pushes_to("main", FILE, "autonomy = \"full-control\"\n").await;
        w.file_is_looked_at().await;
        assert_eq!(w.rules().await, ("FULL_CONTROL".into(), "$4.00".into()));
        assert_eq!(w.verdict("main").await, good("success", ".syndarix.toml holds together and loosens nothing"));
        let issue = w.story_is_planned().await;
        assert!(w.status(issue).contains("Autonomy: FULL_CONTROL"), "{}", w.status(issue));
        w.mona().pushes_to("main", FILE, "autonomy = \"autonomous\"\nhard_usd = 3\n").await;
        w.file_is_looked_at().await;
        assert_eq!(w.rules().await, ("MILESTONE".into(), "$3.00".into()), "the other line holds");
        let verdict = w.verdict("main").await;
        assert!(verdict.len() == 1 && verdict[0].0 == "failure", "{verdict:?}");
        assert!(
            verdict[0].1.starts_with(".syndarix.toml:1:1: `autonomy` = autonomous would loosen what the administrator set (milestone)"),
            "{verdict:?}"
        );
        w.mona().comments(issue, "/syndarix config").await;
        w.settle().await;
        let page = w.page(issue);
        assert!(page.contains("| `hard_usd` | $3.00 | .syndarix.toml at"), "{page}");
        assert!(page.contains("not taken: `.syndarix.toml:1:1:") || page.contains("not taken: ``.syndarix.toml:1:1:"), "{page}");
        // What cannot be read leaves the last one in force.
        w.mona().pushes_to("main", FILE, "hard_usd = \n").await;
        w.file_is_looked_at().await;
        assert_eq!(w.rules().await.1, "$3.00");
        let verdict = w.verdict("main").await;
        assert!(verdict[0].0 == "failure" && verdict[0].1.starts_with(".syndarix.toml:1:"), "{verdict:?}");
        w.mona().pushes_to("main", FILE, "# nothing\n").await;
        w.file_is_looked_at().await;
        assert_eq!(w.rules().await, ("MILESTONE".into(), "$4.00".into()));
    })
    .await;
}

#[tokio::test]
async fn only_the_default_branch_counts_and_a_pull_request_learns_what_would_become_of_it() {
    scenario(Vec::new(), async |w| {
        w.bob().makes_branch("tighter").await;
        w.bob().pushes_to("tighter", FILE, "autonmy = \"full-control\"\n").await;
        w.file_is_looked_at().await;
        assert_eq!(w.rules().await.0, "MILESTONE");
        let pull = w.bob().opens_pull("Tighter", "tighter").await;
        w.file_is_looked_at().await;
        assert_eq!(w.verdict("tighter").await, good("failure", ".syndarix.toml:1:1: unknown key `autonmy`; did you mean `autonomy`?"));
        w.bob().pushes(pull, FILE, "autonomy = \"full-control\"\n").await;
        w.file_is_looked_at().await;
        assert_eq!(w.verdict("tighter").await, good("success", ".syndarix.toml holds together and loosens nothing"));
        assert_eq!(w.rules().await.0, "MILESTONE", "a head is never applied");
        w.mona().merges(pull).await;
        w.file_is_looked_at().await;
        assert_eq!(w.rules().await.0, "FULL_CONTROL");
    })
    .await;
}

#[tokio::test]
async fn without_web_hooks_the_next_look_finds_it() {
    scenario(Vec::new(), async |w| {
        w.hooks_are_lost();
        w.mona().pushes_to("main", FILE, "hard_usd = 1\n").await;
        w.bob().makes_branch("looser").await;
        w.bob().pushes_to("looser", FILE, "hard_usd = 100\n").await;
        w.bob().opens_pull("Looser", "looser").await;
        assert_eq!(w.rules().await.1, "$5.00");
        w.looks().await;
        w.looks().await;
        assert_eq!(w.rules().await.1, "$1.00");
        let verdict = w.verdict("looser").await;
        assert!(verdict.len() == 1 && verdict[0].1.contains("`hard_usd` = $100.00 would loosen"), "{verdict:?}");
    })
    .await;
}
