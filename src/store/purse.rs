//! Limits of money, and what is left of them. Who judges and who changes a limit meet at one lock, so a lowered limit holds for the very
//! next reservation, and no limit is set below what is gone already.

use super::error::Result;
use super::ledger::{OverBudget, ReserveRequest, Spent};
use super::sql::{Tx, all, exec, first};
use super::tx::ProjectTx;
use crate::base::ids::SubjectId;
use crate::base::{Nano, Time};
use crate::domain::budget::{Caps, Pot, Purse, month_of};

/// Name of the lock, and of the project's setting.
pub const BUDGET: &str = "budget";

/// What one agent of a story has cost.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AgentSpent {
    /// Its type.
    pub kind: String,
    /// The name people know it by.
    pub name: String,
    /// Model calls.
    pub calls: i64,
    /// Settled.
    pub spent: Nano,
    /// Reserved by calls under way, or by calls whose end was never seen.
    pub reserved: Nano,
}

#[derive(Default, sqlx::FromRow)]
struct StoryRow {
    spent: Nano,
    reserved: Nano,
    soft: Option<Nano>,
    hard: Option<Nano>,
}

impl From<Spent> for Pot {
    fn from(spent: Spent) -> Pot {
        Pot { spent: spent.spent, reserved: spent.reserved }
    }
}

impl ProjectTx {
    /// Everything that decides about the next call of a story at this moment. What the month has cost is looked up only where it is limited.
    pub async fn purse(&mut self, subject: SubjectId, at: Time) -> Result<Purse> {
        let sql = "select spent, reserved, soft, hard from budgets where project_id = $1 and subject_id = $2";
        let story = first!(&mut self.tx, StoryRow, sql, self.project, subject)?.unwrap_or_default();
        let project = self.project_caps().await?;
        let month = if project.is_empty() { Spent::default() } else { self.month(&month_of(at)).await? };
        Ok(Purse {
            story: Pot { spent: story.spent, reserved: story.reserved },
            own: Caps { soft: story.soft, hard: story.hard },
            month: month.into(),
            project,
        })
    }

    /// What all stories of the project have cost in this month, and since the beginning.
    pub async fn project_spent(&mut self, at: Time) -> Result<(Spent, Spent)> {
        let sql = "select cast(coalesce(sum(spent), 0) as bigint) as spent, cast(coalesce(sum(reserved), 0) as bigint) as reserved
            from budgets where project_id = $1";
        let total = first!(&mut self.tx, Spent, sql, self.project)?.unwrap_or_default();
        Ok((self.month(&month_of(at)).await?, total))
    }

    async fn month(&mut self, month: &str) -> Result<Spent> {
        // A sum of bigint is numeric on PostgreSQL.
        let sql = "select cast(coalesce(sum(spent), 0) as bigint) as spent, cast(coalesce(sum(reserved), 0) as bigint) as reserved
            from budget_months where project_id = $1 and month = $2";
        Ok(first!(&mut self.tx, Spent, sql, self.project, month)?.unwrap_or_default())
    }

    /// The project's limits for each month.
    async fn project_caps(&mut self) -> Result<Caps> {
        let sql = "select value from settings where project_id = $1 and key = $2";
        let row = first!(&mut self.tx, (String,), sql, self.project, BUDGET)?;
        // What cannot be read must not open the purse: nothing more is bought until it is set again.
        let closed = Caps { soft: None, hard: Some(Nano::ZERO) };
        Ok(row.map_or_else(Caps::default, |(text,)| serde_json::from_str(&text).unwrap_or(closed)))
    }

    /// The limits that hold for a reservation, with the lock that whoever changes them needs too. Reservations of one project wait for
    /// each other only where they share a limit.
    pub(super) async fn limits_for(&mut self, ask: &ReserveRequest) -> Result<(Option<Nano>, Caps)> {
        match self.project_caps().await?.hard {
            Some(_) => self.lock(BUDGET).await?,
            None => self.share(BUDGET).await?,
        }
        let mut project = self.project_caps().await?;
        if project.hard.is_some() {
            // Set a moment ago, so the lock may be a shared one. Two that trade up at once are one too many: the database ends one, which is tried again.
            self.lock(BUDGET).await?;
            project = self.project_caps().await?;
        }
        let sql = "select hard from budgets where project_id = $1 and subject_id = $2";
        let own = first!(&mut self.tx, (Option<Nano>,), sql, self.project, ask.subject)?.and_then(|(hard,)| hard);
        Ok((own.or(ask.hard), project))
    }

