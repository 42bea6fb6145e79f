//! What moves. Each kind of work is claimed from the store under a lease and handled by one file: deliveries by [`intake`], lanes by
//! [`turn`], effects by [`perform`], agent runs by [`agent_run`], the record by [`seal`]. Nothing is kept in memory that a crash could
//! lose: a handler that dies leaves a lease that runs out, and the next one finds what is recorded.

pub mod agent_run;
pub mod carry;
pub mod crash;
pub mod crew;
pub mod endings;
pub mod gather;
pub mod guard;
pub mod hot;
pub mod intake;
pub mod invariants;
pub mod lease;
pub mod link;
pub mod manners;
pub mod otlp;
pub mod perform;
pub mod places;
pub mod prune;
pub mod reconcile;
pub mod seal;
pub mod settings;
pub mod shield;
pub mod supervisor;
pub mod team;
pub mod tightening;
pub mod trace;
pub mod turn;
pub mod upkeep;
pub mod world;

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::base::Time;
use crate::base::ids::ProjectId;
use crate::forge::ForgeError;
use crate::git::GitError;
use crate::store::{Ask, Claim, Exchanged, Held, ProjectTx, Release, Store, StoreError, WorkKind};

use crew::Room;
pub use world::{Connection, Engine, Timings};

/// Nothing but a timer is ever put off for longer than this, in milliseconds. What seems to be was put off by a clock that has been set
/// back since, and is due.
pub const LONGEST_WAIT: i64 = 15 * 60 * 1000;
/// How long work on a repository out of reach is put off, in milliseconds. Whoever finds the repository back makes it due at once.
const STANDSTILL: i64 = 30 * 60 * 1000;

/// Why a handler could not finish. Most causes pass; the work is tried again later.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Forge(#[from] ForgeError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("stored data cannot be read: {0}")]
    Data(#[from] serde_json::Error),
    #[error("{0}")]
    Setup(String),
    /// A mistake in this program.
    #[error("something failed that should not be able to: {0}")]
    Panicked(String),
}

/// How often it is tried to give work back while the database cannot be written to: about five minutes, longer than any lease.
const GIVING_BACK: usize = 150;

/// Result of a handler.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

impl EngineError {
    /// Somebody else has the work now, or changed it first: nothing is wrong.
    pub fn is_race(&self) -> bool {
        matches!(self, EngineError::Store(StoreError::LeaseLost | StoreError::VersionConflict { .. }))
    }

    /// The same work may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            EngineError::Forge(error) => error.is_transient(),
            EngineError::Store(error) => error.is_transient(),
            EngineError::Git(error) => error.is_transient(),
            EngineError::Data(_) | EngineError::Setup(_) | EngineError::Panicked(_) => false,
        }
    }

    /// Milliseconds for which the other side asked not to be asked again; 0 when it did not.
    pub fn asks_to_wait(&self) -> i64 {
        match self {
            // Asked again after the longest wait, the forge's driver knows that it is still too early.
            EngineError::Forge(ForgeError::RateLimited(wait)) => {
                i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).saturating_add(1).min(LONGEST_WAIT)
            }
            _ => 0,
        }
    }
}

impl Engine {
    /// Claims one item of work. `None`: nothing is due.
    pub async fn claim(&self, kinds: &[WorkKind]) -> Result<Option<Claim>> {
        let room = Room { kinds, most: 1, most_of_share: 1, held: &Held::new() };
        Ok(self.exchange(&[], &room).await?.claims.pop())
    }

    /// Ends claims for which nothing is left to do, and claims as much as there is room for.
    pub async fn exchange(&self, done: &[Claim], room: &Room<'_>) -> Result<Exchanged> {
        let now = self.clock.now();
        let latest = self.latest.fetch_max(now.0, Ordering::Relaxed);
        let given = self.take(done, room).await?;
        if !given.claims.is_empty() || room.most == 0 || latest - now.0 <= LONGEST_WAIT * 1_000 {
            return Ok(given);
        }
        // The clock was set back by so much that work waits for a time that is far away again.
        let brought = self.store.bring_forward(now, now.plus_millis(LONGEST_WAIT)).await?;
        if brought == 0 {
            return Ok(given);
        }
        tracing::warn!("the clock was set back; {brought} pieces of work are due now instead of then");
        self.take(&[], room).await
    }

    async fn take(&self, done: &[Claim], room: &Room<'_>) -> Result<Exchanged> {
        let Room { kinds, most, most_of_share, held } = *room;
        let lease = kinds.iter().map(|kind| self.lease_of(*kind)).max().unwrap_or(self.timings.lease);
        let given = self.store.exchange(done, &Ask { kinds, owner: &self.owner, lease, most, most_of_share, held }).await?;
        for claim in &given.claims {
            tracing::debug!(work.kind = %claim.kind, work.id = %claim.id, attempts = claim.attempts, "taken up");
        }
        for claim in &given.lost {
            tracing::debug!(work.kind = %claim.kind, work.id = %claim.id, "its lease was lost before its end was recorded");
        }
        Ok(given)
    }

    /// The time until which something still waits; `None`: it is due.
    pub fn waits_until(&self, not_before: Option<Time>) -> Option<Time> {
        let now = self.clock.now();
        not_before.filter(|at| *at > now && *at <= now.plus_millis(LONGEST_WAIT))
    }

