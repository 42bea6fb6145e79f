//! The ledger: money is reserved before a model is called and settled after, so that no number of agents can overshoot together.

use serde_json::Value;
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::sql::{MaybeJson, all, exec, first};
use super::tx::ProjectTx;
use crate::base::ids::{RunId, SubjectId};
use crate::base::{Nano, Time};

/// Money asked for before a model call.
#[derive(Clone, Debug)]
pub struct ReserveRequest {
    /// The story that pays.
    pub subject: SubjectId,
    /// The run that calls.
    pub run: RunId,
    /// The step of the run; one reservation per step.
    pub step: i64,
    /// The model to be called.
    pub model: String,
    /// The most the call can cost.
    pub amount: Nano,
    /// The most the story may cost in all, unless a limit was set for it by command; none: no limit.
    pub hard: Option<Nano>,
    /// Now.
    pub at: Time,
}

/// Leave to spend. Only [`ProjectTx::reserve`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a reservation stays booked until it is settled"]
pub struct Reserved {
    /// The ledger row to settle.
    pub id: Uuid,
    /// How much was reserved.
    pub amount: Nano,
    repeated: bool,
}

impl Reserved {
    /// True when this step had reserved before: the call may have been made already.
    pub fn repeated(&self) -> bool {
        self.repeated
    }
}

/// The story, or its project for this month, cannot pay: spent and reserved money plus this call would pass the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spent {spent} and reserved {reserved} of {hard}: this call does not fit")]
pub struct OverBudget {
    /// Spent so far.
    pub spent: Nano,
    /// Reserved by calls under way.
    pub reserved: Nano,
    /// The limit.
    pub hard: Nano,
    /// It is the limit that the project's stories share for a month.
    pub shared: bool,
}

/// What a story has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Spent {
    /// Settled.
    pub spent: Nano,
    /// Reserved by calls under way, or by calls whose end was never seen.
    pub reserved: Nano,
}

/// One model call in the ledger.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct LedgerRow {
    /// Its id.
    pub id: Uuid,
    /// The run that called.
    #[sqlx(rename = "run_id")]
    pub run: RunId,
    /// The step of the run.
    pub step: i64,
    /// The model.
    pub model: String,
    /// How much was reserved.
    pub amount: Nano,
    /// What it cost, once settled.
    pub actual: Option<Nano>,
    /// Tokens and the like, once settled.
    #[sqlx(try_from = "MaybeJson")]
    pub usage: Option<Value>,
    /// When it was reserved.
    pub at: Time,
}

impl ProjectTx {
    /// Reserves money for one call, unless that would pass the limit. Judging and booking are one statement, so calls at the same
    /// moment cannot both take the last of it. A repetition for the same step finds its own reservation and books nothing more.
    pub async fn reserve(&mut self, ask: &ReserveRequest) -> Result<std::result::Result<Reserved, OverBudget>> {
        if ask.amount < Nano::ZERO {
            return Ok(Err(self.refusal(ask).await?));
        }
        let (hard, project) = self.limits_for(ask).await?;
        let id = Uuid::now_v7();
        let sql = "insert into ledger (project_id, id, subject_id, run_id, step, model, amount, at) values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (project_id, run_id, step) do nothing";
        if exec!(&mut self.tx, sql, self.project, id, ask.subject, ask.run, ask.step, &ask.model, ask.amount, ask.at)? == 0 {
            return Ok(Ok(self.reservation(ask).await?));
        }
        let over = match self.book_month(ask, project).await? {
            Err(over) => over,
            Ok(()) if self.book(ask, hard).await? => return Ok(Ok(Reserved { id, amount: ask.amount, repeated: false })),
            Ok(()) => {
                self.settle_month(ask.subject, ask.at, ask.amount, Nano::ZERO).await?;
                OverBudget { hard: hard.unwrap_or_default(), ..self.refusal(ask).await? }
            }
        };
        exec!(&mut self.tx, "delete from ledger where project_id = $1 and id = $2", self.project, id)?;
        Ok(Err(over))
    }

    async fn refusal(&mut self, ask: &ReserveRequest) -> Result<OverBudget> {
        let Spent { spent, reserved } = self.spent(ask.subject).await?;
        Ok(OverBudget { spent, reserved, hard: ask.hard.unwrap_or_default(), shared: false })
    }

    async fn book(&mut self, ask: &ReserveRequest, hard: Option<Nano>) -> Result<bool> {
        let hard = hard.unwrap_or(Nano(i64::MAX));
        if ask.amount > hard {
            return Ok(false);
        }
        let sql = "insert into budgets (project_id, subject_id, reserved) values ($1, $2, $3)
            on conflict (project_id, subject_id) do update set reserved = budgets.reserved + excluded.reserved
                where budgets.spent + budgets.reserved <= $4 - excluded.reserved";
        Ok(exec!(&mut self.tx, sql, self.project, ask.subject, ask.amount, hard)? == 1)
    }

    async fn reservation(&mut self, ask: &ReserveRequest) -> Result<Reserved> {
        let sql = "select id, amount from ledger where project_id = $1 and run_id = $2 and step = $3";
        let row = first!(&mut self.tx, (Uuid, Nano), sql, self.project, ask.run, ask.step)?;
        let (id, amount) = row.ok_or(StoreError::NotFound("reservation"))?;
        Ok(Reserved { id, amount, repeated: true })
    }

    /// Books what a call really cost in place of what was reserved for it. False when it was settled before; then nothing changes.
    pub async fn settle(&mut self, id: Uuid, actual: Nano, usage: &Value) -> Result<bool> {
        let now = self.now();
        let sql = "update ledger set actual = $3, usage = $4, settled_at = $5 where project_id = $1 and id = $2 and actual is null
            returning subject_id, amount, at";
        let row = first!(&mut self.tx, (SubjectId, Nano, Time), sql, self.project, id, actual, usage.to_string(), now)?;
        let Some((subject, amount, at)) = row else { return Ok(false) };
        self.settle_month(subject, at, amount, actual).await?;
        let book = "update budgets set reserved = reserved - $3, spent = spent + $4 where project_id = $1 and subject_id = $2";
        exec!(&mut self.tx, book, self.project, subject, amount, actual)?;
        Ok(true)
    }

    /// What a story has cost so far.
    pub async fn spent(&mut self, subject: SubjectId) -> Result<Spent> {
        let sql = "select spent, reserved from budgets where project_id = $1 and subject_id = $2";
        Ok(first!(&mut self.tx, Spent, sql, self.project, subject)?.unwrap_or_default())
    }

    /// All model calls of a story, oldest first.
    pub async fn ledger(&mut self, subject: SubjectId) -> Result<Vec<LedgerRow>> {
        let sql = "select id, run_id, step, model, amount, actual, usage, at from ledger where project_id = $1 and subject_id = $2 order by at, id";
        Ok(all!(&mut self.tx, LedgerRow, sql, self.project, subject)?)
    }
}
