//! Sealing: journal entries get their place in the project's hash chain, one sealer at a time. The arithmetic of the chain is the
//! caller's; the store gives the order, and makes it dense.

use super::error::{Result, StoreError};
use super::journal::EventRow;
use super::sql::{Tx, all, exec, first};
use super::work::{Claim, Release};
use super::{ProjectTx, Store};
use crate::base::ids::{EntryId, ProjectId};

/// What the first line of a chain names as the one before it.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One sealed line.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ChainRow {
    /// Its place, from 0, dense.
    #[sqlx(try_from = "i64")]
    pub seq: u64,
    /// The journal entry it holds.
    pub entry: EntryId,
    /// The line itself.
    pub line: String,
    /// Hash of the line before.
    pub prev: String,
    /// Hash of this line.
    pub hash: String,
}

/// How far a chain has been pushed to its audit repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditPosition {
    /// The first line that was not pushed.
    #[sqlx(try_from = "i64")]
    pub next_seq: u64,
    /// The commit that was last pushed.
    pub head: Option<String>,
}

/// Makes a line and its hash from the place, the previous hash and the entry.
pub type Link<'a> = &'a (dyn Fn(u64, &str, &EventRow) -> (String, String) + Sync);

impl Store {
    /// Seals up to `limit` waiting entries and gives how many it sealed; fewer than `limit` means that none is left. Entries that
    /// commit late are taken by a later call: what waits is a queue, not a position.
    pub async fn seal(&self, project: ProjectId, limit: i64, link: Link<'_>) -> Result<usize> {
        let mut tx = self.begin(project).await?;
        let sealed = tx.seal_waiting(limit, link).await?;
        tx.commit().await?;
        Ok(sealed)
    }

    /// Sealed lines from a place on.
    pub async fn chain(&self, project: ProjectId, from_seq: u64, limit: i64) -> Result<Vec<ChainRow>> {
        let mut tx = self.begin_read(project).await?;
        let sql = "select seq, entry, line, prev, hash from chain where project_id = $1 and seq >= $2 order by seq limit $3";
        Ok(all!(&mut tx.tx, ChainRow, sql, project, place(from_seq), limit)?)
    }

    /// The last sealed line.
    pub async fn chain_head(&self, project: ProjectId) -> Result<Option<ChainRow>> {
        self.begin_read(project).await?.chain_head().await
    }

    /// How far the chain has been pushed; the beginning, if never.
    pub async fn audit_pushed(&self, project: ProjectId) -> Result<AuditPosition> {
        let mut tx = self.begin_read(project).await?;
        let sql = "select next_seq, head from audit_pushes where project_id = $1";
        Ok(first!(&mut tx.tx, AuditPosition, sql, project)?.unwrap_or_default())
    }

    /// Records how far the chain has been pushed, unless the claim was lost meanwhile, and ends the claim if that was all. The place
    /// never moves back.
    pub async fn set_audit_pushed(&self, claim: &Claim, project: ProjectId, position: &AuditPosition, end: Option<Release>) -> Result<()> {
        let mut tx = self.begin(project).await?;
        tx.guard(claim).await?;
        let now = self.now();
        let sql = "insert into audit_pushes (project_id, next_seq, head, at) values ($1, $2, $3, $4)
            on conflict (project_id) do update set next_seq = excluded.next_seq, head = excluded.head, at = excluded.at
                where excluded.next_seq >= audit_pushes.next_seq";
        exec!(&mut tx.tx, sql, project, place(position.next_seq), &position.head, now)?;
        if let Some(end) = end {
            tx.release(claim, end).await?;
        }
        tx.commit().await
    }
}

impl ProjectTx {
    async fn chain_head(&mut self) -> Result<Option<ChainRow>> {
        let sql = "select seq, entry, line, prev, hash from chain where project_id = $1 order by seq desc limit 1";
        Ok(first!(&mut self.tx, ChainRow, sql, self.project)?)
    }

    /// Seals up to `limit` waiting entries in this transaction; see [`Store::seal`].
    pub async fn seal_waiting(&mut self, limit: i64, link: Link<'_>) -> Result<usize> {
        self.lock("chain").await?;
        let sql = "select j.ordinal, j.id, j.stream, j.stream_id, j.version, j.kind, j.actor, j.target, j.payload, j.causation, j.at
            from seal_queue q join journal j on j.ordinal = q.ordinal and j.project_id = q.project_id
            where q.project_id = $1 order by q.ordinal limit $2";
        let waiting = all!(&mut self.tx, EventRow, sql, self.project, limit)?;
        let head = self.chain_head().await?;
        let (mut seq, mut prev) = head.map_or((0, GENESIS.to_owned()), |head| (head.seq + 1, head.hash));
        let mut rows = Vec::with_capacity(waiting.len());
        for event in &waiting {
            let (line, hash) = link(seq, &prev, event);
            rows.push(ChainRow { seq, entry: event.id, line, prev: std::mem::replace(&mut prev, hash.clone()), hash });
            seq += 1;
        }
        self.insert_links(&rows).await?;
        let ordinals: Vec<i64> = waiting.iter().map(|event| event.ordinal).collect();
        self.unqueue(&ordinals).await?;
        Ok(rows.len())
    }

    async fn insert_links(&mut self, rows: &[ChainRow]) -> Result<()> {
        if let Tx::Pg(tx) = &mut self.tx {
            let many = "insert into chain (project_id, seq, entry, line, prev, hash)
                select $1, c.* from unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[]) as c";
            let query = sqlx::query(many)
                .bind(self.project)
                .bind(rows.iter().map(|row| place(row.seq)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.entry.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.line.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.prev.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.hash.as_str()).collect::<Vec<_>>());
            query.execute(&mut **tx).await?;
            return Ok(());
        }
        let sql = "insert into chain (project_id, seq, entry, line, prev, hash) values ($1, $2, $3, $4, $5, $6)";
        for row in rows {
            exec!(&mut self.tx, sql, self.project, place(row.seq), row.entry, &row.line, &row.prev, &row.hash)?;
        }
        Ok(())
    }

    async fn unqueue(&mut self, ordinals: &[i64]) -> Result<()> {
        let list = serde_json::json!(ordinals).to_string();
        let deleted = exec!(&mut self.tx,
            pg: "delete from seal_queue where project_id = $1 and ordinal in (select value::bigint from json_array_elements_text($2::json))",
            lite: "delete from seal_queue where project_id = $1 and ordinal in (select value from json_each($2))",
            self.project, list)?;
        if deleted == ordinals.len() as u64 { Ok(()) } else { Err(StoreError::NotFound("queued journal entry")) }
    }
}

fn place(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
