//! Subjects: the stories, sprints and pull requests under the bot's care. Each is a lane: what concerns it happens in order.

use super::error::{Result, StoreError};
use super::sql::{all, clean, exec, first};
use super::tx::ProjectTx;
use crate::base::Time;
use crate::base::ids::SubjectId;

/// A subject of work.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SubjectRow {
    /// Its id, and that of its lane.
    pub id: SubjectId,
    /// `story`, `pull` or `sprint`.
    pub kind: String,
    /// The number of the issue, pull request or milestone it is about.
    pub number: i64,
    /// When it was first seen.
    pub created_at: Time,
}

impl ProjectTx {
    /// The subject that answers to a name such as `issue:42` or `branch:syndarix/42-fix`.
    pub async fn subject_by_alias(&mut self, alias: &str) -> Result<Option<SubjectRow>> {
        let sql = "select s.id, s.kind, s.number, s.created_at from aliases a
            join subjects s on s.project_id = a.project_id and s.id = a.subject_id where a.project_id = $1 and a.alias = $2";
        Ok(first!(&mut self.tx, SubjectRow, sql, self.project, alias)?)
    }

    /// The subject of this kind and number, made if it is new, with these aliases added. An alias that another subject holds stays there.
    pub async fn ensure_subject(&mut self, kind: &str, number: i64, aliases: &[String]) -> Result<SubjectRow> {
        // The update changes nothing: it makes the existing row come back.
        let sql = "insert into subjects (project_id, id, kind, number, created_at) values ($1, $2, $3, $4, $5)
            on conflict (project_id, kind, number) do update set kind = excluded.kind returning id, kind, number, created_at";
        let row = first!(&mut self.tx, SubjectRow, sql, self.project, SubjectId::generate(), kind, number, self.store.clock().now())?;
        let row = row.ok_or(StoreError::NotFound("subject"))?;
        self.add_aliases(row.id, aliases).await?;
        Ok(row)
    }

    /// Lets a subject answer to more names. Gives those that another subject already holds, with that subject: the first one keeps them.
    pub async fn add_aliases(&mut self, subject: SubjectId, aliases: &[String]) -> Result<Vec<(String, SubjectId)>> {
        let mut held = Vec::new();
        for alias in aliases {
            let sql = "insert into aliases (project_id, alias, subject_id) values ($1, $2, $3)
                on conflict (project_id, alias) do update set alias = excluded.alias returning subject_id";
            let holder = first!(&mut self.tx, (SubjectId,), sql, self.project, clean(alias), subject)?;
            if let Some((holder,)) = holder.filter(|(holder,)| *holder != subject) {
                held.push((alias.clone(), holder));
            }
        }
        Ok(held)
    }

    /// The names a subject answers to, sorted.
    pub async fn aliases(&mut self, subject: SubjectId) -> Result<Vec<String>> {
        let sql = "select alias from aliases where project_id = $1 and subject_id = $2 order by alias";
        let rows = all!(&mut self.tx, (String,), sql, self.project, subject)?;
        Ok(rows.into_iter().map(|(alias,)| alias).collect())
    }

    /// Takes names away from a subject, for example a branch that was deleted.
    pub async fn remove_alias(&mut self, subject: SubjectId, alias: &str) -> Result<()> {
        exec!(&mut self.tx, "delete from aliases where project_id = $1 and subject_id = $2 and alias = $3", self.project, subject, alias)?;
        Ok(())
    }

    /// One subject.
    pub async fn subject(&mut self, id: SubjectId) -> Result<SubjectRow> {
        let sql = "select id, kind, number, created_at from subjects where project_id = $1 and id = $2";
        first!(&mut self.tx, SubjectRow, sql, self.project, id)?.ok_or(StoreError::NotFound("subject"))
    }

    /// Subjects of a kind with numbers greater than this one, by number, at most so many.
    pub async fn subjects_page(&mut self, kind: &str, after: i64, limit: i64) -> Result<Vec<SubjectRow>> {
        let sql = "select id, kind, number, created_at from subjects where project_id = $1 and kind = $2 and number > $3 order by number limit $4";
        Ok(all!(&mut self.tx, SubjectRow, sql, self.project, kind, after, limit)?)
    }

    /// All subjects of a kind, by number.
    pub async fn subjects(&mut self, kind: &str) -> Result<Vec<SubjectRow>> {
        let sql = "select id, kind, number, created_at from subjects where project_id = $1 and kind = $2 order by number";
        Ok(all!(&mut self.tx, SubjectRow, sql, self.project, kind)?)
    }
}
