//! Keeping a lease while something is done under it. Whoever works under a lease extends it long before it ends, and does nothing
//! more once its end is near: then somebody else may have the work. What decides is the process's own monotonic clock, which goes on
//! while the process is stopped, and which is never behind the database's: it is read before the database is asked.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::store::{Claim, StoreError, WorkKind};

use super::{Engine, EngineError, Result};

/// How far a lease reaches, as far as this process knows.
#[derive(Debug)]
pub struct Lease {
    until: Mutex<Instant>,
    length: Duration,
    /// The part at its end in which nothing is begun or gone on with: as long as a call may take that is on its way already.
    margin: Duration,
}

tokio::task_local! {
    static LEASE: Arc<Lease>;
}

impl Lease {
    /// The lease that comes with a claim.
    pub fn new(claim: &Claim, length: Duration, margin: Duration) -> Arc<Lease> {
        Arc::new(Lease { until: Mutex::new(claim.until), length, margin })
    }

    fn last_moment(&self) -> Instant {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) - self.margin
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.last_moment()
    }

    fn extended(&self, asked: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked + self.length;
    }
}

impl Engine {
    /// How long a claim holds before it must have been extended. What calls the world gets the time of such a call beside it.
    pub fn lease_of(&self, kind: WorkKind) -> Duration {
        match kind {
            WorkKind::Intake | WorkKind::Turn | WorkKind::Timer | WorkKind::Look => self.timings.lease,
            WorkKind::Run => self.timings.run_lease,
            WorkKind::Perform | WorkKind::Seal | WorkKind::PushAudit => self.timings.lease + self.timings.call,
        }
    }

    /// The lease outlasts a call to the world that is begun at the last moment: whoever takes over looks at a world that stands still.
    pub fn margin_of(&self, kind: WorkKind) -> Duration {
        match kind {
            WorkKind::Perform | WorkKind::Seal | WorkKind::PushAudit => self.timings.call,
            // What these read changes nothing, and what they write the database checks.
            WorkKind::Intake | WorkKind::Turn | WorkKind::Timer | WorkKind::Run | WorkKind::Look => self.lease_of(kind) / 6,
        }
    }

    /// Does work under a lease: extends it as long as the work lasts, and drops the work unfinished when the lease cannot be kept. What
    /// was on its way then is uncertain, and whoever takes over looks before repeating it.
    pub async fn keep<T>(&self, claim: &Claim, lease: Arc<Lease>, work: impl Future<Output = Result<T>>) -> Result<T> {
        let kept = Box::pin(LEASE.scope(lease.clone(), while_held(&lease, work)));
        tokio::select! {
            biased;
            lost = self.beat(claim, &lease) => Err(lost),
            done = kept => done,
        }
    }

    /// Extends the lease again and again; ends when it is lost.
    async fn beat(&self, claim: &Claim, lease: &Lease) -> EngineError {
        loop {
            sleep((lease.length - lease.margin) / 3).await;
            let asked = Instant::now();
            match self.store.extend(claim, lease.length).await {
                Ok(true) => lease.extended(asked),
                Ok(false) => return StoreError::LeaseLost.into(),
                // It goes on for a while; if the database does not come back in time, the work ends by itself.
                Err(error) => tracing::debug!(work.kind = %claim.kind, work.id = %claim.id, "the lease could not be extended: {error}"),
            }
        }
    }

    /// Makes sure that the lease outlasts a call of this length. Within [`Engine::keep`] it is extended anyway, and being here means
    /// that it holds.
    pub async fn hold(&self, claim: &Claim, call: Duration) -> Result<()> {
        let held = match LEASE.try_with(|lease| !lease.is_over()) {
            Ok(held) => held,
            Err(_) => self.store.extend(claim, self.lease_of(claim.kind).max(call + self.timings.lease)).await?,
        };
        if held { Ok(()) } else { Err(StoreError::LeaseLost.into()) }
    }
}

/// Goes on with the work only while the lease reaches. The clock is read before every single step: a process that was stopped and
/// goes on finds out before it sends anything more.
async fn while_held<T>(lease: &Lease, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = pin!(work);
    loop {
        let mut alarm = pin!(sleep_until(lease.last_moment()));
        let done = poll_fn(|context| {
            if lease.is_over() {
                return Poll::Ready(Some(Err(StoreError::LeaseLost.into())));
            }
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            alarm.as_mut().poll(context).map(|()| None)
        });
        // The alarm alone says little: the lease may have been extended since it was set.
        if let Some(done) = done.await {
            return done;
        }
    }
}
