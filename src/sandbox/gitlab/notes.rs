//! Notes of issues and merge requests, and awards on them.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::commands;
use super::look::content;
use super::remarks::{self, Remark, noteable, noteable_type};
use super::web::{Answer, Call, Failure, created, missing, nothing, ok, refused};
use crate::sandbox::act::comments::On;
use crate::sandbox::act::{Act, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Issue};

/// Where a note lies in the neutral state.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    Comment(i64),
    /// The review and the comment on a line.
    Line(i64, i64),
}

impl Place {
    fn on(self) -> On {
        match self {
            Place::Comment(id) => On::Comment(id),
            Place::Line(review, line) => On::Line(review, line),
        }
    }
}

/// The note of this issue with this number, if a person wrote it.
pub fn place(call: &Call, issue: &Issue, id: i64) -> Result<Place, Failure> {
    let found = call.look(|look| {
        let notes = remarks::all(look.world, issue);
        let note = notes.iter().find(|note| note.id == id && !note.system)?;
        Some(note.line.map_or(Place::Comment(id), |(review, _)| Place::Line(review.id, id)))
    });
    found.ok_or_else(|| missing(""))
}

/// One note as it is shown.
pub fn show(call: &Call, issue: i64, id: i64) -> Result<Value, Problem> {
    let shape = call.look(|look| {
        let issue = look.world.issues.get(issue)?;
        let notes = remarks::all(look.world, issue);
        notes.iter().find(|note| note.id == id).map(|note| look.note(issue, note))
    });
    shape.ok_or_else(no_such)
}

/// Newest first when nothing is asked for.
pub async fn list(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let updated = call.params.text("order_by").as_deref() == Some("updated_at");
    let filter = call.params.text("activity_filter").unwrap_or_default();
    let shapes = call.look(|look| {
        let mut notes = remarks::all(look.world, &issue);
        notes.retain(|note: &Remark| match filter.as_str() {
            "only_comments" => !note.system,
            "only_activity" => note.system,
            _ => true,
        });
        notes.sort_by_key(|note| (if updated { note.updated } else { note.created }, note.id));
        if call.params.text("sort").as_deref() != Some("asc") {
            notes.reverse();
        }
        notes.iter().map(|note| look.note(&issue, note)).collect()
    });
    Ok(call.page(shapes))
}

pub async fn get(Path((id, iid, note)): Path<(String, i64, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    ok(show(&call, issue.id, note)?)
}

/// Writes what a text says beside its commands and does those. `None`: there was nothing but commands, with what came of them.
pub fn write(act: &mut Act, issue: i64, body: &str, thread: i64, internal: bool) -> Result<(Option<i64>, Vec<String>), Problem> {
    let parted = commands::part(body);
    if parted.text.trim().is_empty() && !parted.commands.is_empty() {
        return Ok((None, commands::perform(act, issue, &parted.commands)));
    }
    let note = act.comment_in(issue, parted.text, thread, internal)?;
    Ok((Some(note), commands::perform(act, issue, &parted.commands)))
}

/// 201 with the note, or 202 when it was nothing but quick actions and so was not made.
pub async fn create(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let body = call.need("body")?;
    if body.trim().is_empty() {
        return Err(refused(400, json!({"note": ["can't be blank"]})));
    }
    let internal = call.params.flag("internal").or_else(|| call.params.flag("confidential")).unwrap_or(false);
    let (note, said) = call.act(|act| write(act, issue.id, &body, 0, internal))?;
    match note {
        Some(note) => created(show(&call, issue.id, note)?),
        None => Ok((StatusCode::ACCEPTED, axum::Json(json!({"commands_changes": {}, "summary": said}))).into_response()),
    }
}

/// Changes the text; quick actions in it are not done again, but taken out.
pub async fn update(Path((id, iid, note)): Path<(String, i64, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let body = commands::part(&call.need("body")?).text;
    edit(&call, &issue, note, body)?;
    ok(show(&call, issue.id, note)?)
}

/// Changes the text of a note.
pub fn edit(call: &Call, issue: &Issue, note: i64, body: String) -> Result<(), Failure> {
    let place = place(call, issue, note)?;
    Ok(call.act(|act| match place {
        Place::Comment(id) => act.edit_comment(id, body),
        Place::Line(review, line) => act.edit_line(review, line, &body),
    })?)
}

/// Nobody is told by the hooks of GitLab.
pub async fn delete(Path((id, iid, note)): Path<(String, i64, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let place = place(&call, &issue, note)?;
    call.act(|act| match place {
        Place::Comment(id) => act.delete_comment(id),
        Place::Line(review, line) => act.delete_line(review, line),
    })?;
    nothing()
}

fn awards(call: &Call, on: On, kind: &str, id: i64) -> Result<Vec<Value>, Problem> {
    // Asked as somebody who may read the project, which the caller has shown already.
    let reader = call.user.unwrap_or(0);
    let reactions = call.forge.act(reader, |act| act.reactions(on).map(<[_]>::to_vec))?;
    Ok(call.look(|look| reactions.iter().map(|reaction| look.award(reaction, kind, id)).collect()))
}

fn give(call: &Call, on: On, kind: &str, id: i64) -> Answer {
    let name = call.need("name")?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte)) {
        return Err(missing("Award Emoji Name is not a valid emoji name"));
    }
    if !call.act(|act| act.react_with(on, content(&name)))? {
        return Err(missing("Award Emoji Name has already been taken"));
    }
    let wanted = super::look::emoji(content(&name)).to_owned();
    let me = call.me()?;
    let all = awards(call, on, kind, id)?;
    created(all.into_iter().find(|award| award["name"] == wanted && award["user"]["id"] == me).ok_or_else(no_such)?)
}

pub async fn awards_of(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    let shapes = awards(&call, On::Issue(issue.id), noteable_type(&issue), noteable(&issue))?;
    Ok(call.page(shapes))
}

pub async fn award(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    give(&call, On::Issue(issue.id), noteable_type(&issue), noteable(&issue))
}

pub async fn unaward(Path((id, iid, award)): Path<(String, i64, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let issue = call.thing(&repo, iid)?;
    call.act(|act| act.unreact_by_id(On::Issue(issue.id), award))?;
    nothing()
}

pub async fn note_awards(Path((id, iid, note)): Path<(String, i64, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let place = place(&call, &call.thing(&repo, iid)?, note)?;
    let shapes = awards(&call, place.on(), "Note", note)?;
    Ok(call.page(shapes))
}

pub async fn note_award(Path((id, iid, note)): Path<(String, i64, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let place = place(&call, &call.thing(&repo, iid)?, note)?;
    give(&call, place.on(), "Note", note)
}

pub async fn note_unaward(Path((id, iid, note, award)): Path<(String, i64, i64, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let place = place(&call, &call.thing(&repo, iid)?, note)?;
    call.act(|act| act.unreact_by_id(place.on(), award))?;
    nothing()
}
