//! Performing: effects are taken from a lane in order, called, and their receipts recorded. After an uncertain outcome a performer
//! looks before it repeats: every effect is a desired state or carries a name under which it is found again.

mod base;
mod comments;
pub mod doubles;
mod labels;
mod pulls;
mod sync_labels;

use serde_json::{Value, json};

use crate::base::ids::SubjectId;
use crate::base::trace::Attr;
use crate::domain::guard::{Stop, Trip, passes};
use crate::domain::workflow::intent::{Intent, Receipt};
use crate::domain::workflow::{Effect, Story};
use crate::forge::ForgeError;
use crate::git::GitError;
use crate::store::{Claim, EffectRow, EventRow, NewEvent, ProjectTx, Release, StoreError};

use super::guard::{self, Admit, Candidate};
pub use base::sides;

use super::shield::{MAX_TRIES, shielded};
use super::turn::{SUBJECT, fold, post};
use super::world::Site;
use super::{Engine, EngineError, Result, reconcile, trace};

/// Journal stream of what was done to the world.
pub const EFFECTS: &str = "effect";

/// Most tries of an effect that the forge refuses "for now".
const MAX_REFUSALS: i64 = 12;

/// What a performer works with.
struct Job<'a> {
    engine: &'a Engine,
    claim: &'a Claim,
    site: &'a Site<'a>,
    subject: SubjectId,
    number: i64,
    row: &'a EffectRow,
}

/// What performing gave.
enum Performed {
    /// Done; the value goes into the record.
    Done(Value),
    /// Done, and the story waits to hear of it.
    Told(Value, Receipt),
    /// Done, and to be known of this object from now on.
    Noted(Value, Note),
}

