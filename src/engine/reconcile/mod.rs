//! Looking at the forge instead of waiting for it. Web hooks get lost, and some things have none; what the forge shows now is compared
//! with what was heard, and each difference enters as a synthetic delivery by the same door. The source keys of the intents keep the two
//! ways from doubling. One look is one item of work with a lease, so that of several instances one looks; when the next is due stands in
//! the database ([`cadence`] says why then).

pub mod cadence;
mod comments;
mod discover;
mod issues;
mod lost;
mod news;
mod pulls;
mod repository;
mod reviews;
mod statuses;
mod stories;
mod watch;

use std::time::Duration;

use uuid::Uuid;

use crate::base::Time;
use crate::base::ids::ProjectId;
use crate::forge::ForgeError;
use crate::store::{Claim, Release, WorkKind};

use super::world::Site;
use super::{Engine, EngineError, Result, link, team, tightening};
use cadence::Pulse;
use watch::Watch;

pub use comments::hear;
pub use news::EVENT;
pub use repository::{Standstill, stands_still_now, standstill};
pub use reviews::taken_up;
pub use stories::keep_list;
pub use watch::hook_heard;
pub(super) use watch::{Cursor, Step};

/// Item of work under which new projects are looked for.
const DISCOVERY: Uuid = Uuid::nil();

/// Most requests of one look; what is left over is looked at first the next time.
const MOST_REQUESTS: u32 = 200;

/// One look at one project.
struct Look<'a> {
    engine: &'a Engine,
    site: &'a Site<'a>,
    watch: Watch,
    /// Requests made so far.
    requests: u32,
    /// Findings that were put into the inbox.
    found: u32,
    /// Findings that a web hook should have announced a while ago.
    missed: u32,
    /// The forge's own time, once it said it.
    forge_time: Option<Time>,
    /// Something was left for the next look.
    behind: bool,
}

/// What a look came to.
struct Seen {
    watch: Watch,
    active: bool,
    behind: bool,
    standstill: Option<Standstill>,
}

/// Makes every known project due for a look, and the search for new ones. For the start of a serving process: nobody knows what it missed.
pub async fn begin(engine: &Engine) -> Result<()> {
    for project in engine.store.projects().await? {
        engine.store.schedule(WorkKind::Look, project.id.0, Some(project.id), None, None).await?;
    }
    // The projects named in the configuration were registered just now; the rest is found a little later.
    engine.store.schedule(WorkKind::Look, DISCOVERY, None, None, None).await?;
    team::wake(engine).await
}

/// Looks at every project once, whenever its next look is due. One that cannot be looked at does not keep the others waiting.
pub async fn look(engine: &Engine) -> Result<()> {
    let team = engine.hot.get();
    for project in engine.store.projects().await?.into_iter().filter(|project| !team.rules.excludes(&project.path)) {
        if let Err(error) = once(engine, project.id).await {
            let error = engine.redactor.mask(&error.to_string());
            tracing::warn!(project.id = %project.id, project.path = project.path, "could not compare with the forge: {error}");
        }
    }
    Ok(())
}

