//! The world of a scenario: the sandbox forge, the shipped program that serves it over HTTP, and a clock that only moves when people act
//! or when everybody waits for a time that is set.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use syndarix::app::{App, Options};
use syndarix::base::{Clock, Time};
use syndarix::config::{Config, Env, Prompts, Settings, Team};
use syndarix::engine::reconcile;
use syndarix::forge::Timeouts;
use syndarix::llm::Provider;
use syndarix::llm::scripted::{Rule, Script};
use syndarix::sandbox::seed::SAMPLE;
use syndarix::sandbox::{DeliveryConfig, Permission, Sandbox, SandboxConfig, Skin};
use syndarix::store::WorkKind;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::account;
pub use super::account::skin;
use super::model::Model;
use super::people::Person;
use super::reader::Reader;
use super::tongue::Tongue;

pub const REPO: &str = "acme/shop";
/// A project that has nothing to do with any scenario.
pub const IDLE: &str = "acme/attic";
pub const CANARY: &str = "Nobody works here";
pub const HOOK_SECRET: &str = "hook-secret-canary-7f3a";
pub const PROVIDER_KEY: &str = "provider-key-canary-91bc";
/// How far the clock may move by itself until everything must be quiet, in milliseconds.
const PATIENCE: i64 = 10 * 60 * 1000;

/// From the forge's own address to the one at which it is reached.
pub type Between = Box<dyn Fn(&str) -> String + Send + Sync>;

/// True where a review's text is no comment, an approval names its commit, and everybody who may read may approve: not on GitLab, where
/// reviews are notes and votes of members.
pub fn has_reviews() -> bool {
    skin() != Skin::GitLab
}

/// What a scenario begins with.
pub struct Setup {
    pub rules: Vec<Rule>,
    /// Keys for the project's `[policy]`.
    pub policy: String,
    /// Price of the scripted model, as in `models.toml`.
    pub price: String,
    pub deliveries: DeliveryConfig,
    pub store: Option<String>,
    /// Gives the address at which the program reaches the forge, when something stands between: it is told the forge's own.
    pub between: Option<Between>,
    /// Answers in place of the scripted model.
    pub provider: Option<Arc<dyn Provider>>,
    pub timeouts: Option<Timeouts>,
    /// What the settings list as `projects`.
    pub projects: Vec<String>,
    /// Further repositories of `acme`, each with its files.
    pub more: Vec<(&'static str, Vec<(&'static str, &'static str)>)>,
    /// Where the team is followed, in place of a directory, as the settings name it.
    pub config_repo: Option<String>,
}

impl From<Vec<Rule>> for Setup {
    fn from(rules: Vec<Rule>) -> Setup {
        let deliveries = DeliveryConfig { workers: 1, shuffle: None, ..DeliveryConfig::default() };
        Setup {
            rules,
            policy: String::new(),
            price: String::new(),
            deliveries,
            store: None,
            between: None,
            provider: None,
            timeouts: None,
            projects: vec![REPO.into(), IDLE.into()],
            more: Vec::new(),
            config_repo: None,
        }
    }
}

/// Rules with keys for the project's policy.
pub fn policy(rules: Vec<Rule>, keys: &str) -> Setup {
    Setup { policy: keys.into(), ..Setup::from(rules) }
}

pub struct World {
    pub clock: Clock,
    pub sandbox: Arc<Sandbox>,
    pub app: Arc<App>,
    pub http: reqwest::Client,
    pub model: Arc<Model>,
    pub script: Script,
    pub data: PathBuf,
    pub hook: String,
    reader: Mutex<Reader>,
    web: JoinSet<()>,
    setup: Setup,
    dir: tempfile::TempDir,
    _pages: Pages,
}

impl World {
    pub async fn new(setup: impl Into<Setup>) -> World {
        let setup = setup.into();
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Time::parse("2026-08-03T09:00:00Z").unwrap());
        let sandbox = Arc::new(forge(dir.path().join("forge"), &clock, &setup).await);
        let script = Script { name: "scenario".into(), rules: setup.rules.clone() };
        let model = Arc::new(Model::new(script.clone(), sandbox.clone()));
        let data = dir.path().join("bot");
        let config = config(dir.path(), &data, &setup, &sandbox);
        let provider = setup.provider.clone().unwrap_or_else(|| model.clone());
        let options = Options { clock: clock.clone(), provider: Some(provider), timeouts: setup.timeouts, ..Options::default() };
        let app = Arc::new(App::open(config, options).await.unwrap());
        model.serves(&app.engine);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = format!("http://{}/hooks/sandbox", listener.local_addr().unwrap());
        let routes = app.routes();
        let web = JoinSet::from_iter([async move { axum::serve(listener, routes.into_make_service()).await.unwrap() }]);
        let builder = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy();
        let http = builder.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let pages = Pages(sandbox.clone());
        let reader = Mutex::new(Reader::new(Tongue::of(skin())));
        let w = World { clock, sandbox, app, http, model, script, data, hook, reader, web, setup, dir, _pages: pages };
        w.hooks_work();
        let idle = serde_json::json!({"title": CANARY, "body": "Leave this alone."});
        let url = format!("{}/api/v1/repos/{IDLE}/issues", w.sandbox.url());
        let opened = w.http.post(url).header("Authorization", format!("token {}", w.token("alice"))).json(&idle).send().await.unwrap();
        assert!(opened.status().is_success());
        w
    }

