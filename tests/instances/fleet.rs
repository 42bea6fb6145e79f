//! A forge with people who want stories, and as many instances as a test asks for.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, PgPool};
use syndarix::base::Clock;
use syndarix::cli::demo::people::{People, Voice};
use syndarix::cli::demo::story::{Story, Subject};
use syndarix::domain::audit::verify::Scope;
use syndarix::domain::audit::verify_files;
use syndarix::git::read_repo_at;
use syndarix::sandbox::{Sandbox, SandboxConfig};
use syndarix::store::{LaterMigration, Store, StoreUrl};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinSet;

use crate::page::{Seen, seen};
use crate::record::Books;
use crate::relay::Relay;

/// Leases in these tests, in seconds: of a turn, and of an agent's run.
pub const LEASE: u64 = 3;
/// How long stories may take, however busy the machine.
pub const PATIENCE: Duration = Duration::from_secs(240);
pub const SECRET: &str = "hook-secret-of-the-fleet";

pub struct Fleet {
    pub dir: tempfile::TempDir,
    pub sandbox: Sandbox,
    pub relay: Relay,
    pub database: String,
    /// Migrations that a newer program has brought beside those of this one.
    pub later: &'static [LaterMigration],
    /// Address of a model that instances ask instead of answering from the script.
    pub model: Option<String>,
    /// Variables of instances that are started from now on.
    pub variables: Vec<(&'static str, String)>,
    stories: Vec<(Arc<Story>, Arc<People>)>,
    pub instances: Vec<Instance>,
}

/// One serving process.
pub struct Instance {
    pub name: String,
    pub url: String,
    pub pid: Pid,
    child: Child,
    _stdin: Option<ChildStdin>,
}

impl Fleet {
    /// A forge with so many stories, each in a repository of its own, and no instance yet.
    pub async fn open(database: &str, stories: usize, copies: usize) -> Result<Fleet> {
        let dir = tempfile::tempdir()?;
        let sandbox = Sandbox::start(SandboxConfig::new(dir.path().join("forge"))).await?;
        let relay = Relay::start(copies).await;
        let mut all = Vec::new();
        for number in 0..stories {
            let subject = Subject::choose(None)?;
            let mut story = Story::open(&made(dir.path().join(format!("story-{number}")))?, &subject)?;
            story.name = format!("shop-{number}");
            story.repo = format!("acme/{}", story.name);
            let people = People::settle(&sandbox, &story, &subject, Voice::Silent).await?;
            sandbox.ensure_hook(Some(&story.repo), relay.url(), SECRET).map_err(|problem| anyhow::anyhow!("no hook: {problem}"))?;
            all.push((Arc::new(story), Arc::new(people)));
        }
        Ok(Fleet {
            dir,
            sandbox,
            relay,
            database: database.to_owned(),
            later: &[],
            model: None,
            variables: Vec::new(),
            stories: all,
            instances: Vec::new(),
        })
    }

    /// The settings of an instance with this name.
    pub fn settings(&self, name: &str) -> Result<PathBuf> {
        let data = self.dir.path().join(name);
        let projects: Vec<&str> = self.stories.iter().map(|(story, _)| story.repo.as_str()).collect();
        let store = if self.database.is_empty() { String::new() } else { format!("store_url = {:?}\n", self.database) };
        let text = format!(
            "data_dir = {data:?}\nlisten = \"127.0.0.1:0\"\nprojects = {projects:?}\nlog = \"info,syndarix::engine=debug\"\n{store}\n\
             [[forges]]\nid = \"sandbox\"\nkind = \"gitea\"\nurl = {forge:?}\ntoken = {token:?}\nhook_secret = {SECRET:?}\n\n\
             [timings]\nstatus_spacing_seconds = 0\naudit_spacing_seconds = 1\npoll_seconds = 5\n\
             subject_lease_seconds = {LEASE}\nrun_lease_seconds = {LEASE}\ncall_seconds = 10\n",
            forge = self.sandbox.url(),
            token = self.stories[0].1.bot_token(),
        );
        let path = self.dir.path().join(format!("{name}.toml"));
        std::fs::write(&path, text)?;
        std::fs::write(self.dir.path().join("script.json"), serde_json::to_string(self.stories[0].1.script())?)?;
        Ok(path)
    }

