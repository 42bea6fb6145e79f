//! Counters of the guard rails and buckets of people. Each count locks its row until the transaction ends, so that two instances
//! together cannot pass a limit.

use super::error::{Result, StoreError};
use super::sql::{exec, first};
use super::tx::ProjectTx;
use crate::base::Time;
use crate::domain::guard::{Bucket, Counted, Drawn};

/// Length of a slot in microseconds: five minutes.
const SLOT: i64 = 300_000_000;
/// Slots that make an hour: the one that is begun and twelve before it.
const HOUR: i64 = 13;

impl ProjectTx {
    /// Counts `n` more (or fewer, when negative) of something and gives the sums with them.
    pub async fn count(&mut self, scope: &str, key: &str, what: &str, n: i64) -> Result<Counted> {
        let sql = "insert into counts (project_id, scope, key, what, slot, n) values ($1, $2, $3, $4, $5, $6)
            on conflict (project_id, scope, key, what, slot) do update set n = counts.n + excluded.n returning n";
        let now = self.now().0.div_euclid(SLOT).max(1);
        // The sum over all time comes first: whoever counts the same thing at the same time waits here.
        let life = first!(&mut self.tx, (i64,), sql, self.project, scope, key, what, 0_i64, n)?;
        exec!(&mut self.tx, sql, self.project, scope, key, what, now, n)?;
        let old = "delete from counts where project_id = $1 and scope = $2 and key = $3 and what = $4 and slot > 0 and slot <= $5";
        exec!(&mut self.tx, old, self.project, scope, key, what, now - HOUR)?;
        let sum = "select cast(coalesce(sum(n), 0) as bigint) from counts
            where project_id = $1 and scope = $2 and key = $3 and what = $4 and slot > $5";
        let hour = first!(&mut self.tx, (i64,), sum, self.project, scope, key, what, (now - HOUR).max(0))?;
        Ok(Counted { hour: hour.map_or(0, |(n,)| n), life: life.map_or(0, |(n,)| n) })
    }

    /// Begins counting anew for a story or a project.
    pub async fn forget_counts(&mut self, scope: &str, key: &str) -> Result<()> {
        exec!(&mut self.tx, "delete from counts where project_id = $1 and scope = $2 and key = $3", self.project, scope, key)?;
        Ok(())
    }

    /// Begins the sums over all time anew; what was counted within the last hour stays.
    pub async fn forget_life(&mut self, scope: &str, key: &str) -> Result<()> {
        let sql = "delete from counts where project_id = $1 and scope = $2 and key = $3 and slot = 0";
        exec!(&mut self.tx, sql, self.project, scope, key)?;
        Ok(())
    }

    /// Takes `cost` requests out of somebody's bucket, which holds an hour's worth.
    pub async fn draw(&mut self, scope: &str, key: &str, cost: i64, per_hour: i64) -> Result<Drawn> {
        let now = self.now();
        let full = Bucket::full(per_hour, now);
        // The update changes nothing: it locks the row that is there and makes it come back.
        let sql = "insert into buckets (project_id, scope, key, level, at) values ($1, $2, $3, $4, $5)
            on conflict (project_id, scope, key) do update set level = buckets.level returning level, at, told";
        let row = first!(&mut self.tx, (i64, Time, Time), sql, self.project, scope, key, full.level, full.at)?;
        let (level, at, told) = row.ok_or(StoreError::NotFound("bucket"))?;
        let (left, drawn) = Bucket { level, at, told }.draw(cost, per_hour, now);
        let sql = "update buckets set level = $4, at = $5, told = $6 where project_id = $1 and scope = $2 and key = $3";
        exec!(&mut self.tx, sql, self.project, scope, key, left.level, left.at, left.told)?;
        Ok(drawn)
    }

    /// Whether somebody would be served; takes nothing.
    pub async fn would_draw(&mut self, scope: &str, key: &str, per_hour: i64) -> Result<Drawn> {
        let sql = "select level, at, told from buckets where project_id = $1 and scope = $2 and key = $3";
        let row = first!(&mut self.tx, (i64, Time, Time), sql, self.project, scope, key)?;
        let now = self.now();
        let bucket = row.map_or(Bucket::full(per_hour, now), |(level, at, told)| Bucket { level, at, told });
        Ok(bucket.draw(1, per_hour, now).1)
    }
}
