//! The people, the repositories and the bot's process of the live story.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::live::Api;

const SECRET: &str = "live-story-secret";
/// Name of the repository for the record.
const RECORD: &str = "syndarix-audit";
/// How long a person waits for anything.
const PATIENCE: Duration = Duration::from_secs(90);
const FILES: [(&str, &str); 4] = [
    ("README.md", include_str!("../../src/sandbox/sample/README.md")),
    ("shop/__init__.py", include_str!("../../src/sandbox/sample/shop/__init__.py")),
    ("shop/cart.py", include_str!("../../src/sandbox/sample/shop/cart.py")),
    ("tests/test_cart.py", include_str!("../../src/sandbox/sample/tests/test_cart.py")),
];

/// Everybody with an account.
pub struct World {
    pub admin: Api,
    pub alice: Api,
    pub bob: Api,
    pub reader: Api,
    pub suffix: String,
    bot_token: String,
    bot: Option<Child>,
    pub data: PathBuf,
    /// Address of the bot.
    url: String,
    pub deliveries: Arc<AtomicUsize>,
}

impl World {
    pub async fn build(admin: &Api, suffix: &str, repos: &[&str]) -> World {
        let mut tokens = Vec::new();
        for login in ["alice", "bob", "reader", "syndarix"] {
            tokens.push(admin.user(&format!("{login}-{suffix}")).await.1);
        }
        admin.post("orgs", json!({"username": format!("acme-{suffix}")})).await;
        let person = |at: usize| admin.with(format!("token {}", tokens[at]));
        let data = std::env::temp_dir().join(format!("syndarix-live-{suffix}"));
        let (alice, bob, reader) = (person(0), person(1), person(2));
        let (bot_token, deliveries) = (tokens[3].clone(), Arc::default());
        let world = World {
            admin: admin.clone(),
            alice,
            bob,
            reader,
            suffix: suffix.to_owned(),
            bot_token,
            bot: None,
            data,
            url: String::new(),
            deliveries,
        };
        for name in repos {
            world.repository(name).await;
        }
        // Where the record of one of them goes: the bot may push there and do nothing else.
        let org = world.login("acme");
        world.admin.post(&format!("orgs/{org}/repos"), json!({"name": RECORD, "private": true})).await;
        let path = format!("repos/{org}/{RECORD}/collaborators/{}", world.login("syndarix"));
        world.admin.call(Method::PUT, &path, json!({"permission": "write"})).await;
        world
    }

