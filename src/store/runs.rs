//! Runs of agents and their durable steps: a recorded step answers from its row.

use serde_json::Value;

use super::error::{Result, StoreError};
use super::sql::{JsonText, MaybeJson, all, exec, first, json, word_column};
use super::tx::ProjectTx;
use super::work::WorkKind;
use crate::base::ids::{AgentId, RunId, SubjectId};
use crate::base::{Nano, Time};

word_column! {
    /// Where a run stands.
    RunState {
        /// Not yet begun.
        Pending = "pending",
        /// Under way.
        Running = "running",
        /// Waiting for somebody or something.
        Waiting = "waiting",
        /// Ended well; the outcome says how.
        Finished = "finished",
        /// Ended badly; the outcome says why.
        Failed = "failed",
        /// Stopped on request.
        Stopped = "stopped",
    }
}

word_column! {
    /// Where a step stands.
    StepState {
        /// Begun, its result not known.
        Started = "started",
        /// Ended; its result answers for it from now on.
        Done = "done",
    }
}

/// A run to be started.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id, deterministic, so that a repeated decision starts it once.
    pub id: RunId,
    /// The subject it works on.
    pub subject: SubjectId,
    /// The agent's type.
    pub agent_kind: String,
    /// The agent itself.
    pub agent: AgentId,
    /// What it is to achieve.
    pub purpose: String,
    /// Which try at that this is.
    pub round: i64,
    /// What it starts from.
    pub input: Value,
    /// When it was asked for.
    pub at: Time,
}

/// A stored run.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The subject it works on.
    #[sqlx(rename = "subject_id")]
    pub subject: SubjectId,
    /// The agent's type.
    pub agent_kind: String,
    /// The agent itself.
    #[sqlx(rename = "agent_id")]
    pub agent: AgentId,
    /// What it is to achieve.
    pub purpose: String,
    /// Which try at that this is.
    pub round: i64,
    /// What it started from.
    #[sqlx(try_from = "JsonText")]
    pub input: Value,
    /// Where it stands.
    pub state: RunState,
    /// Somebody wants it to stop: it does so before its next step.
    pub stop_requested: bool,
    /// How it ended.
    #[sqlx(try_from = "MaybeJson")]
    pub outcome: Option<Value>,
    /// When it was asked for.
    pub created_at: Time,
    /// When its state last changed.
    pub changed_at: Time,
}

/// What a step gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepResult {
    /// Its result, which answers for the step after a restart.
    pub result: Value,
    /// What it changed in the work tree.
    pub changes: Option<Value>,
    /// The id of the tree after it.
    pub tree: Option<String>,
    /// What it cost.
    pub cost: Nano,
}

/// A stored step.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct StepRow {
    /// Its place in the run, from 0 or 1 as the caller counts.
    pub seq: i64,
    /// What it is.
    pub name: String,
    /// Hash of its input when it was first begun: a different one now means that the run did not go the same way.
    pub input_hash: String,
    /// Where it stands.
    pub state: StepState,
    /// How often it was begun.
    pub attempts: i64,
    /// Its result, once it is done.
    #[sqlx(try_from = "MaybeJson")]
    pub result: Option<Value>,
    /// What it changed in the work tree.
    #[sqlx(try_from = "MaybeJson")]
    pub changes: Option<Value>,
    /// The id of the tree after it.
    pub tree: Option<String>,
    /// What it cost.
    pub cost: Nano,
    /// When it was first begun.
    pub started_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
}

impl ProjectTx {
    /// Adds a run and schedules it. False when a run with this id is already known; then nothing changes.
    pub async fn add_run(&mut self, new: &NewRun) -> Result<bool> {
        let sql = "insert into runs (project_id, id, subject_id, agent_kind, agent_id, purpose, round, input, created_at, changed_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) on conflict (project_id, id) do nothing";
        let input = new.input.to_string();
        let added = exec!(
            &mut self.tx,
            sql,
            self.project,
            new.id,
            new.subject,
            &new.agent_kind,
            new.agent,
            &new.purpose,
            new.round,
            &input,
            new.at
        )? == 1;
        if added {
            self.schedule(WorkKind::Run, new.id.0, Some(new.subject), None);
        }
        Ok(added)
    }

    /// One run.
    pub async fn run(&mut self, id: RunId) -> Result<RunRow> {
        let sql =
            "select id, subject_id, agent_kind, agent_id, purpose, round, input, state, stop_requested, outcome, created_at, changed_at
            from runs where project_id = $1 and id = $2";
        first!(&mut self.tx, RunRow, sql, self.project, id)?.ok_or(StoreError::NotFound("run"))
    }

