//! Linked projects: issues of a project that stand in a second repository as well. Both are looked at, by their web hooks and by asking;
//! what may differ is noted as a row, and compared one issue at a time by whoever holds the link's one item of work. What follows from a
//! comparison is arithmetic ([`crate::domain::mirror`]); here it is asked for and done.
//!
//! Nothing that is heard in the linked repository is a command. What is written carries a signed marker with the identity of the pair, so
//! that after an uncertain answer it is looked for before it is written again; a comparison whose outcome could not be noted comes to the
//! same when it is made again.

mod allowed;
mod carry;
mod compare;
mod copy;
mod notice;
mod speak;
mod watch;

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::base::ids::ProjectId;
use crate::config::LinkConfig;
use crate::domain::command::{self, ParseContext};
use crate::domain::forge::{EventKind, ForgeEvent, IssueAction, Repo, RepoRef};
use crate::domain::marker;
use crate::domain::mirror::Side;
use crate::domain::mirror::words::MARKER;
use crate::forge::{Forge, ForgeError};
use crate::store::{Claim, MirrorDue, NewEvent, Project, ProjectTx, Release, WorkKind};

use super::reconcile;
use super::turn::NOTES;
use super::world::{Connection, Site};
use super::{Engine, EngineError, Result};

use allowed::Allowed;

/// Most issues that are compared at one look; what is left is compared at the next one, which follows at once.
const AT_ONCE: i64 = 50;
/// How often comparing an issue may fail for good before it is left until it is touched again.
const TRIES: i64 = 5;

/// Item of work under which one project's link is looked at.
pub fn item(project: ProjectId) -> Uuid {
    Uuid::from_u128(project.0.as_u128() ^ 0x6c69_6e6b_6564_0000)
}

/// A link, with everything needed to act on it.
struct Link<'a> {
    engine: &'a Engine,
    claim: &'a Claim,
    site: &'a Site<'a>,
    config: LinkConfig,
    there: &'a Connection,
    /// Under which its rows are kept: forge and number of the linked repository.
    key: String,
    /// Both repositories as they were when the look began.
    repos: [Repo; 2],
}

/// The link of a project, if the configuration has one for it.
pub fn of(site: &Site<'_>) -> Option<LinkConfig> {
    site.rules.link.clone().filter(|link| link.home == site.project.forge)
}

/// The link has to be looked at, now.
pub async fn wake(engine: &Engine, project: ProjectId) -> Result<()> {
    Ok(engine.store.schedule(WorkKind::Look, item(project), Some(project), None, None).await?)
}

/// A delivery of a repository that is linked to a project. Gives why it leads to nothing but a comparison; `None`: it is no such one.
pub async fn told(engine: &Engine, connection: &Connection, event: &ForgeEvent) -> Result<Option<String>> {
    let team = engine.hot.get();
    let Some((name, link)) = team.rules.linked_to(&connection.id, &event.repo.path) else { return Ok(None) };
    let is = |project: &Project| project.forge == link.home && (project.path == name || project.known_as == name);
    let Some(project) = engine.store.projects().await?.into_iter().find(is) else {
        return Ok(Some(format!("the repository {} is linked to {name}, which is not known yet", event.repo.path)));
    };
    if let Some(number) = touched(event, connection, Side::There) {
        let mut tx = engine.store.begin(project.id).await?;
        let key = key(&connection.id, event.repo.id);
        tx.mirror_is_due(&key, Side::There.word(), number, actor(event)).await?;
        tx.schedule(WorkKind::Look, item(project.id), None, None);
        engine.commit(tx).await?;
    }
    Ok(Some(format!(
        "the repository {} is linked to {}, which is compared with it; nothing said there is a command",
        event.repo.path, project.path
    )))
}

/// A delivery of the project's own repository.
pub async fn hears(engine: &Engine, project: &Project, connection: &Connection, event: &ForgeEvent) -> Result<()> {
    let team = engine.hot.get();
    let Some(link) = team.rules.in_force(project).link.filter(|link| link.home == project.forge) else { return Ok(()) };
    let Some(number) = touched(event, connection, Side::Here) else { return Ok(()) };
    let mut tx = engine.store.begin(project.id).await?;
    let Some(key) = known(&mut tx, &link).await? else { return Ok(tx.rollback().await?) };
    let is_let_out = matches!(&event.kind, EventKind::Issue { issue, .. } if link.outward && issue.labels.contains(&link.outward_label));
    if !is_let_out && tx.mirror(&key, Side::Here.word(), number).await?.is_none() {
        return Ok(tx.rollback().await?);
    }
    tx.mirror_is_due(&key, Side::Here.word(), number, actor(event)).await?;
    tx.schedule(WorkKind::Look, item(project.id), None, None);
    engine.commit(tx).await
}

fn actor(event: &ForgeEvent) -> Option<&str> {
    event.actor.as_ref().map(|actor| actor.login.as_str())
}