    /// Runs the program with the bot's settings: exit code and what it said.
    pub fn program(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_syndarix"))
            .args(args)
            .arg("--config")
            .arg(self.data.join("settings.toml"))
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("SYNDARIX_")))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    /// What the forge keeps of the record, in a clone that nobody has touched.
    pub fn clone_of_the_record(&self) -> PathBuf {
        let (dir, url) = (self.data.join("clone"), format!("{}/{}/{RECORD}.git", self.admin.base, self.login("acme")));
        let header = format!("http.extraHeader=Authorization: {}", self.admin.authorization);
        let cloned = Command::new("git").args(["-c", &header, "clone", "--quiet", &url]).arg(&dir).status().unwrap();
        assert!(cloned.success(), "the record cannot be cloned");
        dir
    }

    pub fn login(&self, who: &str) -> String {
        format!("{who}-{}", self.suffix)
    }

    async fn repository(&self, name: &str) {
        let org = self.login("acme");
        self.admin.post(&format!("orgs/{org}/repos"), json!({"name": name, "auto_init": false, "default_branch": "main"})).await;
        let files: Vec<Value> =
            FILES.iter().map(|(path, text)| json!({"operation": "create", "path": path, "content": STANDARD.encode(text)})).collect();
        self.admin.post(&format!("repos/{org}/{name}/contents"), json!({"branch": "main", "message": "The shop", "files": files})).await;
        let bot = if name == "modest" { "write" } else { "admin" };
        for (who, permission) in [("alice", "write"), ("bob", "write"), ("reader", "read"), ("syndarix", bot)] {
            let path = format!("repos/{org}/{name}/collaborators/{}", self.login(who));
            self.admin.call(Method::PUT, &path, json!({"permission": permission})).await;
        }
    }

    /// Starts the bot as its users do, and hangs the hooks of the repositories on it and on a counter.
    pub async fn start(&mut self, repos: &[&str], counter: &str) {
        let (root, org) = (Path::new(env!("CARGO_MANIFEST_DIR")), self.login("acme"));
        let team = self.data.join("team");
        std::fs::create_dir_all(team.join("projects")).unwrap();
        // These people are played by a program and answer as quickly as one.
        let people = ["alice", "bob", "reader"].map(|who| self.login(who));
        std::fs::write(team.join("policy.toml"), format!("[defaults]\npeople = {people:?}\n")).unwrap();
        let modest = format!(
            "forge = \"live\"\nrepo = \"{org}/modest\"\n[policy]\nwriters = [\"{}\", \"{}\"]\n",
            self.login("alice"),
            self.login("bob")
        );
        std::fs::write(team.join("projects/modest.toml"), modest).unwrap();
        let evening =
            format!("forge = \"live\"\nrepo = \"{org}/evening\"\n[policy]\naudit_repo = \"{}/{org}/{RECORD}.git\"\n", self.admin.base);
        std::fs::write(team.join("projects/evening.toml"), evening).unwrap();
        // Its own address has to be known before it listens: web hooks go there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let projects: Vec<String> = repos.iter().map(|name| format!("{org}/{name}")).collect();
        let settings = format!(
            "data_dir = {:?}\nlisten = \"127.0.0.1:{port}\"\nprojects = {projects:?}\nlog = \"info\"\nbot_config = {team:?}\n\n[[forges]]\nid = \"live\"\n\
             kind = \"gitea\"\nurl = {:?}\ntoken = {:?}\nhook_secret = {SECRET:?}\n\n[timings]\nstatus_spacing_seconds = 1\n\
             audit_spacing_seconds = 1\npoll_seconds = 600\n",
            self.data.join("bot"),
            self.admin.base,
            self.bot_token
        );
        std::fs::write(self.data.join("settings.toml"), settings).unwrap();
        let log = std::fs::File::create(self.data.join("bot.log")).unwrap();
        let mut bot = Command::new(env!("CARGO_BIN_EXE_syndarix"))
            .args(["serve", "--with-parent", "--config"])
            .arg(self.data.join("settings.toml"))
            .arg("--script")
            .arg(root.join("src/sandbox/sample/script.toml"))
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("SYNDARIX_")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(bot.stdout.take().unwrap()), &mut line).unwrap();
        self.bot = Some(bot);
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("the bot said {line:?}\n{}", self.log()));
        self.url = url.to_owned();
        // One of them is set up by the program itself.
        for name in repos.iter().filter(|name| **name != "evening") {
            for target in [&format!("{url}/hooks/live"), counter] {
                let events = ["push", "create", "delete", "issues", "pull_request", "repository", "status", "workflow_run"];
                let config = json!({"url": target, "content_type": "json", "secret": SECRET});
                let hook = json!({"type": "gitea", "active": true, "events": events, "config": config});
                self.admin.post(&format!("repos/{org}/{name}/hooks"), hook).await;
            }
        }
    }

    /// The bot's numbers.
    pub async fn metrics(&self) -> String {
        self.admin.http.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap()
    }

    /// What the bot wrote on its standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.join("bot.log")).unwrap_or_default()
    }

    /// Lets the bot end in order.
    pub fn stop(&mut self) {
        if let Some(mut bot) = self.bot.take() {
            drop(bot.stdin.take());
            let ended = bot.wait().unwrap();
            println!("the bot ended: {ended}");
        }
    }

    pub async fn clean(&mut self, repos: &[&str]) {
        self.stop();
        for name in repos.iter().chain(&[RECORD]) {
            self.admin.delete(&format!("repos/{}/{name}", self.login("acme"))).await;
        }
        self.admin.delete(&format!("orgs/{}", self.login("acme"))).await;
        for who in ["alice", "bob", "reader", "syndarix"] {
            self.admin.delete(&format!("admin/users/{}?purge=true", self.login(who))).await;
        }
        std::fs::remove_dir_all(&self.data).unwrap();
    }

    /// Alice opens an issue in a repository.
    pub async fn tale(&self, name: &str) -> Tale<'_> {
        let repo = format!("repos/{}/{name}", self.login("acme"));
        let issue = json!({"title": "No discount for three items", "body": include_str!("../../src/sandbox/sample/issue.md")});
        let issue = self.alice.post(&format!("{repo}/issues"), issue).await["number"].as_i64().unwrap();
        Tale { world: self, repo, issue }
    }
}

