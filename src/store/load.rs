//! How much there is and how long it waits, for whoever watches the process from outside.

use super::Store;
use super::error::Result;
use super::inbox::DeliveryState;
use super::sql::{all, first};
use super::tx::ProjectTx;
use super::work::WorkKind;
use crate::base::ids::ProjectId;
use crate::base::{Nano, Time};

/// Items of work of one kind.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct WorkLoad {
    pub kind: WorkKind,
    /// Under a live lease.
    pub leased: i64,
    /// Under a lease that ran out and that nobody took over yet.
    pub lapsed: i64,
    /// Could be claimed now.
    pub due: i64,
    /// Their time is still to come.
    pub later: i64,
    /// Since when the longest waiting of those that are due waits.
    pub oldest: Option<Time>,
}

/// Deliveries of one hook in one state.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct InboxLoad {
    pub hook: String,
    pub state: DeliveryState,
    pub count: i64,
}

/// One project's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct ProjectLoad {
    pub stories: i64,
    pub intents_waiting: i64,
    pub effects_waiting: i64,
    /// Journal entries without a place in the chain.
    pub unsealed: i64,
    /// Lines of the chain.
    pub sealed: i64,
    /// Lines pushed to the audit repository.
    pub pushed: i64,
    pub spent: Nano,
    pub reserved: Nano,
    pub model_calls: i64,
}

impl Store {
    /// The work of this kind, told apart by its state; kinds without work are left out.
    pub async fn work_load(&self) -> Result<Vec<WorkLoad>> {
        let mut tx = self.read().await?;
        let now = self.now();
        Ok(all!(&mut tx, WorkLoad,
            pg: "select kind, count(*) filter (where lease_until > now_db) as leased,
                    count(*) filter (where lease_until <> 0 and lease_until <= now_db) as lapsed,
                    count(*) filter (where lease_until = 0 and run_at <= $1) as due,
                    count(*) filter (where lease_until = 0 and run_at > $1) as later,
                    min(run_at) filter (where lease_until = 0 and run_at <= $1) as oldest
                from (select kind, lease_until, run_at, (extract(epoch from clock_timestamp()) * 1000000)::bigint as now_db from work) w
                group by kind order by kind",
            lite: "select kind, count(*) filter (where lease_until > now_db) as leased,
                    count(*) filter (where lease_until <> 0 and lease_until <= now_db) as lapsed,
                    count(*) filter (where lease_until = 0 and run_at <= $1) as due,
                    count(*) filter (where lease_until = 0 and run_at > $1) as later,
                    min(run_at) filter (where lease_until = 0 and run_at <= $1) as oldest
                from (select kind, lease_until, run_at, cast(unixepoch('subsec') * 1000000 as integer) as now_db from work) w
                group by kind order by kind",
            now)?)
    }

    /// All deliveries that are kept, by hook and state.
    pub async fn inbox_load(&self) -> Result<Vec<InboxLoad>> {
        let mut tx = self.read().await?;
        Ok(all!(&mut tx, InboxLoad, "select hook, state, count(*) as count from inbox group by hook, state order by hook, state")?)
    }

    /// The numbers of one project.
    pub async fn project_load(&self, project: ProjectId) -> Result<ProjectLoad> {
        self.begin_read(project).await?.load().await
    }

    /// The runs of one project by their state.
    pub async fn runs_load(&self, project: ProjectId) -> Result<Vec<(String, i64)>> {
        let mut tx = self.begin_read(project).await?;
        let sql = "select state, count(*) from runs where project_id = $1 group by state order by state";
        Ok(all!(&mut tx.tx, (String, i64), sql, project)?)
    }
}

impl ProjectTx {
    async fn load(&mut self) -> Result<ProjectLoad> {
        let pg = "select (select count(*) from subjects where project_id = $1) as stories,
            (select count(*) from intents where project_id = $1 and state = 'pending') as intents_waiting,
            (select count(*) from effects where project_id = $1 and state in ('pending', 'performing')) as effects_waiting,
            (select count(*) from seal_queue where project_id = $1) as unsealed,
            (select coalesce(max(seq) + 1, 0) from chain where project_id = $1) as sealed,
            coalesce((select next_seq from audit_pushes where project_id = $1), 0) as pushed,
            (select coalesce(sum(spent), 0)::bigint from budgets where project_id = $1) as spent,
            (select coalesce(sum(reserved), 0)::bigint from budgets where project_id = $1) as reserved,
            (select count(*) from ledger where project_id = $1) as model_calls";
        let lite = "select (select count(*) from subjects where project_id = $1) as stories,
            (select count(*) from intents where project_id = $1 and state = 'pending') as intents_waiting,
            (select count(*) from effects where project_id = $1 and state in ('pending', 'performing')) as effects_waiting,
            (select count(*) from seal_queue where project_id = $1) as unsealed,
            (select coalesce(max(seq) + 1, 0) from chain where project_id = $1) as sealed,
            coalesce((select next_seq from audit_pushes where project_id = $1), 0) as pushed,
            (select coalesce(sum(spent), 0) from budgets where project_id = $1) as spent,
            (select coalesce(sum(reserved), 0) from budgets where project_id = $1) as reserved,
            (select count(*) from ledger where project_id = $1) as model_calls";
        Ok(first!(&mut self.tx, ProjectLoad, pg: pg, lite: lite, self.project)?.unwrap_or_default())
    }
}