/// The issue that an event is about, where it may have changed something that both sides have. Most of what the bot does itself is not.
fn touched(event: &ForgeEvent, connection: &Connection, side: Side) -> Option<i64> {
    let own = event.actor.as_ref().is_some_and(|actor| actor.id == connection.bot.id);
    match &event.kind {
        EventKind::Comment { is_pull: false, number, .. } if !own => Some(*number),
        EventKind::Issue { action, issue } if !issue.is_pull => {
            // On the project's side the bot closes and labels issues for its stories, too.
            let is_echo = own && (side == Side::There || matches!(action, IssueAction::Opened | IssueAction::Edited));
            (!is_echo).then_some(issue.number)
        }
        _ => None,
    }
}

fn key(forge: &str, repo: i64) -> String {
    format!("{forge}/{repo}")
}

/// Under which the rows of this link are kept, once its repository was found.
async fn known(tx: &mut ProjectTx, link: &LinkConfig) -> Result<Option<String>> {
    Ok(known_repo(tx, link).await?.map(|id| key(&link.forge, id)))
}

async fn known_repo(tx: &mut ProjectTx, link: &LinkConfig) -> Result<Option<i64>> {
    let row = tx.object("link", &format!("{}:{}", link.forge, link.repo.to_lowercase())).await?;
    Ok(row.and_then(|row| row.data.as_i64()))
}

/// The look that is due. The next one follows the next comparison of the project with its own forge, or the next delivery.
pub async fn handle(engine: &Engine, claim: &Claim, project: ProjectId) -> Result<()> {
    engine.hold(claim, engine.timings.call * 4).await?;
    let site = engine.site_of(project).await?;
    let Some(config) = of(&site) else { return engine.finish(claim).await };
    if reconcile::standstill(engine, project).await?.is_some() {
        return engine.finish(claim).await;
    }
    let Some(there) = engine.connection(&config.forge) else { return engine.finish(claim).await };
    let Some(link) = Link::open(engine, claim, &site, config, there).await? else { return engine.finish(claim).await };
    let behind = link.watch().await?;
    match link.compare_due().await? || behind {
        true => {
            let at = engine.clock.now().plus_millis(1_000);
            Ok(engine.store.release(claim, Release::Retry { at }).await?)
        }
        false => engine.finish(claim).await,
    }
}

