//! Two forges and the program between them.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use syndarix::app::{App, Options};
use syndarix::base::{Clock, Time};
use syndarix::config::{Config, Env, Prompts, Settings, Team};
use syndarix::domain::forge::ForgeKind;
use syndarix::domain::mirror::Side;
use syndarix::domain::scopes;
use syndarix::engine::reconcile;
use syndarix::engine::turn::NOTES;
use syndarix::llm::Script;
use syndarix::sandbox::seed::SAMPLE;
use syndarix::sandbox::{DeliveryConfig, Permission, Sandbox, SandboxConfig, Skin};
use syndarix::store::WorkKind;
use tokio::net::TcpListener;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::task::JoinSet;

pub const SHOP: &str = "acme/shop";
pub const LIB: &str = "partner/lib";
const SECRET: &str = "hook-secret";
/// How far the clock may move by itself, in milliseconds.
const PATIENCE: i64 = 10 * 60 * 1000;

/// Crash points belong to the whole process: who sets one is alone.
static GATE: RwLock<()> = RwLock::const_new(());

enum Gate {
    #[allow(dead_code, reason = "held, never read")]
    Shared(RwLockReadGuard<'static, ()>),
    #[allow(dead_code, reason = "held, never read")]
    Alone(RwLockWriteGuard<'static, ()>),
}

/// Which kinds of forge the project and the linked repository are on.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    here: Skin,
    there: Skin,
}

impl Pair {
    pub const GITEA_AND_GITEA: Pair = Pair { here: Skin::Gitea, there: Skin::Gitea };
    pub const GITEA_AND_GITHUB: Pair = Pair { here: Skin::Gitea, there: Skin::GitHub };
    pub const GITEA_AND_GITLAB: Pair = Pair { here: Skin::Gitea, there: Skin::GitLab };
    pub const GITHUB_AND_GITLAB: Pair = Pair { here: Skin::GitHub, there: Skin::GitLab };
    pub const GITLAB_AND_GITEA: Pair = Pair { here: Skin::GitLab, there: Skin::Gitea };

    /// What the forge of a side speaks to the program. People use Gitea's interface everywhere.
    fn skin(self, side: Side) -> Skin {
        if side == Side::Here { self.here } else { self.there }
    }
}

/// What the program calls a forge that speaks like this.
fn kind(skin: Skin) -> ForgeKind {
    match skin {
        Skin::Gitea => ForgeKind::Gitea,
        Skin::GitHub => ForgeKind::GitHub,
        Skin::GitLab => ForgeKind::GitLab,
    }
}

pub struct World {
    pair: Pair,
    pub clock: Clock,
    forges: [Arc<Sandbox>; 2],
    pub app: Arc<App>,
    http: reqwest::Client,
    hooks: Option<String>,
    _web: JoinSet<()>,
    _dir: tempfile::TempDir,
    _gate: Gate,
}

/// Somebody with an account on one of the forges.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    w: &'a World,
    side: Side,
    login: &'static str,
}

impl World {
    /// A link with these keys beside forge and repository.
    pub async fn linked(pair: Pair, keys: &str) -> World {
        World::new(pair, keys, true, Gate::Shared(GATE.read().await)).await
    }

    /// The same without web hooks.
    pub async fn polled(pair: Pair, keys: &str) -> World {
        World::new(pair, keys, false, Gate::Shared(GATE.read().await)).await
    }

    /// The same with crash points of its own.
    #[cfg(feature = "failpoints")]
    pub async fn alone(pair: Pair, keys: &str) -> World {
        World::new(pair, keys, true, Gate::Alone(GATE.write().await)).await
    }

