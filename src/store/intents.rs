//! Intents: what somebody wants of a subject, in the order it was said. Unique by where it came from, so that a web hook, a poll
//! and a replay of the same thing are one.

use serde_json::Value;

use super::error::{Result, StoreError};
use super::sql::{JsonText, MaybeJson, all, clean, exec, first, json, word_column};
use super::tx::ProjectTx;
use super::work::WorkKind;
use crate::base::Time;
use crate::base::ids::{IntentId, SubjectId};

word_column! {
    /// What became of an intent.
    IntentState {
        /// Not yet decided.
        Pending = "pending",
        /// Decided and committed.
        Done = "done",
        /// Refused with a sentence.
        Refused = "refused",
        /// Needed nothing.
        Ignored = "ignored",
        /// Put aside after failing too often; the lane went on.
        Parked = "parked",
    }
}

/// How an intent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Decided and committed.
    Done,
    /// Refused with a sentence.
    Refused,
    /// Needed nothing.
    Ignored,
}

/// An intent to be queued.
#[derive(Clone, Debug)]
pub struct NewIntent {
    /// Its id.
    pub id: IntentId,
    /// Whose lane it joins.
    pub subject: SubjectId,
    /// Where it came from, such as `comment:17:0:<hash>`; unique within the project.
    pub source_key: String,
    /// What is wanted.
    pub kind: String,
    /// Who wants it, if that is known.
    pub actor: Option<Value>,
    /// The rest of it.
    pub payload: Value,
    /// When it was said.
    pub at: Time,
}

/// A stored intent.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct IntentRow {
    /// Its place in the order of arrival.
    pub seq: i64,
    /// Its id.
    pub id: IntentId,
    /// Whose lane it is on.
    #[sqlx(rename = "subject_id")]
    pub subject: SubjectId,
    /// Where it came from.
    pub source_key: String,
    /// What is wanted.
    pub kind: String,
    /// Who wants it.
    #[sqlx(try_from = "MaybeJson")]
    pub actor: Option<Value>,
    /// The rest of it.
    #[sqlx(try_from = "JsonText")]
    pub payload: Value,
    /// When it was said.
    pub at: Time,
    /// What became of it.
    pub state: IntentState,
    /// How often deciding it failed.
    pub attempts: i64,
    /// Not to be tried before this.
    pub not_before: Option<Time>,
    /// What became of it, in words.
    pub note: Option<String>,
}

impl ProjectTx {
    /// Queues an intent and schedules its lane's turn. False when one from the same source is already known.
    pub async fn add_intent(&mut self, new: &NewIntent) -> Result<bool> {
        let sql = "insert into intents (project_id, id, subject_id, source_key, kind, actor, payload, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";
        let (key, actor, payload) = (clean(&new.source_key), json(new.actor.as_ref()), new.payload.to_string());
        let added = exec!(&mut self.tx, sql, self.project, new.id, new.subject, &key, &new.kind, &actor, &payload, new.at)? == 1;
        if added {
            self.schedule(WorkKind::Turn, new.subject.0, Some(new.subject), None);
        }
        Ok(added)
    }

    /// The oldest undecided intent of a lane. Its `not_before` may lie ahead: then the lane waits, for order is kept.
    /// A worker that ends its claim with `Done` must have seen `None` here.
    pub async fn next_intent(&mut self, subject: SubjectId) -> Result<Option<IntentRow>> {
        let sql = "select seq, id, subject_id, source_key, kind, actor, payload, at, state, attempts, not_before, note from intents
            where project_id = $1 and subject_id = $2 and state = 'pending' order by seq limit 1";
        Ok(first!(&mut self.tx, IntentRow, sql, self.project, subject)?)
    }

    /// Ends an intent that is pending.
    pub async fn finish_intent(&mut self, id: IntentId, how: Ended, note: Option<&str>) -> Result<()> {
        let state = match how {
            Ended::Done => IntentState::Done,
            Ended::Refused => IntentState::Refused,
            Ended::Ignored => IntentState::Ignored,
        };
        self.end_intent(id, state, note).await
    }

    /// Puts a pending intent aside so that its lane can go on.
    pub async fn park_intent(&mut self, id: IntentId, error: &str) -> Result<()> {
        self.end_intent(id, IntentState::Parked, Some(error)).await
    }

    async fn end_intent(&mut self, id: IntentId, state: IntentState, note: Option<&str>) -> Result<()> {
        let sql = "update intents set state = $3, note = $4 where project_id = $1 and id = $2 and state = 'pending'";
        match exec!(&mut self.tx, sql, self.project, id, state, note.map(clean))? {
            0 => Err(StoreError::NotFound("pending intent")),
            _ => Ok(()),
        }
    }

    /// Counts a failed try of a pending intent and schedules the next one.
    pub async fn retry_intent(&mut self, id: IntentId, at: Time, error: &str) -> Result<()> {
        let sql = "update intents set attempts = attempts + 1, not_before = $3, note = $4
            where project_id = $1 and id = $2 and state = 'pending' returning subject_id";
        let row = first!(&mut self.tx, (SubjectId,), sql, self.project, id, at, clean(error))?;
        let (subject,) = row.ok_or(StoreError::NotFound("pending intent"))?;
        self.schedule(WorkKind::Turn, subject.0, Some(subject), Some(at));
        Ok(())
    }

    /// Whether an intent of this source is known, decided or not.
    pub async fn has_intent(&mut self, source_key: &str) -> Result<bool> {
        let sql = "select 1 from intents where project_id = $1 and source_key = $2 limit 1";
        Ok(first!(&mut self.tx, (i64,), pg: "select 1::bigint from intents where project_id = $1 and source_key = $2 limit 1", lite: sql, self.project, clean(source_key))?.is_some())
    }

    /// The newest decided intents of the project that came from the forge, newest first.
    pub async fn recent_intents(&mut self, limit: i64) -> Result<Vec<IntentRow>> {
        let sql = "select seq, id, subject_id, source_key, kind, actor, payload, at, state, attempts, not_before, note from intents
            where project_id = $1 and kind = 'forge' and state in ('done', 'refused', 'ignored') order by seq desc limit $2";
        Ok(all!(&mut self.tx, IntentRow, sql, self.project, limit)?)
    }

    /// All intents of a subject in order of arrival.
    pub async fn intents(&mut self, subject: SubjectId) -> Result<Vec<IntentRow>> {
        let sql = "select seq, id, subject_id, source_key, kind, actor, payload, at, state, attempts, not_before, note from intents
            where project_id = $1 and subject_id = $2 order by seq";
        Ok(all!(&mut self.tx, IntentRow, sql, self.project, subject)?)
    }
}
