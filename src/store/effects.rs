//! Effects: what is to be done to the outside world, in order within a lane.

use serde_json::Value;

use super::error::{Result, StoreError};
use super::sql::{JsonText, MaybeJson, all, clean, exec, first, word_column};
use super::tx::ProjectTx;
use super::work::WorkKind;
use crate::base::Time;
use crate::base::ids::{EffectId, SubjectId};

word_column! {
    /// How far an effect has come.
    EffectState {
        /// To be performed.
        Pending = "pending",
        /// Being performed, or its worker died: look before repeating.
        Performing = "performing",
        /// Performed; the receipt says how.
        Done = "done",
        /// Given up; the error says why.
        Failed = "failed",
        /// A newer one with the same key took its place before it was tried.
        Replaced = "replaced",
    }
}

/// An effect to be queued.
#[derive(Clone, Debug)]
pub struct NewEffect {
    /// Its id, deterministic, so that a repeated decision queues it once.
    pub id: EffectId,
    /// The lane it joins.
    pub lane: SubjectId,
    /// What is to be done.
    pub kind: String,
    /// Effects of one lane with the same key replace each other while untried: the newest one counts, at the end of the queue.
    pub key: Option<String>,
    /// The rest of it.
    pub payload: Value,
    /// Not to be performed before this.
    pub not_before: Option<Time>,
}

/// A stored effect.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct EffectRow {
    /// Its place in the order of queueing.
    pub seq: i64,
    /// Its id.
    pub id: EffectId,
    /// Its lane.
    pub lane: SubjectId,
    /// What is to be done.
    pub kind: String,
    /// Effects with the same key replace each other while untried.
    #[sqlx(rename = "coalesce_key")]
    pub key: Option<String>,
    /// The rest of it.
    #[sqlx(try_from = "JsonText")]
    pub payload: Value,
    /// How far it has come.
    pub state: EffectState,
    /// How often it was started.
    pub attempts: i64,
    /// Not to be performed before this.
    pub not_before: Option<Time>,
    /// What performing it gave.
    #[sqlx(try_from = "MaybeJson")]
    pub receipt: Option<Value>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// When it was queued.
    pub created_at: Time,
}

impl ProjectTx {
    /// Queues an effect and schedules its lane. False when an effect with this id is already known; then nothing changes.
    pub async fn add_effect(&mut self, new: &NewEffect) -> Result<bool> {
        let now = self.now();
        let sql = "insert into effects (project_id, id, lane, kind, coalesce_key, payload, not_before, created_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (project_id, id) do nothing";
        let payload = new.payload.to_string();
        let added = exec!(&mut self.tx, sql, self.project, new.id, new.lane, &new.kind, &new.key, &payload, new.not_before, now)? == 1;
        if !added {
            return Ok(false);
        }
        if let Some(key) = &new.key {
            let replace = "update effects set state = 'replaced'
                where project_id = $1 and lane = $2 and coalesce_key = $3 and id <> $4 and state = 'pending' and attempts = 0";
            exec!(&mut self.tx, replace, self.project, new.lane, key, new.id)?;
        }
        self.schedule(WorkKind::Perform, new.lane.0, Some(new.lane), Some(new.not_before.map_or(now, |at| at.max(now))));
        Ok(true)
    }

    /// The effect of a lane to perform next. One that was started keeps its lane waiting until it ends, even while its `not_before`
    /// lies ahead; one that was never tried and is not due yet lets the others pass. When all wait, the one due first comes back.
    /// A worker that ends its claim with `Done` must have seen `None` here.
    pub async fn next_effect(&mut self, lane: SubjectId) -> Result<Option<EffectRow>> {
        self.next_effect_among(lane, |_| true).await
    }

    /// The same among the effects that `keep` lets through; the others stay where they are.
    pub async fn next_effect_among(&mut self, lane: SubjectId, keep: impl Fn(&EffectRow) -> bool) -> Result<Option<EffectRow>> {
        let now = self.now();
        let mut waiting: Option<EffectRow> = None;
        for effect in self.pending_effects(lane).await?.into_iter().filter(keep) {
            let due = effect.not_before.unwrap_or_default();
            if effect.attempts > 0 || due <= now {
                return Ok(Some(effect));
            }
            if waiting.as_ref().is_none_or(|first| due < first.not_before.unwrap_or_default()) {
                waiting = Some(effect);
            }
        }
        Ok(waiting)
    }

    /// One effect.
    pub async fn effect(&mut self, id: EffectId) -> Result<EffectRow> {
        let sql = "select seq, id, lane, kind, coalesce_key, payload, state, attempts, not_before, receipt, error, created_at
            from effects where project_id = $1 and id = $2";
        first!(&mut self.tx, EffectRow, sql, self.project, id)?.ok_or(StoreError::NotFound("effect"))
    }

    /// The unfinished effects of a lane in order, those being performed included.
    pub async fn pending_effects(&mut self, lane: SubjectId) -> Result<Vec<EffectRow>> {
        let sql = "select seq, id, lane, kind, coalesce_key, payload, state, attempts, not_before, receipt, error, created_at
            from effects where project_id = $1 and lane = $2 and state in ('pending', 'performing') order by seq";
        Ok(all!(&mut self.tx, EffectRow, sql, self.project, lane)?)
    }

    /// Records that an effect is about to be performed. From here on it is uncertain until it ends.
    pub async fn effect_started(&mut self, id: EffectId) -> Result<()> {
        let sql = "update effects set state = 'performing', attempts = attempts + 1
            where project_id = $1 and id = $2 and state in ('pending', 'performing')";
        found(exec!(&mut self.tx, sql, self.project, id)?)
    }

    /// Records that an effect was performed, with its receipt.
    pub async fn effect_done(&mut self, id: EffectId, receipt: &Value) -> Result<()> {
        let sql = "update effects set state = 'done', receipt = $3, error = null
            where project_id = $1 and id = $2 and state in ('pending', 'performing')";
        found(exec!(&mut self.tx, sql, self.project, id, receipt.to_string())?)
    }

    /// Gives an effect up.
    pub async fn effect_failed(&mut self, id: EffectId, error: &str) -> Result<()> {
        let sql =
            "update effects set state = 'failed', error = $3 where project_id = $1 and id = $2 and state in ('pending', 'performing')";
        found(exec!(&mut self.tx, sql, self.project, id, clean(error))?)
    }

    /// Puts an effect back for another try and schedules it. Its lane waits for it.
    pub async fn effect_retry(&mut self, id: EffectId, at: Time, error: &str) -> Result<()> {
        let sql = "update effects set state = 'pending', not_before = $3, error = $4
            where project_id = $1 and id = $2 and state in ('pending', 'performing') returning lane";
        let row = first!(&mut self.tx, (SubjectId,), sql, self.project, id, at, clean(error))?;
        let (lane,) = row.ok_or(StoreError::NotFound("unfinished effect"))?;
        self.schedule(WorkKind::Perform, lane.0, Some(lane), Some(at));
        Ok(())
    }
}

fn found(touched: u64) -> Result<()> {
    if touched == 0 { Err(StoreError::NotFound("unfinished effect")) } else { Ok(()) }
}
