//! The journal: append-only, and every event in it is the audit entry. Both engines refuse to change or delete a row, and a trigger
//! queues each new one for sealing.

use serde_json::Value;
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::sql::{JsonText, Tx, all, clean, first};
use super::tx::ProjectTx;
use super::work::WorkKind;
use crate::base::Time;
use crate::base::ids::EntryId;

/// An event to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// What happened.
    pub kind: String,
    /// Who did it.
    pub actor: Value,
    /// To what.
    pub target: Value,
    /// The rest; texts of people and models by hash only.
    pub payload: Value,
    /// What it followed from.
    pub causation: Option<String>,
    /// When it happened.
    pub at: Time,
}

/// An event in the journal.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct EventRow {
    /// Its place in the whole journal: growing, not dense, and not the order of commits.
    pub ordinal: i64,
    /// Its id.
    pub id: EntryId,
    /// The kind of stream: `subject`, `run`, `effect` or `system`.
    pub stream: String,
    /// Which stream.
    pub stream_id: Uuid,
    /// Its place in the stream, from 1, dense.
    pub version: i64,
    /// What happened.
    pub kind: String,
    /// Who did it.
    #[sqlx(try_from = "JsonText")]
    pub actor: Value,
    /// To what.
    #[sqlx(try_from = "JsonText")]
    pub target: Value,
    /// The rest.
    #[sqlx(try_from = "JsonText")]
    pub payload: Value,
    /// What it followed from.
    pub causation: Option<String>,
    /// When it happened.
    pub at: Time,
}

impl ProjectTx {
    /// Appends events to a stream and schedules their sealing. With `expected`, fails with [`StoreError::VersionConflict`] unless the
    /// stream is at that version (0: does not exist); without, the events go at the end whatever is there.
    pub async fn append(&mut self, stream: &str, stream_id: Uuid, expected: Option<i64>, events: &[NewEvent]) -> Result<Vec<EventRow>> {
        if expected.is_none() {
            self.lock(&format!("{stream}/{stream_id}")).await?;
        }
        let actual = self.version(stream, stream_id).await?;
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Err(StoreError::VersionConflict { expected, actual });
        }
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<EventRow> =
            events.iter().zip(actual + 1..).map(|(event, version)| new_row(stream, stream_id, version, event)).collect();
        let rows = self.insert_events(rows).await.map_err(|error| match error {
            // Another writer took the version between the look and the insert.
            error if StoreError::is_duplicate(&error) => StoreError::VersionConflict { expected: actual, actual: -1 },
            error => error.into(),
        })?;
        self.schedule(WorkKind::Seal, self.project.0, None, None);
        Ok(rows)
    }

    async fn insert_events(&mut self, mut rows: Vec<EventRow>) -> std::result::Result<Vec<EventRow>, sqlx::Error> {
        let sql = "insert into journal (project_id, id, stream, stream_id, version, kind, actor, target, payload, causation, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning ordinal";
        if let Tx::Pg(tx) = &mut self.tx
            && rows.len() > 1
        {
            // One round trip however many there are. Ordinals are given in the order of the versions.
            let many = "insert into journal (project_id, id, stream, stream_id, version, kind, actor, target, payload, causation, at)
                select $1, e.id, $2, $3, e.version, e.kind, e.actor, e.target, e.payload, e.causation, e.at
                from unnest($4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[])
                    as e (id, version, kind, actor, target, payload, causation, at) order by e.version returning ordinal";
            let column = |pick: fn(&EventRow) -> String| rows.iter().map(pick).collect::<Vec<_>>();
            let ordinals: Vec<(i64,)> = sqlx::query_as(many)
                .bind(self.project)
                .bind(&rows[0].stream)
                .bind(rows[0].stream_id)
                .bind(rows.iter().map(|row| row.id.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.version).collect::<Vec<_>>())
                .bind(column(|row| row.kind.clone()))
                .bind(column(|row| row.actor.to_string()))
                .bind(column(|row| row.target.to_string()))
                .bind(column(|row| row.payload.to_string()))
                .bind(rows.iter().map(|row| row.causation.clone()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.at.0).collect::<Vec<_>>())
                .fetch_all(&mut **tx)
                .await?;
            rows.iter_mut().zip(ordinals).for_each(|(row, (ordinal,))| row.ordinal = ordinal);
            return Ok(rows);
        }
        for row in &mut rows {
            let (actor, target, payload) = (row.actor.to_string(), row.target.to_string(), row.payload.to_string());
            let inserted = first!(
                &mut self.tx,
                (i64,),
                sql,
                self.project,
                row.id,
                &row.stream,
                row.stream_id,
                row.version,
                &row.kind,
                &actor,
                &target,
                &payload,
                &row.causation,
                row.at
            )?;
            row.ordinal = inserted.map_or(0, |(ordinal,)| ordinal);
        }
        Ok(rows)
    }

    /// All events of a stream in order.
    pub async fn events(&mut self, stream: &str, stream_id: Uuid) -> Result<Vec<EventRow>> {
        self.events_after(stream, stream_id, 0).await
    }

    /// The events of a stream after a version.
    pub async fn events_after(&mut self, stream: &str, stream_id: Uuid, version: i64) -> Result<Vec<EventRow>> {
        let sql = "select ordinal, id, stream, stream_id, version, kind, actor, target, payload, causation, at from journal
            where project_id = $1 and stream = $2 and stream_id = $3 and version > $4 order by version";
        Ok(all!(&mut self.tx, EventRow, sql, self.project, stream, stream_id, version)?)
    }

    /// The version of a stream: how many events it has.
    pub async fn version(&mut self, stream: &str, stream_id: Uuid) -> Result<i64> {
        let sql = "select coalesce(max(version), 0) from journal where project_id = $1 and stream = $2 and stream_id = $3";
        Ok(first!(&mut self.tx, (i64,), sql, self.project, stream, stream_id)?.map_or(0, |(version,)| version))
    }
}

fn new_row(stream: &str, stream_id: Uuid, version: i64, event: &NewEvent) -> EventRow {
    EventRow {
        ordinal: 0,
        id: EntryId::generate(),
        stream: stream.to_owned(),
        stream_id,
        version,
        kind: event.kind.clone(),
        actor: event.actor.clone(),
        target: event.target.clone(),
        payload: event.payload.clone(),
        causation: event.causation.as_deref().map(clean),
        at: event.at,
    }
}
