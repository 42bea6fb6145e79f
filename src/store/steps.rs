//! Recording a step that is done: fence, step, record and its sealing, as one durable thing. A run takes hundreds of these one after the
//! other, so on PostgreSQL it is one statement: what a step costs is a commit, not the way there and back for each part.
//!
//! Runs of one project that record a step at the same time share a commit, since they would wait for each other anyway: the sealing of
//! a project is one row. Whoever comes while one is under way goes with the next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, oneshot};

use super::Store;
use super::error::{Result, StoreError};
use super::journal::NewEvent;
use super::open::Pools;
use super::runs::{StepResult, StepRow, StepState};
use super::sql::{Tx, clean, first, json};
use super::tx::ProjectTx;
use super::work::{Claim, Scheduled, WorkKind, check, write_scheduled};
use crate::base::Time;
use crate::base::ids::{EntryId, ProjectId, RunId};

/// Most steps of one transaction.
const MOST: usize = 128;

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

// The project is named in the statement itself, before anything else of it is carried out: so it needs no transaction around it.
const RECORD_PG: &str = "with project as materialized (select set_config('app.project_id', $1::uuid::text, true)),
    held as materialized (
        select f.* from project cross join unnest($2::text[], $3::uuid[], $4::bigint[], $5::text[], $6::uuid[], $7::bigint[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::text[], $13::bigint[], $14::uuid[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
            $20::text[], $21::bigint[]) as f (claim_kind, claim_id, epoch, owner, run_id, seq, name, input_hash, result,
            changes, tree, cost, entry, stream, kind, actor, target, payload, causation, at)
        cross join lateral (select 1 from work w
            where w.kind = f.claim_kind and w.id = f.claim_id and w.epoch = f.epoch and w.owner = f.owner for update) w),
    step as (
        insert into steps (project_id, run_id, seq, name, input_hash, state, result, changes, tree, cost, started_at, finished_at)
        select $1, run_id, seq, name, input_hash, 'done', result, changes, tree, cost, $22, $22 from held
        on conflict (project_id, run_id, seq) do update set state = 'done', attempts = steps.attempts + 1, result = excluded.result,
            changes = excluded.changes, tree = excluded.tree, cost = excluded.cost, finished_at = excluded.finished_at
            where steps.state = 'started'
        returning run_id, attempts),
    entry as (
        insert into journal (project_id, id, stream, stream_id, version, kind, actor, target, payload, causation, at)
        select $1, h.entry, h.stream, h.run_id, 1 + coalesce((select max(j.version) from journal j
                where j.project_id = $1 and j.stream = h.stream and j.stream_id = h.run_id), 0),
            h.kind, h.actor, h.target, h.payload, h.causation, h.at from held h join step s on s.run_id = h.run_id
        returning project_id),
    sealing as (
        insert into work (kind, id, project_id, run_at) select 'seal', project_id, project_id, $22 from entry limit 1
        on conflict (kind, id) do update set
            run_at = case when work.lease_until = 0 and excluded.run_at < work.run_at then excluded.run_at else work.run_at end,
            again_at = case when work.lease_until = 0 then null
                when work.again_at is null or excluded.run_at < work.again_at then excluded.run_at else work.again_at end,
            generation = work.generation + 1)
    select h.run_id, s.attempts from held h left join step s on s.run_id = h.run_id";

const STEP_LITE: &str =
    "insert into steps (project_id, run_id, seq, name, input_hash, state, result, changes, tree, cost, started_at, finished_at)
    select $1, $2, $3, $4, $5, 'done', $6, $7, $8, $9, $10, $10
    where exists (select 1 from work where kind = $11 and id = $12 and epoch = $13 and owner = $14)
    on conflict (project_id, run_id, seq) do update set state = 'done', attempts = steps.attempts + 1, result = excluded.result,
        changes = excluded.changes, tree = excluded.tree, cost = excluded.cost, finished_at = excluded.finished_at
        where steps.state = 'started'
    returning attempts";

const ENTRY_LITE: &str = "insert into journal (project_id, id, stream, stream_id, version, kind, actor, target, payload, causation, at)
    values ($1, $2, $3, $4, 1 + coalesce((select max(version) from journal where project_id = $1 and stream = $3 and stream_id = $4), 0),
        $5, $6, $7, $8, $9, $10) returning 1";

type Answer = oneshot::Sender<Result<i64>>;

struct Waiting {
    claim: Claim,
    done: Arc<DoneStep>,
    answer: Answer,
}

/// Steps of a project that wait for the next transaction, and the right to begin it.
struct Desk {
    waiting: Mutex<VecDeque<Waiting>>,
    turn: Arc<Semaphore>,
}

/// The desks at which steps are recorded.
#[derive(Default)]
pub(super) struct Desks(Mutex<BTreeMap<ProjectId, Arc<Desk>>>);

impl Desks {
    fn of(&self, project: ProjectId) -> Arc<Desk> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Desk { waiting: Mutex::default(), turn: Arc::new(Semaphore::new(1)) });
        all.entry(project).or_insert_with(new).clone()
    }
}

