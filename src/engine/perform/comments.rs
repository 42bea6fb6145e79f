//! Comments, the status comment, and reactions.

use serde_json::{Value, json};

use crate::base::Time;
use crate::base::text::sha256_hex;
use crate::domain::marker;
use crate::domain::workflow::{Effect, page};
use crate::forge::{ForgeError, Reacted, ReactionTarget};

use super::super::{Result, manners};
use super::{Job, Note, Performed};

/// Marker kind of all the bot's comments.
pub const MARKER: &str = "comment";

/// A comment of ours on the forge.
struct Standing {
    id: i64,
    /// Hash of its text, where we know it.
    written: Option<String>,
    /// Whether our own books name it.
    is_known: bool,
}

impl Job<'_> {
    pub(super) async fn react(&self, number: i64, comment: i64, content: &str) -> Result<Performed> {
        let call = self.site.connection.forge.react(&self.site.repo, ReactionTarget::Comment { number, id: comment }, content);
        match self.engine.outside(call).await {
            Ok(Reacted::Done) => Ok(Performed::Done(json!({"comment": comment, "reaction": content}))),
            // Where reactions do not exist, a person is told in words instead of being left in silence.
            Ok(Reacted::Unsupported) => self.comment(self.number, &format!("reply.{comment}"), "Understood; I am at it.").await,
            // The comment was deleted in the meantime: nobody waits for the reaction.
            Err(ForgeError::NotFound(_)) => Ok(Performed::Done(json!({"comment": comment, "gone": true}))),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the comment of this key: edits the one that stands, else makes it.
    pub(super) async fn comment(&self, number: i64, key: &str, body: &str) -> Result<Performed> {
        let object = format!("{number}.{key}");
        let body = format!("{body}\n\n{}", marker::build(&self.engine.marker_key, MARKER, &object));
        let forge = &self.site.connection.forge;
        let standing = self.standing(number, &object).await?;
        let hash = sha256_hex(&body);
        if let Some(Standing { id, written, is_known }) = standing {
            match written.as_ref() == Some(&hash) {
                true if is_known => return Ok(Performed::Done(json!({"comment": id, "unchanged": true}))),
                // Found after an uncertain try: without a note of it the next text of this key would become a second comment.
                true => return Ok(found(self.written(object, id, &hash))),
                false => {}
            }
            match self.engine.outside(forge.edit_comment(&self.site.repo, number, id, &body)).await {
                Ok(()) => return Ok(self.written(object, id, &hash)),
                // A person deleted it: it is written again, once.
                Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let made = self.engine.outside(forge.create_comment(&self.site.repo, number, &body)).await?;
        let mut tx = self.begin().await?;
        manners::spoke(&mut tx, number, made.created_at).await?;
        self.engine.commit(tx).await?;
        Ok(self.written(object, made.id, &hash))
    }

    /// The comment of this key that stands on the forge already, with the hash of its text where we know it.
    /// After an uncertain try the forge is searched; of several the oldest stays and the others go.
    async fn standing(&self, number: i64, object: &str) -> Result<Option<Standing>> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let known = tx.object("comment", object).await?;
        tx.rollback().await?;
        if let Some(row) = known
            && let Some(id) = row.data.get("id").and_then(Value::as_i64)
        {
            let written = row.data.get("hash").and_then(Value::as_str).map(str::to_owned);
            return Ok(Some(Standing { id, written, is_known: true }));
        }
        if !self.is_uncertain() {
            return Ok(None);
        }
        let oldest = self.keep_oldest(number, object).await?;
        Ok(oldest.map(|comment| Standing { id: comment.id, written: Some(sha256_hex(&comment.body)), is_known: false }))
    }

    /// The comment stands with this text. Should a crash keep that from being noted, its marker is found again.
    fn written(&self, object: String, id: i64, hash: &str) -> Performed {
        let data = json!({"id": id, "hash": hash, "at": self.engine.clock.now().0});
        Performed::Noted(json!({"comment": id, "body_sha256": hash}), Note("comment", object, data))
    }

    pub(super) async fn status(&self) -> Result<Performed> {
        let story = self.story().await?;
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let spent = tx.spent(self.subject).await?;
        tx.rollback().await?;
        let pulls = self.site.connection.forge.web_url(&self.site.repo, "pulls/");
        let body = page::status(&story, spent.spent + spent.reserved, &self.site.rules.policy, &pulls);
        self.comment(story.issue, "status", &body).await
    }

    /// Edits of the status comment keep their distance; `Some` is when the next may happen.
    pub(super) async fn too_soon(&self, effect: &Effect) -> Result<Option<Time>> {
        let spacing = i64::try_from(self.engine.timings.status_spacing.as_millis()).unwrap_or(i64::MAX);
        if !matches!(effect, Effect::Status) || spacing == 0 || self.row.attempts > 0 {
            return Ok(None);
        }
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let written = tx.object("comment", &format!("{}.status", self.number)).await?;
        tx.rollback().await?;
        let last = written.and_then(|row| row.data.get("at").and_then(Value::as_i64)).map(Time);
        Ok(last.map(|last| last.plus_millis(spacing)).filter(|next| *next > self.engine.clock.now()))
    }
}

/// Notes in the record that nothing was written, because a look at the forge showed it there.
fn found(done: Performed) -> Performed {
    match done {
        Performed::Done(Value::Object(mut fields)) => {
            fields.insert("found".into(), Value::Bool(true));
            Performed::Done(Value::Object(fields))
        }
        Performed::Noted(Value::Object(mut fields), note) => {
            fields.insert("found".into(), Value::Bool(true));
            Performed::Noted(Value::Object(fields), note)
        }
        other => other,
    }
}
