//! What waits and why, for a person who asks; and having it tried again at once.

use uuid::Uuid;

use super::Store;
use super::error::{Result, StoreError};
use super::sql::{all, exec, first};
use super::work::WorkKind;
use crate::base::Time;
use crate::base::ids::{ProjectId, SubjectId};

/// One item of work.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct JobRow {
    pub kind: WorkKind,
    pub id: Uuid,
    #[sqlx(rename = "project_id")]
    pub project: Option<ProjectId>,
    pub lane: Option<SubjectId>,
    pub run_at: Time,
    /// Somebody is at it.
    pub leased: bool,
    pub owner: Option<String>,
    pub attempts: i64,
}

/// What a lane waits for.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct WaitsFor {
    /// What is to be decided or done.
    pub kind: String,
    pub attempts: i64,
    /// Why the last try failed.
    pub why: Option<String>,
    pub not_before: Option<Time>,
}

/// The place of an item in the order of their times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobAfter {
    pub run_at: Time,
    pub kind: WorkKind,
    pub id: Uuid,
}

impl Store {
    /// Items of work by their time, from behind `after` on. With `projects`, only those of these projects.
    pub async fn jobs_page(
        &self,
        kind: Option<WorkKind>,
        projects: Option<&[ProjectId]>,
        after: Option<&JobAfter>,
        limit: i64,
    ) -> Result<Vec<JobRow>> {
        let mut tx = self.read().await?;
        let lite = "select kind, id, project_id, lane, run_at, lease_until > cast(unixepoch('subsec') * 1000000 as integer) as leased, owner, attempts
            from work where ($1 is null or kind = $1) and ($2 is null or lower(hex(project_id)) in (select value from json_each($2)))
                and ($3 is null or (run_at, kind, id) > ($3, $4, $5))
            order by run_at, kind, id limit $6";
        let pg = "select kind, id, project_id, lane, run_at, lease_until > (extract(epoch from clock_timestamp()) * 1000000)::bigint as leased, owner,
                attempts
            from work where ($1::text is null or kind = $1)
                and ($2::text is null or project_id::text in (select * from json_array_elements_text($2::json)))
                and ($3::bigint is null or (run_at, kind, id) > ($3, $4::text, $5::uuid))
            order by run_at, kind, id limit $6";
        let (at, of, id) = (after.map(|after| after.run_at), after.map(|after| after.kind.as_str()), after.map(|after| after.id));
        Ok(all!(&mut tx, JobRow, pg: pg, lite: lite, kind.map(WorkKind::as_str), projects.map(one_of), at, of, id, limit)?)
    }

    /// Every item with this id: the turn of a story and what performs its effects share it.
    pub async fn job(&self, id: Uuid) -> Result<Vec<JobRow>> {
        let mut tx = self.read().await?;
        let sql = "select kind, id, project_id, lane, run_at, lease_until <> 0 as leased, owner, attempts from work where id = $1";
        Ok(all!(&mut tx, JobRow, sql, id)?)
    }

    /// Items of work, those under way first, then by their time. `kind` and `project` narrow it down.
    pub async fn jobs(&self, kind: Option<WorkKind>, project: Option<ProjectId>, limit: i64) -> Result<Vec<JobRow>> {
        let mut tx = self.read().await?;
        let lite = "select kind, id, project_id, lane, run_at, lease_until > cast(unixepoch('subsec') * 1000000 as integer) as leased, owner, attempts
            from work where ($1 is null or kind = $1) and ($2 is null or project_id = $2) order by leased desc, run_at, kind, id limit $3";
        let pg = "select kind, id, project_id, lane, run_at, lease_until > (extract(epoch from clock_timestamp()) * 1000000)::bigint as leased, owner,
                attempts
            from work where ($1::text is null or kind = $1) and ($2::uuid is null or project_id = $2)
            order by leased desc, run_at, kind, id limit $3";
        Ok(all!(&mut tx, JobRow, pg: pg, lite: lite, kind.map(WorkKind::as_str), project, limit)?)
    }

    /// What the work on a lane waits for: the first intent of a turn, the first effect of a performer. `None`: nothing is recorded.
    pub async fn waits_for(&self, kind: WorkKind, project: ProjectId, lane: Uuid) -> Result<Option<WaitsFor>> {
        let mut tx = self.begin_read(project).await?;
        let sql = match kind {
            WorkKind::Turn => {
                "select kind, attempts, note as why, not_before from intents
                where project_id = $1 and subject_id = $2 and state = 'pending' order by seq limit 1"
            }
            WorkKind::Perform => {
                "select kind, attempts, error as why, not_before from effects
                where project_id = $1 and lane = $2 and state in ('pending', 'performing') order by seq limit 1"
            }
            _ => return Ok(None),
        };
        Ok(first!(&mut tx.tx, WaitsFor, sql, project, lane)?)
    }

    /// Issue or pull request that a lane belongs to.
    pub async fn lane_number(&self, project: ProjectId, lane: SubjectId) -> Result<Option<i64>> {
        let mut tx = self.begin_read(project).await?;
        let row = first!(&mut tx.tx, (i64,), "select number from subjects where project_id = $1 and id = $2", project, lane)?;
        Ok(row.map(|(number,)| number))
    }

    /// Makes an item due now, and what it waits for with it. False: somebody is at it, and nothing was changed.
    pub async fn retry_job(&self, id: Uuid) -> Result<bool> {
        let found = self.job(id).await?;
        if found.is_empty() {
            return Err(StoreError::NotFound("job"));
        }
        let now = self.now();
        for job in found.iter().filter_map(|job| Some((job.kind, job.project?))) {
            let (kind, project) = job;
            let sql = match kind {
                WorkKind::Turn => "update intents set not_before = null where project_id = $1 and subject_id = $2 and state = 'pending'",
                WorkKind::Perform => {
                    "update effects set not_before = null where project_id = $1 and lane = $2 and state in ('pending', 'performing')"
                }
                _ => continue,
            };
            let mut tx = self.begin(project).await?;
            exec!(&mut tx.tx, sql, project, id)?;
            tx.commit().await?;
        }
        let mut tx = self.write().await?;
        let touched = exec!(&mut tx, "update work set run_at = $2 where id = $1 and lease_until = 0", id, now)?;
        tx.commit().await?;
        self.wake();
        Ok(touched > 0)
    }
}

/// Ids as a list that a statement looks into: as either engine writes them, which are different texts.
pub(super) fn one_of(projects: &[ProjectId]) -> String {
    let both = projects.iter().flat_map(|id| [id.0.simple().to_string(), id.0.hyphenated().to_string()]);
    serde_json::json!(both.collect::<Vec<_>>()).to_string()
}