impl Desk {
    /// At most one step of a run: its steps follow upon each other.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, mut left, mut runs) = (Vec::new(), VecDeque::new(), BTreeSet::new());
        for next in waiting.drain(..) {
            if taken.len() < MOST && runs.insert(next.done.run) { taken.push(next) } else { left.push_back(next) }
        }
        *waiting = left;
        // Locked in the order of their keys, like everything that locks several items of work.
        taken.sort_by_key(|waiting: &Waiting| (waiting.claim.kind.as_str(), waiting.claim.id));
        taken
    }
}

impl Store {
    /// Records a step that is done, with its entry, in a transaction that it may share with other runs of the project. Durable when this
    /// returns, and perhaps also when this is dropped before. Fails like [`ProjectTx::record_step`].
    pub async fn record_step(&self, project: ProjectId, claim: &Claim, done: DoneStep) -> Result<StepRow> {
        let (desk, done) = (self.desks.of(project), Arc::new(done));
        let (answer, mut answered) = oneshot::channel();
        let waiting = Waiting { claim: claim.clone(), done: done.clone(), answer };
        desk.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(waiting);
        let lost = |_| StoreError::Db(sqlx::Error::WorkerCrashed);
        let attempts = loop {
            let turn = tokio::select! {
                biased;
                answer = &mut answered => break answer.map_err(lost)?,
                turn = desk.turn.clone().acquire_owned() => turn.map_err(|_| StoreError::Db(sqlx::Error::PoolClosed))?,
            };
            let batch = desk.take();
            if batch.is_empty() {
                drop(turn);
                break (&mut answered).await.map_err(lost)?;
            }
            let store = self.clone();
            #[expect(clippy::disallowed_methods, reason = "ends with the transaction; others' steps are in it, whoever gives up waiting")]
            let recording = tokio::spawn(async move {
                store.record_all(project, batch).await;
                drop(turn);
            });
            // A crash of the task shows in the answers that never come.
            let _ = recording.await;
        };
        Ok(row(&done, attempts?, self.now()))
    }

    async fn record_all(&self, project: ProjectId, batch: Vec<Waiting>) {
        let steps: Vec<(&Claim, &DoneStep)> = batch.iter().map(|waiting| (&waiting.claim, &*waiting.done)).collect();
        let answers = match self.record_together(project, &steps).await {
            Ok(answers) => answers,
            // One step that the database does not take must not take the others with it.
            Err(error) if steps.len() > 1 && !error.is_transient() => {
                let mut answers = Vec::new();
                for step in &steps {
                    answers.push(self.record_together(project, &[*step]).await.and_then(|mut one| one.remove(0)));
                }
                answers
            }
            Err(error) => steps.iter().map(|_| Err(copy_of(&error))).collect(),
        };
        for (waiting, answer) in batch.into_iter().zip(answers) {
            // Who went away meanwhile finds the step when it looks again.
            let _ = waiting.answer.send(answer);
        }
    }

    async fn record_together(&self, project: ProjectId, steps: &[(&Claim, &DoneStep)]) -> Result<Vec<Result<i64>>> {
        if let Pools::Pg(pool) = &self.pools {
            self.count_write();
            let answers = write_pg(pool, project, self.now(), steps).await?;
            self.wake();
            return Ok(answers);
        }
        let mut tx = self.begin(project).await?;
        let answers = write_steps(&mut tx.tx, project, self.now(), steps).await?;
        if answers.iter().all(Result::is_err) {
            tx.rollback().await?;
            return Ok(answers);
        }
        tx.unnamed = true;
        tx.commit().await?;
        Ok(answers)
    }
}

fn copy_of(error: &StoreError) -> StoreError {
    match error {
        StoreError::LeaseLost => StoreError::LeaseLost,
        StoreError::VersionConflict { expected, actual } => StoreError::VersionConflict { expected: *expected, actual: *actual },
        other => StoreError::Batch { error: other.to_string(), transient: other.is_transient(), full: other.is_disk_full() },
    }
}

impl ProjectTx {
    /// Records a step that is done, with its entry. [`StoreError::LeaseLost`] when the claim no longer holds, [`StoreError::NotFound`]
    /// when the step had been recorded before: it stays as it is.
    pub async fn record_step(&mut self, claim: &Claim, done: DoneStep) -> Result<StepRow> {
        let (project, now) = (self.project, self.now());
        let attempts = write_steps(&mut self.tx, project, now, &[(claim, &done)]).await?.remove(0)?;
        self.unnamed = true;
        Ok(row(&done, attempts, now))
    }
}

