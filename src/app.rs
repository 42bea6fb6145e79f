//! The composition root: the only room that names concrete forges, model wires and stores together.

mod github;
mod models;
mod open;
mod rules;
pub mod team;

pub use open::{embedded_database, fresh_secret, look_at_store, open_forge, open_host, open_store, repo_on_forge};

use open::{connection, lock, store_url};
use rules::Made;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::base::secret::ExposeSecret;
use crate::base::text::sha256_hex;
use crate::config::endings::Endings;
use crate::config::{Config, Retention};
use crate::domain::forge::RepoRef;
use crate::engine::hot::Hot;
use crate::engine::otlp::{self, Exporter};
use crate::engine::reconcile::cadence::Bounds;
use crate::engine::supervisor::Supervisor;
use crate::engine::{Connection, Engine, Timings, endings, prune, reconcile, team as followed, upkeep};
use crate::forge::ForgeError;
use crate::forge::Timeouts;
use crate::git::FetchLimits;
use crate::llm::{Provider, Script};
use crate::store::{LaterMigration, NewProject, ServingLock, Store, WorkKind};
use crate::web::{self, Hook, WebState};

/// What a caller may decide beside the configuration.
#[derive(Clone, Default)]
pub struct Options {
    pub clock: Clock,
    /// Answers all model calls from this script instead of a model.
    pub script: Option<Script>,
    /// Answers all model calls in place of a model. Goes by the name of the scripted provider of the configuration.
    pub provider: Option<Arc<dyn Provider>>,
    /// Answers all model calls with this model, `provider/name`.
    pub model: Option<String>,
    /// Hard limit of every story, in US dollars.
    pub max_usd: Option<f64>,
    /// How long to wait for another process to let go of the embedded database. Zero: refuse at once.
    pub lock_patience: Duration,
    /// How long forges may take to answer, where that differs from what the driver thinks right.
    pub timeouts: Option<Timeouts>,
    /// Migrations of a later version of this program, brought beside its own.
    pub later: Vec<LaterMigration>,
}

/// Syndarix, put together and ready to serve.
pub struct App {
    pub engine: Arc<Engine>,
    web: WebState,
    retention: Retention,
    drain: Duration,
    /// Sends traces, where that is set.
    exporter: std::sync::Mutex<Option<Exporter>>,
    /// Held as long as this process serves the embedded database.
    _lock: ServingLock,
}

impl App {
    /// Opens the store, asks each forge who the bot is, and registers the configured projects.
    pub async fn open(config: Config, options: Options) -> Result<App> {
        let data = config.settings.data_dir.clone();
        std::fs::create_dir_all(&data).with_context(|| format!("the data directory {} cannot be made", data.display()))?;
        let store = Store::open_as_later(&store_url(&config, &data)?, options.clock.clone(), &options.later).await?;
        let lock = lock(&store, options.lock_patience).await?;
        let freed = store.take_over(&lock).await?;
        if freed > 0 {
            tracing::info!(items = freed, "taking up work that was under way when the last process ended");
        }
        let limits = fetch_limits(&config);
        let mut connections = Vec::new();
        for settings in &config.settings.forges {
            connections.push(connection(settings, config.settings.timings.call, &options).await?);
        }
        let hooks = connections
            .iter()
            .map(|connection| (connection.id.clone(), Hook::new(connection.forge.clone(), connection.hook_secret.clone())))
            .collect();
        let forges: Vec<_> = connections.iter().map(|connection| (connection.id.clone(), connection.forge.clone())).collect();
        let place = team::place(&config, &forges)?;
        let begun = team::begin(config, place, &store, limits).await?;
        let config = begun.config.clone();
        let made = Made { connections: connections.clone(), options: options.clone(), config_repo: begun.place() };
        let in_force = made.in_force(&config, begun.commit())?;
        let owner = format!("{}-{}", std::process::id(), options.clock.now().0);
        let (traces, exporter) = otlp::connect(config.settings.otlp_endpoint.as_deref(), &owner).map_err(anyhow::Error::msg)?;
        let engine = Engine {
            hot: Hot::new(in_force),
            source: team::source(begun, made),
            timings: timings(&config),
            owner,
            marker_key: marker_key(&connections),
            redactor: config.redactor(),
            traces: traces.clone(),
            clock: options.clock.clone(),
            store: store.clone(),
            connections,
            data,
            fetch: limits,
            latest: AtomicI64::new(options.clock.now().0),
            endings: Endings::default(),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        register_projects(&engine, &config).await?;
        let web = WebState {
            store,
            clock: options.clock,
            hooks: Arc::new(hooks),
            data_dir: engine.data.clone(),
            stopping: engine.stopping.clone(),
            team: engine.source.as_ref().map(|source| source.standing.clone()),
            endings: engine.endings.clone(),
            metrics: web::Kept::default(),
            metrics_need_token: config.settings.metrics_need_token,
            pace: web::Pace::default(),
            traces,
            redactor: engine.redactor.clone(),
        };
        Ok(App {
            engine: Arc::new(engine),
            web,
            retention: config.settings.retention,
            drain: config.settings.timings.drain,
            exporter: exporter.into(),
            _lock: lock,
        })
    }

    /// What is served over HTTP.
    pub fn routes(&self) -> web::Router {
        web::router(self.web.clone())
    }

    /// Does everything that is due, one piece after the other. `false`: there was nothing to do.
    pub async fn settle_once(&self) -> Result<bool> {
        let mut worked = false;
        while let Some(claim) = self.engine.claim(WorkKind::ALL).await? {
            self.engine.work(claim).await?;
            worked = true;
        }
        Ok(worked)
    }

    /// Serves until `stop` is cancelled, then drains for as long as the settings say, and hands over what did not end.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> Result<()> {
        self.serve_until(listener, stop, CancellationToken::new()).await
    }

