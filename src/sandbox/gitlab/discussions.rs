//! Discussions: threads in issues and merge requests, among them those on lines of the diff.

use axum::extract::Path;
use serde_json::{Value, json};

use super::params::Params;
use super::web::{Answer, Call, Failure, bad, created, missing, nothing, ok, refused};
use super::{diff, notes};
use crate::sandbox::act::{NewReview, no_such};
use crate::sandbox::state::{Grant, Issue, Repo, Verdict};

/// A line of the diff, as a position names it.
struct Spot {
    path: String,
    old: Option<u64>,
    new: Option<u64>,
    head: String,
}

pub async fn list(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let shapes = call.look(|look| look.discussions(&issue).into_iter().map(|(_, shape)| shape).collect());
    Ok(call.page(shapes))
}

/// A discussion by its name: the number of its first note, and its shape.
fn find(call: &Call, issue: &Issue, name: &str) -> Result<(i64, Value), Failure> {
    let found = call.look(|look| look.discussions(issue).into_iter().find(|(_, shape)| shape["id"] == name));
    found.ok_or_else(|| missing("Discussion"))
}

fn by_first(call: &Call, issue: i64, first: i64) -> Result<Value, Failure> {
    let found = call.look(|look| {
        let issue = look.world.issues.get(issue)?;
        look.discussions(issue).into_iter().find(|(id, _)| *id == first)
    });
    found.map(|(_, shape)| shape).ok_or_else(|| no_such().into())
}

pub async fn get(Path((id, iid, name)): Path<(String, i64, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    ok(find(&call, &issue, &name)?.1)
}

pub async fn create(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let body = call.need("body")?;
    if body.trim().is_empty() {
        return Err(refused(400, "400 Bad request - Note {:note=>[\"can't be blank\"]}"));
    }
    let first = match call.params.object("position") {
        Some(position) => on_line(&call, &repo, &issue, &position, body).await?,
        None => call.act(|act| {
            let (note, _) = notes::write(act, issue.id, &body, 0, false)?;
            if let Some(note) = note {
                act.begin_thread(note)?;
            }
            Ok(note.unwrap_or(0))
        })?,
    };
    created(by_first(&call, issue.id, first)?)
}

/// A comment on a line, as a review of its own. Returns its number.
async fn on_line(call: &Call, repo: &Repo, issue: &Issue, position: &Params, body: String) -> Result<i64, Failure> {
    let spot = spot(call, repo, position).await?;
    let line = (spot.path, spot.new.unwrap_or(0), spot.old.unwrap_or(0), body);
    let new = NewReview { verdict: Verdict::Comment, body: String::new(), commit: Some(spot.head), lines: vec![line] };
    Ok(call.act(|act| {
        let review = act.review(issue.id, new)?;
        act.world.reviews.get(review).and_then(|review| review.lines.first()).map(|line| line.id).ok_or_else(no_such)
    })?)
}

/// The line, if the diff between the named commits has it.
async fn spot(call: &Call, repo: &Repo, position: &Params) -> Result<Spot, Failure> {
    for name in ["base_sha", "start_sha", "head_sha", "position_type"] {
        if position.some(name).is_none() {
            return Err(bad(format!("position[{name}] is missing")));
        }
    }
    let invalid = || refused(400, "400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line code\"]}");
    let text = |name: &str| position.some(name).unwrap_or_default();
    let line = |name: &str| position.number(name).and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0);
    let (base, head) = (text("base_sha"), text("head_sha"));
    let git = call.forge.git(repo.id);
    for sha in [&base, &head] {
        git.commit(sha).await.map_err(|_| invalid())?;
    }
    let (old, new) = (line("old_line"), line("new_line"));
    let path = position.some("new_path").or_else(|| position.some("old_path")).unwrap_or_default();
    let files = diff::files(&git.diff(&base, &head).await?);
    let file = files.iter().find(|file| file.new_path == path || file.old_path == path).ok_or_else(invalid)?;
    if !file.has_line(old, new) {
        return Err(invalid());
    }
    Ok(Spot { path: file.new_path.clone(), old, new, head })
}

/// An answer in a discussion.
pub async fn reply(Path((id, iid, name)): Path<(String, i64, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let (first, _) = find(&call, &issue, &name)?;
    let body = call.need("body")?;
    let (note, said) = call.act(|act| {
        let written = notes::write(act, issue.id, &body, first, false)?;
        if act.world.comments.get(first).is_some() && act.world.threads.get(first).is_none() {
            act.begin_thread(first)?;
        }
        Ok(written)
    })?;
    match note {
        Some(note) => created(notes::show(&call, issue.id, note)?),
        None => created(json!({"commands_changes": {}, "summary": said})),
    }
}

/// Settles a discussion of a merge request, or opens it again.
pub async fn resolve(Path((id, iid, name)): Path<(String, i64, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let (first, shape) = find(&call, &issue, &name)?;
    let resolved = call.params.flag("resolved").ok_or_else(|| bad("resolved is missing"))?;
    if shape["notes"][0]["resolvable"] != true {
        return Err(bad("400 Bad request - Discussion is not resolvable"));
    }
    call.act(|act| act.resolve(issue.id, first, resolved))?;
    ok(by_first(&call, issue.id, first)?)
}

pub async fn note(Path((id, iid, name, note)): Path<(String, i64, String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    find(&call, &issue, &name)?;
    ok(notes::show(&call, issue.id, note)?)
}

/// Changes the text of a note, or settles its discussion.
pub async fn update_note(Path((id, iid, name, note)): Path<(String, i64, String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let (first, _) = find(&call, &issue, &name)?;
    match (call.params.text("body"), call.params.flag("resolved")) {
        (Some(body), None) => notes::edit(&call, &issue, note, body)?,
        (None, Some(resolved)) => call.act(|act| act.resolve(issue.id, first, resolved))?,
        _ => return Err(bad("body, resolved are missing, exactly one parameter must be provided")),
    }
    ok(notes::show(&call, issue.id, note)?)
}

pub async fn delete_note(Path((id, iid, _, note)): Path<(String, i64, String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let place = notes::place(&call, &issue, note)?;
    call.act(|act| match place {
        notes::Place::Comment(id) => act.delete_comment(id),
        notes::Place::Line(review, line) => act.delete_line(review, line),
    })?;
    nothing()
}