/// What is kept of an object of the forge: kind, key and data.
struct Note(&'static str, String, Value);

/// Whether there is more to do on a lane.
enum Lane {
    GoesOn,
    /// Nothing is due, and the lease has ended.
    Rests,
}

/// Performs the effects of one lane until nothing is due on it.
pub async fn handle(engine: &Engine, claim: &Claim) -> Result<()> {
    let site = engine.site(claim).await?;
    let subject = SubjectId(claim.id);
    loop {
        let mut tx = engine.store.begin_read(site.project.id).await?;
        let number = tx.subject(subject).await?.number;
        let mut row = tx.next_effect(subject).await?;
        if row.is_some()
            && let Some(stop) = guard::stop_of_lane(&mut tx, subject, number).await?
        {
            row = tx.next_effect_among(subject, |row| happens(row, stop)).await?;
        }
        tx.rollback().await?;
        let Some(row) = row else {
            return engine.finish(claim).await;
        };
        if let Some(at) = engine.waits_until(row.not_before) {
            return Ok(engine.store.release(claim, Release::Retry { at }).await?);
        }
        let job = Job { engine, claim, site: &site, subject, number, row: &row };
        let key = format!("{}/{}", row.id, row.attempts);
        let done = Box::pin(async {
            trace::tell("effect.id", Attr::Id(row.id.to_string()));
            trace::tell("effect.kind", Attr::Name(row.kind.clone()));
            Box::pin(job.run()).await
        });
        if let Lane::Rests = trace::part(engine, "effect", &key, done).await? {
            return Ok(());
        }
    }
}

/// Whether a queued effect happens although its story is stopped. One that cannot be read does: its error has to come out.
fn happens(row: &EffectRow, stop: Stop) -> bool {
    serde_json::from_value::<Effect>(row.payload.clone()).map_or(true, |effect| passes(&effect, stop))
}

impl Job<'_> {
    async fn run(&self) -> Result<Lane> {
        let effect: Effect = serde_json::from_value(self.row.payload.clone())?;
        if let Some(at) = self.too_soon(&effect).await? {
            let mut tx = self.begin().await?;
            return match tx.effect_retry(self.row.id, at, "status edits keep their distance").await {
                Ok(()) => self.end(tx).await,
                // A turn has just put a newer one in its place.
                Err(StoreError::NotFound(_)) => {
                    tx.rollback().await?;
                    Ok(Lane::GoesOn)
                }
                Err(error) => Err(error.into()),
            };
        }
        let mut tx = self.begin().await?;
        match self.admitted(&mut tx, &effect).await? {
            Admit::Go => {}
            // It stays where it is; what stopped the story is committed.
            Admit::Wait => return self.end(tx).await,
            Admit::Drop => {
                tx.effect_done(self.row.id, &json!({"left_out": "the story is halted"})).await?;
                return self.end(tx).await;
            }
        }
        match tx.effect_started(self.row.id).await {
            // A turn put a newer one with the same key in its place since it was read.
            Err(StoreError::NotFound(_)) => return Ok(Lane::GoesOn),
            other => other?,
        }
        self.engine.commit(tx).await?;
        self.engine.hold(self.claim, self.engine.timings.call).await?;
        match shielded(self.in_time(&effect)).await {
            Ok(Performed::Done(receipt)) => self.done(&effect, receipt, None, None).await,
            Ok(Performed::Told(value, receipt)) => self.done(&effect, value, Some(receipt), None).await,
            Ok(Performed::Noted(value, note)) => self.done(&effect, value, None, Some(note)).await,
            Err(error) => self.failed(&effect, &error).await,
        }
    }

    /// Stops and limits, read in the transaction that begins the effect.
    async fn admitted(&self, tx: &mut ProjectTx, effect: &Effect) -> Result<Admit> {
        let again = self.is_uncertain();
        let cause = self.row.id.to_string();
        let candidate = Candidate { subject: self.subject, number: self.number, effect, again, cause };
        guard::admit(tx, &self.site.rules.policy, &candidate, self.engine.clock.now()).await
    }

    /// A transaction that only the holder of the lane's lease can commit.
    async fn begin(&self) -> Result<ProjectTx> {
        let mut tx = self.engine.store.begin(self.site.project.id).await?;
        tx.guard(self.claim).await?;
        Ok(tx)
    }

    /// Performs within the lease. Git keeps time of its own and looks again after an unclear push.
    async fn in_time(&self, effect: &Effect) -> Result<Performed> {
        let limit = self.engine.timings.call * 3;
        if matches!(effect, Effect::Push { .. }) {
            return self.perform(effect).await;
        }
        let late = |_| ForgeError::Uncertain(format!("it was not done within {limit:?}"));
        tokio::time::timeout(limit, self.perform(effect)).await.map_err(late)?
    }

    /// Commits, and ends the lease in the same transaction if this was the lane's last work: each commit is a wait for the disk.
    async fn end(&self, mut tx: ProjectTx) -> Result<Lane> {
        let how = match tx.next_effect(self.subject).await? {
            None => Some(Release::Done),
            Some(next) => next.not_before.filter(|at| *at > self.engine.clock.now()).map(|at| Release::Retry { at }),
        };
        if let Some(how) = how {
            tx.release(self.claim, how).await?;
        }
        self.engine.commit(tx).await?;
        Ok(if how.is_some() { Lane::Rests } else { Lane::GoesOn })
    }

    async fn perform(&self, effect: &Effect) -> Result<Performed> {
        match effect {
            Effect::React { number, comment, content } => self.react(*number, *comment, content).await,
            Effect::Comment { number, key, body } => self.comment(*number, key, body).await,
            Effect::Status => self.status().await,
            Effect::Labels => self.labels().await,
            Effect::Push { branch, expect, to, .. } => self.push(branch, expect.as_ref(), to).await,
            Effect::OpenPull { .. } => self.open_pull(effect).await,
            Effect::EditPull { .. } => self.edit_pull(effect).await,
            Effect::PostReview { .. } => self.post_review(effect).await,
            Effect::Merge { number, head } => self.merge(*number, head).await,
            Effect::CloseIssue { number } => self.close_issue(*number).await,
            Effect::ClosePull { number } => self.set_pull_open(*number, false).await,
            Effect::ReopenPull { number } => self.set_pull_open(*number, true).await,
            Effect::SpreadHold { hold, by } => self.spread_hold(*hold, by).await,
            Effect::HaltProject { trip, story } => self.halt_project(trip, *story).await,
            Effect::LiftLimits
            | Effect::StartRun(_)
            | Effect::StopRun { .. }
            | Effect::HoldRun { .. }
            | Effect::ResumeRun { .. }
            | Effect::AnswerRun { .. } => Err(EngineError::Setup("runs are rows of the turn's own transaction".into())),
            Effect::MergeBase { .. } => self.merge_base(effect).await,
            Effect::SweepDoubles { number, object } => self.sweep_doubles(*number, object).await,
            Effect::LookAgain { number, head } => self.look_again(*number, head).await,
            Effect::SpreadBudget { by } => self.spread_budget(by).await,
            Effect::SyncLabels { number, key } => self.sync_labels(*number, key).await,
            Effect::SetProject { .. } | Effect::SetLimits { .. } => {
                Err(EngineError::Setup("settings are rows of the turn's own transaction".into()))
            }
        }
    }

    async fn done(&self, effect: &Effect, value: Value, receipt: Option<Receipt>, note: Option<Note>) -> Result<Lane> {
        let mut tx = self.begin().await?;
        if let Some(Note(kind, key, data)) = note {
            tx.put_object(kind, &key, &data, None).await?;
        }
        tx.effect_done(self.row.id, &value).await?;
        self.journal(&mut tx, effect, "done", &value).await?;
        if let Some(receipt) = receipt {
            let intent = Intent::EffectDone { effect: self.row.id, receipt };
            post(&mut tx, self.subject, format!("effect:{}:done", self.row.id), &intent, self.engine.clock.now()).await?;
        }
        self.end(tx).await
    }

    async fn retry(&self, millis: i64, why: &str) -> Result<Lane> {
        let mut tx = self.begin().await?;
        tx.effect_retry(self.row.id, self.engine.clock.now().plus_millis(millis), why).await?;
        self.end(tx).await
    }

    async fn failed(&self, effect: &Effect, error: &EngineError) -> Result<Lane> {
        if error.is_race() {
            return Err(EngineError::Setup("the lease was lost while performing".into()));
        }
        let text = self.engine.redactor.mask(&error.to_string());
        if let Some(millis) = self.again_in(error) {
            tracing::info!(effect.id = %self.row.id, effect.kind = effect.word(), attempts = self.row.attempts, "will be tried again: {text}");
            return self.retry(millis, &text).await;
        }
        // In an archive, or without access, everything fails; that is no failure of this effect.
        if reconcile::stands_still_now(self.engine, self.site).await {
            return self.retry(self.engine.backoff(self.row.attempts), &text).await;
        }
        tracing::warn!(effect.id = %self.row.id, effect.kind = effect.word(), "failed for good: {text}");
        let mut tx = self.begin().await?;
        tx.effect_failed(self.row.id, &text).await?;
        self.journal(&mut tx, effect, "failed", &json!({"error_sha256": crate::base::text::sha256_hex(&text)})).await?;
        // A comment or a label that cannot be written is no reason to write another comment; work that is waited for is.
        if effect.is_waited_for() || matches!(effect, Effect::EditPull { .. } | Effect::CloseIssue { .. } | Effect::ReopenPull { .. }) {
            let intent = Intent::EffectFailed { effect: self.row.id, what: effect.word().into(), error: text };
            post(&mut tx, self.subject, format!("effect:{}:failed", self.row.id), &intent, self.engine.clock.now()).await?;
        }
        self.end(tx).await
    }

    /// Milliseconds until the next try; `None` when no try would help.
    fn again_in(&self, error: &EngineError) -> Option<i64> {
        let backoff = self.engine.backoff(self.row.attempts);
        match error {
            limited @ EngineError::Forge(ForgeError::RateLimited(_)) => Some(limited.asks_to_wait().max(backoff)),
            EngineError::Forge(error) if error.is_transient() => Some(backoff),
            // "Please try again later": the forge is still checking for conflicts.
            EngineError::Forge(ForgeError::NotAllowed(text)) if text.contains("passes by itself") && self.row.attempts < MAX_REFUSALS => {
                Some(backoff.min(2_000))
            }
            EngineError::Git(error) if error.is_transient() => Some(backoff),
            EngineError::Git(GitError::Timeout { .. }) => Some(backoff),
            EngineError::Store(error) if error.is_transient() => Some(backoff),
            EngineError::Panicked(_) if self.row.attempts < MAX_TRIES => Some(backoff),
            _ => None,
        }
    }

    async fn journal(&self, tx: &mut ProjectTx, effect: &Effect, how: &str, receipt: &Value) -> Result<()> {
        let event = NewEvent {
            kind: format!("{}.{how}", effect.word()),
            actor: json!({"type": "syndarix", "id": "engine"}),
            target: json!({"subject": self.subject.to_string(), "effect": self.row.id.to_string(), "number": self.number}),
            payload: receipt.clone(),
            causation: Some(self.row.id.to_string()),
            at: self.engine.clock.now(),
        };
        tx.append(EFFECTS, self.subject.0, None, &[event]).await?;
        Ok(())
    }

    /// The story as it is now, which is what desired-state effects show.
    async fn story(&self) -> Result<Story> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let rows: Vec<EventRow> = tx.events(SUBJECT, self.subject.0).await?;
        tx.rollback().await?;
        fold(self.number, &rows)
    }

    /// True when an earlier try may have been applied without our knowing.
    fn is_uncertain(&self) -> bool {
        self.row.attempts > 0
    }

    /// The project's budget was raised: every other story looks whether it may go on.
    async fn spread_budget(&self, by: &crate::domain::forge::User) -> Result<Performed> {
        let mut tx = self.begin().await?;
        let mut told = 0;
        for subject in tx.subjects("story").await? {
            if subject.id != self.subject {
                let key = format!("budget:{}", self.row.id);
                post(&mut tx, subject.id, key, &Intent::BudgetRaised { by: by.clone() }, self.engine.clock.now()).await?;
                told += 1;
            }
        }
        self.engine.commit(tx).await?;
        Ok(Performed::Done(json!({"stories": told})))
    }

    /// `pause --all`: every other story of the project hears of it by its own lane.
    async fn spread_hold(&self, hold: bool, by: &crate::domain::forge::User) -> Result<Performed> {
        let mut tx = self.begin().await?;
        let mut told = 0;
        for subject in tx.subjects("story").await? {
            if subject.id != self.subject {
                let key = format!("hold:{}:{hold}:{}", self.row.id, subject.id);
                post(&mut tx, subject.id, key, &Intent::Hold { hold, by: by.clone() }, self.engine.clock.now()).await?;
                told += 1;
            }
        }
        self.engine.commit(tx).await?;
        Ok(Performed::Done(json!({"hold": hold, "stories": told})))
    }

    /// A limit of the project was crossed: every other story shows that it is stopped.
    async fn halt_project(&self, trip: &Trip, story: i64) -> Result<Performed> {
        let mut tx = self.begin().await?;
        let mut told = 0;
        for subject in tx.subjects("story").await? {
            if subject.id != self.subject {
                let intent = Intent::Halt { trip: trip.clone(), story: Some(story) };
                post(&mut tx, subject.id, format!("halt:{}:{}", self.row.id, subject.id), &intent, self.engine.clock.now()).await?;
                told += 1;
            }
        }
        self.engine.commit(tx).await?;
        Ok(Performed::Done(json!({"limit": trip.limit, "stories": told})))
    }
}
