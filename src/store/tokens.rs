//! Service tokens: rows that say whose digest may do what. They are read anew with every request, so that a revoked one is refused by
//! all instances at once; issuing and revoking are entries of the system's own journal, written in the same transaction.

use std::collections::BTreeSet;

use super::Store;
use super::error::{Result, StoreError};
use super::journal::NewEvent;
use super::sql::{all, exec, first};
use crate::base::Time;
use crate::base::ids::{ProjectId, TokenId};
use crate::domain::access::token::Scope;

/// Journal stream of what belongs to no project.
const SYSTEM_STREAM: &str = "system";
/// A use is written down when the last one that was is at least so old, in microseconds.
const COARSE: i64 = 60 * 60 * 1_000_000;

/// A token to be kept.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub id: TokenId,
    /// What people call it; no two that hold have the same.
    pub name: String,
    /// [`crate::domain::access::token::Token::digest`].
    pub digest: String,
    pub scopes: BTreeSet<Scope>,
    /// The only projects it is good for; `None`: all.
    pub projects: Option<BTreeSet<ProjectId>>,
    pub expires_at: Option<Time>,
    /// Who issued it, such as `uid:1000`.
    pub by: String,
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    pub id: TokenId,
    pub name: String,
    pub digest: String,
    /// Words that this program does not know are left out: nothing is allowed by them.
    pub scopes: BTreeSet<Scope>,
    /// The only projects it is good for; `None`: all.
    pub projects: Option<BTreeSet<ProjectId>>,
    pub issued_by: String,
    pub issued_at: Time,
    pub expires_at: Option<Time>,
    pub revoked_by: Option<String>,
    pub revoked_at: Option<Time>,
    /// To the hour.
    pub last_used: Option<Time>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: TokenId,
    name: String,
    digest: String,
    scopes: String,
    projects: Option<String>,
    issued_by: String,
    issued_at: Time,
    expires_at: Option<Time>,
    revoked_by: Option<String>,
    revoked_at: Option<Time>,
    last_used: Option<Time>,
}

impl From<Raw> for TokenRow {
    fn from(raw: Raw) -> TokenRow {
        // A list that cannot be read binds to no project at all, never to every one.
        let projects = raw.projects.map(|text| serde_json::from_str(&text).unwrap_or_default());
        TokenRow {
            id: raw.id,
            name: raw.name,
            digest: raw.digest,
            scopes: raw.scopes.split(' ').filter_map(|word| word.parse().ok()).collect(),
            projects,
            issued_by: raw.issued_by,
            issued_at: raw.issued_at,
            expires_at: raw.expires_at,
            revoked_by: raw.revoked_by,
            revoked_at: raw.revoked_at,
            last_used: raw.last_used,
        }
    }
}

impl TokenRow {
    /// Whether it is good for anything at this moment.
    pub fn holds(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Store {
    /// Keeps a new token. False: a token of this name holds or has expired without being revoked, and nothing was written.
    pub async fn issue_token(&self, new: &NewToken) -> Result<bool> {
        let now = self.now();
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.word()).collect();
        let projects = new.projects.as_ref().map(|ids| serde_json::json!(ids).to_string());
        let mut tx = self.begin(Store::SYSTEM).await?;
        let sql = "insert into tokens (id, name, digest, scopes, projects, issued_by, issued_at, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (name) where revoked_at is null do nothing";
        let made = exec!(&mut tx.tx, sql, new.id, &new.name, &new.digest, scopes.join(" "), &projects, &new.by, now, new.expires_at)?;
        if made == 0 {
            return Ok(false);
        }
        let payload =
            serde_json::json!({"name": new.name, "scopes": scopes, "projects": new.projects, "expires_at": new.expires_at.map(|at| at.0)});
        tx.append(SYSTEM_STREAM, Store::SYSTEM.0, None, &[event("token.issued", new.id, &new.by, payload, now)]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Makes a token good for nothing from this moment on. False: it was revoked before, and nothing was written.
    pub async fn revoke_token(&self, id: TokenId, by: &str) -> Result<bool> {
        let now = self.now();
        let mut tx = self.begin(Store::SYSTEM).await?;
        let sql = "update tokens set revoked_at = $2, revoked_by = $3 where id = $1 and revoked_at is null";
        if exec!(&mut tx.tx, sql, id, now, by)? == 0 {
            drop(tx);
            return self.token(id).await?.map(|_| false).ok_or(StoreError::NotFound("token"));
        }
        tx.append(SYSTEM_STREAM, Store::SYSTEM.0, None, &[event("token.revoked", id, by, serde_json::json!({}), now)]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// One token, whether it holds or not.
    pub async fn token(&self, id: TokenId) -> Result<Option<TokenRow>> {
        let mut tx = self.read().await?;
        let sql = "select id, name, digest, scopes, projects, issued_by, issued_at, expires_at, revoked_by, revoked_at, last_used
            from tokens where id = $1";
        Ok(first!(&mut tx, Raw, sql, id)?.map(TokenRow::from))
    }

    /// All tokens, the newest first; also those that were revoked.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>> {
        let mut tx = self.read().await?;
        let sql = "select id, name, digest, scopes, projects, issued_by, issued_at, expires_at, revoked_by, revoked_at, last_used
            from tokens order by issued_at desc, id";
        Ok(all!(&mut tx, Raw, sql)?.into_iter().map(TokenRow::from).collect())
    }

    /// Notes that a token was used: once an hour, so that reading does not become writing.
    pub async fn token_used(&self, row: &TokenRow) -> Result<()> {
        let now = self.now();
        if row.last_used.is_some_and(|last| now.0 - last.0 < COARSE) {
            return Ok(());
        }
        let mut tx = self.write().await?;
        exec!(&mut tx, "update tokens set last_used = $2 where id = $1 and coalesce(last_used, 0) <= $3", row.id, now, now.0 - COARSE)?;
        Ok(tx.commit().await?)
    }
}

fn event(kind: &str, id: TokenId, by: &str, payload: serde_json::Value, at: Time) -> NewEvent {
    NewEvent {
        kind: kind.to_owned(),
        actor: serde_json::json!({"type": "user", "id": by}),
        target: serde_json::json!({"token": id}),
        payload,
        causation: None,
        at,
    }
}
