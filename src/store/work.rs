//! Who is doing what: items of work, claimed by lease.
//!
//! A row holds ids and times only, so that it can be claimed before the project is known. There is one row for one (kind, id), so
//! a lane never has two workers. A claim ([`Store::claim`]) carries an epoch; every write of the holder checks it
//! ([`super::ProjectTx::guard`]), so a worker that lost its lease can do no harm. Lease ends are the database's time; `run_at` is the injected clock's.

use std::time::Duration;

use uuid::Uuid;

use super::error::{Result, StoreError};
use super::open::{Pools, ServingLock};
use super::sql::{Tx, all, exec, first, word_column};
use super::turns::News;
use super::{ProjectTx, Store};
use crate::base::Time;
use crate::base::ids::{ProjectId, SubjectId};

word_column! {
    /// What kind of work an item is; its id is that of the thing worked on.
    WorkKind {
        /// Read a delivery of the inbox.
        Intake = "intake",
        /// Take the next intents of a subject.
        Turn = "turn",
        /// Perform the effects of a lane (a subject).
        Perform = "perform",
        /// Go on with a run of an agent.
        Run = "run",
        /// A timer is due.
        Timer = "timer",
        /// Seal journal entries of a project into its chain.
        Seal = "seal",
        /// Push a project's chain to its audit repository.
        PushAudit = "push_audit",
        /// Compare a project with its forge; the nil id stands for looking for new projects. It comes back for ever.
        Look = "look",
    }
}

impl WorkKind {
    /// Every kind that comes to an end: comparing with the forge never does.
    pub const ALL: &[WorkKind] =
        &[WorkKind::Intake, WorkKind::Turn, WorkKind::Perform, WorkKind::Run, WorkKind::Timer, WorkKind::Seal, WorkKind::PushAudit];
}

/// A lease on one item of work. Losing it is harmless: whatever is done with a lost claim is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What kind of work.
    pub kind: WorkKind,
    /// The id of the thing to work on: a delivery, subject, run, timer or project.
    pub id: Uuid,
    /// The project, when it is known.
    pub project: Option<ProjectId>,
    /// The lane, when the work belongs to one. For a delivery, a hash of the repository that it names.
    pub lane: Option<SubjectId>,
    /// The fencing number of this lease.
    pub epoch: i64,
    /// How often this item had been scheduled when it was claimed.
    pub generation: i64,
    /// How often it was claimed since it last ended well, this claim included.
    pub attempts: i64,
    /// Who claimed it.
    pub owner: String,
    /// Until when the lease holds as far as this process can tell: not later than the database says.
    pub until: tokio::time::Instant,
}

/// How a claim ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// All that was there is done. Work scheduled during the lease stays.
    Done,
    /// Look again at this time, or earlier if work scheduled during the lease says so.
    Retry {
        /// When to look again.
        at: Time,
    },
}

/// How much work there is; what a test waits on. The comparisons with the forge, which come back for ever, do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Quiet {
    /// Items under a live lease.
    pub leased: i64,
    /// Items that could be claimed now.
    pub due: i64,
    /// Items whose time is still to come.
    pub later: i64,
}

/// Work scheduled in a transaction, written when it commits.
#[derive(Clone, Copy)]
pub(super) struct Scheduled {
    pub(super) project: Option<ProjectId>,
    pub(super) lane: Option<SubjectId>,
    pub(super) run_at: Time,
}

impl Scheduled {
    pub(super) fn news(self, kind: WorkKind) -> News {
        (kind, share(self.project, self.lane), self.run_at.0)
    }
}

/// Whose share of the workers an item takes: the project's, or for a delivery that of the repository it names.
pub(super) fn share(project: Option<ProjectId>, lane: Option<SubjectId>) -> Uuid {
    project.map(|project| project.0).or(lane.map(|lane| lane.0)).unwrap_or_default()
}

const UPSERT_LITE: &str = "insert into work (kind, id, project_id, lane, run_at) values ($1, $2, $3, $4, $5)
    on conflict (kind, id) do update set
        run_at = case when work.lease_until = 0 and excluded.run_at < work.run_at then excluded.run_at else work.run_at end,
        again_at = case when work.lease_until = 0 then null
            when work.again_at is null or excluded.run_at < work.again_at then excluded.run_at else work.again_at end,
        generation = work.generation + 1";

