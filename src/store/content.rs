//! Content that may have to be forgotten (texts), and the mirror of forge objects.

use serde_json::Value;

use super::error::Result;
use super::sql::{JsonText, all, clean, exec, first};
use super::tx::ProjectTx;
use crate::base::Time;
use crate::base::text::sha256_hex;

/// What the forge last said about an object.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct ObjectRow {
    /// `issue`, `pull`, `comment` and so on.
    pub kind: String,
    /// Its number or name on the forge.
    pub key: String,
    /// What the forge said.
    #[sqlx(try_from = "JsonText")]
    pub data: Value,
    /// When it changed, by the forge's clock.
    pub forge_updated_at: Option<Time>,
    /// When it was seen.
    pub seen_at: Time,
}

impl ProjectTx {
    /// Keeps a text and gives its SHA-256, by which the journal refers to it. A text that was erased stays erased.
    pub async fn put_text(&mut self, text: &str) -> Result<String> {
        let hash = sha256_hex(text);
        // Bytes, for PostgreSQL's text type refuses a NUL, and the hash is over what was really said.
        let sql = "insert into texts (project_id, hash, body) values ($1, $2, $3) on conflict (project_id, hash) do nothing";
        exec!(&mut self.tx, sql, self.project, &hash, text.as_bytes())?;
        Ok(hash)
    }

    /// A kept text; `None` when it is unknown or was erased.
    pub async fn text(&mut self, hash: &str) -> Result<Option<String>> {
        let row =
            first!(&mut self.tx, (Option<Vec<u8>>,), "select body from texts where project_id = $1 and hash = $2", self.project, hash)?;
        Ok(row.and_then(|(body,)| body).map(|body| String::from_utf8_lossy(&body).into_owned()))
    }

    /// Forgets a text. The record keeps its hash, and the chain stays whole. True when there was a text to forget.
    pub async fn erase_text(&mut self, hash: &str) -> Result<bool> {
        let sql = "update texts set body = null where project_id = $1 and hash = $2 and body is not null";
        Ok(exec!(&mut self.tx, sql, self.project, hash)? == 1)
    }

    /// Keeps what the forge says about an object. An older state than the kept one is not taken; gives whether it was taken.
    pub async fn put_object(&mut self, kind: &str, key: &str, data: &Value, forge_updated_at: Option<Time>) -> Result<bool> {
        let sql = "insert into objects (project_id, kind, key, data, forge_updated_at, seen_at) values ($1, $2, $3, $4, $5, $6)
            on conflict (project_id, kind, key) do update
                set data = excluded.data, forge_updated_at = coalesce(excluded.forge_updated_at, objects.forge_updated_at), seen_at = excluded.seen_at
                where objects.forge_updated_at is null or excluded.forge_updated_at is null
                    or excluded.forge_updated_at >= objects.forge_updated_at";
        let (now, data) = (self.now(), data.to_string());
        Ok(exec!(&mut self.tx, sql, self.project, kind, clean(key), &data, forge_updated_at, now)? == 1)
    }

    /// What the forge last said about an object.
    pub async fn object(&mut self, kind: &str, key: &str) -> Result<Option<ObjectRow>> {
        let sql = "select kind, key, data, forge_updated_at, seen_at from objects where project_id = $1 and kind = $2 and key = $3";
        Ok(first!(&mut self.tx, ObjectRow, sql, self.project, kind, key)?)
    }

    /// The same for whoever is going to write it: nobody else reads it this way until the transaction ends.
    pub async fn object_for_update(&mut self, kind: &str, key: &str) -> Result<Option<ObjectRow>> {
        self.lock(&format!("object/{kind}/{key}")).await?;
        self.object(kind, key).await
    }

    /// Keeps it no more. True when it was kept.
    pub async fn drop_object(&mut self, kind: &str, key: &str) -> Result<bool> {
        let sql = "delete from objects where project_id = $1 and kind = $2 and key = $3";
        Ok(exec!(&mut self.tx, sql, self.project, kind, clean(key))? == 1)
    }

    /// All kept objects of a kind, by key.
    pub async fn objects(&mut self, kind: &str) -> Result<Vec<ObjectRow>> {
        let sql = "select kind, key, data, forge_updated_at, seen_at from objects where project_id = $1 and kind = $2 order by key";
        Ok(all!(&mut self.tx, ObjectRow, sql, self.project, kind)?)
    }
}
