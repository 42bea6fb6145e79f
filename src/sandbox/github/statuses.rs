//! Statuses and checks of commits: two systems beside each other.

use serde::Deserialize;
use serde_json::{Value, json};

use super::code;
use super::failure::Failure;
use super::shapes::{View, or_null, time};
use super::shapes_code::status_word;
use super::web::{Answer, Body, Call, created, found, ok};
use crate::base::Time;
use crate::sandbox::state::{CheckRun, Grant, Status};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct StatusBody {
    state: String,
    context: Option<String>,
    description: Option<String>,
    target_url: Option<String>,
}

pub async fn create(call: Call, Body(body): Body<StatusBody>) -> Answer {
    let repo = call.repo(Grant::Write)?;
    call.me()?;
    if !matches!(body.state.as_str(), "error" | "failure" | "pending" | "success") {
        return Err(Failure::invalid("Status", "state", "invalid"));
    }
    let description = body.description.unwrap_or_default();
    if description.chars().count() > 140 {
        return Err(Failure::custom("Status", "description is too long (maximum is 140 characters)"));
    }
    let git = call.forge.git(repo.id);
    let sha = call.part("sha");
    let commit = git.commit(sha).await.map_err(|_| Failure::custom("Status", format!("No commit found for SHA: {sha}")))?;
    let commit = git.with_files(commit).await?;
    let status = Status {
        id: 0,
        repo: repo.id,
        sha: commit.sha.clone(),
        state: body.state,
        context: body.context.filter(|text| !text.is_empty()).unwrap_or_else(|| "default".to_owned()),
        description,
        url: body.target_url.unwrap_or_default(),
        creator: 0,
        at: Time(0),
    };
    let id = call.act(|act| act.post_status(repo.id, commit, status))?;
    created(found(call.show(|view| view.world.statuses.get(id).map(|status| view.status(status))))?)
}

/// The latest status of each context and what they come to; nothing posted counts as pending.
pub async fn combined(call: Call, name: &str) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let sha = code::resolve(&call, &repo, name).await?;
    ok(call.show(|view| {
        let mut latest = view.world.latest_statuses(repo.id, &sha);
        latest.reverse();
        let any = |wanted: &str| latest.iter().any(|status| status_word(&status.state) == wanted);
        let state = match () {
            () if any("failure") || any("error") => "failure",
            () if latest.is_empty() || any("pending") => "pending",
            () => "success",
        };
        let api = view.api(repo.id);
        json!({
            "state": state, "statuses": latest.iter().map(|status| view.simple_status(status)).collect::<Vec<_>>(), "sha": sha,
            "total_count": latest.len(), "repository": view.repo(&repo), "commit_url": format!("{api}/commits/{sha}"),
            "url": format!("{api}/commits/{sha}/status"),
        })
    }))
}

/// All of them, newest first.
pub async fn list(call: Call, name: &str) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let sha = code::resolve(&call, &repo, name).await?;
    let of = |status: &&Status| status.repo == repo.id && status.sha == sha;
    Ok(call.page(call.show(|view| view.world.statuses.all().rev().filter(of).map(|status| view.status(status)).collect())))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Output {
    title: Option<String>,
    summary: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CheckBody {
    name: Option<String>,
    head_sha: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    details_url: Option<String>,
    output: Option<Output>,
}

const CONCLUSIONS: [&str; 8] = ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"];

impl CheckBody {
    fn onto(self, mut check: CheckRun) -> Result<CheckRun, Failure> {
        if let Some(word) = self.conclusion {
            if !CONCLUSIONS.contains(&word.as_str()) {
                return Err(Failure::invalid("CheckRun", "conclusion", "invalid"));
            }
            (check.conclusion, check.status) = (Some(word), "completed".to_owned());
        } else if let Some(word) = self.status {
            if !matches!(word.as_str(), "queued" | "in_progress" | "completed") || word == "completed" {
                return Err(Failure::invalid("CheckRun", "conclusion", "missing_field"));
            }
            (check.status, check.conclusion, check.completed) = (word, None, None);
        }
        check.name = self.name.unwrap_or(check.name);
        check.url = self.details_url.unwrap_or(check.url);
        if let Some(output) = self.output {
            (check.title, check.summary) = (output.title.unwrap_or_default(), output.summary.unwrap_or_default());
        }
        Ok(check)
    }
}

/// GitHub lets only apps do this; here everybody with write permission stands for one.
pub async fn create_check(call: Call, Body(body): Body<CheckBody>) -> Answer {
    let repo = call.repo(Grant::Write)?;
    let sha = body.head_sha.clone().ok_or_else(|| Failure::invalid("CheckRun", "head_sha", "missing_field"))?;
    if body.name.as_deref().is_none_or(str::is_empty) {
        return Err(Failure::invalid("CheckRun", "name", "missing_field"));
    }
    if !call.forge.git(repo.id).exists(&sha).await? {
        return Err(Failure::custom("CheckRun", format!("No commit found for SHA: {sha}")));
    }
    let new = CheckRun {
        id: 0,
        repo: repo.id,
        sha,
        name: String::new(),
        status: "queued".to_owned(),
        conclusion: None,
        url: String::new(),
        title: String::new(),
        summary: String::new(),
        by: 0,
        started: Time(0),
        completed: None,
    };
    let check = body.onto(new)?;
    let id = call.act(|act| act.put_check(check))?;
    created(show(&call, id)?)
}

fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| view.world.checks.get(id).map(|check| view.check(check))))
}

