//! The team's configuration lies in a repository of the forge. What is pushed there takes effect without a restart; what holds a mistake
//! changes nothing, and says so.

use serde_json::Value;
use syndarix::engine::team;
use syndarix::engine::turn::NOTES;
use syndarix::store::WorkKind;

use super::account;
use super::answers::*;
use super::scenario;
use super::world::{HOOK_SECRET, REPO, Setup, World, skin};

const CONFIG: &str = "acme/bot-config";
const SHOP: &str = "projects/shop.toml";

fn shop(policy: &str) -> String {
    format!("forge = \"sandbox\"\nrepo = \"{REPO}\"\n[policy]\n{policy}\n")
}

/// A world whose team lies in a repository.
fn followed(rules: Vec<syndarix::llm::scripted::Rule>) -> Setup {
    let files = vec![("README.md", "Our team.\n"), (SHOP, "forge = \"sandbox\"\nrepo = \"acme/shop\"\n")];
    Setup { more: vec![("bot-config", files)], config_repo: Some(format!("sandbox:{CONFIG}")), ..Setup::from(rules) }
}

impl World {
    /// The forge tells of the configuration's repository, too.
    fn config_hook_works(&self) {
        self.sandbox.ensure_hook_in(skin(), Some(CONFIG), &self.hook, HOOK_SECRET).unwrap();
    }

    /// The looks that are due, and what follows from them.
    async fn takes_looks(&self) {
        self.settle().await;
        while let Some(claim) = self.app.engine.claim(&[WorkKind::Look]).await.unwrap() {
            self.app.engine.work(claim).await.unwrap();
        }
        self.settle().await;
    }

    /// The regular look at the configuration's repository.
    async fn polls_config(&self) {
        team::wake(&self.app.engine).await.unwrap();
        self.takes_looks().await;
    }

    fn autonomy(&self) -> &'static str {
        self.app.engine.hot.get().rules.projects[REPO].policy.autonomy.name()
    }

    fn in_force(&self) -> String {
        self.app.engine.hot.get().commit.clone().unwrap().0
    }

    async fn config_head(&self, branch: &str) -> String {
        self.get_of(CONFIG, &format!("branches/{branch}")).await["commit"]["id"].as_str().unwrap().to_owned()
    }

    async fn get_of(&self, repo: &str, path: &str) -> Value {
        let url = format!("{}/api/v1/repos/{repo}/{path}", self.sandbox.url());
        let answer = self.http.get(url).header("Authorization", format!("token {}", self.token("alice"))).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// Every status that was ever set on a commit of the configuration: state and sentence.
    async fn statuses(&self, commit: &str) -> Vec<(String, String)> {
        let all = self.get_of(CONFIG, &format!("commits/{commit}/statuses")).await;
        let text = |status: &Value, key: &str| status[key].as_str().unwrap_or_default().to_owned();
        all.as_array().unwrap().iter().map(|status| (text(status, "status"), text(status, "description"))).collect()
    }

    /// The commits that the record of the shop says were in force.
    async fn recorded(&self) -> Vec<String> {
        let project = self.project(REPO).await;
        let mut tx = self.store().begin_read(project).await.unwrap();
        let notes = tx.events(NOTES, project.0).await.unwrap();
        tx.rollback().await.unwrap();
        let ours = notes.into_iter().filter(|row| row.kind == "config.in-force");
        ours.map(|row| row.payload["commit"].as_str().unwrap().to_owned()).collect()
    }

    fn trouble(&self) -> Option<String> {
        self.app.engine.source.as_ref().unwrap().standing.get().trouble()
    }
}

#[tokio::test]
async fn a_pushed_configuration_holds_for_the_next_turn() {
    scenario(followed(smooth()), async |w| {
        w.config_hook_works();
        assert_eq!(w.autonomy(), "MILESTONE");
        let first = w.in_force();
        let issue = w.story_is_planned().await;
        assert!(w.status(issue).contains("Autonomy: MILESTONE"), "{}", w.status(issue));
        w.alice().comments(w.pull(), "/syndarix approve").await;
        w.settle().await;
        // Alice asked for the story, so that only another rule lets her approve its merge.
        w.mona().pushes_into(CONFIG, ("main", "main"), SHOP, &shop("one_person_team = true")).await;
        w.takes_looks().await;
        let second = w.config_head("main").await;
        assert_ne!(first, second);
        assert_eq!(w.in_force(), second);
        assert_eq!(w.statuses(&second).await, [("success".to_owned(), "this configuration is in force".to_owned())]);
        w.alice().approves(w.pull()).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]"), "{}", w.page(issue));
        w.alice().comments(issue, "/syndarix config").await;
        w.settle().await;
        let page = w.sandbox.page(REPO, issue).unwrap();
        assert!(
            page.contains(&format!("commit <code>{}</code>", &second[..10])) || page.contains(&format!("commit `{}`", &second[..10])),
            "{page}"
        );
        w.polls_config().await;
        assert_eq!(w.recorded().await.last(), Some(&second));
        assert_eq!(w.statuses(&second).await.len(), 1, "a status is not set twice");
    })
    .await;
}

