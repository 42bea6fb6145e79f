//! What the engine works with: the store, the forges it is connected to, the models, the rules, and where it keeps files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::base::ids::ProjectId;
use crate::base::secret::{Redactor, SecretString};
use crate::base::trace::Traces;
use crate::config::{LinkConfig, Prompts, Served};
use crate::domain::agent::{AgentKind, Purpose};
use crate::domain::approval::Person;
use crate::domain::budget::Limits;
use crate::domain::forge::{GitRemote, LabelSpec, Repo, RepoRef, Role, User};
use crate::domain::workflow::facts::{Crew, Policy};
use crate::forge::{Forge, ForgeError};
use crate::git::{AuditRemote, AuditRepo, FetchLimits, Mirror};
use crate::store::{Claim, Project, Store};

use super::hot::{Hot, InForce};
use super::reconcile::cadence::Bounds;
use super::team::Source;
use super::{EngineError, Result, tightening};

/// A forge, seen through one bot account.
#[derive(Clone)]
pub struct Connection {
    /// Name in the configuration; also the name of its web hook.
    pub id: String,
    pub forge: Arc<dyn Forge>,
    pub bot: User,
    pub hook_secret: SecretString,
}

/// How long things may take, and how often they may happen.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// Lease on a piece of work; extended as long as somebody is at it.
    pub lease: Duration,
    /// Lease on an agent's run, which is extended likewise.
    pub run_lease: Duration,
    /// Deadline of gathering facts.
    pub gather: Duration,
    /// Deadline of one call to a forge.
    pub call: Duration,
    /// Deadline of one call to a model.
    pub model: Duration,
    /// Least time between two edits of a status comment.
    pub status_spacing: Duration,
    /// Least time between two pushes to an audit repository.
    pub audit_spacing: Duration,
    /// Longest wait between two tries.
    pub max_backoff: Duration,
    /// How often to look for work that nobody announced.
    pub poll: Duration,
    /// Between which waits the forge is looked at.
    pub looks: Bounds,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings {
            lease: Duration::from_secs(30),
            run_lease: Duration::from_secs(120),
            gather: Duration::from_secs(20),
            call: Duration::from_secs(30),
            model: Duration::from_secs(300),
            status_spacing: Duration::from_secs(5),
            audit_spacing: Duration::from_secs(10),
            max_backoff: Duration::from_secs(300),
            poll: Duration::from_secs(1),
            looks: Bounds::default(),
        }
    }
}

/// The rules of one project.
#[derive(Clone, Debug)]
pub struct ProjectRules {
    pub policy: Policy,
    /// Paths that are changed only with approval, as globs. Added to the built-in ones.
    pub protected: Vec<String>,
    pub limits: Limits,
    /// What sets a key; what is missing is built in.
    pub sources: BTreeMap<&'static str, String>,
    /// Where the record is kept; `None`: in the data directory.
    pub audit: Option<AuditRemote>,
    /// A second place in which the issues stand.
    pub link: Option<LinkConfig>,
}

impl ProjectRules {
    /// Where a key of the configuration comes from, for people.
    pub fn source(&self, key: &str) -> String {
        self.sources.get(key).cloned().unwrap_or_else(|| "built in".to_owned())
    }
}

/// Everything that configuration says, ready for use.
pub struct Rules {
    /// By `owner/name`.
    pub projects: BTreeMap<String, ProjectRules>,
    pub default: ProjectRules,
    /// Which repositories are served.
    pub served: Served,
    pub kinds: BTreeMap<String, AgentKind>,
    pub prompts: Prompts,
    /// The labels of every repository, with colour and description.
    pub labels: Vec<LabelSpec>,
}

impl Rules {
    /// The rules for a project. A rename on the forge does not loosen them: its former name in the configuration still counts.
    pub fn of(&self, project: &Project) -> &ProjectRules {
        self.projects.get(&project.path).or_else(|| self.projects.get(&project.known_as)).unwrap_or(&self.default)
    }

    /// The same with what the repository says about itself.
    pub fn in_force(&self, project: &Project) -> ProjectRules {
        match &project.tightening {
            Some(kept) => tightening::lay(self.of(project), kept).rules,
            None => self.of(project).clone(),
        }
    }

    /// Whether a repository fits the configured ones.
    pub fn serves(&self, path: &str) -> bool {
        self.served.serves(path)
    }

    /// The project, as the configuration names it, that this repository is linked to.
    pub fn linked_to(&self, forge: &str, path: &str) -> Option<(&str, &LinkConfig)> {
        self.projects.iter().find_map(|(name, rules)| Some((name.as_str(), rules.link.as_ref().filter(|link| link.leads_to(forge, path))?)))
    }

    /// Whether a repository is expressly taken out.
    pub fn excludes(&self, path: &str) -> bool {
        self.served.excludes(path)
    }

    /// Whose repositories are to be listed to find those that fit a pattern; `None`: all that the bot has a part in.
    pub fn owners(&self) -> Vec<Option<String>> {
        self.served.owners()
    }