    /// The program ends, and another one begins on the same store and at the same address.
    #[allow(dead_code, reason = "not every test that plays in this world stops the program")]
    pub async fn restarted(mut self) -> World {
        self.web.shutdown().await;
        let config = config(self.dir.path(), &self.data, &self.setup, &self.sandbox);
        let provider = self.setup.provider.clone().unwrap_or_else(|| self.model.clone());
        let options = Options { clock: self.clock.clone(), provider: Some(provider), timeouts: self.setup.timeouts, ..Options::default() };
        let World { app, clock, sandbox, http, model, script, data, hook, reader, web: _, setup, dir, _pages } = self;
        let ended = Arc::into_inner(app).expect("nobody holds on to the program that ended");
        ended.engine.store.close().await;
        drop(ended);
        let app = Arc::new(App::open(config, options).await.unwrap());
        let address = hook.trim_start_matches("http://").split('/').next().unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let routes = app.routes();
        let web = JoinSet::from_iter([async move { axum::serve(listener, routes.into_make_service()).await.unwrap() }]);
        World { clock, sandbox, app, http, model, script, data, hook, reader, web, setup, dir, _pages }
    }

    /// The forge tells the program what happens.
    pub fn hooks_work(&self) {
        for repo in [REPO, IDLE] {
            self.sandbox.ensure_hook_in(skin(), Some(repo), &self.hook, HOOK_SECRET).unwrap();
        }
    }