    /// Starts another instance and hands deliveries to it.
    pub async fn start(&mut self, name: &str) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log(name))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_syndarix"));
        command.arg("serve").arg("--with-parent").arg("--config").arg(self.settings(name)?);
        match &self.model {
            Some(url) => command.args(["--model", "ollama/qwen3-coder:30b"]).env("SYNDARIX_OLLAMA_URL", url),
            None => command.arg("--script").arg(self.dir.path().join("script.json")),
        };
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).env_remove("FAILPOINTS").env_remove("SYNDARIX_STORE_URL");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().context("it has an output")?).lines();
        let line = tokio::time::timeout(Duration::from_secs(90), lines.next_line()).await.context("it starts in time")??;
        let Some(line) = line else { bail!("{name} did not start: {}", self.messages(name)) };
        let url = line.strip_prefix("listening on ").context("it says where it listens")?.to_owned();
        let pid = Pid::from_raw(i32::try_from(child.id().context("it has an id")?)?).context("it has an id")?;
        self.relay.add_target(format!("{url}/hooks/sandbox"));
        self.instances.push(Instance { name: name.to_owned(), url, pid, child, _stdin: stdin });
        Ok(())
    }

    /// Lets an instance end in order.
    pub async fn stop_one(&mut self, name: &str) {
        let at = self.instances.iter().position(|one| one.name == name).unwrap();
        self.instances.remove(at).stop().await;
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }

    pub fn messages(&self, name: &str) -> String {
        // Without the colours of a terminal, which would stand between a name and its value.
        let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        colours.replace_all(&std::fs::read_to_string(self.log(name)).unwrap_or_default(), "").into_owned()
    }

    /// The last messages of all instances, for a test that failed.
    pub fn last_messages(&self) -> String {
        let tail = |name: &str| {
            let all = self.messages(name);
            let lines: Vec<&str> = all.lines().filter(|line| !line.contains("taken up")).collect();
            lines[lines.len().saturating_sub(25)..].join("\n")
        };
        self.instances.iter().map(|one| format!("== {}\n{}\n", one.name, tail(&one.name))).collect()
    }

    /// The people play their part in all stories at once, until every issue is closed.
    pub async fn play(&self) -> Result<()> {
        self.people_at_work().await.map_err(|error| error.context(self.last_messages()))
    }

    /// The same beside what a test does to the instances meanwhile.
    pub fn people_at_work(&self) -> impl Future<Output = Result<()>> + Send + 'static {
        self.people_of(0..self.stories.len())
    }

    /// The same in some of the stories.
    pub fn people_of(&self, stories: std::ops::Range<usize>) -> impl Future<Output = Result<()>> + Send + 'static {
        let mut all = JoinSet::new();
        for (story, people) in &self.stories[stories] {
            let (story, people) = (story.clone(), people.clone());
            all.spawn(async move {
                let subject = Subject::choose(None)?;
                people.play(&story, &subject, PATIENCE).await.map(drop)
            });
        }
        async move {
            while let Some(played) = all.join_next().await {
                played??;
            }
            Ok(())
        }
    }

    async fn store(&self) -> Result<Store> {
        let url: StoreUrl = match self.database.as_str() {
            "" => StoreUrl::Sqlite(self.dir.path().join("a").join("syndarix.db")),
            url => url.parse()?,
        };
        Ok(Store::open_as_later(&url, Clock::System, self.later).await?)
    }

    /// Waits until nothing is left to do, then checks each story: nothing lost, nothing twice, the record whole. `interruptions`: how
    /// often an instance or the database was stopped, each of which may have left one model call unsettled in each story.
    pub async fn ends_well(&self, interruptions: usize) -> Result<Vec<Seen>> {
        let store = self.store().await?;
        let ended = self.check(&store, interruptions).await;
        store.close().await;
        ended.map_err(|error| error.context(self.last_messages()))
    }

    async fn check(&self, store: &Store, interruptions: usize) -> Result<Vec<Seen>> {
        let mut all = Vec::new();
        self.sandbox.settled().await;
        for (story, people) in &self.stories {
            let books = Books::over(store.clone(), &story.repo).await?;
            books.settled(PATIENCE).await?;
            let (booked, rows) = books.rows(interruptions).await?;
            self.record_holds(&books, rows)?;
            all.push(seen(&self.sandbox, &story.repo, people, &booked.names).await?);
        }
        Ok(all)
    }

    /// Every instance's copy of the record verifies, and the fullest holds everything.
    fn record_holds(&self, books: &Books, rows: usize) -> Result<()> {
        let mut most = 0;
        for data in std::fs::read_dir(self.dir.path())?.filter_map(|entry| Some(entry.ok()?.path())) {
            let repo = data.join("record").join(format!("{}.git", books.project()));
            if let Ok(files) = read_repo_at(&repo, None) {
                let report = verify_files(files, Scope::default());
                ensure!(report.holds(), "the copy in {} does not verify: {report:?}", data.display());
                most = most.max(report.entries());
            }
        }
        ensure!(most == rows as u64, "the record holds {most} entries, the journal {rows} rows");
        Ok(())
    }

    /// Every delivery that was acknowledged is in the inbox.
    pub async fn keeps_what_it_acknowledged(&self) -> Result<usize> {
        let pool = PgPool::connect(&self.database).await?;
        let stored: Vec<String> = sqlx::query_scalar("select delivery_id from inbox").fetch_all(&pool).await?;
        pool.close().await;
        let acknowledged = self.relay.acknowledged();
        for id in &acknowledged {
            ensure!(stored.contains(id), "delivery {id} was acknowledged and is not there");
        }
        Ok(acknowledged.len())
    }

    pub async fn stop(mut self) {
        for instance in self.instances.drain(..) {
            instance.stop().await;
        }
        self.sandbox.stop().await;
    }
}

