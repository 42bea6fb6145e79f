//! Reviews of a story's pull request. A delivery names no review, so what the lane has taken into account is kept by the review's number.

use std::collections::BTreeMap;

use serde_json::json;

use crate::domain::forge::{EventKind, Pull, Review, Verdict};
use crate::domain::workflow::Facts;
use crate::domain::workflow::intent::{Intent, Wanted};
use crate::store::ProjectTx;

use super::super::Result;
use super::Look;
use super::news::Finding;

/// Kind of the object that keeps which reviews of a pull request were taken into account, and whether they were dismissed then.
const REVIEWS: &str = "reviews";

/// By the review's number: dismissed or not.
type Taken = BTreeMap<i64, bool>;

/// Only these change anything for a story; what a comment says is read by the next agent.
fn decides(review: &Review) -> bool {
    matches!(review.verdict, Verdict::Approved | Verdict::ChangesRequested)
}

impl Look<'_> {
    pub(super) async fn reviews(&mut self, pull: &Pull) -> Result<()> {
        self.requests += 1;
        let reviews = self.site.connection.forge.reviews(&self.site.repo, pull.number).await?;
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let taken = taken(&mut tx, pull.number).await?;
        tx.rollback().await?;
        for review in reviews.into_iter().filter(|review| decides(review) && review.author.id != self.site.connection.bot.id) {
            // One that was dismissed before anybody heard of it never counted.
            if taken.get(&review.id).map_or(review.dismissed, |then| *then == review.dismissed) {
                continue;
            }
            let dismissed = if review.dismissed { ":dismissed" } else { "" };
            let finding = Finding {
                key: format!("review:{}{dismissed}", review.id),
                actor: Some(review.author.clone()),
                at: Some(review.submitted_at).filter(|_| !review.dismissed),
                kind: EventKind::Review {
                    pull: pull.clone(),
                    reviewer: Some(review.author),
                    verdict: review.verdict,
                    body: review.body,
                    review: Some(review.id),
                    dismissed: review.dismissed,
                },
            };
            self.deliver(finding).await?;
        }
        Ok(())
    }
}

async fn taken(tx: &mut ProjectTx, number: i64) -> Result<Taken> {
    let row = tx.object(REVIEWS, &number.to_string()).await?;
    Ok(row.map(|row| serde_json::from_value(row.data)).transpose()?.unwrap_or_default())
}

/// Notes the reviews that a turn has taken into account: those of whoever it was about. In the transaction of that turn.
pub async fn taken_up(tx: &mut ProjectTx, wanted: &Wanted, facts: &Facts) -> Result<()> {
    let (Intent::Reviewed { number, .. }, Some(gate), Some(actor)) = (&wanted.intent, &facts.gate, &wanted.actor) else {
        return Ok(());
    };
    let now = gate.reviews.iter().filter(|review| decides(review) && review.author.id == actor.id);
    let mut all = taken(tx, *number).await?;
    let before = all.clone();
    all.extend(now.map(|review| (review.id, review.dismissed)));
    if all != before {
        tx.put_object(REVIEWS, &number.to_string(), &json!(all), None).await?;
    }
    Ok(())
}
