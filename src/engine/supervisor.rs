//! The tasks of a serving process: each has an owner that sees it end, and all stop together.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store::{Claim, WorkKind};

use super::Engine;

/// Which kinds of work a group of workers takes, and how many workers there are. Agent runs have their own, so that thinking models never keep a lane waiting.
const GROUPS: &[(&[WorkKind], usize)] = &[
    (&[WorkKind::Intake, WorkKind::Turn, WorkKind::Timer], 4),
    (&[WorkKind::Perform], 4),
    (&[WorkKind::Run], 8),
    (&[WorkKind::Seal, WorkKind::PushAudit], 1),
    (&[WorkKind::Look], 2),
];

/// Most workers of a group that one project may have at the same time: the rest is kept for others, so that nobody waits for the end
/// of somebody else's long work.
const fn most_of(count: usize) -> usize {
    let most = count - count / 4;
    if most == 0 { 1 } else { most }
}

/// Owns tasks until they end.
pub struct Supervisor {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    engine: Option<Arc<Engine>>,
}

impl Supervisor {
    /// A supervisor whose tasks end when `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Supervisor {
        Supervisor { tasks: JoinSet::new(), stop, engine: None }
    }

    /// Takes charge of a task. When it ends by itself while others run, everything is stopped: a half-alive server is worse than a restart.
    pub fn take(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            task.await;
            if !stop.is_cancelled() {
                tracing::error!(task = name, "a task ended that should not; stopping");
                stop.cancel();
            }
        });
    }

    /// Starts the workers of an engine.
    pub fn run_engine(&mut self, engine: &Arc<Engine>) {
        self.engine = Some(engine.clone());
        for (kinds, count) in GROUPS {
            self.take("workers", work(engine.clone(), kinds, *count, self.stop.clone()));
        }
    }

    /// Waits until everything has ended, at most this long after the stop was asked for; what then still runs is cut off and found again by its lease.
    pub async fn wait(mut self, patience: Duration) {
        self.stop.cancelled().await;
        if let Some(engine) = &self.engine {
            engine.stopping.cancel();
        }
        if self.ended(patience * 5 / 6).await {
            return;
        }
        if let Some(engine) = &self.engine {
            engine.cut.cancel();
        }
        if !self.ended(patience / 6).await {
            tracing::warn!("work that did not end in time is left to its lease");
            self.tasks.shutdown().await;
        }
    }

    /// Whether all tasks end within this time.
    async fn ended(&mut self, patience: Duration) -> bool {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        tokio::time::timeout(patience, all).await.is_ok()
    }
}

/// Hands the work of some kinds to at most so many workers. One looks for all of them: every look costs the database a query.
async fn work(engine: Arc<Engine>, kinds: &'static [WorkKind], count: usize, stop: CancellationToken) {
    let woken = engine.store.woken();
    let mut busy = JoinSet::new();
    let shares = Shares::default();
    while !stop.is_cancelled() {
        // Listen before looking, so that what is scheduled in between is not missed.
        let wake = woken.notified();
        let mut pause = engine.timings.poll;
        if busy.len() < count {
            match engine.claim_beside(kinds, &shares.full(most_of(count))).await {
                Ok(Some(claim)) => {
                    let engine = engine.clone();
                    let share = shares.taken(&claim);
                    busy.spawn(async move {
                        let _share = share;
                        if let Err(error) = engine.work(claim).await {
                            tracing::error!("the store did not take the end of some work: {error}");
                        }
                    });
                    continue;
                }
                Ok(None) => pause = until_due(&engine, kinds).await,
                Err(error) => tracing::error!("the store could not be asked for work: {error}"),
            }
        }
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(pause) => {}
            Some(ended) = busy.join_next() => {
                if let Err(error) = ended {
                    tracing::error!("a worker ended unexpectedly, its work waits for its lease: {error}");
                }
            }
            () = stop.cancelled() => {}
        }
    }
    while busy.join_next().await.is_some() {}
}

/// How long nothing will be due, as far as is known now.
async fn until_due(engine: &Engine, kinds: &[WorkKind]) -> Duration {
    let poll = engine.timings.poll;
    match engine.store.next_due(kinds).await {
        // What is due already has just been scheduled, and its wake-up is on the way.
        Ok(Some(due)) => u64::try_from(due.0 - engine.clock.now().0).map_or(poll, |micros| poll.min(Duration::from_micros(micros + 1_000))),
        _ => poll,
    }
}

/// How many workers each share has, by kind of work.
#[derive(Clone, Default)]
struct Shares(Arc<Mutex<BTreeMap<(WorkKind, Uuid), usize>>>);

/// Counts a worker as long as it is there, however it ends.
struct Taken {
    shares: Shares,
    share: (WorkKind, Uuid),
}

impl Shares {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(WorkKind, Uuid), usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self, claim: &Claim) -> Taken {
        let share = (claim.kind, claim.share());
        *self.all().entry(share).or_default() += 1;
        Taken { shares: self.clone(), share }
    }

    /// The shares that have this many workers or more.
    fn full(&self, most: usize) -> Vec<(WorkKind, Uuid)> {
        self.all().iter().filter(|(_, count)| **count >= most).map(|(share, _)| *share).collect()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut all = self.shares.all();
        if let Some(count) = all.get_mut(&self.share) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.share);
            }
        }
    }
}
