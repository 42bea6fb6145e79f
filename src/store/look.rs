//! Looking back: single rows of the journal, of its causes and of the chain, for answers to people.

use uuid::Uuid;

use super::error::Result;
use super::intents::IntentRow;
use super::journal::EventRow;
use super::seal::AuditPosition;
use super::sql::{all, first};
use super::tx::ProjectTx;
use crate::base::Time;
use crate::base::ids::{EntryId, IntentId};

#[derive(sqlx::FromRow)]
struct PublishedRow {
    #[sqlx(flatten)]
    position: AuditPosition,
    at: Time,
}

impl ProjectTx {
    /// One intent, in whatever state.
    pub async fn intent(&mut self, id: IntentId) -> Result<Option<IntentRow>> {
        let sql = "select seq, id, subject_id, source_key, kind, actor, payload, at, state, attempts, not_before, note from intents
            where project_id = $1 and id = $2";
        Ok(first!(&mut self.tx, IntentRow, sql, self.project, id)?)
    }

    /// The events of a stream that followed from one cause.
    pub async fn caused(&mut self, stream: &str, stream_id: Uuid, causation: &str) -> Result<Vec<EventRow>> {
        let sql = "select ordinal, id, stream, stream_id, version, kind, actor, target, payload, causation, at from journal
            where project_id = $1 and stream = $2 and stream_id = $3 and causation = $4 order by version";
        Ok(all!(&mut self.tx, EventRow, sql, self.project, stream, stream_id, causation)?)
    }

    /// Where a journal entry stands in the chain, and the hash of its line; `None`: not sealed yet.
    pub async fn sealed(&mut self, entry: EntryId) -> Result<Option<(u64, String)>> {
        let row =
            first!(&mut self.tx, (i64, String), "select seq, hash from chain where project_id = $1 and entry = $2", self.project, entry)?;
        Ok(row.map(|(seq, hash)| (u64::try_from(seq).unwrap_or(0), hash)))
    }

    /// Journal entries that are not in the chain yet.
    pub async fn waiting_for_seal(&mut self) -> Result<i64> {
        let row = first!(&mut self.tx, (i64,), "select count(*) from seal_queue where project_id = $1", self.project)?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// How far the chain has been pushed, and when; `None`: never.
    pub async fn audit_published(&mut self) -> Result<Option<(AuditPosition, Time)>> {
        let sql = "select next_seq, head, at from audit_pushes where project_id = $1";
        Ok(first!(&mut self.tx, PublishedRow, sql, self.project)?.map(|row| (row.position, row.at)))
    }
}
