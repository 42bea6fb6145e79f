//! Storing deliveries, many in one transaction. A commit costs the disk a flush however much it carries, so whoever comes while one is
//! under way shares the next. There is no task behind it: one of those who wait does the work for all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, oneshot};

use super::Store;
use super::claim::share_of_delivery;
use super::error::{Result, StoreError};
use super::inbox::{NewDelivery, Received};
use super::open::Pools;
use super::sql::{clean, first};
use super::work::{Scheduled, WorkKind, write_scheduled};
use crate::base::ids::DeliveryId;

/// Most deliveries of one transaction.
const MOST: usize = 256;
/// Bytes of bodies after which a transaction takes no further delivery.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Transactions that may be under way at once. SQLite has one writer; on PostgreSQL a second one fills while the first is flushed.
const TURNS_LITE: usize = 1;
const TURNS_PG: usize = 2;

type Answer = oneshot::Sender<Result<Received>>;

struct Waiting {
    delivery: Arc<NewDelivery>,
    answer: Answer,
}

/// Deliveries that wait for the next transaction, and the right to begin one.
pub(super) struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    turns: Semaphore,
}

impl Queue {
    pub(super) fn new(pools: &Pools) -> Queue {
        let turns = match pools {
            Pools::Lite { .. } => TURNS_LITE,
            Pools::Pg(_) => TURNS_PG,
        };
        Queue { waiting: Mutex::default(), turns: Semaphore::new(turns) }
    }

    fn push(&self, delivery: &Arc<NewDelivery>) -> oneshot::Receiver<Result<Received>> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { delivery: delivery.clone(), answer };
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(waiting);
        answered
    }

    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < MOST && bytes < MOST_BYTES {
            let Some(next) = waiting.pop_front() else { break };
            // Its sender has given up: nobody was promised anything.
            if next.answer.is_closed() {
                continue;
            }
            bytes += next.delivery.body.len();
            taken.push(next);
        }
        taken
    }
}

/// Deliveries with the same hook and id, which one statement may touch only once.
struct Group {
    id: DeliveryId,
    delivery: Arc<NewDelivery>,
    answers: Vec<Answer>,
}

impl Store {
    /// Stores a delivery and schedules its reading; when this returns, both are durable. A repetition (same hook, same delivery id) is
    /// counted on the stored one and not read again.
    pub async fn receive(&self, new: &NewDelivery) -> Result<Received> {
        let delivery = Arc::new(new.clone());
        let mut answered = self.receiving.push(&delivery);
        loop {
            let turn = tokio::select! {
                biased;
                answer = &mut answered => match answer {
                    Ok(answer) => return answer,
                    // Whoever stored it went away in the middle and took nothing to the disk, or did and could not say so: a second
                    // try stores it once in either case.
                    Err(_) => {
                        answered = self.receiving.push(&delivery);
                        continue;
                    }
                },
                turn = self.receiving.turns.acquire() => turn.map_err(|_| StoreError::Db(sqlx::Error::PoolClosed))?,
            };
            let batch = self.receiving.take();
            if batch.is_empty() {
                drop(turn);
                match answered.await {
                    Ok(answer) => return answer,
                    Err(_) => answered = self.receiving.push(&delivery),
                }
                continue;
            }
            self.receive_all(group(batch)).await;
        }
    }