const UPSERT_PG: &str = "insert into work (kind, id, project_id, lane, run_at)
    select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[]) as t (kind, id, project_id, lane, run_at) order by 1, 2
    on conflict (kind, id) do update set
        run_at = case when work.lease_until = 0 and excluded.run_at < work.run_at then excluded.run_at else work.run_at end,
        again_at = case when work.lease_until = 0 then null
            when work.again_at is null or excluded.run_at < work.again_at then excluded.run_at else work.again_at end,
        generation = work.generation + 1";

/// Writes scheduled items in the order of their keys, so that two transactions cannot wait for each other in a circle.
pub(super) async fn write_scheduled(tx: &mut Tx, items: &[((WorkKind, Uuid), Scheduled)]) -> Result<()> {
    match tx {
        Tx::Lite(tx) => {
            for ((kind, id), item) in items {
                let query = sqlx::query(UPSERT_LITE).bind(kind).bind(id).bind(item.project).bind(item.lane).bind(item.run_at);
                query.execute(&mut **tx).await?;
            }
        }
        Tx::Pg(tx) => {
            let query = sqlx::query(UPSERT_PG)
                .bind(items.iter().map(|((kind, _), _)| kind.as_str()).collect::<Vec<_>>())
                .bind(items.iter().map(|((_, id), _)| *id).collect::<Vec<_>>())
                .bind(items.iter().map(|(_, item)| item.project.map(|id| id.0)).collect::<Vec<_>>())
                .bind(items.iter().map(|(_, item)| item.lane.map(|id| id.0)).collect::<Vec<_>>())
                .bind(items.iter().map(|(_, item)| item.run_at.0).collect::<Vec<_>>());
            query.execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Moves an item to exactly this time, later ones included (an ordinary schedule only moves it nearer).
pub(super) async fn reschedule(tx: &mut Tx, kind: WorkKind, id: Uuid, item: Scheduled) -> Result<()> {
    let sql = "insert into work (kind, id, project_id, lane, run_at) values ($1, $2, $3, $4, $5)
        on conflict (kind, id) do update set
            run_at = case when work.lease_until = 0 then excluded.run_at else work.run_at end,
            again_at = case when work.lease_until = 0 then null else excluded.run_at end,
            generation = work.generation + 1";
    exec!(tx, sql, kind, id, item.project, item.lane, item.run_at)?;
    Ok(())
}

/// Ends a lease. The row goes only if nothing was scheduled since it was claimed; when it stays, this is when it is due next.
pub(super) async fn release(tx: &mut Tx, claim: &Claim, how: Release) -> Result<Option<Time>> {
    let retry_at = match how {
        Release::Done => {
            let gone = "delete from work where kind = $1 and id = $2 and epoch = $3 and owner = $4 and generation = $5";
            if exec!(tx, gone, claim.kind, claim.id, claim.epoch, &claim.owner, claim.generation)? == 1 {
                return Ok(None);
            }
            None
        }
        Release::Retry { at } => Some(at),
    };
    let free = "update work set lease_until = 0, owner = null, again_at = null,
            attempts = case when $5 is null then 0 else attempts end,
            run_at = case when $5 is null then coalesce(again_at, run_at) when again_at < $5 then again_at else $5 end
        where kind = $1 and id = $2 and epoch = $3 and owner = $4 returning run_at";
    let free_pg = "update work set lease_until = 0, owner = null, again_at = null,
            attempts = case when $5::bigint is null then 0 else attempts end,
            run_at = case when $5::bigint is null then coalesce(again_at, run_at) when again_at < $5 then again_at else $5 end
        where kind = $1 and id = $2 and epoch = $3 and owner = $4 returning run_at";
    let freed = first!(tx, (Time,), pg: free_pg, lite: free, claim.kind, claim.id, claim.epoch, &claim.owner, retry_at)?;
    freed.map(|(next,)| Some(next)).ok_or(StoreError::LeaseLost)
}

/// Fails with [`StoreError::LeaseLost`] unless the claim still holds at this moment.
pub(super) async fn check(tx: &mut Tx, claim: &Claim) -> Result<()> {
    let sql = "select epoch from work where kind = $1 and id = $2 and epoch = $3 and owner = $4";
    let held = first!(tx, (i64,), sql, claim.kind, claim.id, claim.epoch, &claim.owner)?;
    held.map(|_| ()).ok_or(StoreError::LeaseLost)
}

/// Locks the claimed item and those that are about to be scheduled until the transaction ends, and fails with
/// [`StoreError::LeaseLost`] unless the claim still holds. All are locked in the order of their keys: a turn and a performer of one
/// lane, each holding its own item and scheduling the other's, would otherwise wait for each other in a circle.
pub(super) async fn fence(tx: &mut Tx, claim: &Claim, scheduled: &[((WorkKind, Uuid), Scheduled)]) -> Result<()> {
    let Tx::Pg(pg) = tx else { return check(tx, claim).await };
    let keys = || scheduled.iter().map(|(key, _)| *key).chain([(claim.kind, claim.id)]);
    let sql = "select w.kind, w.id, w.epoch, w.owner from work w
        join unnest($1::text[], $2::uuid[]) as k (kind, id) on w.kind = k.kind and w.id = k.id order by w.kind, w.id for update of w";
    let rows: Vec<(WorkKind, Uuid, i64, Option<String>)> = sqlx::query_as(sql)
        .bind(keys().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>())
        .bind(keys().map(|(_, id)| id).collect::<Vec<_>>())
        .fetch_all(&mut **pg)
        .await?;
    let holds = |(kind, id, epoch, owner): &(WorkKind, Uuid, i64, Option<String>)| {
        (*kind, *id, *epoch, owner.as_deref()) == (claim.kind, claim.id, claim.epoch, Some(claim.owner.as_str()))
    };
    if rows.iter().any(holds) { Ok(()) } else { Err(StoreError::LeaseLost) }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

impl Store {
    /// Schedules an item of work, now if no time is given. An item that is already there comes nearer, never later; one that is under
    /// a lease is looked at again afterwards.
    pub async fn schedule(
        &self,
        kind: WorkKind,
        id: Uuid,
        project: Option<ProjectId>,
        lane: Option<SubjectId>,
        run_at: Option<Time>,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        let run_at = run_at.unwrap_or_else(|| self.now());
        let item = Scheduled { project, lane, run_at };
        write_scheduled(&mut tx, &[((kind, id), item)]).await?;
        tx.commit().await?;
        self.wake_for(&[item.news(kind)]);
        Ok(())
    }

    /// Makes the lease end this long from now. False when it was lost.
    pub async fn extend(&self, claim: &Claim, lease: Duration) -> Result<bool> {
        let mut tx = self.write().await?;
        let touched = exec!(&mut tx,
            pg: "update work set lease_until = (extract(epoch from clock_timestamp()) * 1000000)::bigint + $5
                where kind = $1 and id = $2 and epoch = $3 and owner = $4",
            lite: "update work set lease_until = cast(unixepoch('subsec') * 1000000 as integer) + $5
                where kind = $1 and id = $2 and epoch = $3 and owner = $4",
            claim.kind, claim.id, claim.epoch, &claim.owner, micros(lease))?;
        tx.commit().await?;
        Ok(touched == 1)
    }

    /// Ends a lease. [`StoreError::LeaseLost`] when another worker has it; nothing is changed then.
    pub async fn release(&self, claim: &Claim, how: Release) -> Result<()> {
        let mut tx = self.write().await?;
        let freed = release(&mut tx, claim, how).await?;
        tx.commit().await?;
        let freed: Vec<News> = freed.into_iter().map(|next| (claim.kind, claim.share(), next.0)).collect();
        self.wake_for(&freed);
        Ok(())
    }

    /// Frees what the process that served this embedded database before held when it ended, so that its work need not wait for its
    /// leases. The lock proves that it is gone. On PostgreSQL other instances may live: there leases run out by themselves.
    pub async fn take_over(&self, _lock: &ServingLock) -> Result<u64> {
        if let Pools::Pg(_) = &self.pools {
            return Ok(0);
        }
        let mut tx = self.write().await?;
        let sql = "update work set lease_until = 0, owner = null, again_at = null, run_at = min(run_at, coalesce(again_at, run_at))
            where lease_until <> 0";
        let freed = exec!(&mut tx, sql)?;
        tx.commit().await?;
        Ok(freed)
    }

    /// When the next item of these kinds without a live lease is due, which may be in the past. Kinds for which looking has become slow
    /// are left out: they are looked for all the time anyway.
    pub async fn next_due(&self, kinds: &[WorkKind]) -> Result<Option<Time>> {
        let asked = tokio::time::Instant::now();
        let words: Vec<&str> = kinds.iter().filter(|kind| !self.turns.quick(**kind, asked)).map(|kind| kind.as_str()).collect();
        let mut tx = self.read().await?;
        let pg = "select min(due.run_at) from unnest($1::text[]) as k (kind) cross join lateral (
                select w.run_at from work w where w.kind = k.kind
                    and w.lease_until <= (extract(epoch from clock_timestamp()) * 1000000)::bigint order by w.run_at limit 1) due";
        let lite = "select min(due) from (select (select w.run_at from work w where w.kind = k.value
                    and w.lease_until <= cast(unixepoch('subsec') * 1000000 as integer) order by w.run_at limit 1) as due from json_each($1) k)";
        let row: Option<(Option<Time>,)> = match &mut tx {
            Tx::Pg(tx) => sqlx::query_as(pg).bind(words).fetch_optional(&mut **tx).await?,
            Tx::Lite(tx) => sqlx::query_as(lite).bind(serde_json::json!(words).to_string()).fetch_optional(&mut **tx).await?,
        };
        Ok(row.and_then(|(due,)| due))
    }

    /// How much work there is.
    pub async fn quiet(&self) -> Result<Quiet> {
        let mut tx = self.read().await?;
        let now = self.now();
        let rows = all!(&mut tx, Quiet,
            pg: "select count(*) filter (where live) as leased, count(*) filter (where not live and run_at <= $1) as due,
                    count(*) filter (where not live and run_at > $1) as later
                from (select run_at, lease_until > (extract(epoch from clock_timestamp()) * 1000000)::bigint as live from work where kind <> 'look') w",
            lite: "select count(*) filter (where live) as leased, count(*) filter (where not live and run_at <= $1) as due,
                    count(*) filter (where not live and run_at > $1) as later
                from (select run_at, lease_until > cast(unixepoch('subsec') * 1000000 as integer) as live from work where kind <> 'look') w",
            now)?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }
}

impl ProjectTx {
    /// Fails with [`StoreError::LeaseLost`] when the claim no longer holds, at once and again when the transaction commits, so that
    /// nothing of it is written by somebody who has lost the lease. Call it first.
    pub async fn guard(&mut self, claim: &Claim) -> Result<()> {
        self.guarded = Some(claim.clone());
        check(&mut self.tx, claim).await
    }

    /// Ends the lease in this transaction: saves a commit, and work and its end become visible together. Call it last.
    pub async fn release(&mut self, claim: &Claim, how: Release) -> Result<()> {
        self.guarded = Some(claim.clone());
        self.flush().await?;
        self.stirred = true;
        let freed = release(&mut self.tx, claim, how).await?;
        self.news.extend(freed.map(|next| (claim.kind, claim.share(), next.0)));
        Ok(())
    }

    /// Makes the turns, effects and runs of the project due now that were put off.
    pub async fn stir(&mut self) -> Result<()> {
        let sql =
            "update work set run_at = $2 where project_id = $1 and run_at > $2 and lease_until = 0 and kind in ('turn', 'perform', 'run')";
        let now = self.now();
        self.unnamed |= exec!(&mut self.tx, sql, self.project, now)? > 0;
        Ok(())
    }

    /// Schedules an item of work of this project when the transaction commits. See [`Store::schedule`].
    pub fn schedule(&mut self, kind: WorkKind, id: Uuid, lane: Option<SubjectId>, run_at: Option<Time>) {
        let run_at = run_at.unwrap_or_else(|| self.store.clock().now());
        let item = Scheduled { project: Some(self.project), lane, run_at };
        let slot = self.scheduled.entry((kind, id)).or_insert(item);
        slot.run_at = slot.run_at.min(run_at);
    }
}
