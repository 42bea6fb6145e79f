//! Recording a step that is done: fence, step, record and its sealing, as one durable thing. A run takes hundreds of these one after the
//! other, so on PostgreSQL it is one statement: what a step costs is a commit, not the way there and back for each part.

use super::error::{Result, StoreError};
use super::journal::NewEvent;
use super::runs::{StepResult, StepRow, StepState};
use super::sql::{Tx, clean, json};
use super::tx::ProjectTx;
use super::work::Claim;
use crate::base::ids::{EntryId, RunId};

/// A step that was carried out, and its entry for the record.
#[derive(Clone, Debug)]
pub struct DoneStep {
    pub run: RunId,
    /// Its place in the run.
    pub seq: i64,
    /// What it is.
    pub name: String,
    /// Hash of its input.
    pub input_hash: String,
    /// What it gave.
    pub given: StepResult,
    /// Journal stream of the entry; its id is the run's.
    pub stream: &'static str,
    pub entry: NewEvent,
}

const RECORD_PG: &str = "with held as (
        select 1 from work where kind = $1 and id = $2 and epoch = $3 and owner = $4 for update),
    step as (
        insert into steps (project_id, run_id, seq, name, input_hash, state, result, changes, tree, cost, started_at, finished_at)
        select $5, $6, $7, $8, $9, 'done', $10, $11, $12, $13, $14, $14 from held
        on conflict (project_id, run_id, seq) do update set state = 'done', attempts = steps.attempts + 1, result = excluded.result,
            changes = excluded.changes, tree = excluded.tree, cost = excluded.cost, finished_at = excluded.finished_at
            where steps.state = 'started'
        returning attempts),
    entry as (
        insert into journal (project_id, id, stream, stream_id, version, kind, actor, target, payload, causation, at)
        select $5, $15, $16, $6,
            1 + coalesce((select max(version) from journal where project_id = $5 and stream = $16 and stream_id = $6), 0),
            $17, $18, $19, $20, $21, $22 from step
        returning project_id),
    sealing as (
        insert into work (kind, id, project_id, run_at) select 'seal', project_id, project_id, $14 from entry
        on conflict (kind, id) do update set
            run_at = case when work.lease_until = 0 and excluded.run_at < work.run_at then excluded.run_at else work.run_at end,
            again_at = case when work.lease_until = 0 then null
                when work.again_at is null or excluded.run_at < work.again_at then excluded.run_at else work.again_at end,
            generation = work.generation + 1)
    select (select count(*) from held), (select attempts from step)";

impl ProjectTx {
    /// Records a step that is done, with its entry. [`StoreError::LeaseLost`] when the claim no longer holds, [`StoreError::NotFound`]
    /// when the step had been recorded before: it stays as it is.
    pub async fn record_step(&mut self, claim: &Claim, done: DoneStep) -> Result<StepRow> {
        let attempts = match self.tx {
            Tx::Pg(_) => self.record_in_one(claim, &done).await?,
            Tx::Lite(_) => self.record_in_parts(claim, &done).await?,
        };
        let now = self.now();
        self.stirred = true;
        Ok(StepRow {
            seq: done.seq,
            name: done.name,
            input_hash: done.input_hash,
            state: StepState::Done,
            attempts,
            result: Some(done.given.result),
            changes: done.given.changes,
            tree: done.given.tree,
            cost: done.given.cost,
            started_at: now,
            finished_at: Some(now),
        })
    }

    async fn record_in_parts(&mut self, claim: &Claim, done: &DoneStep) -> Result<i64> {
        self.guard(claim).await?;
        let begun = self.begin_step(done.run, done.seq, &done.name, &done.input_hash).await?;
        self.finish_step(done.run, done.seq, &done.given).await?;
        self.append(done.stream, done.run.0, None, std::slice::from_ref(&done.entry)).await?;
        Ok(begun.attempts)
    }

    /// No lock on the stream is needed: whoever appends to a run's stream holds the run's lease, which is fenced here.
    async fn record_in_one(&mut self, claim: &Claim, done: &DoneStep) -> Result<i64> {
        let (project, now, entry, given) = (self.project, self.now(), &done.entry, &done.given);
        let Tx::Pg(tx) = &mut self.tx else { return Err(StoreError::NotFound("transaction")) };
        let query = sqlx::query_as::<_, (i64, Option<i64>)>(RECORD_PG)
            .bind(claim.kind)
            .bind(claim.id)
            .bind(claim.epoch)
            .bind(&claim.owner)
            .bind(project)
            .bind(done.run)
            .bind(done.seq)
            .bind(&done.name)
            .bind(&done.input_hash)
            .bind(given.result.to_string())
            .bind(json(given.changes.as_ref()))
            .bind(&given.tree)
            .bind(given.cost)
            .bind(now)
            .bind(EntryId::generate())
            .bind(done.stream)
            .bind(&entry.kind)
            .bind(entry.actor.to_string())
            .bind(entry.target.to_string())
            .bind(entry.payload.to_string())
            .bind(entry.causation.as_deref().map(clean))
            .bind(entry.at);
        let written = query.fetch_one(&mut **tx).await;
        match written {
            Ok((0, _)) => Err(StoreError::LeaseLost),
            Ok((_, None)) => Err(StoreError::NotFound("started step")),
            Ok((_, Some(attempts))) => Ok(attempts),
            Err(error) if StoreError::is_duplicate(&error) => Err(StoreError::VersionConflict { expected: -1, actual: -1 }),
            Err(error) => Err(error.into()),
        }
    }
}