    /// Stores a batch and answers everybody in it.
    async fn receive_all(&self, groups: Vec<Group>) {
        match self.store_groups(&groups).await {
            Ok(stored) => {
                for (group, id) in groups.into_iter().zip(stored) {
                    answer(group, id);
                }
                self.wake();
            }
            // One delivery that the database does not take must not take the others with it.
            Err(StoreError::Db(sqlx::Error::Database(error)))
                if groups.len() > 1 && error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("54")) =>
            {
                for group in groups {
                    match self.store_groups(std::slice::from_ref(&group)).await {
                        Ok(stored) => answer(group, stored[0]),
                        Err(error) => refuse(group, &error),
                    }
                }
                self.wake();
            }
            Err(error) => {
                for group in groups {
                    refuse(group, &error);
                }
            }
        }
    }

    /// Stores each group as one row, in one transaction. Gives the ids under which they are stored, in the same order.
    async fn store_groups(&self, groups: &[Group]) -> Result<Vec<DeliveryId>> {
        match &self.pools {
            Pools::Pg(_) => self.store_pg(groups).await,
            Pools::Lite { .. } => self.store_lite(groups).await,
        }
    }

    async fn store_lite(&self, groups: &[Group]) -> Result<Vec<DeliveryId>> {
        let sql = "insert into inbox (id, hook, delivery_id, event, body, source, received_at, last_seen, redeliveries)
            values ($1, $2, $3, $4, $5, $6, $7, $7, $8 - 1)
            on conflict (hook, delivery_id) do update set redeliveries = inbox.redeliveries + $8, last_seen = excluded.last_seen
            returning id";
        let mut tx = self.write().await?;
        let mut stored = Vec::with_capacity(groups.len());
        let mut fresh = Vec::new();
        for group in groups {
            let new = &group.delivery;
            let copies = i64::try_from(group.answers.len()).unwrap_or(i64::MAX);
            let (hook, delivery_id, event) = (clean(&new.hook), clean(&new.delivery_id), clean(&new.event));
            let row = first!(
                &mut tx,
                (DeliveryId,),
                sql,
                group.id,
                &hook,
                &delivery_id,
                &event,
                new.body.as_slice(),
                new.source,
                new.received_at,
                copies
            )?;
            let (id,) = row.ok_or(StoreError::NotFound("delivery"))?;
            if id == group.id {
                fresh.push((
                    (WorkKind::Intake, id.0),
                    Scheduled { project: None, lane: Some(share_of_delivery(&hook, &new.body)), run_at: self.now() },
                ));
            }
            stored.push(id);
        }
        write_scheduled(&mut tx, &fresh).await?;
        tx.commit().await?;
        Ok(stored)
    }

    /// One statement, one round trip, one commit. The rows are written in the order of their keys, so that two instances that get the
    /// same deliveries cannot wait for each other in a circle.
    async fn store_pg(&self, groups: &[Group]) -> Result<Vec<DeliveryId>> {
        let sql = "with arrived as (
                insert into inbox (id, hook, delivery_id, event, body, source, received_at, last_seen, redeliveries)
                select id, hook, delivery_id, event, body, source, received_at, received_at, copies - 1
                from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::bigint[], $8::bigint[])
                    as t (id, hook, delivery_id, event, body, source, received_at, copies)
                order by hook, delivery_id
                on conflict (hook, delivery_id) do update
                    set redeliveries = inbox.redeliveries + excluded.redeliveries + 1, last_seen = excluded.last_seen
                returning id, hook, delivery_id),
            due as (insert into work (kind, id, lane, run_at)
                select 'intake', arrived.id, share, $9 from arrived join unnest($1::uuid[], $10::uuid[]) as s (id, share) on s.id = arrived.id)
            select id, hook, delivery_id from arrived where id <> all ($1)";
        let Pools::Pg(pool) = &self.pools else { return Err(StoreError::NotFound("delivery")) };
        let names: Vec<(String, String)> =
            groups.iter().map(|group| (clean(&group.delivery.hook), clean(&group.delivery.delivery_id))).collect();
        let query = sqlx::query_as(sql)
            .bind(groups.iter().map(|group| group.id.0).collect::<Vec<_>>())
            .bind(names.iter().map(|(hook, _)| hook.as_str()).collect::<Vec<_>>())
            .bind(names.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>())
            .bind(groups.iter().map(|group| clean(&group.delivery.event)).collect::<Vec<_>>())
            .bind(groups.iter().map(|group| group.delivery.body.as_slice()).collect::<Vec<_>>())
            .bind(groups.iter().map(|group| group.delivery.source.as_str()).collect::<Vec<_>>())
            .bind(groups.iter().map(|group| group.delivery.received_at.0).collect::<Vec<_>>())
            .bind(groups.iter().map(|group| i64::try_from(group.answers.len()).unwrap_or(i64::MAX)).collect::<Vec<_>>())
            .bind(self.now())
            .bind(groups.iter().map(|group| share_of_delivery(&group.delivery.hook, &group.delivery.body).0).collect::<Vec<_>>());
        let known: Vec<(DeliveryId, String, String)> = query.fetch_all(pool).await?;
        let known: BTreeMap<(String, String), DeliveryId> = known.into_iter().map(|(id, hook, name)| ((hook, name), id)).collect();
        Ok(groups.iter().zip(names).map(|(group, name)| known.get(&name).copied().unwrap_or(group.id)).collect())
    }
}

/// Sorted by hook and delivery id, repetitions together.
fn group(batch: Vec<Waiting>) -> Vec<Group> {
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for Waiting { delivery, answer } in batch {
        let key = (clean(&delivery.hook), clean(&delivery.delivery_id));
        let new = || Group { id: DeliveryId::generate(), delivery, answers: Vec::new() };
        groups.entry(key).or_insert_with(new).answers.push(answer);
    }
    groups.into_values().collect()
}

/// The first of a new group was stored, all others are repetitions.
fn answer(group: Group, id: DeliveryId) {
    let is_new = id == group.id;
    for (place, answer) in group.answers.into_iter().enumerate() {
        // Who went away meanwhile needs no answer: the delivery is stored.
        let _ = answer.send(Ok(Received { id, duplicate: !is_new || place > 0 }));
    }
}

fn refuse(group: Group, error: &StoreError) {
    for answer in group.answers {
        let _ =
            answer.send(Err(StoreError::Batch { error: error.to_string(), transient: error.is_transient(), full: error.is_disk_full() }));
    }
}