    /// Writer; asks for the stories.
    pub fn alice(&self) -> Person<'_> {
        Person { w: self, login: "alice" }
    }

    /// Writer.
    pub fn bob(&self) -> Person<'_> {
        Person { w: self, login: "bob" }
    }

    /// May only read.
    pub fn rita(&self) -> Person<'_> {
        Person { w: self, login: "rita" }
    }

    /// Maintainer.
    pub fn mona(&self) -> Person<'_> {
        Person { w: self, login: "mona" }
    }

    /// The bot's own account, used by hand.
    pub fn bot(&self) -> Person<'_> {
        Person { w: self, login: account::login() }
    }

    pub fn token(&self, login: &str) -> String {
        self.sandbox.ensure_user(login, login == account::login(), false).unwrap()
    }

    /// Reads with Alice's eyes.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.alice().request(Method::GET, path, &Value::Null).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    pub async fn head_of(&self, pull: i64) -> String {
        self.get(&format!("pulls/{pull}")).await["head"]["sha"].as_str().unwrap().to_owned()
    }

    /// Until nothing is due, nothing is on its way, and nobody waits for a time that comes soon. Only the record is not pushed yet: on a
    /// server it is pushed a few times a minute at most, and here a conversation takes none. See [`World::publishes`].
    pub async fn settle(&self) {
        self.settle_kinds(&but_pushes()).await;
    }

    /// Until all that came is read and decided upon. Nothing of what was decided is done.
    pub async fn reads(&self) {
        self.settle_kinds(&[WorkKind::Intake, WorkKind::Turn]).await;
    }

    /// Until the record is pushed, too.
    pub async fn publishes(&self) {
        self.settle_kinds(WorkKind::ALL).await;
    }

    async fn settle_kinds(&self, kinds: &[WorkKind]) {
        let until = self.clock.now().plus_millis(PATIENCE);
        for _ in 0..500 {
            self.sandbox.settled().await;
            let mut worked = false;
            while let Some(claim) = self.app.engine.claim(kinds).await.unwrap() {
                Box::pin(self.app.engine.work(claim)).await.unwrap();
                worked = true;
            }
            if worked || self.sandbox.undelivered() > 0 {
                continue;
            }
            match self.app.engine.store.next_due(kinds).await.unwrap() {
                Some(at) if at <= until => self.clock.advance(((at.0 - self.clock.now().0) / 1_000 + 1).max(1)),
                Some(at) => panic!("work is put off until {at}, longer than anybody waits"),
                None => return,
            }
        }
        panic!("the program never comes to rest");
    }

    /// The regular comparison with the forge, and what follows from it.
    pub async fn looks(&self) {
        reconcile::look(&self.app.engine).await.unwrap();
        self.settle().await;
    }

    /// The search for repositories that fit a pattern, and the first looks at what it finds.
    pub async fn discovers(&self) {
        let store = &self.app.engine.store;
        store.schedule(WorkKind::Look, uuid::Uuid::nil(), None, None, None).await.unwrap();
        while let Some(claim) = self.app.engine.claim(&[WorkKind::Look]).await.unwrap() {
            self.app.engine.work(claim).await.unwrap();
        }
        self.settle().await;
    }

    /// The whole page.
    pub fn page(&self, number: i64) -> String {
        let page = self.sandbox.page(REPO, number).unwrap();
        self.reader.lock().unwrap().plain(&self.sandbox, &page)
    }

    /// State and labels, and what is new on the page since the last look.
    pub fn news(&self, number: i64) -> String {
        let page = self.sandbox.page(REPO, number).unwrap();
        self.reader.lock().unwrap().news(&self.sandbox, number, &page)
    }

    pub fn status(&self, number: i64) -> String {
        let page = self.sandbox.page(REPO, number).unwrap();
        self.reader.lock().unwrap().status(&self.sandbox, &page)
    }

    /// A label as people see it on this forge.
    pub fn label(&self, name: &str) -> String {
        self.reader.lock().unwrap().tongue.label(name)
    }

    /// A label as the program calls it.
    pub fn plain_label(&self, shown: &str) -> String {
        self.reader.lock().unwrap().tongue.plain_label(shown)
    }

    /// What a person would write on this forge to say `text`.
    pub fn said(&self, text: &str) -> String {
        self.reader.lock().unwrap().tongue.said(&self.sandbox, text)
    }

    /// A page in the words of every forge, with all that else differs from one run to the next.
    pub fn heard(&self, page: &str) -> String {
        self.reader.lock().unwrap().tongue.heard(&self.sandbox, page)
    }

    /// The number that the program knows this issue or pull request by.
    pub fn own(&self, number: i64) -> i64 {
        self.reader.lock().unwrap().tongue.own(&self.sandbox, number)
    }

    /// The number at the forge of what the program knows by this one.
    pub fn shared(&self, own: i64) -> i64 {
        self.reader.lock().unwrap().tongue.shared(&self.sandbox, own)
    }

    /// The newest pull request.
    pub fn pull(&self) -> i64 {
        *self.sandbox.pull_numbers(REPO).unwrap().last().expect("there is no pull request")
    }

    /// Alice opens the issue that most scenarios are about and asks for a plan.
    pub async fn story_is_planned(&self) -> i64 {
        let issue = self.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        self.alice().comments(issue, "/syndarix plan").await;
        self.settle().await;
        issue
    }

    /// A story whose plan Alice has approved and whose code the reviewer has accepted. Issue and pull request.
    pub async fn story_is_reviewed(&self) -> (i64, i64) {
        let issue = self.story_is_planned().await;
        let pull = self.pull();
        self.alice().comments(pull, "/syndarix approve").await;
        self.settle().await;
        self.news(issue);
        self.news(pull);
        (issue, pull)
    }
}

