//! The tasks of a serving process: each has an owner that sees it end, and all stop together.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::store::WorkKind;

use super::{Engine, crew};

/// Which kinds of work a group of workers takes, and how many workers there are. Agent runs have their own, so that thinking models never keep a lane waiting.
const GROUPS: &[(&[WorkKind], usize)] = &[
    (&[WorkKind::Intake, WorkKind::Turn, WorkKind::Timer], 4),
    (&[WorkKind::Perform], 4),
    (&[WorkKind::Run], 8),
    (&[WorkKind::Seal, WorkKind::PushAudit], 1),
    (&[WorkKind::Look], 2),
];

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
            self.take("workers", crew::drive(engine.clone(), kinds, *count, self.stop.clone()));
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
