//! Labels and milestones.

use axum::extract::Path;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::web::{Answer, Body, Call, Failure, created, nothing, ok};
use crate::base::Time;
use crate::sandbox::act::{LabelPatch, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Label};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct LabelBody {
    name: Option<String>,
    color: Option<String>,
    description: Option<String>,
    exclusive: Option<bool>,
}

impl From<LabelBody> for LabelPatch {
    fn from(body: LabelBody) -> LabelPatch {
        LabelPatch { name: body.name, color: body.color, description: body.description, exclusive: body.exclusive }
    }
}

pub async fn list(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    let items = call.show(|view| {
        let mut labels: Vec<&Label> = view.world.labels.all().filter(|label| label.repo == repo).collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        labels.into_iter().map(|label| view.label(label)).collect()
    });
    Ok(call.page(items))
}

fn show(call: &Call, repo: i64, id: i64) -> Result<Value, Problem> {
    call.show(|view| view.world.labels.get(id).filter(|label| label.repo == repo).map(|label| view.label(label))).ok_or_else(no_such)
}

pub async fn create(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<LabelBody>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?.id;
    let id = call.act(|act| act.create_label(repo, body.into()))?;
    created(show(&call, repo, id)?)
}

pub async fn get(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    ok(show(&call, repo, id)?)
}

pub async fn edit(call: Call, Path((owner, name, id)): Path<(String, String, i64)>, Body(body): Body<LabelBody>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?.id;
    call.act(|act| act.edit_label(repo, id, body.into()))?;
    ok(show(&call, repo, id)?)
}

pub async fn delete(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?.id;
    call.act(|act| act.delete_label(repo, id))?;
    nothing()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Chosen {
    labels: Vec<Value>,
}

/// Ids from ids or names, never a mixture; unknown names are left out.
fn chosen(call: &Call, repo: i64, labels: &[Value]) -> Result<Vec<i64>, Failure> {
    if labels.iter().all(Value::is_i64) || labels.iter().all(Value::is_u64) {
        return Ok(labels.iter().filter_map(Value::as_i64).collect());
    }
    if !labels.iter().all(Value::is_string) {
        return Err(Failure::Odd(StatusCode::BAD_REQUEST, "labels should be an array of strings or integers".into()));
    }
    let named = |label: &&Label| label.repo == repo && labels.iter().any(|name| name.as_str() == Some(&label.name));
    Ok(call.forge.read(|world| world.labels.all().filter(named).map(|label| label.id).collect()))
}

fn on_issue(call: &Call, id: i64) -> Result<Value, Problem> {
    call.show(|view| view.world.issues.get(id).map(|issue| view.labels(issue).into())).ok_or_else(no_such)
}

pub async fn of_issue(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    ok(on_issue(&call, id)?)
}

pub async fn add(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<Chosen>) -> Answer {
    let (repo, id) = call.issue(&owner, &name, number)?;
    let ids = chosen(&call, repo, &body.labels)?;
    call.act(|act| act.add_labels(id, &ids))?;
    ok(on_issue(&call, id)?)
}

pub async fn replace(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<Chosen>) -> Answer {
    let (repo, id) = call.issue(&owner, &name, number)?;
    let ids = chosen(&call, repo, &body.labels)?;
    call.act(|act| act.replace_labels(id, &ids))?;
    ok(on_issue(&call, id)?)
}

pub async fn clear(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    call.act(|act| act.clear_labels(id))?;
    nothing()
}

pub async fn remove(call: Call, Path((owner, name, number, label)): Path<(String, String, i64, i64)>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    call.act(|act| act.remove_label(id, label))?;
    nothing()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct MilestoneBody {
    title: Option<String>,
    description: Option<String>,
    due_on: Option<String>,
    state: Option<String>,
}

pub async fn milestones(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    let items = call.show(|view| {
        let state = call.param("state").unwrap_or("open");
        let rows = view.world.milestones.all().filter(|row| row.repo == repo);
        let rows = rows.filter(|row| state == "all" || super::shapes::state(row.closed) == state);
        let rows = rows.filter(|row| call.param("name").is_none_or(|name| row.title.contains(name)));
        rows.map(|row| view.milestone(row)).collect()
    });
    Ok(call.page(items))
}

fn show_milestone(call: &Call, repo: i64, id: i64) -> Result<Value, Problem> {
    call.show(|view| view.world.milestones.get(id).filter(|row| row.repo == repo).map(|row| view.milestone(row))).ok_or_else(no_such)
}

pub async fn get_milestone(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    ok(show_milestone(&call, repo, id)?)
}

pub async fn create_milestone(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<MilestoneBody>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?.id;
    let due = body.due_on.as_deref().and_then(Time::parse);
    let id = call.act(|act| act.create_milestone(repo, body.title.unwrap_or_default(), body.description.unwrap_or_default(), due))?;
    created(show_milestone(&call, repo, id)?)
}

pub async fn edit_milestone(call: Call, Path((owner, name, id)): Path<(String, String, i64)>, Body(body): Body<MilestoneBody>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?.id;
    let closed = body.state.map(|state| state == "closed");
    call.act(|act| act.edit_milestone(repo, id, body.title, body.description, closed))?;
    ok(show_milestone(&call, repo, id)?)
}
