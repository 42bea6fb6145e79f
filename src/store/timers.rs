//! Timers of the workflow, due by the injected clock.

use serde_json::Value;
use uuid::Uuid;

use super::error::Result;
use super::sql::{JsonText, exec, first};
use super::tx::ProjectTx;
use super::work::{self, Scheduled, WorkKind};
use crate::base::Time;
use crate::base::ids::SubjectId;

/// A timer that is set.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct TimerRow {
    /// Its id.
    pub id: Uuid,
    /// The subject it belongs to.
    #[sqlx(rename = "subject_id")]
    pub subject: SubjectId,
    /// What it is for.
    pub kind: String,
    /// When it is due.
    pub at: Time,
    /// The rest of it.
    #[sqlx(try_from = "JsonText")]
    pub payload: Value,
}

impl ProjectTx {
    /// Sets a timer, or moves it (nearer or further) when it is set already, and schedules its work for exactly that time.
    pub async fn set_timer(&mut self, id: Uuid, subject: SubjectId, kind: &str, at: Time, payload: &Value) -> Result<()> {
        let sql = "insert into timers (project_id, id, subject_id, kind, at, payload) values ($1, $2, $3, $4, $5, $6)
            on conflict (project_id, id) do update set kind = excluded.kind, at = excluded.at, payload = excluded.payload";
        exec!(&mut self.tx, sql, self.project, id, subject, kind, at, payload.to_string())?;
        self.stirred = true;
        let item = Scheduled { project: Some(self.project), lane: Some(subject), run_at: at };
        self.news.push(item.news(WorkKind::Timer));
        work::reschedule(&mut self.tx, WorkKind::Timer, id, item).await
    }

    /// A timer, if it is still set. Work for a timer that is not there any more is done.
    pub async fn timer(&mut self, id: Uuid) -> Result<Option<TimerRow>> {
        let sql = "select id, subject_id, kind, at, payload from timers where project_id = $1 and id = $2";
        Ok(first!(&mut self.tx, TimerRow, sql, self.project, id)?)
    }

    /// Takes a timer off, and its work unless somebody is at it. True when it was set.
    pub async fn clear_timer(&mut self, id: Uuid) -> Result<bool> {
        let cleared = exec!(&mut self.tx, "delete from timers where project_id = $1 and id = $2", self.project, id)? == 1;
        let sql = "delete from work where kind = $1 and id = $2 and project_id = $3 and lease_until = 0";
        exec!(&mut self.tx, sql, WorkKind::Timer, id, self.project)?;
        Ok(cleared)
    }
}