#[tokio::test]
async fn a_configuration_with_a_mistake_changes_nothing_and_says_so() {
    scenario(followed(Vec::new()), async |w| {
        w.config_hook_works();
        w.mona().pushes_into(CONFIG, ("main", "main"), SHOP, &shop("autonomy = \"full-control\"")).await;
        w.takes_looks().await;
        let good = w.in_force();
        assert_eq!((w.autonomy(), w.trouble()), ("FULL_CONTROL", None));
        w.mona().pushes_into(CONFIG, ("main", "main"), SHOP, &shop("autonomy = \"milestone\"\nautonmy_ceiling = \"autonomous\"")).await;
        w.takes_looks().await;
        let bad = w.config_head("main").await;
        assert_eq!((w.autonomy(), w.in_force()), ("FULL_CONTROL", good.clone()), "nothing is applied by half");
        let mistake = "projects/shop.toml:5:1: unknown key `autonmy_ceiling`; did you mean `autonomy_ceiling`?";
        let sentence = format!("commit {} of sandbox:{CONFIG} is not used: {mistake}; {} stays in force", &bad[..10], &good[..10]);
        assert_eq!(w.trouble(), Some(sentence));
        let statuses = w.statuses(&bad).await;
        assert_eq!(statuses.len(), 1);
        assert!(statuses[0].0 == "failure" && statuses[0].1.starts_with("projects/shop.toml:5:1: unknown key"), "{statuses:?}");
        let ready = w.http.get(w.hook.replace("/hooks/sandbox", "/readyz")).send().await.unwrap();
        assert!(ready.status().is_success());
        let ready = ready.text().await.unwrap();
        assert!(ready.starts_with("ready\nnote: ") && ready.contains("1 mistake and is not used"), "{ready}");
        let metrics = w.http.get(w.hook.replace("/hooks/sandbox", "/metrics")).send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains(&format!("syndarix_config_info{{commit=\"{good}\"}} 1")), "{metrics}");
        assert!(metrics.contains("syndarix_config_mistakes 1\n"), "{metrics}");
        // Going back is a commit like any other.
        w.mona().pushes_into(CONFIG, ("main", "main"), SHOP, &shop("")).await;
        w.takes_looks().await;
        assert_eq!((w.autonomy(), w.trouble()), ("MILESTONE", None));
        assert_eq!(w.in_force(), w.config_head("main").await);
    })
    .await;
}

#[tokio::test]
async fn without_web_hooks_the_poll_finds_it_and_a_restart_keeps_the_last_good_one() {
    let w = World::new(followed(Vec::new())).await;
    w.mona().pushes_into(CONFIG, ("main", "main"), SHOP, &shop("autonomy = \"full-control\"")).await;
    w.takes_looks().await;
    assert_eq!(w.autonomy(), "MILESTONE", "nobody told of it");
    w.polls_config().await;
    assert_eq!(w.autonomy(), "FULL_CONTROL");
    let good = w.in_force();
    w.mona().pushes_into(CONFIG, ("main", "main"), "prompts/engineer/fix.md", "{{ brief.paln }}\n").await;
    let w = w.restarted().await;
    assert_eq!((w.autonomy(), w.in_force()), ("FULL_CONTROL", good.clone()));
    assert!(w.trouble().unwrap().contains("prompts/engineer/fix.md:1:"), "{:?}", w.trouble());
    // The same when nobody knows the mirror any more: the row knows the commit.
    std::fs::remove_dir_all(w.data.join("config")).unwrap();
    let w = w.restarted().await;
    assert_eq!((w.autonomy(), w.in_force()), ("FULL_CONTROL", good.clone()));
    // And when the repository is out of reach.
    w.sandbox.rename_repo(CONFIG, "elsewhere").unwrap();
    w.sandbox.ensure_user("acme2", false, false).unwrap();
    w.sandbox.transfer_repo("acme/elsewhere", "acme2").unwrap();
    w.sandbox.delete_repo("acme2/elsewhere").unwrap();
    let w = w.restarted().await;
    assert_eq!((w.autonomy(), w.in_force()), ("FULL_CONTROL", good));
    assert!(w.trouble().unwrap().contains("cannot be asked"), "{:?}", w.trouble());
    w.comes_to_rest().await;
}