/// The pages as they were when a scenario failed.
struct Pages(Arc<Sandbox>);

impl Drop for Pages {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let numbers = self.0.numbers(REPO).unwrap_or_default();
            for page in numbers.iter().filter_map(|one| self.0.page(REPO, one.shared).ok()) {
                println!("=====\n{page}");
            }
        }
    }
}

/// All that comes to an end, less pushing the record.
fn but_pushes() -> Vec<WorkKind> {
    WorkKind::ALL.iter().copied().filter(|kind| *kind != WorkKind::PushAudit).collect()
}

async fn forge(dir: PathBuf, clock: &Clock, setup: &Setup) -> Sandbox {
    let config = SandboxConfig { clock: clock.clone(), deliveries: setup.deliveries.clone(), ..SandboxConfig::new(dir) };
    let sandbox = Sandbox::start(config).await.unwrap();
    for login in ["acme", "alice", "bob", "rita", "mona"] {
        sandbox.ensure_user(login, false, false).unwrap();
    }
    let more = setup.more.iter().map(|(name, files)| (*name, files.as_slice()));
    let mut repos = Vec::new();
    for (name, files) in [("shop", SAMPLE), ("attic", SAMPLE)].into_iter().chain(more) {
        sandbox.ensure_seeded("acme", name, files).await.unwrap();
        let repo = format!("acme/{name}");
        let rights = [("alice", Permission::Write), ("bob", Permission::Write), ("rita", Permission::Read), ("mona", Permission::Admin)];
        for (login, permission) in rights {
            sandbox.set_permission(&repo, login, permission).unwrap();
        }
        repos.push(repo);
    }
    account::ensure(&sandbox, &repos);
    sandbox
}

pub fn config(dir: &std::path::Path, data: &std::path::Path, setup: &Setup, sandbox: &Sandbox) -> Config {
    let own = dir.join("bot-config");
    std::fs::create_dir_all(own.join("projects")).unwrap();
    let project = format!("forge = \"sandbox\"\nrepo = \"{REPO}\"\n\n[policy]\n{}\n", setup.policy);
    std::fs::write(own.join("projects").join("shop.toml"), project).unwrap();
    if !setup.price.is_empty() {
        let models = include_str!("../../bot-config/models.toml");
        let section = "[models.\"scripted/story\"]";
        assert!(models.contains(section));
        std::fs::write(own.join("models.toml"), models.replace(section, &format!("{section}\nprice = {}", setup.price))).unwrap();
    }
    let team = match &setup.config_repo {
        Some(place) => format!("config_repo = {place:?}"),
        None => format!("bot_config = {own:?}"),
    };
    let text = format!(
        "data_dir = {data:?}\nprojects = {projects:?}\n{team}\n\n\
         [[forges]]\nid = \"sandbox\"\nkind = {kind:?}\nurl = {url:?}\n{account}\nhook_secret = {HOOK_SECRET:?}\n\n\
         [timings]\nstatus_spacing_seconds = 0\naudit_spacing_seconds = 0\n",
        projects = setup.projects,
        kind = skin().name(),
        url = setup.between.as_ref().map_or_else(|| sandbox.url(), |between| between(&sandbox.url())),
        account = account::settings(sandbox, dir),
    );
    let mut variables = vec![("SYNDARIX_OPENAI_API_KEY", PROVIDER_KEY)];
    variables.extend(setup.store.as_deref().map(|url| ("SYNDARIX_STORE_URL", url)));
    let settings = Settings::read(&Env::of(variables), "settings.toml", &text).unwrap();
    let team = Team::load(settings.bot_config.as_deref()).unwrap();
    let prompts = Prompts::load(None).unwrap();
    Config { settings, team, prompts }
}
