//! What was touched on either side since the last look, web hooks or not.

use serde::{Deserialize, Serialize};

use crate::domain::forge::Issue;
use crate::domain::mirror::{Side, digest};
use crate::forge::PlacedComment;
use crate::store::ProjectTx;

use super::super::Result;
use super::super::reconcile::{Cursor, Step};
use super::Link;
use super::compare::{Kept, sight};

/// How far both sides were read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Read {
    issues: [Cursor; 2],
    comments: [Cursor; 2],
}

impl Link<'_> {
    /// Notes what may have to be compared. True: not everything was read.
    pub(super) async fn watch(&self) -> Result<bool> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let kept = tx.link(&self.key).await?;
        tx.rollback().await?;
        let mut read: Read = kept.and_then(|data| serde_json::from_value(data).ok()).unwrap_or_default();
        let mut behind = false;
        for side in Side::BOTH {
            self.engine.hold(self.claim, self.engine.timings.call * 4).await?;
            let at = usize::from(side == Side::There);
            let (issues, left) = self.issues(side, &mut read.issues[at]).await?;
            let (comments, more) = self.comments(side, &mut read.comments[at]).await?;
            behind |= left || more;
            // The cursors move in the transaction that notes what they passed.
            let mut tx = self.begin().await?;
            for issue in &issues {
                if self.is_news(&mut tx, side, issue).await? {
                    tx.mirror_is_due(&self.key, side.word(), issue.number, None).await?;
                }
            }
            for placed in &comments {
                if self.is_said(&mut tx, side, placed).await? {
                    tx.mirror_is_due(&self.key, side.word(), placed.number, None).await?;
                }
            }
            tx.put_link(&self.key, &serde_json::to_value(&read)?).await?;
            self.engine.commit(tx).await?;
        }
        Ok(behind)
    }

    async fn issues(&self, side: Side, cursor: &mut Cursor) -> Result<(Vec<Issue>, bool)> {
        loop {
            let now = self.engine.clock.now();
            let window = cursor.window(now);
            let answer = self.forge(side).issues_touched(&self.repo(side), &window).await?;
            let newest = answer.items.iter().map(|issue| issue.updated_at).max();
            if let Step::Read = cursor.advance(&window, &answer, newest, now) {
                let mut issues = answer.items;
                issues.retain(|issue| !issue.is_pull);
                return Ok((issues, window.until.is_some()));
            }
        }
    }

    async fn comments(&self, side: Side, cursor: &mut Cursor) -> Result<(Vec<PlacedComment>, bool)> {
        loop {
            let now = self.engine.clock.now();
            let window = cursor.window(now);
            let answer = self.forge(side).comments_touched(&self.repo(side), &window).await?;
            let newest = answer.items.iter().map(|placed| placed.comment.updated_at).max();
            if let Step::Read = cursor.advance(&window, &answer, newest, now) {
                let mut comments = answer.items;
                comments.retain(|placed| !placed.is_pull);
                return Ok((comments, window.until.is_some()));
            }
        }
    }

    /// Looks overlap: what was compared as it stands is no news.
    async fn is_news(&self, tx: &mut ProjectTx, side: Side, issue: &Issue) -> Result<bool> {
        let Some(row) = tx.mirror(&self.key, side.word(), issue.number).await? else {
            let is_copy = self.copied(side, issue.author.id, &issue.body).is_some();
            let comes_in = side == Side::There && self.config.inward;
            let goes_out = side == Side::Here && self.config.outward && issue.labels.contains(&self.config.outward_label);
            return Ok(is_copy || issue.state == crate::domain::forge::State::Open && (comes_in || goes_out));
        };
        let kept: Kept = serde_json::from_value(row.base)?;
        Ok(row.copy.is_none() || kept.sights[usize::from(side == Side::There)] != sight(issue))
    }

    async fn is_said(&self, tx: &mut ProjectTx, side: Side, placed: &PlacedComment) -> Result<bool> {
        let comment = &placed.comment;
        let is_own = comment.author.id == self.connection(side).bot.id;
        let Some(row) = tx.mirror(&self.key, side.word(), placed.number).await? else {
            return Ok(side == Side::There && !is_own && self.is_unanswered(comment));
        };
        if row.copy.is_none() {
            return Ok(true);
        }
        let origin = Side::parse(&row.origin).unwrap_or(Side::There);
        let issue = |side: Side| if side == origin { row.number } else { row.copy.unwrap_or(row.number) };
        if !is_own {
            let known = tx.mirror_comments(&self.key, side.word(), issue(side)).await?;
            return Ok(!known.iter().any(|known| known.id == comment.id && known.said == digest(&comment.body)));
        }
        // Who edits a copy may take its marker away.
        let known = tx.mirror_comments(&self.key, side.other().word(), issue(side.other())).await?;
        Ok(match known.iter().find(|known| known.copy == Some(comment.id)) {
            Some(known) => known.written != digest(&comment.body),
            None => self.copied(side, comment.author.id, &comment.body).is_some(),
        })
    }
}
