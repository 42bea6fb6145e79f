//! Statuses of commits, and the pipelines that they come to.

use axum::extract::Path;
use serde_json::{Value, json};

use super::look::{Look, joined, time};
use super::repository::resolve;
use super::web::{Answer, Call, bad, created, missing, ok, refused};
use crate::base::Time;
use crate::sandbox::act::no_such;
use crate::sandbox::state::{Grant, Status};

/// GitLab's words with those of the neutral state.
const STATES: [(&str, &str); 6] = [
    ("pending", "pending"),
    ("running", "running"),
    ("success", "success"),
    ("failed", "failure"),
    ("canceled", "canceled"),
    ("skipped", "skipped"),
];

/// GitLab's word for a state.
pub fn word(state: &str) -> &str {
    match state {
        "error" | "failure" => "failed",
        "warning" => "success",
        known => known,
    }
}

/// What a pipeline of jobs in these states is in.
pub fn of_all(states: &[&str]) -> &'static str {
    let any = |wanted: &str| states.contains(&wanted);
    let done = states.iter().any(|state| !matches!(*state, "pending" | "running"));
    match () {
        () if any("running") || (any("pending") && done) => "running",
        () if any("pending") => "pending",
        () if any("failed") => "failed",
        () if any("canceled") => "canceled",
        () if any("success") => "success",
        () => "skipped",
    }
}

impl Look<'_> {
    /// The branch that stands on a commit.
    fn branch_at(&self, repo: i64, sha: &str) -> String {
        let Some(repo) = self.world.repos.get(repo) else { return String::new() };
        let standing: Vec<&str> = repo.branches().filter(|(_, at)| *at == sha).map(|(name, _)| name).collect();
        let first = standing.iter().find(|name| **name != repo.default_branch).or(standing.first());
        first.map_or_else(|| repo.default_branch.clone(), |name| (*name).to_owned())
    }

    fn of_commit(&self, repo: i64, sha: &str) -> impl Iterator<Item = &Status> {
        self.world.statuses.all().filter(move |status| status.repo == repo && status.sha == sha)
    }

    /// The pipeline of a commit, or null. It has the number of the first status.
    pub fn pipeline(&self, repo: i64, sha: &str) -> Value {
        let Some(first) = self.of_commit(repo, sha).next() else { return Value::Null };
        let latest = self.world.latest_statuses(repo, sha);
        let states: Vec<&str> = latest.iter().map(|status| word(&status.state)).collect();
        let updated = latest.iter().map(|status| status.at).max().unwrap_or(first.at);
        json!({
            "id": first.id, "iid": first.id, "project_id": repo, "sha": sha, "ref": self.branch_at(repo, sha), "status": of_all(&states),
            "source": "external", "created_at": time(first.at), "updated_at": time(updated), "name": null,
            "web_url": format!("{}/-/pipelines/{}", self.web(repo), first.id),
        })
    }

    /// A status of a commit.
    pub fn status(&self, status: &Status) -> Value {
        let state = word(&status.state);
        let pipeline = self.of_commit(status.repo, &status.sha).next().map(|first| first.id);
        let done = !matches!(state, "pending" | "running");
        json!({
            "id": status.id, "sha": status.sha, "ref": self.branch_at(status.repo, &status.sha), "status": state, "name": status.context,
            "target_url": Some(&status.url).filter(|url| !url.is_empty()), "description": Some(&status.description).filter(|text| !text.is_empty()),
            "created_at": time(status.at), "started_at": (state != "pending").then(|| time(status.at)), "finished_at": done.then(|| time(status.at)),
            "allow_failure": status.state == "warning", "coverage": null, "author": self.user(status.creator), "pipeline_id": pipeline,
        })
    }
}

/// The step that a job would have to take for a state.
fn step(state: &str) -> &'static str {
    match state {
        "pending" => "enqueue",
        "running" => "run",
        "success" => "success",
        "failed" => "drop",
        "canceled" => "cancel",
        _ => "skip",
    }
}

