//! What moves. Each kind of work is claimed from the store under a lease and handled by one file: deliveries by [`intake`], lanes by
//! [`turn`], effects by [`perform`], agent runs by [`agent_run`], the record by [`seal`]. Nothing is kept in memory that a crash could
//! lose: a handler that dies leaves a lease that runs out, and the next one finds what is recorded.

pub mod agent_run;
pub mod carry;
pub mod crash;
pub mod gather;
pub mod intake;
pub mod lease;
pub mod perform;
pub mod reconcile;
pub mod seal;
pub mod supervisor;
pub mod turn;
pub mod world;

use std::time::Duration;

use crate::base::Time;
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
        self.claim_beside(kinds, &[]).await
    }

    /// The same, leaving out shares that have enough workers already.
    pub async fn claim_beside(&self, kinds: &[WorkKind], full: &[(WorkKind, uuid::Uuid)]) -> Result<Option<Claim>> {
        let lease = kinds.iter().map(|kind| self.lease_of(*kind)).max().unwrap_or(self.timings.lease);
        let claim = self.store.claim_beside(kinds, &self.owner, lease, full).await?;
        if let Some(claim) = &claim {
            tracing::debug!(work.kind = %claim.kind, work.id = %claim.id, attempts = claim.attempts, "taken up");
        }
        Ok(claim)
    }

    /// Handles one item of work.
    pub async fn work(&self, claim: Claim) -> Result<()> {
        let lease = lease::Lease::new(&claim, self.lease_of(claim.kind), self.margin_of(claim.kind));
        let handled = tokio::select! {
            biased;
            handled = Box::pin(self.keep(&claim, lease, Box::pin(self.handle(&claim)))) => handled,
            // Asking a model once more does no harm, and another instance can do it now.
            () = self.cut.cancelled(), if claim.kind == WorkKind::Run => return self.give_back(&claim, self.clock.now()).await,
        };
        match handled {
            Ok(()) => {}
            Err(error) if error.is_race() => tracing::debug!(work.kind = ?claim.kind, work.id = %claim.id, "given up: {error}"),
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
        }
    }

    /// A handler failed: the work is looked at again later, each time with more patience.
    async fn put_off(&self, claim: &Claim, error: &EngineError) -> Result<()> {
        let error = self.redactor.mask(&error.to_string());
        tracing::warn!(work.kind = ?claim.kind, work.id = %claim.id, attempts = claim.attempts, "work could not be finished: {error}");
        let at = self.clock.now().plus_millis(self.backoff(claim.attempts));
        self.give_back(claim, at).await
    }

    /// Ends a lease so that the work is taken up again at this time. A database that is away for a moment is waited for: without this
    /// the work would lie until its lease has run out.
    async fn give_back(&self, claim: &Claim, at: Time) -> Result<()> {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.store.release(claim, Release::Retry { at }).await {
                Err(StoreError::LeaseLost) => return Ok(()),
                Err(error) if error.is_transient() && pause < Duration::from_secs(10) => tokio::time::sleep(pause).await,
                other => return Ok(other?),
            }
            pause *= 2;
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
