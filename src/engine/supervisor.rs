//! The tasks of a serving process: each has an owner that sees it end, and all stop together.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
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
    /// The first task that ended although nobody had asked it to.
    broken: Arc<OnceLock<&'static str>>,
}

impl Supervisor {
    /// A supervisor whose tasks end when `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Supervisor {
        Supervisor { tasks: JoinSet::new(), stop, engine: None, broken: Arc::default() }
    }

    /// Takes charge of a task. When it ends by itself while others run, everything is stopped: a half-alive server is worse than a restart.
    pub fn take(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let (stop, broken) = (self.stop.clone(), self.broken.clone());
        self.tasks.spawn(async move {
            let ended = std::panic::AssertUnwindSafe(task).catch_unwind().await;
            if ended.is_err() || !stop.is_cancelled() {
                let _ = broken.set(name);
                tracing::error!(task = name, "a task ended that should not; stopping");
                stop.cancel();
            }
        });
    }

    /// The name of a task that ended although nobody had asked it to, once there is one.
    pub fn broken(&self) -> Arc<OnceLock<&'static str>> {
        self.broken.clone()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_or_panics_stops_the_rest_and_is_named() {
        for (panics, stopped, wanted) in [(false, false, Some("part")), (true, false, Some("part")), (false, true, None)] {
            let stop = CancellationToken::new();
            let mut supervisor = Supervisor::new(stop.clone());
            let (waits, asked) = (stop.clone(), stop.clone());
            supervisor.take("other", async move { waits.cancelled().await });
            supervisor.take("part", async move {
                if stopped {
                    asked.cancel();
                }
                assert!(!panics, "as asked");
            });
            let broken = supervisor.broken();
            supervisor.wait(Duration::from_secs(30)).await;
            assert_eq!(broken.get().copied(), wanted);
            assert!(stop.is_cancelled());
        }
    }

    #[tokio::test]
    async fn what_does_not_end_is_cut_off_when_its_time_is_over() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        supervisor.take("hangs", std::future::pending());
        stop.cancel();
        let (begun, patience) = (tokio::time::Instant::now(), Duration::from_millis(60));
        supervisor.wait(patience).await;
        assert!(begun.elapsed() >= patience);
    }
}