    async fn new(pair: Pair, keys: &str, hooked: bool, gate: Gate) -> World {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Time::parse("2026-08-03T09:00:00Z").unwrap());
        let here = forge(&dir.path().join("here"), &clock, "acme", "shop", &["alice"]).await;
        let there = forge(&dir.path().join("there"), &clock, "partner", "lib", &["carol", "dave"]).await;
        let config = config(dir.path(), pair, keys, &here, &there);
        let script = Script { name: "links".into(), rules: Vec::new() };
        let options = Options { clock: clock.clone(), script: Some(script), ..Options::default() };
        let app = Arc::new(App::open(config, options).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let routes = app.routes();
        let web = JoinSet::from_iter([async move { axum::serve(listener, routes).await.unwrap() }]);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
        let forges = [Arc::new(here), Arc::new(there)];
        let w = World { pair, clock, forges, app, http, hooks: hooked.then_some(address), _web: web, _dir: dir, _gate: gate };
        if let Some(address) = &w.hooks {
            for (side, id, repo) in [(Side::Here, "home", SHOP), (Side::There, "hub", LIB)] {
                w.forge(side).ensure_hook_in(pair.skin(side), Some(repo), &format!("{address}/hooks/{id}"), SECRET).unwrap();
            }
        }
        w.polls().await;
        w
    }

    pub fn forge(&self, side: Side) -> &Sandbox {
        &self.forges[usize::from(side == Side::There)]
    }

    fn person(&self, side: Side, login: &'static str) -> Person<'_> {
        Person { w: self, side, login }
    }

    /// Writer in the project.
    pub fn alice(&self) -> Person<'_> {
        self.person(Side::Here, "alice")
    }

    /// Writer in the linked repository.
    pub fn carol(&self) -> Person<'_> {
        self.person(Side::There, "carol")
    }

    /// Writer in the linked repository.
    pub fn dave(&self) -> Person<'_> {
        self.person(Side::There, "dave")
    }

    /// Until nothing is due on either side, looks included, and nobody waits for a time that comes soon.
    pub async fn settles(&self) {
        let kinds: Vec<WorkKind> = WorkKind::ALL.iter().copied().filter(|kind| *kind != WorkKind::PushAudit).collect();
        let until = self.clock.now().plus_millis(PATIENCE);
        for _ in 0..500 {
            for forge in &self.forges {
                forge.settled().await;
            }
            let mut worked = false;
            while let Some(claim) = self.app.engine.claim(&kinds).await.unwrap() {
                Box::pin(self.app.engine.work(claim)).await.unwrap();
                worked = true;
            }
            while let Some(claim) = self.app.engine.claim(&[WorkKind::Look]).await.unwrap() {
                Box::pin(self.app.engine.work(claim)).await.unwrap();
                worked = true;
            }
            if worked || self.forges.iter().any(|forge| forge.undelivered() > 0) {
                continue;
            }
            let store = &self.app.engine.store;
            let next = [store.next_due(&kinds).await.unwrap(), store.next_due(&[WorkKind::Look]).await.unwrap()];
            match next.into_iter().flatten().min() {
                Some(at) if at <= until => self.clock.advance(((at.0 - self.clock.now().0) / 1_000 + 1).max(1)),
                Some(at) => panic!("work is put off until {at}, longer than anybody waits"),
                None => return,
            }
        }
        panic!("the two never come to rest");
    }

    /// The regular comparison, and what follows from it.
    pub async fn polls(&self) {
        reconcile::look(&self.app.engine).await.unwrap();
        self.settles().await;
    }

    /// Hears of it if there are web hooks, else looks.
    pub async fn syncs(&self) {
        match self.hooks {
            Some(_) => self.settles().await,
            None => self.polls().await,
        }
    }

    pub async fn get(&self, side: Side, path: &str) -> Value {
        let person = match side {
            Side::Here => self.alice(),
            Side::There => self.carol(),
        };
        person.request(Method::GET, path, &Value::Null).send().await.unwrap().json().await.unwrap()
    }

    /// An issue as a person sees it: state, labels, author, title and text, and its comments.
    pub async fn page(&self, side: Side, number: i64) -> String {
        let issue = self.get(side, &format!("issues/{number}")).await;
        let kind = kind(self.pair.skin(side));
        let names = issue["labels"].as_array().unwrap().iter().filter_map(|label| label["name"].as_str());
        let mut labels: Vec<_> = names.map(|name| scopes::neutral(name, kind)).collect();
        labels.sort();
        let text = |value: &Value| plain(self, value.as_str().unwrap_or_default());
        let first = format!("[{}] {}", text(&issue["state"]), labels.join(", "));
        let mut page = format!("{}\n", first.trim_end());
        page += &format!("# {} ({})\n{}\n", text(&issue["title"]), text(&issue["user"]["login"]), text(&issue["body"]));
        for comment in self.get(side, &format!("issues/{number}/comments")).await.as_array().unwrap() {
            page += &format!("--- {}\n{}\n", text(&comment["user"]["login"]), text(&comment["body"]));
        }
        page
    }

    /// How many issues there are.
    pub async fn count(&self, side: Side) -> usize {
        self.get(side, "issues?state=all&type=issues").await.as_array().unwrap().len()
    }

    /// Everything that people could see to have changed on both forges.
    pub fn rows(&self) -> Vec<String> {
        let kept = |key: &String| ["issue", "comment", "event", "label"].iter().any(|table| key.starts_with(table));
        self.forges
            .iter()
            .flat_map(|forge| forge.rows().into_iter().filter(|(key, _)| kept(key)).map(|(key, row)| format!("{key} {row}")))
            .collect()
    }

    /// The entries of the record about the link, by kind.
    pub async fn record(&self) -> Vec<(String, Value)> {
        let project = self.app.engine.store.projects().await.unwrap().into_iter().find(|project| project.path == SHOP).unwrap().id;
        let mut tx = self.app.engine.store.begin_read(project).await.unwrap();
        let notes = tx.events(NOTES, project.0).await.unwrap();
        tx.rollback().await.unwrap();
        notes.into_iter().filter(|note| note.kind.starts_with("link.")).map(|note| (note.kind, note.payload)).collect()
    }

    pub async fn recorded(&self, kind: &str) -> usize {
        self.record().await.iter().filter(|(entry, _)| entry == kind).count()
    }

    /// Nothing moves any more, whether it is heard of or looked for.
    pub async fn is_silent(&self) {
        self.settles().await;
        let before = self.rows();
        for _ in 0..2 {
            self.clock.advance(60_000);
            self.polls().await;
        }
        assert_eq!(self.rows(), before, "the echo never ends");
    }
}

