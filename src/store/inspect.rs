//! Reading everything of a project at once, for whoever checks the books. No work is done by these rows.

use sqlx::{AssertSqlSafe, Row};

use super::effects::EffectRow;
use super::error::Result;
use super::intents::IntentRow;
use super::journal::EventRow;
use super::sql::{Tx, all, first};
use super::subjects::SubjectRow;
use super::tx::ProjectTx;

impl ProjectTx {
    /// Every event of the journal, in the order of its rows.
    pub async fn all_events(&mut self) -> Result<Vec<EventRow>> {
        let sql = "select ordinal, id, stream, stream_id, version, kind, actor, target, payload, causation, at from journal
            where project_id = $1 order by ordinal";
        Ok(all!(&mut self.tx, EventRow, sql, self.project)?)
    }

    /// Every intent, in the order of arrival.
    pub async fn all_intents(&mut self) -> Result<Vec<IntentRow>> {
        let sql = "select seq, id, subject_id, source_key, kind, actor, payload, at, state, attempts, not_before, note from intents
            where project_id = $1 order by seq";
        Ok(all!(&mut self.tx, IntentRow, sql, self.project)?)
    }

    /// Every effect, in the order of queueing.
    pub async fn all_effects(&mut self) -> Result<Vec<EffectRow>> {
        let sql = "select seq, id, lane, kind, coalesce_key, payload, state, attempts, not_before, receipt, error, created_at
            from effects where project_id = $1 order by seq";
        Ok(all!(&mut self.tx, EffectRow, sql, self.project)?)
    }

    /// Every subject, oldest first.
    pub async fn all_subjects(&mut self) -> Result<Vec<SubjectRow>> {
        let sql = "select id, kind, number, created_at from subjects where project_id = $1 order by created_at, id";
        Ok(all!(&mut self.tx, SubjectRow, sql, self.project)?)
    }

    /// How many journal entries wait to be sealed.
    pub async fn unsealed(&mut self) -> Result<i64> {
        let row = first!(&mut self.tx, (i64,), "select count(*) from seal_queue where project_id = $1", self.project)?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// The columns (`table.column`) in which these bytes stand somewhere: of this project's rows, and of the tables that belong to none.
    pub async fn columns_holding(&mut self, bytes: &[u8]) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (table, column, kind, has_project) in self.columns().await? {
            // Names come from the database's own catalogue.
            let place = match (&self.tx, kind.as_str()) {
                (Tx::Lite(_), _) => format!("instr(cast(\"{column}\" as blob), $1) > 0"),
                (Tx::Pg(_), "bytea") => format!("position($1::bytea in \"{column}\") > 0"),
                (Tx::Pg(_), _) => format!("position($1::bytea in convert_to(\"{column}\"::text, 'UTF8')) > 0"),
            };
            let mine = if has_project { "(project_id = $2 or project_id is null)" } else { "$2 = $2" };
            let sql = format!("select count(*) from \"{table}\" where {place} and {mine}");
            let count: i64 = match &mut self.tx {
                Tx::Pg(tx) => sqlx::query_scalar(AssertSqlSafe(sql)).bind(bytes).bind(self.project).fetch_one(&mut **tx).await?,
                Tx::Lite(tx) => sqlx::query_scalar(AssertSqlSafe(sql)).bind(bytes).bind(self.project).fetch_one(&mut **tx).await?,
            };
            if count > 0 {
                found.push(format!("{table}.{column}"));
            }
        }
        Ok(found)
    }

    /// Table, column, type, and whether the table has a project column, for every column of our own tables.
    async fn columns(&mut self) -> Result<Vec<(String, String, String, bool)>> {
        let lite = "select t.name, c.name, c.type from sqlite_master t join pragma_table_info(t.name) c
            where t.type = 'table' and t.name not like 'sqlite%' and t.name not like '\\_sqlx%' escape '\\' order by 1, 2";
        let pg = "select table_name::text, column_name::text, data_type::text from information_schema.columns
            where table_schema = current_schema() and table_name not like '\\_sqlx%' order by 1, 2";
        let rows: Vec<(String, String, String)> = match &mut self.tx {
            Tx::Pg(tx) => sqlx::query(pg).fetch_all(&mut **tx).await?.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect(),
            Tx::Lite(tx) => sqlx::query(lite).fetch_all(&mut **tx).await?.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect(),
        };
        let owned: std::collections::BTreeSet<String> =
            rows.iter().filter(|(_, column, _)| column == "project_id").map(|(table, _, _)| table.clone()).collect();
        Ok(rows.into_iter().map(|(table, column, kind)| (table.clone(), column, kind, owned.contains(&table))).collect())
    }
}
