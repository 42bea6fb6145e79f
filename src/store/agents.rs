//! Named agents: an instance of a type, kept for one subject.

use serde_json::Value;

use super::error::{Result, StoreError};
use super::sql::{MaybeJson, all, exec, first};
use super::tx::ProjectTx;
use crate::base::Time;
use crate::base::ids::{AgentId, SubjectId};

/// A named agent.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AgentRow {
    /// Its id.
    pub id: AgentId,
    /// Its type.
    pub kind: String,
    /// The name people know it by.
    pub name: String,
    /// What it carries from run to run.
    #[sqlx(try_from = "MaybeJson")]
    pub context: Option<Value>,
    /// When it joined.
    pub created_at: Time,
}

impl ProjectTx {
    /// The agent of this type on this subject; `name` is used if there is none yet.
    pub async fn ensure_agent(&mut self, subject: SubjectId, kind: &str, name: &str) -> Result<AgentRow> {
        let sql = "insert into agents (project_id, id, subject_id, kind, name, created_at) values ($1, $2, $3, $4, $5, $6)
            on conflict (project_id, subject_id, kind) do update set kind = excluded.kind returning id, kind, name, context, created_at";
        let now = self.now();
        let row = first!(&mut self.tx, AgentRow, sql, self.project, AgentId::generate(), subject, kind, name, now)?;
        row.ok_or(StoreError::NotFound("agent"))
    }

    /// Another name of the same type takes over.
    pub async fn rename_agent(&mut self, id: AgentId, name: &str) -> Result<()> {
        exec!(&mut self.tx, "update agents set name = $3 where project_id = $1 and id = $2", self.project, id, name)?;
        Ok(())
    }

    /// The agents on a subject, in the order they joined.
    pub async fn agents(&mut self, subject: SubjectId) -> Result<Vec<AgentRow>> {
        let sql =
            "select id, kind, name, context, created_at from agents where project_id = $1 and subject_id = $2 order by created_at, id";
        Ok(all!(&mut self.tx, AgentRow, sql, self.project, subject)?)
    }

    /// Replaces what an agent carries from run to run.
    pub async fn set_agent_context(&mut self, id: AgentId, context: &Value) -> Result<()> {
        let sql = "update agents set context = $3 where project_id = $1 and id = $2";
        match exec!(&mut self.tx, sql, self.project, id, context.to_string())? {
            0 => Err(StoreError::NotFound("agent")),
            _ => Ok(()),
        }
    }
}