    /// Books a reservation on the month, unless that would pass what the project's stories share.
    pub(super) async fn book_month(&mut self, ask: &ReserveRequest, project: Caps) -> Result<std::result::Result<(), OverBudget>> {
        let month = month_of(ask.at);
        if let Some(hard) = project.hard {
            let Spent { spent, reserved } = self.month(&month).await?;
            if spent + reserved + ask.amount > hard {
                return Ok(Err(OverBudget { spent, reserved, hard, shared: true }));
            }
        }
        let sql = "insert into budget_months (project_id, month, subject_id, reserved) values ($1, $2, $3, $4)
            on conflict (project_id, month, subject_id) do update set reserved = budget_months.reserved + excluded.reserved";
        exec!(&mut self.tx, sql, self.project, &month, ask.subject, ask.amount)?;
        Ok(Ok(()))
    }

    /// Books the real cost on the month of the reservation.
    pub(super) async fn settle_month(&mut self, subject: SubjectId, reserved_at: Time, reserved: Nano, actual: Nano) -> Result<()> {
        let sql = "update budget_months set reserved = reserved - $4, spent = spent + $5 where project_id = $1 and month = $2 and subject_id = $3";
        exec!(&mut self.tx, sql, self.project, month_of(reserved_at), subject, reserved, actual)?;
        Ok(())
    }

    /// Sets a story's own limits. False, and nothing is changed, when `least` (the hard limit that then holds) is below what is spent and
    /// reserved by now.
    pub async fn set_story_caps(&mut self, subject: SubjectId, caps: Caps, least: Nano) -> Result<bool> {
        self.lock(BUDGET).await?;
        let spent = self.spent(subject).await?;
        if spent.spent + spent.reserved > least {
            return Ok(false);
        }
        let sql = "insert into budgets (project_id, subject_id, soft, hard) values ($1, $2, $3, $4)
            on conflict (project_id, subject_id) do update set soft = excluded.soft, hard = excluded.hard";
        exec!(&mut self.tx, sql, self.project, subject, caps.soft, caps.hard)?;
        Ok(true)
    }

    /// Locks the project's limits for a change and gives what its stories have spent and reserved in the month of this moment.
    pub async fn lock_project_caps(&mut self, at: Time) -> Result<Nano> {
        self.lock(BUDGET).await?;
        let Spent { spent, reserved } = self.month(&month_of(at)).await?;
        Ok(spent + reserved)
    }

    /// What each agent of a story has cost, the dearest first.
    pub async fn spent_by_agent(&mut self, subject: SubjectId) -> Result<Vec<AgentSpent>> {
        let sql = "select a.kind, a.name, count(*) as calls, cast(coalesce(sum(l.actual), 0) as bigint) as spent,
                cast(coalesce(sum(case when l.actual is null then l.amount else 0 end), 0) as bigint) as reserved
            from ledger l join runs r on r.project_id = l.project_id and r.id = l.run_id
                join agents a on a.project_id = r.project_id and a.id = r.agent_id
            where l.project_id = $1 and l.subject_id = $2 group by a.kind, a.name order by 4 desc, 1, 2";
        Ok(all!(&mut self.tx, AgentSpent, sql, self.project, subject)?)
    }

    /// Holds a name together with others who share it, until the transaction ends. SQLite has one writer anyway.
    async fn share(&mut self, name: &str) -> Result<()> {
        let key = format!("{}/{name}", self.project);
        if matches!(self.tx, Tx::Pg(_)) {
            exec!(&mut self.tx, "select pg_advisory_xact_lock_shared(hashtextextended($1, 0))", key)?;
        }
        Ok(())
    }
}
