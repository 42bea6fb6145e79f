//! Labels of a project, milestones, and when which label came and went.

use axum::extract::Path;
use serde_json::{Value, json};

use super::look::{Look, time};
use super::web::{Answer, Call, Failure, created, missing, nothing, ok, refused};
use crate::base::Time;
use crate::sandbox::act::{LabelPatch, no_such};
use crate::sandbox::state::{EventKind, Grant, Issue, Label};

pub async fn list(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?.id;
    let search = call.params.some("search").map(|text| text.to_lowercase());
    let shapes = call.look(|look| {
        let fits = |label: &&Label| label.repo == repo && search.as_ref().is_none_or(|text| label.name.to_lowercase().contains(text));
        let mut labels: Vec<&Label> = look.world.labels.all().filter(fits).collect();
        labels.sort_by_key(|label| label.name.to_lowercase());
        labels.into_iter().map(|label| look.label(label)).collect()
    });
    Ok(call.page(shapes))
}

/// By number or name.
fn find(call: &Call, repo: i64, name: &str) -> Result<Label, Failure> {
    let found = call.forge.read(|world| {
        let of_repo = || world.labels.all().filter(|label| label.repo == repo);
        let by_id = || name.parse().ok().and_then(|id: i64| of_repo().find(|label| label.id == id));
        of_repo().find(|label| label.name == name).or_else(by_id).cloned()
    });
    found.ok_or_else(|| missing("Label"))
}

fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    Ok(call.look(|look| look.world.labels.get(id).map(|label| look.label(label))).ok_or_else(no_such)?)
}

pub async fn get(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?.id;
    let label = find(&call, repo, &name)?;
    ok(show(&call, label.id)?)
}

/// Names are unique here.
pub async fn create(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?.id;
    let (name, color) = (call.need("name")?, call.need("color")?);
    if name.trim().is_empty() || name.contains(',') {
        return Err(refused(400, json!({"title": ["is invalid"]})));
    }
    if find(&call, repo, &name).is_ok_and(|label| label.name == name) {
        return Err(refused(409, "Label already exists"));
    }
    let patch = LabelPatch { name: Some(name), color: Some(color), description: call.params.text("description"), exclusive: None };
    let made = call.act(|act| act.create_label(repo, patch)).map_err(|problem| match problem.kind {
        crate::sandbox::problem::Kind::Invalid => refused(400, json!({"color": ["must be a valid color code"]})),
        _ => problem.into(),
    })?;
    created(show(&call, made)?)
}

/// By the path, or by `name` in the body as older clients do.
pub async fn update(path: Path<Vec<String>>, call: Call) -> Answer {
    let (repo, label) = addressed(&path, &call)?;
    let patch = LabelPatch {
        name: call.params.some("new_name"),
        color: call.params.some("color"),
        description: call.params.text("description"),
        exclusive: None,
    };
    call.act(|act| act.edit_label(repo, label, patch))?;
    ok(show(&call, label)?)
}

pub async fn delete(path: Path<Vec<String>>, call: Call) -> Answer {
    let (repo, label) = addressed(&path, &call)?;
    call.act(|act| act.delete_label(repo, label))?;
    nothing()
}

fn addressed(path: &[String], call: &Call) -> Result<(i64, i64), Failure> {
    let repo = call.project(path.first().map_or("", String::as_str), Grant::Write)?.id;
    let name = match path.get(1) {
        Some(name) => name.clone(),
        None => call.params.some("label_id").map_or_else(|| call.need("name"), Ok)?,
    };
    Ok((repo, find(call, repo, &name)?.id))
}

pub async fn milestones(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?.id;
    let (state, title) = (call.params.some("state"), call.params.some("title"));
    let shapes = call.look(|look| {
        let rows = look.world.milestones.all().rev().filter(|row| row.repo == repo);
        let rows = rows.filter(|row| title.as_ref().is_none_or(|title| row.title == *title)).map(|row| look.milestone(row));
        rows.filter(|shape| state.as_ref().is_none_or(|state| shape["state"] == state.as_str())).collect()
    });
    Ok(call.page(shapes))
}

pub async fn create_milestone(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?.id;
    let (title, due): (String, Option<Time>) = (call.need("title")?, call.moment("due_date")?);
    let made = call.act(|act| act.create_milestone(repo, title, call.params.text("description").unwrap_or_default(), due))?;
    created(call.look(|look| look.world.milestones.get(made).map(|row| look.milestone(row))).ok_or_else(no_such)?)
}

pub async fn milestone(Path((id, number)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?.id;
    let shape = call.look(|look| look.world.milestones.get(number).filter(|row| row.repo == repo).map(|row| look.milestone(row)));
    ok(shape.ok_or_else(|| missing(""))?)
}

pub async fn edit_milestone(Path((id, number)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?.id;
    let closed = call.params.some("state_event").map(|event| event == "close");
    call.act(|act| act.edit_milestone(repo, number, call.params.some("title"), call.params.text("description"), closed))?;
    ok(call.look(|look| look.world.milestones.get(number).map(|row| look.milestone(row))).ok_or_else(no_such)?)
}

fn label_events(look: &Look, issue: &Issue) -> Vec<Value> {
    let of_issue = look.world.events.all().filter(|event| event.issue == issue.id);
    let shape = |event: &crate::sandbox::state::Event| {
        let EventKind::Label { label, name, added } = &event.kind else { return None };
        let shown = look.world.labels.get(*label).map_or_else(|| json!({"id": label, "name": name}), |label| look.label_in_short(label));
        Some(json!({
            "id": event.id, "user": look.user(event.actor), "created_at": time(event.at), "resource_type": super::remarks::noteable_type(issue),
            "resource_id": super::remarks::noteable(issue), "label": shown, "action": if *added { "add" } else { "remove" },
        }))
    };
    of_issue.filter_map(shape).collect()
}

pub async fn events(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let shapes = call.look(|look| label_events(look, &issue));
    Ok(call.page(shapes))
}

/// When an issue or merge request was closed, opened again, merged.
pub async fn state_events(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let shapes = call.look(|look| {
        let shape = |event: &crate::sandbox::state::Event| {
            let state = match &event.kind {
                EventKind::Closed => "closed",
                EventKind::Reopened => "reopened",
                EventKind::Merged { .. } => "merged",
                _ => return None,
            };
            Some(json!({
                "id": event.id, "user": look.user(event.actor), "created_at": time(event.at),
                "resource_type": super::remarks::noteable_type(&issue), "resource_id": super::remarks::noteable(&issue), "state": state,
            }))
        };
        look.world.events.all().filter(|event| event.issue == issue.id).filter_map(shape).collect()
    });
    Ok(call.page(shapes))
}
