//! The tasks of a serving process: each has an owner that sees it end, and all stop together.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::store::WorkKind;

use super::Engine;

/// Which kinds of work a group of workers takes, and how many workers there are. Agent runs have their own, so that thinking models never keep a lane waiting.
const GROUPS: &[(&[WorkKind], usize)] = &[
    (&[WorkKind::Intake, WorkKind::Turn, WorkKind::Timer], 4),
    (&[WorkKind::Perform], 4),
    (&[WorkKind::Run], 8),
    (&[WorkKind::Seal, WorkKind::PushAudit], 1),
];

/// Owns tasks until they end.
pub struct Supervisor {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Supervisor {
    /// A supervisor whose tasks end when `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Supervisor {
        Supervisor { tasks: JoinSet::new(), stop }
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
        for (kinds, count) in GROUPS {
            for _ in 0..*count {
                self.take("worker", work(engine.clone(), kinds, self.stop.clone()));
            }
        }
    }

    /// Waits until everything has ended, at most this long after the stop was asked for; what then still runs is cut off and found again by its lease.
    pub async fn wait(mut self, patience: Duration) {
        self.stop.cancelled().await;
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!("work that did not end in time is left to its lease");
            self.tasks.abort_all();
        }
    }
}

async fn work(engine: Arc<Engine>, kinds: &'static [WorkKind], stop: CancellationToken) {
    let woken = engine.store.woken();
    while !stop.is_cancelled() {
        // Listen before looking, so that what is scheduled in between is not missed.
        let wake = woken.notified();
        match engine.step(kinds).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!("the store could not be asked for work: {error}"),
        }
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(engine.timings.poll) => {}
            () = stop.cancelled() => {}
        }
    }
}
