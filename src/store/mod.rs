//! All SQL lives here: SQLite embedded, PostgreSQL for many instances, one concrete [`Store`] over both.
//!
//! What belongs to a project is reached only through a [`ProjectTx`]: it sets the row-level-security variable on PostgreSQL, and
//! every statement filters by project as well, on both engines. What is known before a project is (deliveries, leases, the list of
//! projects) is reached on [`Store`] itself. Leases use the database's time, everything else the injected [`Clock`].

mod agents;
pub mod backup;
mod claim;
mod content;
mod deliveries;
mod effects;
mod error;
mod exchange;
mod guard;
mod handover;
mod inbox;
mod inspect;
mod intents;
mod jobs;
mod journal;
mod ledger;
mod links;
mod load;
mod look;
mod open;
mod projects;
mod purse;
mod receive;
mod runs;
mod seal;
mod settings;
mod sql;
mod steps;
mod subjects;
mod timers;
mod tokens;
mod turns;
mod tx;
mod url;
mod wake;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::base::ids::ProjectId;
use crate::base::{Clock, Time};

pub use agents::AgentRow;
pub use claim::{Ask, Exchanged, Held};
pub use content::ObjectRow;
pub use deliveries::DeliveryFilter;
pub use effects::{EffectRow, EffectState, NewEffect};
pub use error::{Result, StoreError};
pub use exchange::EXCHANGE_PG;
pub use inbox::{Delivery, DeliveryState, NewDelivery, Received, Source};
pub use intents::{Ended, IntentRow, IntentState, NewIntent};
pub use jobs::{JobAfter, JobRow, WaitsFor};
pub use journal::{EventRow, NewEvent};
pub use ledger::{LedgerRow, OverBudget, ReserveRequest, Reserved, Spent};
pub use links::{MirrorComment, MirrorDue, MirrorRow};
pub use load::{InboxLoad, ProjectLoad, WorkLoad};
pub use open::{LaterMigration, Schema, ServingLock, WITHOUT_ROW_SECURITY, lock_embedded};
pub use projects::{NewProject, Project};
pub use purse::{AgentSpent, BUDGET};
pub use runs::{NewRun, RunRow, RunState, StepResult, StepRow, StepState};
pub use seal::{AuditPosition, ChainRow, GENESIS, Link};
pub use settings::SettingRow;
pub use steps::DoneStep;
pub use subjects::SubjectRow;
pub use timers::TimerRow;
pub use tokens::{NewToken, TokenRow};
pub use tx::ProjectTx;
pub use url::{BadStoreUrl, StoreUrl};
pub use work::{Claim, Quiet, Release, WorkKind};

use open::Pools;
use sql::Tx;

/// How a reading transaction begins on PostgreSQL.
const SNAPSHOT: &str = "begin transaction isolation level repeatable read read only";

/// The database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    pools: Pools,
    clock: Clock,
    woken: Arc<Notify>,
    writes: Arc<AtomicU64>,
    turns: Arc<turns::Turns>,
    touch: Arc<wake::Touch>,
    /// Deliveries on their way into the inbox.
    receiving: Arc<receive::Queue>,
    /// Steps on their way into the journal.
    desks: Arc<steps::Desks>,
}

impl Store {
    /// Opens the database, brings its schema up to date and checks that it keeps its promises. A database written by a newer program
    /// is refused with [`StoreError::TooNew`].
    pub async fn open(at: &StoreUrl, clock: Clock) -> Result<Store> {
        Store::open_as_later(at, clock, &[]).await
    }

    /// How the schema of a database stands to what this program knows. Nothing is changed; see [`Store::open`] for what is refused.
    pub async fn look_at(at: &StoreUrl) -> Result<Schema> {
        open::look(at).await
    }

    /// Opens the database as a later version of this program would that brings these migrations: for trying how a newer program and
    /// this one get along.
    pub async fn open_as_later(at: &StoreUrl, clock: Clock, later: &[LaterMigration]) -> Result<Store> {
        let pools = open::open(at, later).await?;
        let (woken, receiving) = (Arc::new(Notify::new()), Arc::new(receive::Queue::new(&pools)));
        Ok(Store {
            pools,
            clock,
            woken,
            writes: Arc::default(),
            turns: Arc::default(),
            touch: Arc::default(),
            receiving,
            desks: Arc::default(),
        })
    }

    /// Refuses with [`StoreError::Locked`] when another process serves this embedded database. Other commands may open the store
    /// without it. On PostgreSQL any number of instances may serve.
    pub fn lock_for_serving(&self) -> Result<ServingLock> {
        open::lock_for_serving(&self.pools)
    }

    /// The system's own project: its chain records what belongs to no repository.
    pub const SYSTEM: ProjectId = ProjectId(uuid::Uuid::nil());

    /// Notified whenever this process commits new work, and while [`Store::keep_in_touch`] runs also when another instance does. A hint
    /// to look again, never a substitute for looking: what other commands schedule is found by looking alone.
    pub fn woken(&self) -> Arc<Notify> {
        self.woken.clone()
    }

    /// The clock the store was opened with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many writing transactions this process has begun: each costs the database a wait for its disk.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    fn count_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for open transactions to end and closes all connections.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Lite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Pg(pool) => pool.close().await,
        }
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    /// Whether the database answers and, where it lies in a file, can be written to: a number that nobody reads is written once more.
    pub async fn ping(&self) -> Result<()> {
        match &self.pools {
            Pools::Lite { writer, .. } => {
                let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                sqlx::query("pragma user_version = 0").execute(&mut *tx).await?;
                tx.commit().await?;
            }
            Pools::Pg(pool) => {
                sqlx::query("select 1").execute(pool).await?;
            }
        }
        Ok(())
    }

    /// A writing transaction outside any project.
    async fn write(&self) -> Result<Tx> {
        self.count_write();
        Ok(match &self.pools {
            Pools::Lite { writer, .. } => Tx::Lite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Pg(pool) => Tx::Pg(sql::begin_whole(pool, "BEGIN").await?),
        })
    }

    /// A reading transaction outside any project: one snapshot.
    async fn read(&self) -> Result<Tx> {
        Ok(match &self.pools {
            Pools::Lite { readers, .. } => Tx::Lite(readers.begin().await?),
            Pools::Pg(pool) => Tx::Pg(sql::begin_whole(pool, SNAPSHOT).await?),
        })
    }

    /// Opens a writing transaction on one project: the only way to its data.
    pub async fn begin(&self, project: ProjectId) -> Result<ProjectTx> {
        let tx = match &self.pools {
            Pools::Lite { .. } => self.write().await?,
            Pools::Pg(pool) => {
                self.count_write();
                Tx::Pg(sql::begin_whole(pool, tx::opening("begin", project)).await?)
            }
        };
        Ok(ProjectTx::enter(tx, project, self.clone()))
    }

    /// Opens a reading transaction on one project: one snapshot, and every write in it fails.
    pub async fn begin_read(&self, project: ProjectId) -> Result<ProjectTx> {
        let tx = match &self.pools {
            Pools::Lite { .. } => self.read().await?,
            Pools::Pg(pool) => Tx::Pg(sql::begin_whole(pool, tx::opening(SNAPSHOT, project)).await?),
        };
        Ok(ProjectTx::enter(tx, project, self.clone()))
    }
}