/// A look is due. Whatever comes of it, the next one is scheduled with the end of this one's lease.
pub async fn handle(engine: &Engine, claim: &Claim) -> Result<()> {
    if claim.id == team::ITEM {
        return Box::pin(team::handle(engine, claim)).await;
    }
    let bounds = engine.timings.looks;
    if claim.id == DISCOVERY {
        if let Err(error) = discover::look(engine).await {
            let error = engine.redactor.mask(&error.to_string());
            tracing::warn!("could not look for new projects: {error}");
        }
        return again(engine, claim, bounds.slow).await;
    }
    let Some(project) = claim.project else {
        return engine.finish(claim).await;
    };
    if engine.hot.get().rules.excludes(&engine.store.project(project).await?.path) {
        return engine.finish(claim).await;
    }
    if claim.id == tightening::item(project) {
        return Box::pin(tightening::handle(engine, claim, project)).await;
    }
    if claim.id == link::item(project) {
        return Box::pin(link::handle(engine, claim, project)).await;
    }
    // A look takes many calls; whoever lost the lease meanwhile only found the same things under the same ids.
    engine.hold(claim, engine.timings.call * 4).await?;
    let now = engine.clock.now();
    let wait = match once(engine, project).await {
        Ok(seen) => {
            let pulse = Pulse {
                active: seen.active,
                behind: seen.behind,
                still: seen.standstill.is_some(),
                quiet_looks: seen.watch.quiet_looks,
                heard_at: seen.watch.heard_at,
                missed_at: seen.watch.missed_at,
            };
            cadence::next(bounds, now, &pulse)
        }
        Err(error) if error.is_race() => return Err(error),
        Err(error) => {
            let text = engine.redactor.mask(&error.to_string());
            let mut watch = Watch::load(engine, project).await?;
            watch.failures = watch.failures.saturating_add(1);
            watch.save(engine, project).await?;
            tracing::warn!(project.id = %project, failures = watch.failures, "could not compare with the forge: {text}");
            cadence::after_failure(bounds, watch.failures, asked_to_wait(&error))
        }
    };
    again(engine, claim, wait).await
}

/// How long the forge itself asked to be left alone.
fn asked_to_wait(error: &EngineError) -> Option<Duration> {
    match error {
        EngineError::Forge(ForgeError::RateLimited(wait)) => Some(*wait),
        _ => None,
    }
}

async fn again(engine: &Engine, claim: &Claim, wait: Duration) -> Result<()> {
    let wait = cadence::spread(wait, claim.epoch);
    let at = engine.clock.now().plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 4_000));
    Ok(engine.store.release(claim, Release::Retry { at }).await?)
}

/// One whole look at one project.
async fn once(engine: &Engine, project: ProjectId) -> Result<Seen> {
    let standstill = repository::look(engine, project).await?;
    // After the look at the repository itself: it may have a new path.
    let site = engine.site_of(project).await?;
    if link::of(&site).is_some() {
        link::wake(engine, project).await?;
    }
    let watch = Watch::load(engine, project).await?;
    if standstill.is_some() {
        return Ok(Seen { watch, active: false, behind: false, standstill });
    }
    let mut look = Look { engine, site: &site, watch, requests: 1, found: 0, missed: 0, forge_time: None, behind: false };
    // Each half keeps its own place: when one fails the other has not looked in vain.
    let file = look.own_file().await;
    let said = look.comments().await;
    let labelled = look.issues().await;
    let stories = look.stories().await;
    let lost = Box::pin(look.lost()).await;
    let active = *stories.as_ref().unwrap_or(&false);
    look.end().await?;
    let Look { watch, requests, found, missed, behind, .. } = look;
    tracing::info!(project.path = site.project.path, requests, found, missed, behind, "compared with the forge");
    file?;
    said?;
    labelled?;
    stories?;
    lost?;
    if watch.failures > 0 {
        Watch { failures: 0, ..watch.clone() }.save(engine, project).await?;
    }
    Ok(Seen { watch, active, behind, standstill: None })
}

impl Look<'_> {
    /// What the repository says about itself, and what pull requests would have it say.
    async fn own_file(&mut self) -> Result<()> {
        self.requests += 1;
        // On the heap: a look is deep in its stack already.
        Box::pin(tightening::look(self.engine, self.site)).await?;
        Box::pin(tightening::judge(self.engine, self.site)).await
    }

    /// Keeps what is to be known at the next look.
    async fn end(&mut self) -> Result<()> {
        if self.missed > 0 {
            self.watch.missed_at = Some(self.engine.clock.now());
            self.watch.missed = self.watch.missed.saturating_add(u64::from(self.missed));
        }
        self.watch.quiet_looks = if self.found > 0 { 0 } else { self.watch.quiet_looks.saturating_add(1) };
        self.watch.save(self.engine, self.site.project.id).await
    }
}
