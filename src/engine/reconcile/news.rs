//! Whether a finding is news, and how it gets into the inbox.

use serde_json::Value;

use crate::base::Time;
use crate::domain::forge::{EventKind, ForgeEvent, User};
use crate::domain::workflow::interpret::{Ears, Lane, alias, interpret};
use crate::store::{NewDelivery, ProjectTx, Source};

use super::super::Result;
use super::Look;

/// Name of the event of a synthetic delivery; its body is the neutral event itself.
pub const EVENT: &str = "synthetic";

/// How old a finding must be before its web hook counts as missing, in microseconds: deliveries take a moment.
const ON_ITS_WAY: i64 = 10 * 1_000_000;

/// Something that was found.
pub(super) struct Finding {
    /// Names it: the same finding has the same name and is in the inbox once.
    pub key: String,
    pub actor: Option<User>,
    pub kind: EventKind,
    /// When it happened by the forge's clock; `None` when the forge does not say.
    pub at: Option<Time>,
}

impl Look<'_> {
    /// Puts a finding into the inbox, unless it would come to nothing: nobody listens, or it was taken up already.
    pub(super) async fn deliver(&mut self, finding: Finding) -> Result<()> {
        let event = ForgeEvent { repo: self.site.repo.clone(), actor: finding.actor, kind: finding.kind };
        if !self.is_news(&event).await? {
            return Ok(());
        }
        let body: Value = serde_json::to_value(&event)?;
        let delivery = NewDelivery {
            hook: self.site.connection.id.clone(),
            delivery_id: format!("seen:{}:{}", self.site.project.repo_id, finding.key),
            event: EVENT.into(),
            body: body.to_string().into_bytes(),
            source: Source::Synthetic,
            received_at: self.engine.clock.now(),
        };
        if !self.engine.store.receive(&delivery).await?.duplicate {
            self.found += 1;
            let age = self.forge_time.zip(finding.at).map(|(now, at)| now.0 - at.0);
            self.missed += u32::from(age.is_some_and(|age| age >= ON_ITS_WAY));
        }
        Ok(())
    }

    async fn is_news(&self, event: &ForgeEvent) -> Result<bool> {
        let Ok(drafts) = interpret(event, Ears { bot: &self.site.connection.bot }) else {
            return Ok(false);
        };
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let mut news = false;
        for draft in drafts {
            news |= !tx.has_intent(&draft.source_key).await? && is_heard(&mut tx, &draft.lane).await?;
        }
        tx.rollback().await?;
        Ok(news)
    }
}

/// Whether anybody listens on this lane, or would from now on.
async fn is_heard(tx: &mut ProjectTx, lane: &Lane) -> Result<bool> {
    let Lane::Known(names) = lane else { return Ok(true) };
    for name in names {
        if tx.subject_by_alias(name).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Look<'_> {
    /// Whether a pull request has a lane already.
    pub(super) async fn knows_pull(&self, number: i64) -> Result<bool> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let known = tx.subject_by_alias(&alias::pull(number)).await?.is_some();
        tx.rollback().await?;
        Ok(known)
    }
}
