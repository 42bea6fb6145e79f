//! The inbox: every delivery as it came, kept with what became of it.

use super::error::{Result, StoreError};
use super::sql::{Tx, clean, exec, first, word_column};
use super::work::{self, Claim, Release, Scheduled, WorkKind};
use super::{ProjectTx, Store};
use crate::base::Time;
use crate::base::ids::{DeliveryId, ProjectId, SubjectId};

word_column! {
    /// How a delivery came.
    Source {
        /// Over HTTP from a forge, its signature checked.
        Webhook = "webhook",
        /// From Syndarix itself: a run's outcome, a timer, a message between agents.
        Internal = "internal",
        /// From comparing the mirror with the forge.
        Synthetic = "synthetic",
    }
}

word_column! {
    /// What became of a delivery.
    DeliveryState {
        /// Stored, not yet read.
        Received = "received",
        /// Read, and its intents are on their lanes.
        Routed = "routed",
        /// Deliberately not acted on; the note says why.
        Ignored = "ignored",
        /// Not understood; the note says why. It can be replayed.
        Failed = "failed",
    }
}

/// A delivery to be stored.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The hook it came through.
    pub hook: String,
    /// The sender's id of it; unique within the hook.
    pub delivery_id: String,
    /// The sender's name of the event.
    pub event: String,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// How it came.
    pub source: Source,
    /// When it came.
    pub received_at: Time,
}

/// What storing a delivery gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The stored delivery: the first one, if this was a repetition.
    pub id: DeliveryId,
    /// True when it had been stored before; it was counted and nothing else.
    pub duplicate: bool,
}

/// A stored delivery.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Delivery {
    /// Its id here.
    pub id: DeliveryId,
    /// The hook it came through.
    pub hook: String,
    /// The sender's id of it.
    pub delivery_id: String,
    /// The sender's name of the event.
    pub event: String,
    /// The body, byte for byte. Lists leave it out (empty).
    pub body: Vec<u8>,
    /// How it came.
    pub source: Source,
    /// When it first came.
    pub received_at: Time,
    /// When it last came.
    pub last_seen: Time,
    /// How often it came again.
    pub redeliveries: i64,
    /// What became of it.
    pub state: DeliveryState,
    /// Why, in words.
    pub note: Option<String>,
    /// The project it was routed to.
    pub project_id: Option<ProjectId>,
    /// When it was finished.
    pub finished_at: Option<Time>,
    /// How often somebody had it read again.
    pub replays: i64,
    /// When that was, the last time.
    pub replayed_at: Option<Time>,
}

impl Store {
    pub(super) async fn schedule_intake(&self, tx: &mut Tx, id: DeliveryId, share: SubjectId) -> Result<()> {
        let item = Scheduled { project: None, lane: Some(share), run_at: self.now() };
        work::write_scheduled(tx, &[((WorkKind::Intake, id.0), item)]).await
    }

    /// One delivery with its body.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Delivery> {
        let mut tx = self.read().await?;
        let sql =
            "select id, hook, delivery_id, event, body, source, received_at, last_seen, redeliveries, state, note, project_id, finished_at,
                replays, replayed_at
            from inbox where id = $1";
        first!(&mut tx, Delivery, sql, id)?.ok_or(StoreError::NotFound("delivery"))
    }

    /// Finishes a delivery that is deliberately not acted on, and the claim on reading it.
    pub async fn ignore_delivery(&self, claim: &Claim, reason: &str) -> Result<()> {
        self.end_delivery(claim, DeliveryState::Ignored, reason).await
    }

    /// Finishes a delivery that could not be understood, and the claim on reading it. It can be replayed.
    pub async fn fail_delivery(&self, claim: &Claim, error: &str) -> Result<()> {
        self.end_delivery(claim, DeliveryState::Failed, error).await
    }

    async fn end_delivery(&self, claim: &Claim, state: DeliveryState, note: &str) -> Result<()> {
        let mut tx = self.write().await?;
        finish(&mut tx, claim, state, Some(note), None, self.now()).await?;
        Ok(tx.commit().await?)
    }
}

impl ProjectTx {
    /// Marks the claimed delivery as routed to this project and ends the claim, in this transaction. Call it last.
    pub async fn finish_delivery(&mut self, claim: &Claim, note: Option<&str>) -> Result<()> {
        self.stirred = true;
        let (project, now) = (self.project, self.now());
        finish(&mut self.tx, claim, DeliveryState::Routed, note, Some(project), now).await
    }
}

async fn finish(tx: &mut Tx, claim: &Claim, state: DeliveryState, note: Option<&str>, project: Option<ProjectId>, now: Time) -> Result<()> {
    if claim.kind != WorkKind::Intake {
        return Err(StoreError::NotFound("delivery"));
    }
    work::release(tx, claim, Release::Done).await?;
    let sql = "update inbox set state = $2, note = $3, project_id = coalesce($4, project_id), finished_at = $5 where id = $1";
    exec!(tx, sql, claim.id, state, note.map(clean), project, now)?;
    Ok(())
}