impl Instance {
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Waits until it has ended by itself; `None`: it was killed by a signal.
    pub async fn exit_code(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap().code()
    }

    /// Lets it end in order.
    pub async fn stop(mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.signal(Signal::CONT);
            self.signal(Signal::TERM);
        }
        if tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await.is_err() {
            self.child.kill().await.unwrap();
        }
    }
}

/// Who holds a run of an agent right now: run and owner.
pub async fn run_under_way(connection: &mut PgConnection) -> Option<(uuid::Uuid, String)> {
    let sql = "select id, owner from work where kind = 'run' and owner is not null
        and lease_until > (extract(epoch from clock_timestamp()) * 1000000)::bigint limit 1";
    sqlx::query_as(sql).fetch_optional(connection).await.unwrap()
}

pub async fn owner_of(connection: &mut PgConnection, run: uuid::Uuid) -> Option<String> {
    let sql = "select owner from work where kind = 'run' and id = $1";
    sqlx::query_scalar::<_, Option<String>>(sql).bind(run).fetch_optional(connection).await.unwrap().flatten()
}

pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

/// The page of a story that one instance brought to its end without any trouble.
pub async fn reference(database: &str) -> Result<Seen> {
    let mut fleet = Fleet::open(database, 1, 1).await?;
    fleet.start("a").await?;
    fleet.play().await?;
    let seen = fleet.ends_well(0).await?.remove(0);
    fleet.stop().await;
    Ok(seen)
}

fn made(dir: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Runs the people's part beside what a test does to the instances.
pub fn beside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinSet<T> {
    JoinSet::from_iter([work])
}
