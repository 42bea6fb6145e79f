//! Comments of the bot that stand twice. A request that was on its way when its sender died may be carried out after the next process has looked and
//! found nothing. Whoever looks at the comments of a repository finds such doubles however late they come; the oldest stays.

use serde_json::json;

use crate::base::ids::EffectId;
use crate::base::text::sha256_hex;
use crate::domain::forge::Comment;
use crate::domain::marker;
use crate::domain::workflow::{Effect, interpret::alias};
use crate::forge::ForgeError;
use crate::store::NewEffect;

use super::super::Result;
use super::super::world::{Engine, Site};
use super::comments::MARKER;
use super::{Job, Performed};

/// Orders that doubles are taken away, in the lane that they belong to, when this comment of the bot is not the one that is known to be
/// about its matter.
pub async fn order(engine: &Engine, site: &Site<'_>, number: i64, comment: &Comment) -> Result<()> {
    let marker = marker::find(&comment.body).filter(|marker| marker.kind == MARKER && marker.is_genuine(&engine.marker_key));
    let Some(object) = marker.map(|marker| marker.object) else { return Ok(()) };
    let mut tx = engine.store.begin(site.project.id).await?;
    let known = tx.object("comment", &object).await?.and_then(|row| row.data.get("id")?.as_i64());
    // One that nobody knows yet is being written just now; the next look sees it again.
    if known.is_none_or(|known| known == comment.id) {
        return Ok(tx.rollback().await?);
    }
    let lane = match tx.subject_by_alias(&alias::issue(number)).await? {
        Some(lane) => Some(lane),
        None => tx.subject_by_alias(&alias::pull(number)).await?,
    };
    let Some(lane) = lane else { return Ok(tx.rollback().await?) };
    let effect = Effect::SweepDoubles { number, object };
    let new = NewEffect {
        id: EffectId::named(&format!("{}:double:{}", site.project.id, comment.id)),
        lane: lane.id,
        kind: effect.word().into(),
        key: None,
        payload: serde_json::to_value(&effect)?,
        not_before: None,
    };
    tx.add_effect(&new).await?;
    Ok(tx.commit().await?)
}

impl Job<'_> {
    /// The bot's comments about this on the forge, oldest first.
    async fn comments_about(&self, number: i64, object: &str) -> Result<Vec<Comment>> {
        let mut ours: Vec<Comment> = self.site.connection.forge.comments(&self.site.repo, number).await?;
        ours.retain(|comment| comment.author.id == self.site.connection.bot.id && self.carries(&comment.body, object));
        ours.sort_by_key(|comment| comment.id);
        Ok(ours)
    }

    fn carries(&self, body: &str, object: &str) -> bool {
        marker::find(body).is_some_and(|marker| marker.object == object && marker.is_genuine(&self.engine.marker_key))
    }

    /// Takes all but the oldest away and gives that one.
    pub(super) async fn keep_oldest(&self, number: i64, object: &str) -> Result<Option<Comment>> {
        let mut ours = self.comments_about(number, object).await?.into_iter();
        let oldest = ours.next();
        for double in ours {
            match self.engine.outside(self.site.connection.forge.delete_comment(&self.site.repo, number, double.id)).await {
                Ok(()) | Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(oldest)
    }

    /// Leaves one comment about this, with the text that was written last, and notes it, so that the next text goes there.
    pub(super) async fn sweep_doubles(&self, number: i64, object: &str) -> Result<Performed> {
        let all = self.comments_about(number, object).await?;
        if all.len() < 2 {
            return Ok(Performed::Done(json!({"number": number, "doubles": 0})));
        }
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let known = tx.object("comment", object).await?.and_then(|row| row.data.get("id")?.as_i64());
        tx.rollback().await?;
        let body = all.iter().find(|comment| Some(comment.id) == known).unwrap_or(&all[0]).body.clone();
        if all[0].body != body {
            self.engine.outside(self.site.connection.forge.edit_comment(&self.site.repo, number, all[0].id, &body)).await?;
        }
        self.keep_oldest(number, object).await?;
        let data = json!({"id": all[0].id, "hash": sha256_hex(&body), "at": self.engine.clock.now().0});
        let mut tx = self.begin().await?;
        tx.put_object("comment", object, &data, None).await?;
        self.engine.commit(tx).await?;
        Ok(Performed::Done(json!({"number": number, "kept": all[0].id, "doubles": all.len() - 1})))
    }
}