fn row(done: &DoneStep, attempts: i64, now: Time) -> StepRow {
    let given = done.given.clone();
    StepRow {
        seq: done.seq,
        name: done.name.clone(),
        input_hash: done.input_hash.clone(),
        state: StepState::Done,
        attempts,
        result: Some(given.result),
        changes: given.changes,
        tree: given.tree,
        cost: given.cost,
        started_at: now,
        finished_at: Some(now),
    }
}

/// Writes steps of different runs. What became of each; an error of the whole leaves the transaction unusable.
async fn write_steps(tx: &mut Tx, project: ProjectId, now: Time, steps: &[(&Claim, &DoneStep)]) -> Result<Vec<Result<i64>>> {
    match tx {
        Tx::Pg(tx) => write_pg(&mut **tx, project, now, steps).await,
        Tx::Lite(_) => {
            let mut answers = Vec::with_capacity(steps.len());
            for (claim, done) in steps {
                answers.push(match write_lite(tx, project, now, claim, done).await {
                    Err(error @ (StoreError::LeaseLost | StoreError::NotFound(_))) => Err(error),
                    other => Ok(other?),
                });
            }
            if answers.iter().any(Result::is_ok) {
                let seal = Scheduled { project: Some(project), lane: None, run_at: now };
                write_scheduled(tx, &[((WorkKind::Seal, project.0), seal)]).await?;
            }
            Ok(answers)
        }
    }
}

async fn write_lite(tx: &mut Tx, project: ProjectId, now: Time, claim: &Claim, done: &DoneStep) -> Result<i64> {
    let (given, entry) = (&done.given, &done.entry);
    let (result, changes) = (given.result.to_string(), json(given.changes.as_ref()));
    let row = first!(
        tx,
        (i64,),
        STEP_LITE,
        project,
        done.run,
        done.seq,
        &done.name,
        &done.input_hash,
        &result,
        &changes,
        &given.tree,
        given.cost,
        now,
        claim.kind,
        claim.id,
        claim.epoch,
        &claim.owner
    )?;
    let Some((attempts,)) = row else {
        check(tx, claim).await?;
        return Err(StoreError::NotFound("started step"));
    };
    let (actor, target, payload) = (entry.actor.to_string(), entry.target.to_string(), entry.payload.to_string());
    let causation = entry.causation.as_deref().map(clean);
    let id = EntryId::generate();
    first!(tx, (i64,), ENTRY_LITE, project, id, done.stream, done.run, &entry.kind, &actor, &target, &payload, &causation, entry.at)?;
    Ok(attempts)
}

/// No lock on the streams is needed: whoever appends to a run's stream holds the run's lease, which is fenced here.
async fn write_pg(
    database: impl sqlx::PgExecutor<'_>,
    project: ProjectId,
    now: Time,
    steps: &[(&Claim, &DoneStep)],
) -> Result<Vec<Result<i64>>> {
    let query = sqlx::query_as::<_, (RunId, Option<i64>)>(RECORD_PG)
        .bind(project)
        .bind(steps.iter().map(|(claim, _)| claim.kind.as_str()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(claim, _)| claim.id).collect::<Vec<_>>())
        .bind(steps.iter().map(|(claim, _)| claim.epoch).collect::<Vec<_>>())
        .bind(steps.iter().map(|(claim, _)| claim.owner.as_str()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.run.0).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.seq).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.name.as_str()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.input_hash.as_str()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.given.result.to_string()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| json(done.given.changes.as_ref())).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.given.tree.as_deref()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.given.cost.0).collect::<Vec<_>>())
        .bind(steps.iter().map(|_| EntryId::generate().0).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.stream).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.entry.kind.as_str()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.entry.actor.to_string()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.entry.target.to_string()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.entry.payload.to_string()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.entry.causation.as_deref().map(clean)).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, done)| done.entry.at.0).collect::<Vec<_>>())
        .bind(now);
    let rows = query.fetch_all(database).await.map_err(|error| match error {
        error if StoreError::is_duplicate(&error) => StoreError::VersionConflict { expected: -1, actual: -1 },
        error => error.into(),
    })?;
    let written: BTreeMap<RunId, Option<i64>> = rows.into_iter().collect();
    let answer = |(_, done): &(&Claim, &DoneStep)| match written.get(&done.run) {
        None => Err(StoreError::LeaseLost),
        Some(None) => Err(StoreError::NotFound("started step")),
        Some(Some(attempts)) => Ok(*attempts),
    };
    Ok(steps.iter().map(answer).collect())
}
