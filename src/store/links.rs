//! Issues that stand in two repositories: which are pairs, what both sides last agreed upon, and which are to be compared.

use serde_json::Value;

use super::error::Result;
use super::sql::{JsonText, all, exec, first};
use super::tx::ProjectTx;
use crate::base::Time;

/// A pair of issues.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct MirrorRow {
    /// The side on which the issue was written: `here` or `there`.
    pub origin: String,
    /// Its number there.
    pub number: i64,
    /// Its number on the other side; `None`: the making of it was begun.
    pub copy: Option<i64>,
    /// What both sides last agreed upon.
    #[sqlx(try_from = "JsonText")]
    pub base: Value,
    /// When the making was begun.
    pub begun_at: Time,
}

/// A pair of comments.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct MirrorComment {
    /// Its number where it was written.
    pub id: i64,
    /// Number of the copy; `None`: somebody deleted it.
    pub copy: Option<i64>,
    /// Hash of what was said.
    pub said: String,
    /// Hash of the copy as it was written.
    pub written: String,
}

/// An issue that may have to be compared.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct MirrorDue {
    /// The side, `here` or `there`, and the number there.
    pub side: String,
    pub number: i64,
    /// Who touched it last, where a web hook told.
    pub who: Option<String>,
    /// How often there was a reason to compare it.
    pub count: i64,
    /// How often comparing it failed.
    pub tries: i64,
}

impl ProjectTx {
    /// What is kept about a link as a whole.
    pub async fn link(&mut self, link: &str) -> Result<Option<Value>> {
        let sql = "select data from links where project_id = $1 and link = $2";
        let row = first!(&mut self.tx, (String,), sql, self.project, link)?;
        Ok(row.and_then(|(data,)| serde_json::from_str(&data).ok()))
    }

    /// Keeps it.
    pub async fn put_link(&mut self, link: &str, data: &Value) -> Result<()> {
        let sql = "insert into links (project_id, link, data, updated_at) values ($1, $2, $3, $4)
            on conflict (project_id, link) do update set data = excluded.data, updated_at = excluded.updated_at";
        let now = self.now();
        exec!(&mut self.tx, sql, self.project, link, data.to_string(), now)?;
        Ok(())
    }

    /// The pair that an issue of this side belongs to, as the original or as the copy.
    pub async fn mirror(&mut self, link: &str, side: &str, number: i64) -> Result<Option<MirrorRow>> {
        let sql = "select origin, number, copy, base, begun_at from mirror_issues where project_id = $1 and link = $2
            and ((origin = $3 and number = $4) or (origin <> $3 and copy = $4))";
        Ok(first!(&mut self.tx, MirrorRow, sql, self.project, link, side, number)?)
    }

    /// Notes that a copy is about to be made. False: that was noted before.
    pub async fn begin_mirror(&mut self, link: &str, origin: &str, number: i64, at: Time) -> Result<bool> {
        let sql =
            "insert into mirror_issues (project_id, link, origin, number, base, begun_at, updated_at) values ($1, $2, $3, $4, '{}', $5, $5)
            on conflict (project_id, link, origin, number) do nothing";
        Ok(exec!(&mut self.tx, sql, self.project, link, origin, number, at)? == 1)
    }

    /// Keeps the number of the copy and what was agreed upon.
    pub async fn put_mirror(&mut self, link: &str, origin: &str, number: i64, copy: i64, base: &Value) -> Result<()> {
        let sql = "update mirror_issues set copy = $5, base = $6, updated_at = $7
            where project_id = $1 and link = $2 and origin = $3 and number = $4";
        let now = self.now();
        exec!(&mut self.tx, sql, self.project, link, origin, number, copy, base.to_string(), now)?;
        Ok(())
    }

    /// The comments of an issue that were written on this side, oldest first.
    pub async fn mirror_comments(&mut self, link: &str, origin: &str, issue: i64) -> Result<Vec<MirrorComment>> {
        let sql = "select id, copy, said, written from mirror_comments
            where project_id = $1 and link = $2 and origin = $3 and issue = $4 order by id";
        Ok(all!(&mut self.tx, MirrorComment, sql, self.project, link, origin, issue)?)
    }

    /// Keeps a pair of comments.
    pub async fn put_mirror_comment(&mut self, link: &str, origin: &str, issue: i64, row: &MirrorComment) -> Result<()> {
        let sql =
            "insert into mirror_comments (project_id, link, origin, issue, id, copy, said, written) values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (project_id, link, origin, issue, id) do update
                set copy = excluded.copy, said = excluded.said, written = excluded.written";
        exec!(&mut self.tx, sql, self.project, link, origin, issue, row.id, row.copy, &row.said, &row.written)?;
        Ok(())
    }

    /// Forgets a pair of comments.
    pub async fn drop_mirror_comment(&mut self, link: &str, origin: &str, issue: i64, id: i64) -> Result<()> {
        let sql = "delete from mirror_comments where project_id = $1 and link = $2 and origin = $3 and issue = $4 and id = $5";
        exec!(&mut self.tx, sql, self.project, link, origin, issue, id)?;
        Ok(())
    }

    /// Notes that an issue may have to be compared, and who touched it, where that is known.
    pub async fn mirror_is_due(&mut self, link: &str, side: &str, number: i64, who: Option<&str>) -> Result<()> {
        let sql = "insert into mirror_due (project_id, link, side, number, who, since) values ($1, $2, $3, $4, $5, $6)
            on conflict (project_id, link, side, number) do update
                set count = mirror_due.count + 1, who = coalesce(excluded.who, mirror_due.who)";
        let now = self.now();
        exec!(&mut self.tx, sql, self.project, link, side, number, who, now)?;
        Ok(())
    }

    /// The issues to be compared, those that failed least often and wait longest first.
    pub async fn mirrors_due(&mut self, link: &str, limit: i64) -> Result<Vec<MirrorDue>> {
        let sql = "select side, number, who, count, tries from mirror_due where project_id = $1 and link = $2
            order by tries, since, side, number limit $3";
        Ok(all!(&mut self.tx, MirrorDue, sql, self.project, link, limit)?)
    }

    /// An issue was compared, unless there has been a new reason since.
    pub async fn mirror_is_done(&mut self, link: &str, due: &MirrorDue) -> Result<()> {
        let sql = "delete from mirror_due where project_id = $1 and link = $2 and side = $3 and number = $4 and count = $5";
        exec!(&mut self.tx, sql, self.project, link, &due.side, due.number, due.count)?;
        Ok(())
    }

    /// Comparing it failed.
    pub async fn mirror_has_failed(&mut self, link: &str, due: &MirrorDue) -> Result<()> {
        let sql = "update mirror_due set tries = tries + 1 where project_id = $1 and link = $2 and side = $3 and number = $4";
        exec!(&mut self.tx, sql, self.project, link, &due.side, due.number)?;
        Ok(())
    }
}