/// The check of the path.
fn check(call: &Call, least: Grant) -> Result<CheckRun, Failure> {
    let repo = call.repo(least)?.id;
    let id = call.number("id")?;
    found(call.forge.read(|world| world.checks.get(id).filter(|check| check.repo == repo).cloned()))
}

pub async fn get_check(call: Call) -> Answer {
    let id = check(&call, Grant::Read)?.id;
    ok(show(&call, id)?)
}

pub async fn edit_check(call: Call, Body(body): Body<CheckBody>) -> Answer {
    let check = body.onto(check(&call, Grant::Write)?)?;
    let id = call.act(|act| act.put_check(check))?;
    ok(show(&call, id)?)
}

/// The latest of each name; all with `filter=all`.
pub async fn checks(call: Call, name: &str) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let sha = code::resolve(&call, &repo, name).await?;
    let items = call.show(|view| {
        let mut rows: Vec<&CheckRun> = Vec::new();
        for check in view.world.checks.all().rev().filter(|check| check.repo == repo.id && check.sha == sha) {
            let named = call.param("check_name").is_none_or(|name| check.name == name);
            let newest = call.param("filter") == Some("all") || rows.iter().all(|newer| newer.name != check.name);
            let status = call.param("status").is_none_or(|status| check.status == status);
            if named && newest && status {
                rows.push(check);
            }
        }
        rows.into_iter().map(|check| view.check(check)).collect()
    });
    Ok(call.page_in("check_runs", items))
}

impl View<'_> {
    /// A check.
    pub fn check(&self, check: &CheckRun) -> Value {
        let (api, html) = (self.api(check.repo), self.html_of(check.repo));
        let url = format!("{api}/check-runs/{}", check.id);
        let of_head = self.world.issues.all().filter(|issue| issue.repo == check.repo && issue.closed.is_none());
        let pulls = of_head.filter_map(|issue| Some((issue, issue.pull.as_ref().filter(|pull| pull.head_sha == check.sha)?)));
        let end =
            |name: &str, sha: &str| json!({"ref": name, "sha": sha, "repo": {"id": check.repo, "url": api, "name": self.path(check.repo)}});
        let pulls: Vec<Value> = pulls
            .map(|(issue, pull)| {
                let at = format!("{api}/pulls/{}", issue.number);
                json!({"id": pull.id, "number": issue.number, "url": at, "head": end(&pull.head, &pull.head_sha), "base": end(&pull.base, &pull.check.merge_base)})
            })
            .collect();
        let app = self.world.apps.all().find(|app| app.bot == check.by);
        json!({
            "id": check.id, "node_id": format!("CR_{}", check.id), "head_sha": check.sha, "external_id": "", "url": url,
            "html_url": format!("{html}/runs/{}", check.id), "details_url": or_null(&check.url), "status": check.status,
            "conclusion": check.conclusion, "started_at": time(check.started), "completed_at": check.completed.map(time), "name": check.name,
            "output": {
                "title": or_null(&check.title), "summary": or_null(&check.summary), "text": null, "annotations_count": 0,
                "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": {"id": check.id}, "app": app.map_or(Value::Null, |app| self.app(app)), "pull_requests": pulls,
        })
    }
}
