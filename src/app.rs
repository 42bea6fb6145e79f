//! The composition root: the only file that names concrete forges, model wires and stores together.

pub mod team;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::base::Nano;
use crate::base::secret::{ExposeSecret, SecretString};
use crate::base::text::sha256_hex;
use crate::config::{Config, ForgeSettings, ProjectPolicy, Retention};
use crate::domain::budget::{Catalog, Limits, ModelRef, Wire};
use crate::domain::forge::{ForgeKind, GitRemote, RepoRef, Sha};
use crate::domain::workflow::facts::Policy;
use crate::engine::hot::{Hot, InForce};
use crate::engine::otlp::{self, Exporter};
use crate::engine::reconcile::cadence::Bounds;
use crate::engine::supervisor::Supervisor;
use crate::engine::world::{ProjectRules, Rules};
use crate::engine::{Connection, Engine, Timings, prune, reconcile, team as followed, upkeep};
use crate::forge::gitea::{GiteaConfig, GiteaForge, GiteaHost, Timeouts};
use crate::forge::{Forge, ForgeError, Host};
use crate::git::{AuditRemote, FetchLimits};
use crate::llm::{Endpoint, Gateway, Http, HttpOptions, Provider, RetryPolicy, Script, Scripted, connect};
use crate::store::{LaterMigration, NewProject, Schema, ServingLock, Store, StoreError, StoreUrl, WorkKind};
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
async fn lock(store: &Store, patience: Duration) -> Result<ServingLock> {
    let step = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    loop {
        match store.lock_for_serving() {
            Err(StoreError::Locked { .. }) if waited < patience => waited += step,
            other => return Ok(other?),
        }
        tokio::time::sleep(step).await;
    }
}

/// Opens the database of this configuration beside a process that may be serving it.
pub async fn open_store(config: &Config, clock: Clock) -> Result<Store> {
    let url = store_url(config, &config.settings.data_dir)?;
    if let StoreUrl::Sqlite(path) = &url
        && !path.exists()
    {
        bail!("there is no database at {}; name the settings file that `syndarix serve` uses with --config", path.display());
    }
    Ok(Store::open(&url, clock).await?)
}

/// How the database of this configuration stands to what this program knows; nothing is changed. An embedded one has to be there.
pub async fn look_at_store(config: &Config) -> Result<Schema> {
    Ok(Store::look_at(&store_url(config, &config.settings.data_dir)?).await?)
}

/// Where the embedded database of this configuration is; `None` when it uses PostgreSQL.
pub fn embedded_database(config: &Config) -> Result<Option<PathBuf>> {
    Ok(match store_url(config, &config.settings.data_dir)? {
        StoreUrl::Sqlite(path) => Some(path),
        StoreUrl::Postgres { .. } => None,
    })
}

fn store_url(config: &Config, data: &Path) -> Result<StoreUrl> {
    Ok(match &config.settings.store_url {
        Some(url) => url.expose_secret().parse::<StoreUrl>()?,
        None => StoreUrl::Sqlite(data.join("syndarix.db")),
    })
}

/// The driver for a forge, which asks nothing yet.
pub fn open_forge(settings: &ForgeSettings, call: Duration, timeouts: Option<Timeouts>, clock: &Clock) -> Result<Arc<dyn Forge>> {
    let (ForgeKind::Gitea | ForgeKind::Forgejo) = settings.kind else {
        bail!("the forge `{}` is of kind {:?}; this version speaks to Gitea and Forgejo", settings.id, settings.kind)
    };
    let standard = Timeouts::default();
    let config = GiteaConfig {
        base_url: settings.url.clone(),
        token: settings.token.clone(),
        timeouts: timeouts.unwrap_or(Timeouts { total: call, connect: standard.connect.min(call), ..standard }),
        kind: settings.kind,
    };
    let forge = GiteaForge::new(config).map_err(anyhow::Error::msg)?.with_clock(clock.clone());
    Ok(Arc::new(match &settings.public_url {
        Some(url) => forge.with_public_url(url),
        None => forge,
    }))
}

/// A Gitea or Forgejo with the eyes of its administrator, who signs in by name and password. It asks nothing yet.
pub fn open_host(url: &str, login: &str, password: &SecretString) -> Result<Box<dyn Host>> {
    Ok(Box::new(GiteaHost::new(url, login, password, Timeouts::default()).map_err(anyhow::Error::msg)?))
}

/// The repository on this forge that an address of a Git repository names, as `owner/name`.
pub fn repo_on_forge(settings: &ForgeSettings, address: &str) -> Option<String> {
    let path = address.strip_prefix(&settings.url)?.strip_prefix('/')?;
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (path.split('/').filter(|part| !part.is_empty()).count() == 2 && path.matches('/').count() == 1).then(|| path.to_owned())
}

