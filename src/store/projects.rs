//! The directory of projects: which repository on which forge is which project.

use uuid::Uuid;

use super::Store;
use super::error::{Result, StoreError};
use super::sql::{all, exec, first};
use crate::base::Time;
use crate::base::ids::ProjectId;

/// A project as it is first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    /// Name of the forge in the configuration.
    pub forge: String,
    /// The repository's number on that forge, which outlives renames.
    pub repo_id: i64,
    /// `owner/name` as of now.
    pub path: String,
    /// The branch that stories merge into.
    pub default_branch: String,
}

/// A project: one repository on one forge.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Project {
    /// Its id: the unit of isolation.
    pub id: ProjectId,
    /// Name of the forge in the configuration.
    pub forge: String,
    /// The repository's number on that forge.
    pub repo_id: i64,
    /// `owner/name` as last seen.
    pub path: String,
    /// The branch that stories merge into, as last seen.
    pub default_branch: String,
    /// When it was first seen.
    pub created_at: Time,
    /// `owner/name` when it was first seen: a rename on the forge does not take the rules away that the configuration has for it.
    pub known_as: String,
    /// What the repository says about itself, as it was last read; `None`: nothing.
    pub tightening: Option<String>,
}

impl Store {
    /// The project of a repository, made if it is new; path and default branch are brought up to date.
    pub async fn ensure_project(&self, new: &NewProject) -> Result<Project> {
        // The id follows from the repository, so that a rebuilt database knows its projects by the same ids.
        let id = ProjectId::named(&format!("{}/{}", new.forge, new.repo_id));
        let mut tx = self.write().await?;
        let sql =
            "insert into projects (id, forge, repo_id, path, default_branch, created_at, known_as) values ($1, $2, $3, $4, $5, $6, $4)
            on conflict (forge, repo_id) do update set path = excluded.path, default_branch = excluded.default_branch
            returning id, forge, repo_id, path, default_branch, created_at, known_as, tightening";
        let row = first!(&mut tx, Project, sql, id, &new.forge, new.repo_id, &new.path, &new.default_branch, self.now())?;
        tx.commit().await?;
        row.ok_or(StoreError::NotFound("project"))
    }

    /// The project of a repository, if it is known.
    pub async fn project_by_repo(&self, forge: &str, repo_id: i64) -> Result<Option<Project>> {
        let mut tx = self.read().await?;
        let sql = "select id, forge, repo_id, path, default_branch, created_at, known_as, tightening from projects where forge = $1 and repo_id = $2";
        Ok(first!(&mut tx, Project, sql, forge, repo_id)?)
    }

    /// One project by its id.
    pub async fn project(&self, id: ProjectId) -> Result<Project> {
        let mut tx = self.read().await?;
        let sql = "select id, forge, repo_id, path, default_branch, created_at, known_as, tightening from projects where id = $1";
        first!(&mut tx, Project, sql, id)?.ok_or(StoreError::NotFound("project"))
    }

    /// All projects but the system's own, by path.
    pub async fn projects(&self) -> Result<Vec<Project>> {
        let mut tx = self.read().await?;
        let sql = "select id, forge, repo_id, path, default_branch, created_at, known_as, tightening from projects where id <> $1 order by path, forge";
        Ok(all!(&mut tx, Project, sql, Uuid::nil())?)
    }

    /// Records under which path the configuration knows a repository.
    pub async fn set_known_as(&self, id: ProjectId, path: &str) -> Result<()> {
        let mut tx = self.write().await?;
        let touched = exec!(&mut tx, "update projects set known_as = $2 where id = $1", id, path)?;
        tx.commit().await?;
        if touched == 0 { Err(StoreError::NotFound("project")) } else { Ok(()) }
    }

    /// Keeps what a repository says about itself; `None`: nothing any more. False: that is what it said before.
    pub async fn set_tightening(&self, id: ProjectId, text: Option<&str>) -> Result<bool> {
        let mut tx = self.write().await?;
        let lite = "update projects set tightening = $2 where id = $1 and tightening is not $2";
        let pg = "update projects set tightening = $2 where id = $1 and tightening is distinct from $2";
        let touched = exec!(&mut tx, pg: pg, lite: lite, id, text)?;
        tx.commit().await?;
        Ok(touched == 1)
    }

    /// Records that a repository was renamed or moved.
    pub async fn rename_project(&self, id: ProjectId, path: &str) -> Result<()> {
        let mut tx = self.write().await?;
        let touched = exec!(&mut tx, "update projects set path = $2 where id = $1", id, path)?;
        tx.commit().await?;
        if touched == 0 { Err(StoreError::NotFound("project")) } else { Ok(()) }
    }
}