    /// The same; when `at_once` is cancelled nothing is waited for any more: everything is cut off where it is, and handed over. Fails
    /// when it stopped because a part of it ended that should not.
    pub async fn serve_until(self, listener: TcpListener, stop: CancellationToken, at_once: CancellationToken) -> Result<()> {
        reconcile::begin(&self.engine).await?;
        let mut supervisor = Supervisor::new(stop.clone());
        supervisor.run_engine(&self.engine);
        supervisor.take("prune", prune::run(self.engine.clone(), self.retention, stop.clone()));
        if self.engine.source.is_some() {
            supervisor.take("config", followed::run(self.engine.clone(), stop.clone()));
        }
        supervisor.take("endings", endings::run(self.engine.clone(), stop.clone()));
        supervisor.take("upkeep", upkeep::run(self.engine.clone(), stop.clone()));
        let store = self.engine.store.clone();
        let stopped = stop.clone();
        supervisor.take("notices", async move {
            tokio::select! { () = store.keep_in_touch() => {}, () = stopped.cancelled() => {} }
        });
        supervisor.take("web", web::serve(listener, self.web.clone(), stop.clone()));
        if let Some(exporter) = self.exporter.lock().ok().and_then(|mut slot| slot.take()) {
            supervisor.take("traces", exporter.run(stop.clone()));
        }
        let broken = supervisor.broken();
        // Dropped unfinished, the supervisor cuts its tasks off.
        tokio::select! { () = supervisor.wait(self.drain) => {}, () = at_once.cancelled() => {} }
        let left = self.engine.store.let_go(&self.engine.owner).await?;
        if left > 0 {
            tracing::info!(items = left, "handed over work that did not end in time");
        }
        self.engine.store.close().await;
        match broken.get() {
            Some(name) => {
                bail!("stopped because its part `{name}` ended, which should not happen; the log says more. It can be started again")
            }
            None => Ok(()),
        }
    }
}

/// The lock of the serving process. One that is just ending is waited for.
/// Every repository that is named in full becomes a project. What fits a pattern is looked for again and again; see [`reconcile`].
async fn register_projects(engine: &Engine, config: &Config) -> Result<()> {
    for connection in &engine.connections {
        for path in config.settings.projects.named() {
            // On this forge it is the second place of another project.
            if engine.hot.get().rules.linked_to(&connection.id, path).is_some() {
                continue;
            }
            match connection.forge.repo(&RepoRef { id: 0, path: path.to_owned() }).await {
                Ok(repo) => {
                    let new =
                        NewProject { forge: connection.id.clone(), repo_id: repo.id, path: repo.path, default_branch: repo.default_branch };
                    let project = engine.store.ensure_project(&new).await?;
                    if project.known_as != path {
                        engine.store.set_known_as(project.id, path).await?;
                    }
                }
                // Its file says that it is on another forge.
                Err(ForgeError::NotFound(_)) if is_elsewhere(config, &connection.id, path) => {}
                Err(ForgeError::NotFound(_)) => {
                    tracing::warn!(forge = connection.id, "the repository {path} is not there, or the bot's account may not see it");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Whether there are files for a project of this name, and none of them is about this forge.
fn is_elsewhere(config: &Config, forge: &str, path: &str) -> bool {
    let mut files = config.team.projects.iter().filter(|project| project.repo.eq_ignore_ascii_case(path)).peekable();
    files.peek().is_some() && files.all(|project| project.forge != forge)
}

/// Markers are signed so that nobody can plant one. The key follows from the hook secrets: the same on every instance, new when they change.
fn marker_key(connections: &[Connection]) -> Vec<u8> {
    let secrets: String = connections.iter().map(|connection| connection.hook_secret.expose_secret()).collect();
    sha256_hex(format!("syndarix marker key\0{secrets}")).into_bytes()
}

fn timings(config: &Config) -> Timings {
    let set = &config.settings.timings;
    Timings {
        lease: set.subject_lease,
        run_lease: set.run_lease,
        call: set.call,
        status_spacing: set.status_spacing,
        audit_spacing: set.audit_spacing,
        poll: set.idle,
        looks: Bounds { quick: set.poll_quick.min(set.poll), slow: set.poll },
        ..Timings::default()
    }
}

fn fetch_limits(config: &Config) -> FetchLimits {
    let (set, standard) = (&config.settings.git, FetchLimits::default());
    FetchLimits {
        bytes: set.max_fetch_megabytes.map_or(standard.bytes, |megabytes| megabytes.saturating_mul(1_000_000)),
        objects: set.max_fetch_objects.unwrap_or(standard.objects),
    }
}
