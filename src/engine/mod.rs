//! What moves. Each kind of work is claimed from the store under a lease and handled by one file: deliveries by [`intake`], lanes by
//! [`turn`], effects by [`perform`], agent runs by [`agent_run`], the record by [`seal`]. Nothing is kept in memory that a crash could
//! lose: a handler that dies leaves a lease that runs out, and the next one finds what is recorded.

pub mod agent_run;
pub mod crash;
pub mod gather;
pub mod intake;
pub mod perform;
pub mod reconcile;
pub mod seal;
pub mod settings;
pub mod supervisor;
pub mod turn;
pub mod world;

use std::time::Duration;

use crate::base::ids::ProjectId;
use crate::forge::ForgeError;
use crate::git::GitError;
use crate::store::{Claim, ProjectTx, Release, Store, StoreError, WorkKind};

pub use world::{Connection, Engine, Timings};

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
}

/// Result of a handler.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

impl EngineError {
    /// Somebody else has the work now, or changed it first: nothing is wrong.
    pub fn is_race(&self) -> bool {
        matches!(self, EngineError::Store(StoreError::LeaseLost | StoreError::VersionConflict { .. }))
    }
}

impl Engine {
    /// Claims one item of work. `None`: nothing is due.
    pub async fn claim(&self, kinds: &[WorkKind]) -> Result<Option<Claim>> {
        Ok(self.store.claim(kinds, &self.owner, self.timings.lease).await?)
    }

    /// Handles one item of work.
    pub async fn work(&self, claim: Claim) -> Result<()> {
        let handled = match claim.kind {
            WorkKind::Intake => Box::pin(intake::handle(self, &claim)).await,
            WorkKind::Turn => Box::pin(turn::handle(self, &claim)).await,
            WorkKind::Perform => Box::pin(perform::handle(self, &claim)).await,
            WorkKind::Run => Box::pin(agent_run::handle(self, &claim)).await,
            WorkKind::Timer => turn::wake(self, &claim).await,
            WorkKind::Seal => seal::seal(self, &claim).await,
            WorkKind::PushAudit => seal::push(self, &claim).await,
        };
        match handled {
            Ok(()) => {}
            Err(error) if error.is_race() => tracing::debug!(work.kind = ?claim.kind, work.id = %claim.id, "given up: {error}"),
            Err(error) => self.put_off(&claim, &error).await?,
        }
        Ok(())
    }

    /// A handler failed: the work is looked at again later, each time with more patience.
    async fn put_off(&self, claim: &Claim, error: &EngineError) -> Result<()> {
        let error = self.redactor.mask(&error.to_string());
        tracing::warn!(work.kind = ?claim.kind, work.id = %claim.id, attempts = claim.attempts, "work could not be finished: {error}");
        let at = self.clock.now().plus_millis(self.backoff(claim.attempts));
        match self.store.release(claim, Release::Retry { at }).await {
            Err(StoreError::LeaseLost) => Ok(()),
            other => Ok(other?),
        }
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

    /// Makes sure that the lease outlasts a call of this length.
    pub async fn hold(&self, claim: &Claim, call: Duration) -> Result<()> {
        let lease = self.timings.lease.max(call + Duration::from_secs(10));
        match self.store.extend(claim, lease).await? {
            true => Ok(()),
            false => Err(StoreError::LeaseLost.into()),
        }
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