    /// Which agent does what in a lane: the type for each purpose and the instance's name, the same each time.
    pub fn crew(&self, lane: &str) -> Crew {
        let mut crew = Crew::new();
        for purpose in Purpose::ALL {
            if let Some(kind) = self.kinds.get(purpose.default_agent()) {
                crew.insert(purpose, (kind.name.clone(), kind.name_for(lane).to_owned()));
            }
        }
        crew
    }
}

/// The engine. One per process; everything in it may be shared between tasks.
pub struct Engine {
    pub store: Store,
    pub clock: Clock,
    pub connections: Vec<Connection>,
    /// What the configuration says right now.
    pub hot: Hot,
    /// Where it is followed, if it lies in a Git repository.
    pub source: Option<Source>,
    pub timings: Timings,
    /// Name of this process in leases.
    pub owner: String,
    /// Key under which the markers of the bot's comments are signed.
    pub marker_key: Vec<u8>,
    pub redactor: Redactor,
    /// Where spans of what is done go.
    pub traces: Traces,
    pub data: PathBuf,
    /// What one fetch from a forge may bring.
    pub fetch: FetchLimits,
    /// The latest time that the clock has shown while work was looked for, to notice when it is set back.
    pub latest: AtomicI64,
    /// When the bot's tokens end, as far as the forges have said.
    pub endings: crate::config::endings::Endings,
    /// Cancelled when the process is to end: nothing long is begun any more.
    pub stopping: CancellationToken,
    /// Cancelled when it can wait no longer: runs of agents are given to whoever goes on.
    pub cut: CancellationToken,
}

/// Whether an account belongs to a program: ours, one of the forge's own, one that is marked or listed as such.
pub fn is_program(user: &User, own: i64, policy: &Policy) -> bool {
    let listed = |logins: &[String]| logins.iter().any(|login| login.trim_start_matches('@').eq_ignore_ascii_case(&user.login));
    user.id <= 0 || user.id == own || user.login.ends_with("[bot]") || listed(&policy.bots) || listed(&policy.listed_bots)
}

/// A project with everything needed to act on it.
pub struct Site<'a> {
    pub project: Project,
    pub connection: &'a Connection,
    pub repo: RepoRef,
    /// The configuration that this piece of work goes on with to its end.
    pub team: Arc<InForce>,
    pub rules: Arc<ProjectRules>,
}

impl Site<'_> {
    /// Where Git finds the repository.
    pub fn remote(&self) -> GitRemote {
        self.connection.forge.git_remote(&self.repo)
    }

    /// The repository as the forge describes it now.
    pub async fn repo_now(&self) -> Result<Repo> {
        Ok(self.connection.forge.repo(&self.repo).await?)
    }

    /// A user with live permission. Whom the forge will not tell about has no known role.
    pub async fn person(&self, user: &User) -> Result<Person> {
        let is_bot = is_program(user, self.connection.bot.id, &self.rules.policy);
        let role = match self.connection.forge.role(&self.repo, user).await {
            Ok(role) => Some(role),
            Err(ForgeError::Forbidden(_)) => self.listed_role(user),
            Err(ForgeError::NotFound(_)) => Some(Role::None),
            Err(error) => return Err(error.into()),
        };
        Ok(Person { user: user.clone(), role, is_bot })
    }

    /// Without the right to ask the forge, the project's configuration says who may write.
    fn listed_role(&self, user: &User) -> Option<Role> {
        self.rules.policy.writers.contains(&user.login).then_some(Role::Writer)
    }
}

impl Engine {
    /// The connection of a web hook or forge name.
    pub fn connection(&self, id: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.id == id)
    }

    /// The project of a claim with its forge.
    pub async fn site(&self, claim: &Claim) -> Result<Site<'_>> {
        self.site_of(Engine::project_of(claim)?).await
    }

    /// A project with its forge.
    pub async fn site_of(&self, project: ProjectId) -> Result<Site<'_>> {
        self.site_under(project, self.hot.get()).await
    }

    /// A project with its forge as it would be under another configuration.
    pub async fn site_under(&self, project: ProjectId, team: Arc<InForce>) -> Result<Site<'_>> {
        let project = self.store.project(project).await?;
        let connection = self.connection(&project.forge).ok_or_else(|| {
            EngineError::Setup(format!(
                "the project {} belongs to the forge `{}`, which is not configured any more",
                project.path, project.forge
            ))
        })?;
        let repo = RepoRef { id: project.repo_id, path: project.path.clone() };
        let rules = Arc::new(team.rules.in_force(&project));
        Ok(Site { project, connection, repo, team, rules })
    }

    /// The project's bare mirror.
    pub async fn mirror(&self, project: ProjectId) -> Result<Mirror> {
        Ok(Mirror::open(&self.data.join("git").join(format!("{project}.git"))).await?.with_limits(self.fetch))
    }

    /// The project's audit repository.
    pub async fn audit_repo(&self, site: &Site<'_>) -> Result<AuditRepo> {
        let local = self.data.join("audit").join(format!("{}.git", site.project.id));
        let remote = site
            .rules
            .audit
            .clone()
            .unwrap_or_else(|| AuditRemote::Path(self.data.join("record").join(format!("{}.git", site.project.id))));
        Ok(AuditRepo::open(&local, remote).await?)
    }
}
