//! What is under way and what waits, and having it tried again.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Call, one, page};
use crate::base::Time;
use crate::base::ids::ProjectId;
use crate::base::secret::Redactor;
use crate::base::text::{clip, visible};
use crate::store::{JobAfter, JobRow, Store, StoreError, WaitsFor, WorkKind};
use crate::web::problem::Problem;

/// A job with what it is about.
pub struct Job {
    pub row: JobRow,
    pub project: Option<String>,
    pub number: Option<i64>,
    pub waits: Option<WaitsFor>,
}

impl Job {
    /// Looks up what a row is about. `path` is that of its project.
    pub async fn about(store: &Store, row: JobRow, path: Option<String>) -> Result<Job, StoreError> {
        let (mut number, mut waits) = (None, None);
        if let Some(project) = row.project {
            waits = store.waits_for(row.kind, project, row.id).await?;
            let of_lane = matches!(row.kind, WorkKind::Turn | WorkKind::Perform).then_some(crate::base::ids::SubjectId(row.id));
            if let Some(lane) = row.lane.or(of_lane) {
                number = store.lane_number(project, lane).await?;
            }
        }
        Ok(Job { row, project: path, number, waits })
    }

    /// Why it is not done yet, in a sentence.
    pub fn why(&self, now: Time) -> String {
        let row = &self.row;
        let until = self.waits.as_ref().and_then(|waits| waits.not_before).map_or(row.run_at, |at| at.max(row.run_at));
        let seconds = (until.0 - now.0) / 1_000_000;
        let mut words = match row.leased {
            true => format!("under way, by {}", row.owner.as_deref().unwrap_or("somebody")),
            false if seconds > 0 && row.kind == WorkKind::Look => format!("looks at the forge again in {seconds} s"),
            false if seconds > 0 && row.kind == WorkKind::Timer => format!("a timer, due in {seconds} s"),
            false if seconds > 0 => format!("waits for {seconds} s more"),
            false => format!("due for {} s; a free worker takes it", -seconds),
        };
        if let Some(waits) = &self.waits {
            words.push_str(&format!("; next is `{}`", waits.kind));
            if let Some(why) = &waits.why {
                let why = clip(&visible(why).replace('\n', " "), 200).replace('\n', " ");
                words.push_str(&format!(", which failed {} times: {why}", waits.attempts.max(1)));
            }
        } else if row.attempts > 1 {
            words.push_str(&format!("; tried {} times", row.attempts));
        }
        words
    }

    /// As one item of an answer.
    pub fn json(&self, now: Time, redactor: &Redactor) -> Value {
        let row = &self.row;
        json!({
            "id": row.id.to_string(), "kind": row.kind.as_str(), "project": self.project, "project_id": row.project, "number": self.number,
            "under_way": row.leased, "owner": row.owner, "run_at": row.run_at.rfc3339(), "attempts": row.attempts,
            "next": self.waits.as_ref().map(|waits| &waits.kind),
            "error": self.waits.as_ref().and_then(|waits| waits.why.as_deref()).map(|why| redactor.mask(why)),
            "why": redactor.mask(&self.why(now)),
        })
    }
}

pub(super) async fn list(call: Call) -> Result<Value, Problem> {
    let (store, asked) = (&call.state.store, &call.asked);
    let kind = asked.get("kind").map(str::parse::<WorkKind>).transpose().map_err(Problem::bad_request)?;
    let after = asked.place(|parts| match parts {
        [at, kind, id] => Some(JobAfter { run_at: Time(at.parse().ok()?), kind: kind.parse().ok()?, id: id.parse().ok()? }),
        _ => None,
    })?;
    let names = call.names().await?;
    let mut jobs = Vec::new();
    if let Some(scope) = call.scope()? {
        for row in store.jobs_page(kind, scope.as_deref(), after.as_ref(), asked.look_for()).await? {
            let path = row.project.and_then(|id| names.get(&id).cloned());
            jobs.push(Job::about(store, row, path).await?);
        }
    }
    let now = call.state.clock.now();
    let place = |job: &Job| format!("{} {} {}", job.row.run_at.0, job.row.kind, job.row.id);
    Ok(page(jobs, asked, place, |job| job.json(now, &call.state.redactor)))
}

pub(super) async fn retry(call: Call) -> Result<Value, Problem> {
    let missing = || Problem::not_found("job");
    let id: Uuid = call.id.parse().map_err(|_| missing())?;
    let rows = call.state.store.job(id).await?;
    let own = |project: Option<ProjectId>| call.caller.sees(project);
    if rows.is_empty() || !rows.iter().all(|row| own(row.project)) {
        return Err(missing());
    }
    match call.state.store.retry_job(id).await {
        Ok(true) => {}
        Ok(false) => return Err(Problem::conflict("somebody is at it already; nothing was changed")),
        Err(StoreError::NotFound(_)) => return Err(missing()),
        Err(error) => return Err(error.into()),
    }
    tracing::info!(token.id = %call.caller.token, token.name = call.caller.name, job = %id, "a job is tried again by request");
    Ok(one(json!({"id": id, "said": "it is due now; a worker takes it up within a second"})))
}