#[tokio::test]
async fn without_any_good_configuration_nothing_begins() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = followed(Vec::new());
    setup.more[0].1.push(("modles.toml", ""));
    setup.config_repo = None;
    let w = World::new(setup).await;
    let (data, mut setup) = (dir.path().join("other"), followed(Vec::new()));
    setup.config_repo = Some(format!("sandbox:{CONFIG}"));
    let config = super::world::config(dir.path(), &data, &setup, &w.sandbox);
    let error = syndarix::app::App::open(config, syndarix::app::Options::default()).await.err().unwrap().to_string();
    assert!(error.contains("there is no configuration to begin with") && error.contains("did you mean `models.toml`?"), "{error}");
}

/// The comments of the bot on a pull request of the configuration.
async fn reports(w: &World, pull: i64) -> Vec<String> {
    let all = w.get_of(CONFIG, &format!("issues/{pull}/comments")).await;
    let ours = all.as_array().unwrap().iter().filter(|comment| comment["user"]["login"] == account::login());
    ours.map(|comment| comment["body"].as_str().unwrap().split("\n\n<!--").next().unwrap().to_owned()).collect()
}

async fn opens_config_pull(w: &World, login: &str, head: &str) -> i64 {
    let url = format!("{}/api/v1/repos/{CONFIG}/pulls", w.sandbox.url());
    let pull = serde_json::json!({"title": head, "head": head, "base": "main"});
    let answer = w.http.post(url).header("Authorization", format!("token {}", w.token(login))).json(&pull).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json::<Value>().await.unwrap()["number"].as_i64().unwrap()
}

#[tokio::test]
async fn a_pull_request_learns_its_mistakes_and_what_it_would_have_changed() {
    scenario(followed(to_the_plan()), async |w| {
        w.config_hook_works();
        w.story_is_planned().await;
        let before = w.in_force();
        w.mona().pushes_into(CONFIG, ("main", "next"), SHOP, &shop("autonmy = \"full-control\"")).await;
        let pull = opens_config_pull(w, "mona", "next").await;
        w.takes_looks().await;
        let head = w.config_head("next").await;
        let mistake = "projects/shop.toml:4:1: unknown key `autonmy`; did you mean `autonomy`?";
        assert_eq!(w.statuses(&head).await, [("failure".to_owned(), mistake.to_owned())]);
        let told = reports(w, pull).await;
        assert!(told.len() == 1 && told[0].contains("holds 1 mistake") && told[0].contains("did you mean `autonomy`?"), "{told:?}");
        // The mended one says what would have come of what happened lately.
        w.mona().pushes_into(CONFIG, ("next", "next"), SHOP, &shop("autonomy = \"full-control\"\nhard_usd = 3")).await;
        w.takes_looks().await;
        let head = w.config_head("next").await;
        let statuses = w.statuses(&head).await;
        assert!(statuses.len() == 1 && statuses[0].0 == "success", "{statuses:?}");
        assert!(
            statuses[0].1.starts_with("it holds together; ") && statuses[0].1.contains("1 differently")
                || statuses[0].1.ends_with("differently"),
            "{statuses:?}"
        );
        let told = reports(w, pull).await;
        assert_eq!(told.len(), 1, "one comment is edited in place: {told:#?}");
        assert!(told[0].contains("`alice` typed `/syndarix plan`:"), "{}", told[0]);
        assert!(told[0].contains("`\"full-control\"`") || told[0].contains("`full-control` instead of `milestone`"), "{}", told[0]);
        assert!(told[0].contains("the story may cost $3.00"), "{}", told[0]);
        assert_eq!((w.in_force(), w.autonomy()), (before, "MILESTONE"), "a head is never put in force");
        w.polls_config().await;
        assert_eq!((reports(w, pull).await, w.statuses(&head).await.len()), (told, 1), "nothing is said twice");
    })
    .await;
}

#[tokio::test]
async fn a_pull_request_is_found_without_web_hooks_and_prompts_of_strangers_are_not_run() {
    scenario(followed(Vec::new()), async |w| {
        w.sandbox.set_permission(CONFIG, "mona", syndarix::sandbox::Permission::Admin).unwrap();
        w.mona().pushes_into(CONFIG, ("main", "prompts"), "prompts/engineer/fix.md", "{{ brief.paln }}\n").await;
        w.mona().pushes_into(CONFIG, ("main", "notes"), "README.md", "Something else.\n").await;
        let (prompt, notes) = (opens_config_pull(w, "rita", "prompts").await, opens_config_pull(w, "mona", "notes").await);
        w.polls_config().await;
        let statuses = w.statuses(&w.config_head("prompts").await).await;
        assert!(statuses.len() == 1 && statuses[0].0 == "success", "{statuses:?}");
        let told = reports(w, prompt).await;
        assert!(told[0].contains("Prompts were compiled and not rendered, because `rita` may not write to this repository."), "{told:?}");
        let statuses = w.statuses(&w.config_head("notes").await).await;
        assert_eq!(statuses, [("success".to_owned(), "it changes nothing of the configuration".to_owned())]);
        assert_eq!(reports(w, notes).await, Vec::<String>::new());
    })
    .await;
}