/// A text without what differs from run to run.
fn plain(w: &World, text: &str) -> String {
    let text = text.replace(&w.forge(Side::Here).url(), "http://home").replace(&w.forge(Side::There).url(), "http://hub");
    let text = text.replace("/-/issues/", "/issues/").replace("#note_", "#issuecomment-");
    let lines = text.lines().map(|line| if line.starts_with("<!-- syndarix:v1 ") { "<marker>" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

impl Person<'_> {
    fn request(&self, method: Method, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let forge = self.w.forge(self.side);
        let repo = if self.side == Side::Here { SHOP } else { LIB };
        let token = forge.ensure_user(self.login, self.login == "syndarix", false).unwrap();
        let url = format!("{}/api/v1/repos/{repo}/{path}", forge.url());
        let request = self.w.http.request(method, url).header("Authorization", format!("token {token}"));
        if body.is_null() { request } else { request.json(body) }
    }

    /// Does something at this very moment.
    pub async fn does_now(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.request(method.clone(), path, &body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{} {method} {path}: {status} {text}", self.login);
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Does something a moment after whatever happened last.
    pub async fn does(&self, method: Method, path: &str, body: Value) -> Value {
        self.w.clock.advance(2_000);
        self.does_now(method, path, body).await
    }

    pub async fn opens(&self, title: &str, body: &str) -> i64 {
        self.does(Method::POST, "issues", json!({"title": title, "body": body})).await["number"].as_i64().unwrap()
    }

    pub async fn comments(&self, number: i64, body: &str) -> i64 {
        self.does(Method::POST, &format!("issues/{number}/comments"), json!({"body": body})).await["id"].as_i64().unwrap()
    }

    pub async fn edits(&self, comment: i64, body: &str) {
        self.does(Method::PATCH, &format!("issues/comments/{comment}"), json!({"body": body})).await;
    }

    pub async fn deletes(&self, comment: i64) {
        self.does(Method::DELETE, &format!("issues/comments/{comment}"), Value::Null).await;
    }

    pub async fn changes(&self, number: i64, what: Value) {
        self.does(Method::PATCH, &format!("issues/{number}"), what).await;
    }

    /// Only GitLab has that, so it is said in its own words. `number`: among the issues.
    pub async fn is_confidential(&self, number: i64, yes: bool) {
        let forge = self.w.forge(self.side);
        let token = forge.ensure_user(self.login, false, false).unwrap();
        let url = format!("{}/api/v4/projects/{}/issues/{number}", forge.url(), LIB.replace('/', "%2F"));
        self.w.clock.advance(2_000);
        let request = self.w.http.put(url).header("PRIVATE-TOKEN", token).json(&json!({"confidential": yes}));
        assert!(request.send().await.unwrap().status().is_success());
    }

    pub async fn labels(&self, number: i64, label: &str) {
        let kind = kind(self.w.pair.skin(self.side));
        let spelled = scopes::spelled(label, kind).into_owned();
        let wish = syndarix::sandbox::LabelWish {
            name: spelled.clone(),
            color: "00aa00".into(),
            description: String::new(),
            exclusive: kind == ForgeKind::Gitea && label.starts_with("priority/"),
        };
        let repo = if self.side == Side::Here { SHOP } else { LIB };
        self.w.forge(self.side).ensure_label(repo, &wish).unwrap();
        self.does(Method::POST, &format!("issues/{number}/labels"), json!({"labels": [spelled]})).await;
    }

    pub async fn unlabels(&self, number: i64, label: &str) {
        let worn = self.does(Method::GET, &format!("issues/{number}/labels"), Value::Null).await;
        let label = scopes::spelled(label, kind(self.w.pair.skin(self.side)));
        let id = worn.as_array().unwrap().iter().find(|one| one["name"] == *label).unwrap()["id"].clone();
        self.does(Method::DELETE, &format!("issues/{number}/labels/{id}"), Value::Null).await;
    }
}

async fn forge(dir: &std::path::Path, clock: &Clock, owner: &str, name: &str, people: &[&str]) -> Sandbox {
    let deliveries = DeliveryConfig { workers: 1, shuffle: None, ..DeliveryConfig::default() };
    let sandbox = Sandbox::start(SandboxConfig { clock: clock.clone(), deliveries, ..SandboxConfig::new(dir) }).await.unwrap();
    for login in people.iter().copied().chain([owner]) {
        sandbox.ensure_user(login, false, false).unwrap();
    }
    sandbox.ensure_user("syndarix", true, false).unwrap();
    sandbox.ensure_seeded(owner, name, SAMPLE).await.unwrap();
    let repo = format!("{owner}/{name}");
    for login in people {
        sandbox.set_permission(&repo, login, Permission::Write).unwrap();
    }
    sandbox.set_permission(&repo, "syndarix", Permission::Admin).unwrap();
    sandbox
}

fn config(dir: &std::path::Path, pair: Pair, keys: &str, here: &Sandbox, there: &Sandbox) -> Config {
    let own = dir.join("bot-config");
    std::fs::create_dir_all(own.join("projects")).unwrap();
    let project = format!("forge = \"home\"\nrepo = \"{SHOP}\"\n\n[link]\nforge = \"hub\"\nrepo = \"{LIB}\"\n{keys}\n");
    std::fs::write(own.join("projects").join("shop.toml"), project).unwrap();
    let block = |id: &str, kind: &str, forge: &Sandbox| {
        let token = forge.ensure_user("syndarix", true, false).unwrap();
        format!("[[forges]]\nid = {id:?}\nkind = {kind:?}\nurl = {:?}\ntoken = {token:?}\nhook_secret = {SECRET:?}\n\n", forge.url())
    };
    let text = format!(
        "data_dir = {:?}\nprojects = [{SHOP:?}]\nbot_config = {own:?}\n\n{}{}[timings]\nstatus_spacing_seconds = 0\naudit_spacing_seconds = 0\n",
        dir.join("bot"),
        block("home", pair.here.name(), here),
        block("hub", pair.there.name(), there),
    );
    let settings = Settings::read(&Env::of(Vec::<(&str, &str)>::new()), "settings.toml", &text).unwrap();
    let team = Team::load(settings.bot_config.as_deref()).unwrap();
    Config { settings, team, prompts: Prompts::load(None).unwrap() }
}