/// Connects to a forge. One that is still starting is given half a minute.
async fn connection(settings: &ForgeSettings, call: Duration, options: &Options) -> Result<Connection> {
    let forge = open_forge(settings, call, options.timeouts, &options.clock)?;
    let mut tries = 0;
    let bot = loop {
        match forge.whoami().await {
            Ok(bot) => break bot,
            Err(error) if error.is_transient() && tries < 10 => {
                tries += 1;
                tracing::info!(forge = settings.id, "the forge does not answer yet: {error}");
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            Err(ForgeError::Unauthorized(text)) => bail!("the forge `{}` does not accept the bot's token: {text}", settings.id),
            Err(error) => bail!("the forge `{}` at {} cannot be used: {error}", settings.id, settings.url),
        }
    };
    Ok(Connection { id: settings.id.clone(), forge, bot, hook_secret: settings.hook_secret.clone() })
}

/// Every repository that is named in full becomes a project. What fits a pattern is looked for again and again; see [`reconcile`].
async fn register_projects(engine: &Engine, config: &Config) -> Result<()> {
    for connection in &engine.connections {
        for path in config.settings.projects.named() {
            match connection.forge.repo(&RepoRef { id: 0, path: path.to_owned() }).await {
                Ok(repo) => {
                    let new =
                        NewProject { forge: connection.id.clone(), repo_id: repo.id, path: repo.path, default_branch: repo.default_branch };
                    let project = engine.store.ensure_project(&new).await?;
                    if project.known_as != path {
                        engine.store.set_known_as(project.id, path).await?;
                    }
                }
                Err(ForgeError::NotFound(_)) => {
                    tracing::warn!(forge = connection.id, "the repository {path} is not there, or the bot's account may not see it");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
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

/// What stays the same while the team's configuration changes.
struct Made {
    connections: Vec<Connection>,
    options: Options,
    /// `owner/name` of the followed configuration, and the folder in it.
    config_repo: Option<(String, String)>,
}

impl Made {
    /// A configuration, ready for use.
    fn in_force(&self, config: &Config, commit: Option<&Sha>) -> Result<InForce> {
        let mut rules = rules(config, &self.connections, self.options.max_usd);
        if let Some((path, folder)) = &self.config_repo {
            // What changes the configuration is critical at every level, where agents work on it.
            let own = rules.projects.get(path).unwrap_or(&rules.default).clone();
            let guarded = ProjectRules { protected: own.protected.iter().cloned().chain([guarded_by(folder)]).collect(), ..own };
            rules.projects.insert(path.clone(), guarded);
        }
        Ok(InForce { rules, gateway: gateway(config, &self.options)?, commit: commit.cloned() })
    }
}

/// The pattern of everything below a folder of a repository; empty: all of it.
fn guarded_by(folder: &str) -> String {
    if folder.is_empty() { "**".to_owned() } else { format!("{folder}/**") }
}

fn rules(config: &Config, connections: &[Connection], max_usd: Option<f64>) -> Rules {
    let team = &config.team;
    let remote = |place: &str| audit_remote(config, connections, place);
    let project_rules = |policy: &ProjectPolicy| project_rules(policy, &remote, max_usd);
    let mut projects = BTreeMap::new();
    for file in &team.projects {
        projects.insert(file.repo.clone(), project_rules(&file.policy));
    }
    Rules {
        projects,
        default: project_rules(&team.defaults),
        served: config.settings.projects.without(&audit_repos(config)),
        kinds: team.agents.clone(),
        prompts: config.prompts.clone(),
        labels: team.labels.clone(),
    }
}

/// A repository on a configured forge is pushed to with the bot's token, another address as it is; everything else is a path of this machine.
fn audit_remote(config: &Config, connections: &[Connection], place: &str) -> AuditRemote {
    for (settings, connection) in config.settings.forges.iter().zip(connections) {
        if let Some(path) = repo_on_forge(settings, place) {
            return AuditRemote::Remote(connection.forge.git_remote(&RepoRef { id: 0, path }));
        }
    }
    match place.contains("://") {
        true => AuditRemote::Remote(GitRemote { url: place.to_owned(), header: None }),
        false => AuditRemote::Path(place.into()),
    }
}

/// Repositories that hold the record. They are never served: each push of the record would be told, recorded and pushed again.
fn audit_repos(config: &Config) -> Vec<String> {
    let team = &config.team;
    let places = team.projects.iter().map(|file| &file.policy).chain([&team.defaults]).filter_map(|policy| policy.audit_repo.as_ref());
    places.flat_map(|place| config.settings.forges.iter().filter_map(move |forge| repo_on_forge(forge, place))).collect()
}

fn project_rules(policy: &ProjectPolicy, remote: &dyn Fn(&str) -> AuditRemote, max_usd: Option<f64>) -> ProjectRules {
    let limits = match max_usd.map(Nano::from_usd) {
        Some(hard) => Limits { soft: policy.budget.soft.min(hard), hard },
        None => policy.budget,
    };
    let mut sources = policy.sources.clone();
    if max_usd.is_some() {
        sources.extend(["soft_usd", "hard_usd"].map(|key| (key, "`--max-usd`".to_owned())));
    }
    ProjectRules {
        policy: Policy {
            autonomy: policy.autonomy,
            one_person_team: policy.one_person_team,
            writers: policy.writers.clone(),
            listed_bots: policy.listed_bots.clone(),
            keep_plan: policy.keep_plan,
            soft_budget: Some(limits.soft),
            hard_budget: Some(limits.hard),
            max_ci_fixes: policy.fix_tries,
            limits: policy.limits.clone(),
            bots: policy.bots.clone(),
            people: policy.people.clone(),
            max_stories: policy.max_stories,
            ceiling: policy.ceiling(),
            most_budget: max_usd.map(Nano::from_usd),
            ..Policy::default()
        },
        protected: policy.protected_paths.clone(),
        limits,
        sources,
        audit: policy.audit_repo.as_deref().map(remote),
    }
}

fn gateway(config: &Config, options: &Options) -> Result<Gateway> {
    let http = Http::new(HttpOptions::default()).map_err(anyhow::Error::msg)?;
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    for provider in &config.team.providers {
        if let Wire::Scripted = provider.wire {
            let script =
                || options.script.clone().map(|script| Arc::new(Scripted::new(provider.name.clone(), script)) as Arc<dyn Provider>);
            providers.extend(options.provider.clone().or_else(script));
            continue;
        }
        let key = config.settings.keys.get(&provider.name).cloned();
        if provider.needs_key && key.is_none() {
            continue;
        }
        let url = config.settings.provider_urls.get(&provider.name).unwrap_or(&provider.url).clone();
        providers.extend(connect(provider.wire, Endpoint { name: provider.name.clone(), url, key }, &http));
    }
    Ok(Gateway::new(catalog(config, options)?, providers, RetryPolicy::default()))
}

/// All groups, or one model in place of each.
fn catalog(config: &Config, options: &Options) -> Result<Catalog> {
    let scripted = || {
        config.team.providers.iter().find(|provider| provider.wire == Wire::Scripted).map(|provider| ModelRef::new(&provider.name, "story"))
    };
    let only = match &options.model {
        Some(name) => Some(ModelRef::parse(name).map_err(anyhow::Error::msg)?),
        None if options.script.is_some() || options.provider.is_some() => scripted(),
        None => None,
    };
    Ok(match only {
        Some(model) => config.team.catalog.only(&model),
        None => config.team.catalog.clone(),
    })
}

/// A secret made of this process's random numbers, for hooks that nobody else has to know.
pub fn fresh_secret() -> SecretString {
    let random = [crate::base::ids::EntryId::random(), crate::base::ids::EntryId::random()].map(|id| id.0.simple().to_string());
    SecretString::from(random.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_followed_configuration_needs_a_person() {
        let rows = [
            ("", "policy.toml", true),
            ("", "prompts/engineer/fix.md", true),
            ("team", "team/agents/a.toml", true),
            ("team", "README.md", false),
        ];
        for (folder, path, guarded) in rows {
            let all = [guarded_by(folder)];
            let policy = crate::tool::PathPolicy::new(true).protect(&all).unwrap().protected;
            let path = crate::domain::path::RepoPath::parse(path).unwrap();
            assert_eq!(
                policy.iter().any(|glob| all.contains(&glob.as_str().to_owned()) && glob.matches(&path)),
                guarded,
                "{folder} {path}"
            );
        }
    }

    #[test]
    fn addresses_on_a_forge_name_a_repository() {
        let text =
            "[[forges]]\nid = \"home\"\nkind = \"gitea\"\nurl = \"https://git.example.org/gitea\"\ntoken = \"t\"\nhook_secret = \"s\"\n";
        let settings = crate::config::Settings::read(&crate::config::Env::default(), "s.toml", text).unwrap();
        let rows = [
            ("https://git.example.org/gitea/acme/audit.git", Some("acme/audit")),
            ("https://git.example.org/gitea/acme/audit", Some("acme/audit")),
            ("https://git.example.org/gitea/acme", None),
            ("https://git.example.org/gitea/acme/audit/x", None),
            ("https://git.example.org/giteas/acme/audit", None),
            ("https://other.example.org/acme/audit", None),
            ("/srv/audit/projects.git", None),
        ];
        for (address, want) in rows {
            assert_eq!(repo_on_forge(&settings.forges[0], address).as_deref(), want, "{address}");
        }
    }
}
