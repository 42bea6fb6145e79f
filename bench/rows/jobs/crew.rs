//! A crew as the engine has it, whose jobs do nothing but wait a little and note when they were picked up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use syndarix::engine::crew::{Foreman, Room, drive, leave};
use syndarix::store::{Ask, Claim, Exchanged, Store, WorkKind};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const KINDS: &[WorkKind] = &[WorkKind::Timer];
pub const OWNER: [&str; 2] = ["bench", "orphan"];
const LEASE: Duration = Duration::from_secs(30);

/// Jobs whose way is timed: when they were about to be scheduled.
pub type Sent = Arc<Mutex<HashMap<Uuid, Instant>>>;

pub struct Crew {
    jobs: Arc<Jobs>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Jobs {
    store: Store,
    done: AtomicUsize,
    filled: AtomicUsize,
    each: Duration,
    sent: Sent,
    millis: Mutex<Vec<f64>>,
}

impl Crew {
    /// So many hands; each job takes this long.
    pub fn start(store: &Store, hands: usize, each: Duration) -> Crew {
        Crew::timing(store, hands, each, Sent::default())
    }

    pub fn timing(store: &Store, hands: usize, each: Duration, sent: Sent) -> Crew {
        let (done, filled, millis) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::default());
        let jobs = Arc::new(Jobs { store: store.clone(), done, filled, each, sent, millis });
        let stop = CancellationToken::new();
        let task = tokio::spawn(drive(jobs.clone(), KINDS, hands, stop.clone()));
        Crew { jobs, stop, task }
    }

    pub fn done(&self) -> usize {
        self.jobs.done.load(Ordering::Relaxed)
    }

    pub fn filled(&self) -> usize {
        self.jobs.filled.load(Ordering::Relaxed)
    }

    /// Jobs were put into the table, past the store.
    pub fn fill(&self, jobs: usize) {
        self.jobs.filled.fetch_add(jobs, Ordering::Relaxed);
        self.jobs.store.woken().notify_one();
    }

    pub async fn until(&self, jobs: usize) {
        while self.done() < jobs {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How long each timed job waited to be picked up.
    pub fn millis(&self) -> Vec<f64> {
        std::mem::take(&mut self.jobs.millis.lock().unwrap())
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[async_trait]
impl Foreman for Jobs {
    async fn look(&self, done: &[Claim], room: &Room<'_>) -> Result<Exchanged, String> {
        let Room { kinds, most, most_of_share, held } = *room;
        let ask = Ask { kinds, owner: OWNER[0], lease: LEASE, most, most_of_share, held };
        self.store.exchange(done, &ask).await.map_err(|error| error.to_string())
    }

    async fn pause(&self, _: &[WorkKind]) -> Duration {
        Duration::from_secs(1)
    }

    async fn work(&self, claim: Claim) {
        if let Some(sent) = self.sent.lock().unwrap().remove(&claim.id) {
            self.millis.lock().unwrap().push(sent.elapsed().as_secs_f64() * 1000.0);
        }
        if !self.each.is_zero() {
            tokio::time::sleep(self.each).await;
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        leave(&claim);
    }

    fn woken(&self) -> Arc<Notify> {
        self.store.woken()
    }
}
