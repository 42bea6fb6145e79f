//! The team's configuration, followed in a Git repository. Each instance reads the newest commit of the default branch as objects, checks
//! it as `config check` does, and puts it in force as a whole; a commit with a mistake changes nothing. Whether the repository has moved
//! is learnt from its web hook and by asking. What is told to people about commits ([`judge`]) is one leased item of work, so that of
//! several instances one speaks.

mod follow;
mod judge;
mod place;
mod pulls;
mod report;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::{Config, ConfigErrors, Settings, Standing};
use crate::domain::forge::{EventKind, ForgeEvent, PullAction, Sha};
use crate::store::{Claim, Release, Store, WorkKind};

use super::hot::InForce;
use super::reconcile::cadence;
use super::{Engine, Result};

pub use follow::{First, first, follow, newest};
pub use judge::{CONTEXT, Status, first_of};
pub use place::Place;
pub use pulls::ask;

/// Item of work under which the repository is looked at.
pub const ITEM: Uuid = Uuid::from_u128(1);
/// Kind of the rows that belong to the whole installation.
const KIND: &str = "config";

/// Makes a configuration ready for use. An error is a sentence.
pub type Build = Box<dyn Fn(&Config, Option<&Sha>) -> std::result::Result<InForce, String> + Send + Sync>;

/// A followed configuration.
pub struct Source {
    pub place: Place,
    pub settings: Settings,
    pub build: Build,
    pub standing: Standing,
    /// The newest commit that was checked, and its mistakes. Who holds it follows; the others wait.
    checked: Mutex<Option<(Sha, Option<ConfigErrors>)>>,
}

impl Source {
    /// A configuration of which this was found at the start.
    pub fn new(place: Place, settings: Settings, build: Build, standing: Standing, checked: Option<(Sha, Option<ConfigErrors>)>) -> Source {
        Source { place, settings, build, standing, checked: Mutex::new(checked) }
    }

    /// The pull request that this event is about, as far as it may change the configuration.
    pub fn pull_of(event: &ForgeEvent) -> Option<i64> {
        match &event.kind {
            EventKind::Pull { action: PullAction::Opened | PullAction::Synchronized | PullAction::Reopened, pull } => Some(pull.number),
            _ => None,
        }
    }

    /// Whether this delivery tells that the repository has moved, or that one of its pull requests has.
    pub fn is_told_by(&self, hook: &str, event: &ForgeEvent) -> bool {
        let ours = self.place.on_forge.as_ref().is_some_and(|(forge, path)| forge == hook && path.eq_ignore_ascii_case(&event.repo.path));
        ours && matches!(event.kind, EventKind::Push { .. } | EventKind::Pull { .. } | EventKind::BranchCreated { .. })
    }
}

/// The repository has moved, or may have: it is due for a look.
pub async fn wake(engine: &Engine) -> Result<()> {
    if engine.source.is_some() {
        engine.store.schedule(WorkKind::Look, ITEM, None, None, None).await?;
    }
    Ok(())
}

/// The look that is due: this instance follows, the others are told that there is something to follow, and people learn what was found.
pub async fn handle(engine: &Engine, claim: &Claim) -> Result<()> {
    let Some(source) = &engine.source else { return engine.finish(claim).await };
    engine.hold(claim, engine.timings.call * 4).await?;
    if let Err(error) = look(engine, source).await {
        if error.is_race() {
            return Err(error);
        }
        let error = engine.redactor.mask(&error.to_string());
        tracing::warn!(place = source.place.shown, "the configuration could not be looked at: {error}");
    }
    let wait = cadence::spread(engine.timings.looks.slow, claim.epoch);
    let at = engine.clock.now().plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 4_000));
    Ok(engine.store.release(claim, Release::Retry { at }).await?)
}

async fn look(engine: &Engine, source: &Source) -> Result<()> {
    let seen = follow(engine).await?;
    if let Some(head) = &seen {
        tell(engine, &head.0).await?;
    }
    judge::judge(engine, source).await
}

/// Notes the newest commit where the other instances look.
async fn tell(engine: &Engine, head: &Sha) -> Result<()> {
    let mut tx = engine.store.begin(Store::SYSTEM).await?;
    let known = tx.object(KIND, "seen").await?.is_some_and(|row| row.data["commit"] == head.0);
    if known {
        return Ok(tx.rollback().await?);
    }
    tx.put_object(KIND, "seen", &json!({"commit": head.0}), None).await?;
    engine.commit(tx).await
}

async fn told(engine: &Engine) -> Result<Option<String>> {
    let mut tx = engine.store.begin_read(Store::SYSTEM).await?;
    let row = tx.object(KIND, "seen").await?;
    tx.rollback().await?;
    Ok(row.and_then(|row| row.data["commit"].as_str().map(str::to_owned)))
}

/// Follows until `stop`: what another instance was told of within the shortest wait between two looks, everything else within the longest.
pub async fn run(engine: Arc<Engine>, stop: CancellationToken) {
    let Some(source) = &engine.source else { return stop.cancelled().await };
    let (quick, slow) = (engine.timings.looks.quick, engine.timings.looks.slow);
    let mut waited = Duration::ZERO;
    loop {
        tokio::select! {
            () = tokio::time::sleep(quick) => waited += quick,
            () = stop.cancelled() => return,
        }
        let is_due = match waited >= slow {
            true => Ok(true),
            false => {
                async {
                    let known = source.checked.lock().await.as_ref().map(|(commit, _)| commit.0.clone());
                    Ok(told(&engine).await?.is_some_and(|commit| Some(commit) != known))
                }
                .await
            }
        };
        let followed = match is_due {
            Ok(false) => continue,
            Ok(true) => follow(&engine).await.map(drop),
            Err(error) => Err(error),
        };
        waited = Duration::ZERO;
        if let Err(error) = followed {
            tracing::warn!(
                place = source.place.shown,
                "the configuration could not be followed: {}",
                engine.redactor.mask(&error.to_string())
            );
        }
    }
}
