//! What an operator does with the inbox: list it, have deliveries read again, and let old ones go.

use super::Store;
use super::claim::share_of_delivery;
use super::error::{Result, StoreError};
use super::inbox::{Delivery, DeliveryState};
use super::jobs::one_of;
use super::sql::{all, exec, first};
use crate::base::Time;
use crate::base::ids::{DeliveryId, ProjectId};

/// Which deliveries to list; what is left open matches all.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only through this hook.
    pub hook: Option<String>,
    /// Only of this project.
    pub project: Option<ProjectId>,
    /// Only what came at this moment or later.
    pub since: Option<Time>,
}

impl Store {
    /// The newest deliveries that match, without their bodies.
    pub async fn list_deliveries(&self, filter: &DeliveryFilter, limit: i64) -> Result<Vec<Delivery>> {
        let mut tx = self.read().await?;
        let lite = "select id, hook, delivery_id, event, x'' as body, source, received_at, last_seen, redeliveries, state, note, project_id, finished_at,
                replays, replayed_at
            from inbox where ($1 is null or state = $1) and ($2 is null or hook = $2) and ($3 is null or project_id = $3)
                and ($4 is null or received_at >= $4)
            order by received_at desc, id desc limit $5";
        let pg = "select id, hook, delivery_id, event, ''::bytea as body, source, received_at, last_seen, redeliveries, state, note, project_id, finished_at,
                replays, replayed_at
            from inbox where ($1::text is null or state = $1) and ($2::text is null or hook = $2) and ($3::uuid is null or project_id = $3)
                and ($4::bigint is null or received_at >= $4)
            order by received_at desc, id desc limit $5";
        let hook = filter.hook.as_deref();
        Ok(all!(&mut tx, Delivery, pg: pg, lite: lite, filter.state, hook, filter.project, filter.since, limit)?)
    }

    /// The same from behind a delivery on; its time and id. With `projects`, only those of these projects.
    pub async fn deliveries_page(
        &self,
        filter: &DeliveryFilter,
        projects: Option<&[ProjectId]>,
        after: Option<(Time, DeliveryId)>,
        limit: i64,
    ) -> Result<Vec<Delivery>> {
        let mut tx = self.read().await?;
        let lite = "select id, hook, delivery_id, event, x'' as body, source, received_at, last_seen, redeliveries, state, note, project_id, finished_at,
                replays, replayed_at
            from inbox where ($1 is null or state = $1) and ($2 is null or lower(hex(project_id)) in (select value from json_each($2)))
                and ($3 is null or (received_at, id) < ($3, $4))
            order by received_at desc, id desc limit $5";
        let pg = "select id, hook, delivery_id, event, ''::bytea as body, source, received_at, last_seen, redeliveries, state, note, project_id, finished_at,
                replays, replayed_at
            from inbox where ($1::text is null or state = $1)
                and ($2::text is null or project_id::text in (select * from json_array_elements_text($2::json)))
                and ($3::bigint is null or (received_at, id) < ($3, $4::uuid))
            order by received_at desc, id desc limit $5";
        let (at, id) = after.unzip();
        Ok(all!(&mut tx, Delivery, pg: pg, lite: lite, filter.state, projects.map(one_of), at, id, limit)?)
    }

    /// Reads a stored delivery again, as if it had just come. Whatever it led to before is found by its source key and not done twice.
    pub async fn replay(&self, id: DeliveryId) -> Result<()> {
        let stored = self.delivery(id).await?;
        let mut tx = self.write().await?;
        // The work first, as whoever finishes a delivery does it: two that lock in another order could wait for each other.
        self.schedule_intake(&mut tx, id, share_of_delivery(&stored.hook, &stored.body)).await?;
        let again =
            "update inbox set state = 'received', note = null, finished_at = null, replays = replays + 1, replayed_at = $2 where id = $1";
        if exec!(&mut tx, again, id, self.now())? == 0 {
            return Err(StoreError::NotFound("delivery"));
        }
        tx.commit().await?;
        self.wake();
        Ok(())
    }

    /// Reads again what failed and was not replayed since `started`, at most `limit` deliveries, oldest first, and says how many. Called
    /// until it gives fewer than `limit`, it comes to an end although the same deliveries may fail again meanwhile.
    pub async fn replay_failed(&self, since: Option<Time>, started: Time, limit: i64) -> Result<i64> {
        let mut tx = self.write().await?;
        let pg = "update inbox set state = 'received', note = null, finished_at = null, replays = replays + 1, replayed_at = $2
            where id in (select id from inbox where state = 'failed' and ($1::bigint is null or received_at >= $1)
                and coalesce(replayed_at, 0) < $2 order by received_at, id limit $3)
            returning id, hook, body";
        let lite = "update inbox set state = 'received', note = null, finished_at = null, replays = replays + 1, replayed_at = $2
            where id in (select id from inbox where state = 'failed' and ($1 is null or received_at >= $1)
                and coalesce(replayed_at, 0) < $2 order by received_at, id limit $3)
            returning id, hook, body";
        let again: Vec<(DeliveryId, String, Vec<u8>)> =
            all!(&mut tx, (DeliveryId, String, Vec<u8>), pg: pg, lite: lite, since, started, limit)?;
        for (id, hook, body) in &again {
            self.schedule_intake(&mut tx, *id, share_of_delivery(hook, body)).await?;
        }
        tx.commit().await?;
        self.wake();
        Ok(again.len() as i64)
    }

    /// Drops finished deliveries in this state that were neither received, repeated nor replayed since a moment, at most `limit`, oldest
    /// first, and says how many. One that waits to be read is never dropped.
    pub async fn drop_deliveries(&self, state: DeliveryState, before: Time, limit: i64) -> Result<u64> {
        let mut tx = self.write().await?;
        let sql = "delete from inbox where id in (
            select id from inbox where state = $1 and received_at < $2 and last_seen < $2 and coalesce(replayed_at, 0) < $2
                and state <> 'received' and not exists (select 1 from work where work.kind = 'intake' and work.id = inbox.id)
            order by received_at limit $3)";
        let dropped = exec!(&mut tx, sql, state, before, limit)?;
        tx.commit().await?;
        Ok(dropped)
    }

    /// How many deliveries are in this state.
    pub async fn count_deliveries(&self, state: DeliveryState) -> Result<i64> {
        let mut tx = self.read().await?;
        let row = first!(&mut tx, (i64,), "select count(*) from inbox where state = $1", state)?;
        Ok(row.map_or(0, |(count,)| count))
    }
}