    /// Handles one item of work.
    pub async fn work(&self, claim: Claim) -> Result<()> {
        if self.stands_still(&claim).await? {
            return Ok(());
        }
        let lease = lease::Lease::new(&claim, self.lease_of(claim.kind), self.margin_of(claim.kind));
        let handled = tokio::select! {
            biased;
            handled = Box::pin(self.keep(&claim, lease, shield::shielded(Box::pin(trace::of_claim(self, &claim, Box::pin(self.handle(&claim))))))) => handled,
            // Asking a model once more does no harm, and another instance can do it now.
            () = self.cut.cancelled(), if claim.kind == WorkKind::Run => return self.give_back(&claim, self.clock.now()).await,
        };
        match handled {
            Ok(()) => {}
            Err(error) if error.is_race() => tracing::debug!(work.kind = ?claim.kind, work.id = %claim.id, "given up: {error}"),
            Err(error) if claim.attempts >= shield::MAX_TRIES && !error.is_transient() && self.set_aside(&claim, &error).await? => {}
            Err(error) => self.put_off(&claim, &error).await?,
        }
        Ok(())
    }

    async fn handle(&self, claim: &Claim) -> Result<()> {
        match claim.kind {
            WorkKind::Intake => Box::pin(intake::handle(self, claim)).await,
            WorkKind::Turn => Box::pin(turn::handle(self, claim)).await,
            WorkKind::Perform => Box::pin(perform::handle(self, claim)).await,
            WorkKind::Run => Box::pin(agent_run::handle(self, claim)).await,
            WorkKind::Timer => Box::pin(turn::wake(self, claim)).await,
            WorkKind::Seal => Box::pin(seal::seal(self, claim)).await,
            WorkKind::PushAudit => Box::pin(seal::push(self, claim)).await,
            WorkKind::Look => Box::pin(reconcile::handle(self, claim)).await,
        }
    }

    /// Work that never succeeds is given up with a sentence, where somebody can be told: `false` leaves it to further tries.
    async fn set_aside(&self, claim: &Claim, error: &EngineError) -> Result<bool> {
        let text = self.redactor.mask(&error.to_string());
        let given_up = match claim.kind {
            WorkKind::Run => {
                agent_run::give_up(self, claim, format!("it failed {} times, the last time because: {text}", claim.attempts)).await
            }
            WorkKind::Intake => Ok(self.store.fail_delivery(claim, &text).await?),
            _ => return Ok(false),
        };
        match given_up {
            Ok(()) => {
                tracing::error!(work.kind = ?claim.kind, work.id = %claim.id, "set aside after {} tries: {text}", claim.attempts);
                Ok(true)
            }
            Err(error) if error.is_race() => Ok(true),
            Err(_) => Ok(false),
        }
    }

    /// Puts work on a repository off that is archived or out of reach. It is due again as soon as the repository is back.
    async fn stands_still(&self, claim: &Claim) -> Result<bool> {
        let (Some(project), WorkKind::Turn | WorkKind::Perform | WorkKind::Run) = (claim.project, claim.kind) else {
            return Ok(false);
        };
        if reconcile::standstill(self, project).await?.is_none() {
            return Ok(false);
        }
        let at = self.clock.now().plus_millis(STANDSTILL);
        match self.store.release(claim, Release::Retry { at }).await {
            Err(StoreError::LeaseLost) => Ok(true),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// A handler failed: the work is looked at again later, each time with more patience.
    async fn put_off(&self, claim: &Claim, error: &EngineError) -> Result<()> {
        let wait = self.backoff(claim.attempts).max(error.asks_to_wait());
        let error = self.redactor.mask(&error.to_string());
        tracing::warn!(work.kind = ?claim.kind, work.id = %claim.id, attempts = claim.attempts, "work could not be finished: {error}");
        self.give_back(claim, self.clock.now().plus_millis(wait)).await
    }

    /// Ends a lease so that the work is taken up again at this time. A database that is away for a moment, or has no room, is waited for:
    /// without this the work would lie until its lease has run out. Whoever has it by then has no need of this.
    async fn give_back(&self, claim: &Claim, at: Time) -> Result<()> {
        let mut pause = Duration::from_millis(100);
        for _ in 0..GIVING_BACK {
            match self.store.release(claim, Release::Retry { at }).await {
                Err(StoreError::LeaseLost) => return Ok(()),
                Err(error) if error.is_transient() && !self.cut.is_cancelled() => tokio::time::sleep(pause).await,
                other => return Ok(other?),
            }
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        Ok(self.store.release(claim, Release::Retry { at }).await?)
    }

    /// Milliseconds to wait before the next try: doubling from a quarter of a second up to five minutes.
    pub fn backoff(&self, attempts: i64) -> i64 {
        let doubled = 250_i64.saturating_mul(1 << attempts.clamp(0, 20));
        doubled.min(300_000).min(self.timings.max_backoff.as_millis().try_into().unwrap_or(i64::MAX))
    }

    /// Commits, with a crash point on either side.
    pub async fn commit(&self, tx: ProjectTx) -> Result<()> {
        crash::point("commit-before");
        tx.commit().await?;
        crash::point("commit-after");
        Ok(())
    }

    /// A call to the world with a crash point on either side.
    pub async fn outside<T>(&self, call: impl Future<Output = T>) -> T {
        crash::point("effect-before");
        let result = call.await;
        crash::point("effect-after");
        result
    }

    /// The project of a claim that must have one.
    fn project_of(claim: &Claim) -> Result<ProjectId> {
        claim.project.ok_or_else(|| EngineError::Setup(format!("work {:?} {} names no project", claim.kind, claim.id)))
    }
}

/// Everything that the store is asked to hold for later in one place, for tests and for graceful stops.
pub async fn is_quiet(store: &Store) -> Result<bool> {
    let quiet = store.quiet().await?;
    Ok(quiet.due == 0 && quiet.leased == 0)
}
