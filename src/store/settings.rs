//! What was set by command for a whole project, over its configuration. Rows, not memory: every instance reads what holds now.

use serde_json::Value;

use super::error::Result;
use super::sql::{JsonText, all, exec};
use super::tx::ProjectTx;
use crate::base::Time;

/// One setting.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct SettingRow {
    /// Its name, such as `autonomy`.
    pub key: String,
    /// What it was set to.
    #[sqlx(try_from = "JsonText")]
    pub value: Value,
    /// Who set it.
    #[sqlx(try_from = "JsonText")]
    pub set_by: Value,
    /// When it was set.
    pub set_at: Time,
}

impl ProjectTx {
    /// Sets it, or takes it back with `None`. The entry for the record is the caller's, in the same transaction.
    pub async fn put_setting(&mut self, key: &str, value: Option<&Value>, by: &Value, at: Time) -> Result<()> {
        let Some(value) = value else {
            exec!(&mut self.tx, "delete from settings where project_id = $1 and key = $2", self.project, key)?;
            return Ok(());
        };
        let sql = "insert into settings (project_id, key, value, set_by, set_at) values ($1, $2, $3, $4, $5)
            on conflict (project_id, key) do update set value = excluded.value, set_by = excluded.set_by, set_at = excluded.set_at";
        exec!(&mut self.tx, sql, self.project, key, value.to_string(), by.to_string(), at)?;
        Ok(())
    }

    /// All settings of the project, by name.
    pub async fn settings(&mut self) -> Result<Vec<SettingRow>> {
        let sql = "select key, value, set_by, set_at from settings where project_id = $1 order by key";
        Ok(all!(&mut self.tx, SettingRow, sql, self.project)?)
    }
}