/// One issue and what becomes of it.
pub struct Tale<'a> {
    pub world: &'a World,
    pub repo: String,
    pub issue: i64,
}

impl Tale<'_> {
    pub async fn get(&self, path: &str) -> Value {
        self.world.alice.call(Method::GET, &format!("{}/{path}", self.repo), Value::Null).await
    }

    /// Somebody comments; the comment's number comes back.
    pub async fn say(&self, who: &Api, number: i64, text: &str) -> i64 {
        who.post(&format!("{}/issues/{number}/comments", self.repo), json!({"body": text})).await["id"].as_i64().unwrap()
    }

    pub async fn review(&self, who: &Api, event: &str, text: &str) {
        let pull = self.pull().await;
        let body = json!({"event": event, "body": text, "commit_id": pull["head"]["sha"]});
        who.post(&format!("{}/pulls/{}/reviews", self.repo, pull["number"]), body).await;
    }

    pub async fn label(&self, who: &Api, number: i64, name: &str) {
        who.post(&format!("{}/issues/{number}/labels", self.repo), json!({"labels": [name]})).await;
    }

    pub async fn unlabel(&self, who: &Api, number: i64, name: &str) {
        let labels = self.get("labels?limit=50").await;
        let id = labels.as_array().unwrap().iter().find(|label| label["name"] == name).unwrap()["id"].clone();
        who.call(Method::DELETE, &format!("{}/issues/{number}/labels/{id}", self.repo), Value::Null).await;
    }

    /// The pull request as the server shows it, which must be there.
    pub async fn pull(&self) -> Value {
        self.get("pulls?state=all&limit=50").await[0].clone()
    }

    pub async fn number(&self) -> i64 {
        self.pull().await["number"].as_i64().unwrap()
    }

    pub async fn head(&self) -> String {
        self.pull().await["head"]["sha"].as_str().unwrap().to_owned()
    }

    pub async fn labels(&self, number: i64) -> Vec<String> {
        let mut labels = names(&self.get(&format!("issues/{number}/labels")).await, "name");
        labels.sort();
        labels
    }

    /// The bot's comments on an issue or pull request: their texts, oldest first.
    pub async fn told(&self, number: i64) -> Vec<String> {
        let comments = self.get(&format!("issues/{number}/comments")).await;
        let bot = self.world.login("syndarix");
        let own = comments.as_array().unwrap().iter().filter(|comment| comment["user"]["login"] == bot);
        own.map(|comment| comment["body"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn reactions(&self, comment: i64) -> Vec<String> {
        names(&self.get(&format!("issues/comments/{comment}/reactions")).await, "content")
    }

    /// Looks again and again until it is so; tells everything that stands on the forge when it never is.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let begin = tokio::time::Instant::now();
        while begin.elapsed() < PATIENCE {
            if is_so().await {
                println!("{:>6} ms  {}: {what}", begin.elapsed().as_millis(), self.repo);
                return;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        self.print().await;
        panic!("{}: never came: {what}", self.repo);
    }

    /// Until the bot has said this on the issue (or, with `on_pull`, the pull request).
    pub async fn hears(&self, number: i64, words: &str) {
        self.until(words, async || self.told(number).await.iter().any(|body| body.contains(words))).await;
    }

    pub async fn has_labels(&self, number: i64, wanted: &[&str]) {
        self.until(&format!("labels of #{number} {wanted:?}"), async || self.labels(number).await == wanted).await;
    }

    /// From the command to the draft pull request whose plan waits for approval.
    pub async fn plan(&self) -> i64 {
        let comment = self.say(&self.world.alice, self.issue, "/syndarix plan").await;
        self.until("eyes", async || self.reactions(comment).await == ["eyes"]).await;
        self.until("a draft pull request", async || self.pull().await["draft"] == true).await;
        let pull = self.number().await;
        self.hears(pull, "the plan is ready for approval").await;
        self.has_labels(self.issue, &["story/design", "syndarix/waiting"]).await;
        self.has_labels(pull, &["pr/submitted", "syndarix/waiting"]).await;
        pull
    }

    /// From the approved plan to the pull request that waits for its merge.
    pub async fn built(&self, pull: i64) {
        self.until("a ready pull request", async || self.pull().await["draft"] == false).await;
        self.until("the reviewer is content", async || {
            let (head, told) = (self.head().await, self.told(pull).await);
            told.iter().any(|body| body.contains(&format!("The review of {} is finished", &head[..10])))
        })
        .await;
    }

    pub async fn done(&self, pull: i64) {
        self.until("the issue is closed", async || self.get(&format!("issues/{}", self.issue)).await["state"] == "closed").await;
        self.has_labels(self.issue, &["story/done"]).await;
        self.has_labels(pull, &["pr/merged"]).await;
        assert_eq!(self.pull().await["merged"], true);
    }

    /// What must hold of every story, however it went.
    pub async fn is_tidy(&self) {
        for number in [self.issue, self.number().await] {
            let told = self.told(number).await;
            let pages = told.iter().filter(|body| body.starts_with("### Syndarix")).count();
            assert_eq!(pages, usize::from(number == self.issue), "one status comment, on the issue: {told:#?}");
            let mut seen = std::collections::BTreeSet::new();
            assert!(told.iter().all(|body| seen.insert(body)), "nothing is said twice: {told:#?}");
        }
    }

    /// The whole thread, as a person reads it.
    pub async fn print(&self) {
        println!("\n======== {}", self.repo);
        let mut numbers = vec![self.issue];
        numbers.extend(self.pull().await["number"].as_i64());
        for number in numbers {
            let issue = self.get(&format!("issues/{number}")).await;
            println!(
                "---- #{number} {} [{}] {:?}\n{}",
                issue["title"],
                issue["state"],
                self.labels(number).await,
                issue["body"].as_str().unwrap_or("")
            );
            for comment in self.get(&format!("issues/{number}/comments")).await.as_array().unwrap() {
                let reactions = self.reactions(comment["id"].as_i64().unwrap()).await;
                println!(
                    "-- {} {reactions:?} created {} updated {}\n{}",
                    comment["user"]["login"],
                    comment["created_at"],
                    comment["updated_at"],
                    comment["body"].as_str().unwrap()
                );
            }
            if number != self.issue {
                for review in self.get(&format!("pulls/{number}/reviews")).await.as_array().unwrap() {
                    println!(
                        "-- review {} {} stale {} official {}\n{}",
                        review["user"]["login"],
                        review["state"],
                        review["stale"],
                        review["official"],
                        review["body"].as_str().unwrap()
                    );
                    for line in self.get(&format!("pulls/{number}/reviews/{}/comments", review["id"])).await.as_array().unwrap() {
                        println!("   {}:{} {}", line["path"], line["position"], line["body"]);
                    }
                }
                for commit in self.get(&format!("pulls/{number}/commits")).await.as_array().unwrap() {
                    println!("-- commit {} {:?}", commit["sha"], commit["commit"]["message"].as_str().unwrap());
                }
            }
        }
    }
}

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().map_or(&[][..], Vec::as_slice).iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

/// Counts deliveries until the test ends.
pub async fn counter(count: Arc<AtomicUsize>) -> (String, tokio::task::JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/count", listener.local_addr().unwrap());
    let router = axum::Router::new().route(
        "/count",
        axum::routing::post(move || {
            count.fetch_add(1, Ordering::Relaxed);
            std::future::ready(axum::http::StatusCode::OK)
        }),
    );
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, tasks)
}