/// Posting the same state again is refused, and so is going back from running to pending.
pub async fn create(Path((id, sha)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    let state = call.need("state")?;
    let neutral = STATES.iter().find(|(ours, _)| *ours == state).map(|(_, neutral)| *neutral);
    let neutral = neutral.ok_or_else(|| bad("state does not have a valid value"))?;
    let sha = resolve(&call, &repo, &sha).await?;
    let git = call.forge.git(repo.id);
    let commit = git.with_files(git.commit(&sha).await?).await?;
    let context = call.params.some("name").or_else(|| call.params.some("context")).unwrap_or_else(|| "default".to_owned());
    let standing = call.forge.read(|world| {
        let latest = world.latest_statuses(repo.id, &commit.sha);
        latest.iter().find(|status| status.context == context).map(|status| word(&status.state).to_owned())
    });
    if standing.as_ref().is_some_and(|standing| *standing == state || (standing == "running" && state == "pending")) {
        let (from, step) = (standing.unwrap_or_default(), step(&state));
        let text = format!("Cannot transition status via :{step} from :{from} (Reason(s): Status cannot transition via \"{step}\")");
        return Err(refused(400, text));
    }
    let status = Status {
        id: 0,
        repo: repo.id,
        sha: commit.sha.clone(),
        state: neutral.to_owned(),
        context,
        description: call.params.text("description").unwrap_or_default(),
        url: call.params.text("target_url").unwrap_or_default(),
        creator: 0,
        at: Time(0),
    };
    let made = call.act(|act| act.post_status(repo.id, commit, status))?;
    created(call.look(|look| look.world.statuses.get(made).map(|status| look.status(status))).ok_or_else(no_such)?)
}

/// The newest of each name, or with `all` every one.
pub async fn list(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let sha = resolve(&call, &repo, &name).await?;
    let all = call.params.flag("all").unwrap_or(false);
    let wanted = call.params.some("name");
    let shapes = call.look(|look| {
        let rows: Vec<&Status> = if all { look.of_commit(repo.id, &sha).collect() } else { look.world.latest_statuses(repo.id, &sha) };
        let mut rows: Vec<&Status> = rows.into_iter().filter(|row| wanted.as_ref().is_none_or(|name| row.context == *name)).collect();
        rows.sort_by_key(|row| row.id);
        rows.into_iter().map(|row| look.status(row)).collect()
    });
    Ok(call.page(shapes))
}

fn pipelines_of(look: &Look, repo: i64) -> Vec<Value> {
    let mut shas: Vec<&str> = Vec::new();
    for status in look.world.statuses.all().filter(|status| status.repo == repo) {
        if !shas.contains(&status.sha.as_str()) {
            shas.push(&status.sha);
        }
    }
    shas.into_iter().rev().map(|sha| look.pipeline(repo, sha)).collect()
}

pub async fn pipelines(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?.id;
    let filters = ["sha", "ref", "status"].map(|name| (name, call.params.some(name)));
    let fits = |shape: &Value| filters.iter().all(|(name, wanted)| wanted.as_ref().is_none_or(|wanted| shape[name] == wanted.as_str()));
    let mut shapes = call.look(|look| pipelines_of(look, repo));
    shapes.retain(fits);
    Ok(call.page(shapes))
}

pub async fn pipeline(Path((id, number)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?.id;
    let found = call.look(|look| pipelines_of(look, repo).into_iter().find(|shape| shape["id"] == number));
    let more = json!({"tag": false, "yaml_errors": null, "coverage": null, "before_sha": crate::sandbox::act::refs::ZERO});
    ok(joined(found.ok_or_else(|| missing(""))?, more))
}

/// The pipelines of a merge request's head.
pub async fn of_pull(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (_, pull) = call.pull(&repo, iid)?;
    let shape = call.look(|look| look.pipeline(repo.id, &pull.head_sha));
    Ok(call.page(Some(shape).filter(|shape| !shape.is_null()).into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::of_all;

    #[test]
    fn what_jobs_come_to() {
        let rows: [(&[&str], &str); 5] = [
            (&["pending"], "pending"),
            (&["success", "pending"], "running"),
            (&["failed", "success"], "failed"),
            (&["success", "skipped"], "success"),
            (&["skipped"], "skipped"),
        ];
        for (states, want) in rows {
            assert_eq!(of_all(states), want, "{states:?}");
        }
    }
}