    /// All runs of a subject, oldest first.
    pub async fn runs(&mut self, subject: SubjectId) -> Result<Vec<RunRow>> {
        let sql =
            "select id, subject_id, agent_kind, agent_id, purpose, round, input, state, stop_requested, outcome, created_at, changed_at
            from runs where project_id = $1 and subject_id = $2 order by created_at, id";
        Ok(all!(&mut self.tx, RunRow, sql, self.project, subject)?)
    }

    /// Moves a run to a state; an outcome once given stays unless replaced.
    pub async fn set_run(&mut self, id: RunId, state: RunState, outcome: Option<&Value>, at: Time) -> Result<()> {
        let sql = "update runs set state = $3, outcome = coalesce($4, outcome), changed_at = $5 where project_id = $1 and id = $2";
        match exec!(&mut self.tx, sql, self.project, id, state, json(outcome), at)? {
            0 => Err(StoreError::NotFound("run")),
            _ => Ok(()),
        }
    }

    /// Asks one run to stop and schedules it, so that it notices. False when it has ended already.
    pub async fn request_stop(&mut self, id: RunId) -> Result<bool> {
        let sql = "update runs set stop_requested = true where project_id = $1 and id = $2 and state in ('pending', 'running', 'waiting')
            returning id, subject_id";
        let rows = all!(&mut self.tx, (RunId, SubjectId), sql, self.project, id)?;
        Ok(self.notice_stop(rows) > 0)
    }

    /// Asks every unfinished run of a subject to stop; gives how many there were.
    pub async fn request_stop_all(&mut self, subject: SubjectId) -> Result<usize> {
        let sql =
            "update runs set stop_requested = true where project_id = $1 and subject_id = $2 and state in ('pending', 'running', 'waiting')
            returning id, subject_id";
        let rows = all!(&mut self.tx, (RunId, SubjectId), sql, self.project, subject)?;
        Ok(self.notice_stop(rows))
    }

    fn notice_stop(&mut self, rows: Vec<(RunId, SubjectId)>) -> usize {
        for (run, subject) in &rows {
            self.schedule(WorkKind::Run, run.0, Some(*subject), None);
        }
        rows.len()
    }

    /// Takes a request to stop back, when the run is resumed.
    pub async fn clear_stop(&mut self, id: RunId) -> Result<()> {
        exec!(&mut self.tx, "update runs set stop_requested = false where project_id = $1 and id = $2", self.project, id)?;
        Ok(())
    }

    /// Begins a step, or gives the one that is already there: done, with its result; or started, with one more attempt counted. The
    /// row keeps the name and input hash of its first beginning.
    pub async fn begin_step(&mut self, run: RunId, seq: i64, name: &str, input_hash: &str) -> Result<StepRow> {
        let sql = "insert into steps (project_id, run_id, seq, name, input_hash, started_at) values ($1, $2, $3, $4, $5, $6)
            on conflict (project_id, run_id, seq) do update
                set attempts = case when steps.state = 'started' then steps.attempts + 1 else steps.attempts end
            returning seq, name, input_hash, state, attempts, result, changes, tree, cost, started_at, finished_at";
        let now = self.now();
        first!(&mut self.tx, StepRow, sql, self.project, run, seq, name, input_hash, now)?.ok_or(StoreError::NotFound("step"))
    }

    /// Records what a begun step gave. A step that is done already stays as it is.
    pub async fn finish_step(&mut self, run: RunId, seq: i64, given: &StepResult) -> Result<()> {
        let sql = "update steps set state = 'done', result = $4, changes = $5, tree = $6, cost = $7, finished_at = $8
            where project_id = $1 and run_id = $2 and seq = $3 and state = 'started'";
        let (now, result, changes) = (self.now(), given.result.to_string(), json(given.changes.as_ref()));
        match exec!(&mut self.tx, sql, self.project, run, seq, &result, &changes, &given.tree, given.cost, now)? {
            0 => Err(StoreError::NotFound("started step")),
            _ => Ok(()),
        }
    }

    /// All steps of a run in order.
    pub async fn steps(&mut self, run: RunId) -> Result<Vec<StepRow>> {
        let sql = "select seq, name, input_hash, state, attempts, result, changes, tree, cost, started_at, finished_at
            from steps where project_id = $1 and run_id = $2 order by seq";
        Ok(all!(&mut self.tx, StepRow, sql, self.project, run)?)
    }
}