impl<'a> Link<'a> {
    /// Asks for both repositories. `None`: the linked one cannot be reached by the bot, which is noted once.
    async fn open(
        engine: &'a Engine,
        claim: &'a Claim,
        site: &'a Site<'a>,
        config: LinkConfig,
        there: &'a Connection,
    ) -> Result<Option<Link<'a>>> {
        let mut tx = engine.store.begin_read(site.project.id).await?;
        let id = known_repo(&mut tx, &config).await?;
        tx.rollback().await?;
        let here = site.repo_now().await?;
        let far = match there.forge.repo(&RepoRef { id: id.unwrap_or(0), path: config.repo.clone() }).await {
            Ok(repo) => repo,
            Err(error @ (ForgeError::NotFound(_) | ForgeError::Forbidden(_) | ForgeError::Unauthorized(_))) => {
                out_of_reach(engine, site, &config, &error).await?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let key = key(&there.id, far.id);
        let mut tx = engine.store.begin(site.project.id).await?;
        tx.guard(claim).await?;
        tx.drop_object("link", "out-of-reach").await?;
        if id != Some(far.id) {
            tx.put_object("link", &format!("{}:{}", config.forge, config.repo.to_lowercase()), &json!(far.id), None).await?;
            note(engine, &mut tx, "link.made", json!({"forge": config.forge, "repo": far.id, "path": far.path})).await?;
        }
        engine.commit(tx).await?;
        Ok(Some(Link { engine, claim, site, config, there, key, repos: [here, far] }))
    }

    fn connection(&self, side: Side) -> &Connection {
        match side {
            Side::Here => self.site.connection,
            Side::There => self.there,
        }
    }

    fn forge(&self, side: Side) -> &dyn Forge {
        self.connection(side).forge.as_ref()
    }

    fn repo(&self, side: Side) -> RepoRef {
        let repo = &self.repos[usize::from(side == Side::There)];
        RepoRef { id: repo.id, path: repo.path.clone() }
    }

    /// Where people find an issue of this side, and what it is called.
    fn place(&self, side: Side, number: i64) -> (String, String) {
        let repo = self.repo(side);
        (format!("{}#{number}", repo.path), self.forge(side).web_url(&repo, &format!("issues/{number}")))
    }

    /// Addresses that links in a text of this side may lead to.
    fn links(&self, side: Side) -> Vec<String> {
        vec![self.forge(side).web_url(&self.repo(side), "").trim_end_matches('/').to_owned()]
    }

    /// Asks both forges whether anything would get to a more public place.
    async fn allowed(&self) -> Result<Allowed> {
        let here = self.forge(Side::Here).repo(&self.repo(Side::Here)).await?;
        let there = self.forge(Side::There).repo(&self.repo(Side::There)).await?;
        Ok(Allowed::between((self.config.inward, self.config.outward), &here, &there))
    }

    /// Names one issue by where it was written.
    fn object(&self, origin: Side, number: i64) -> String {
        format!("{}:{}:{origin}:{number}", self.site.project.id, self.key)
    }

    /// The issue or comment that a text of the bot is a copy of, as its marker says.
    fn copied(&self, side: Side, author: i64, body: &str) -> Option<String> {
        let marker = marker::find(body).filter(|marker| marker.kind == MARKER && marker.is_genuine(&self.engine.marker_key));
        marker.filter(|_| author == self.connection(side).bot.id).map(|marker| marker.object)
    }

    /// Whether a text holds a line that would be a command where the project lives.
    fn commands(&self, side: Side, body: &str) -> bool {
        !command::parse(body, &ParseContext { bot_login: &self.connection(side).bot.login }).commands.is_empty()
    }

    /// Compares what is due. True: there is more.
    async fn compare_due(&self) -> Result<bool> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let due = tx.mirrors_due(&self.key, AT_ONCE + 1).await?;
        tx.rollback().await?;
        let more = due.len() > usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        let mut done: Vec<(Side, i64)> = Vec::new();
        for one in due.iter().take(usize::try_from(AT_ONCE).unwrap_or(usize::MAX)) {
            let Some(side) = Side::parse(&one.side) else { continue };
            if done.contains(&(side, one.number)) {
                continue;
            }
            self.engine.hold(self.claim, self.engine.timings.call * 4).await?;
            match self.issue(side, one, &due).await {
                Ok(pair) => done.extend(pair),
                Err(EngineError::Forge(error)) if !error.is_transient() && !matches!(error, ForgeError::Unauthorized(_)) => {
                    self.failed(one, &error).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(more)
    }

    /// One issue cannot be kept equal, for a reason that does not pass by itself. The others are not kept waiting.
    async fn failed(&self, due: &MirrorDue, error: &ForgeError) -> Result<()> {
        let text = self.engine.redactor.mask(&error.to_string());
        tracing::warn!(
            project.path = self.site.project.path,
            link = self.key,
            side = due.side,
            number = due.number,
            "an issue could not be mirrored: {text}"
        );
        let mut tx = self.begin().await?;
        if due.tries + 1 < TRIES {
            tx.mirror_has_failed(&self.key, due).await?;
            tx.schedule(WorkKind::Look, self.claim.id, None, Some(self.engine.clock.now().plus_millis(self.engine.backoff(due.tries + 4))));
        } else {
            tx.mirror_is_done(&self.key, due).await?;
            self.note(&mut tx, "link.given-up", json!({"side": due.side, "issue": due.number})).await?;
        }
        self.engine.commit(tx).await
    }

    /// A transaction that nobody without the lease can commit.
    async fn begin(&self) -> Result<ProjectTx> {
        let mut tx = self.engine.store.begin(self.site.project.id).await?;
        tx.guard(self.claim).await?;
        Ok(tx)
    }

    /// An entry for the record, which names the link.
    async fn note(&self, tx: &mut ProjectTx, kind: &str, mut payload: Value) -> Result<()> {
        payload["link"] = json!(self.key);
        note(self.engine, tx, kind, payload).await
    }

    /// How long a call may take.
    fn patience(&self) -> Duration {
        self.engine.timings.call * 2
    }
}

async fn out_of_reach(engine: &Engine, site: &Site<'_>, config: &LinkConfig, error: &ForgeError) -> Result<()> {
    let text = engine.redactor.mask(&error.to_string());
    let mut tx = engine.store.begin(site.project.id).await?;
    if tx.object("link", "out-of-reach").await?.is_some() {
        return Ok(tx.rollback().await?);
    }
    tx.put_object("link", "out-of-reach", &json!({"at": engine.clock.now().0}), None).await?;
    note(engine, &mut tx, "link.out-of-reach", json!({"forge": config.forge, "path": config.repo})).await?;
    engine.commit(tx).await?;
    tracing::error!(
        alarm = "link-out-of-reach",
        project.path = site.project.path,
        linked = config.repo,
        forge = config.forge,
        "the linked repository cannot be seen by the bot's account, so nothing is mirrored: {text}"
    );
    Ok(())
}

async fn note(engine: &Engine, tx: &mut ProjectTx, kind: &str, payload: Value) -> Result<()> {
    let event = NewEvent {
        kind: kind.to_owned(),
        actor: json!({"type": "syndarix", "id": "engine"}),
        target: json!({}),
        payload,
        causation: None,
        at: engine.clock.now(),
    };
    let stream = tx.project().0;
    tx.append(NOTES, stream, None, &[event]).await?;
    Ok(())
}
