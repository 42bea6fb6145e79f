//! Comments and reactions.

use axum::extract::Path;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::web::{Answer, Body, Call, Failure, created, nothing, ok};
use crate::sandbox::act::comments::On;
use crate::sandbox::act::no_such;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::Grant;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Text {
    body: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ReactionWish {
    content: String,
}

/// On a missing issue Gitea answers 500 with an empty message here, not 404.
fn issue_or_500(call: &Call, owner: &str, name: &str, number: i64) -> Result<i64, Failure> {
    call.repo(owner, name, Grant::Read)?;
    call.issue(owner, name, number).map(|(_, id)| id).map_err(|problem| match problem.kind {
        Kind::Missing => Failure::Odd(StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        _ => problem.into(),
    })
}

pub async fn create(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<Text>) -> Answer {
    call.repo(&owner, &name, Grant::Read)?;
    call.me()?;
    let issue = issue_or_500(&call, &owner, &name, number)?;
    let id = call.act(|act| act.comment(issue, body.body))?;
    created(show(&call, id)?)
}

fn show(call: &Call, id: i64) -> Result<Value, Problem> {
    call.show(|view| view.world.comments.get(id).map(|comment| view.comment(comment))).ok_or_else(no_such)
}

/// The comments of one issue, all of them: this list has no pages.
pub async fn of_issue(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let issue = issue_or_500(&call, &owner, &name, number)?;
    list(&call, |comment| comment.issue == issue).map(|items| {
        let total = items.len();
        let mut response = axum::response::IntoResponse::into_response(axum::Json(items));
        response.headers_mut().insert("X-Total-Count", total.into());
        response
    })
}

/// The comments of a repository, in pages.
pub async fn of_repo(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    let of_repo: Vec<i64> = call.forge.read(|world| world.issues.all().filter(|issue| issue.repo == repo).map(|issue| issue.id).collect());
    Ok(call.page(list(&call, |comment| of_repo.binary_search(&comment.issue).is_ok())?))
}

fn list(call: &Call, of: impl Fn(&crate::sandbox::state::Comment) -> bool) -> Result<Vec<Value>, Failure> {
    let (since, before) = (call.moment("since")?, call.moment("before")?);
    Ok(call.show(|view| {
        let in_time = |at: i64| since.is_none_or(|since| at >= since) && before.is_none_or(|before| at <= before);
        let found = view.world.comments.all().filter(|comment| of(comment) && in_time(comment.updated.seconds()));
        found.map(|comment| view.comment(comment)).collect()
    }))
}

/// The comment with this id, if it stands in this repository.
fn comment(call: &Call, owner: &str, name: &str, id: i64) -> Result<i64, Problem> {
    let repo = call.repo(owner, name, Grant::Read)?.id;
    let found = call.forge.read(|world| world.comments.get(id).and_then(|comment| world.issues.get(comment.issue)).map(|issue| issue.repo));
    if found == Some(repo) { Ok(id) } else { Err(no_such()) }
}

pub async fn get(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let id = comment(&call, &owner, &name, id)?;
    ok(show(&call, id)?)
}

pub async fn edit(call: Call, Path((owner, name, id)): Path<(String, String, i64)>, Body(body): Body<Text>) -> Answer {
    let id = comment(&call, &owner, &name, id)?;
    call.act(|act| act.edit_comment(id, body.body))?;
    ok(show(&call, id)?)
}

pub async fn delete(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let id = comment(&call, &owner, &name, id)?;
    call.act(|act| act.delete_comment(id))?;
    nothing()
}

fn reactions(call: &Call, on: On) -> Result<Vec<Value>, Problem> {
    call.show(|view| {
        let found = match on {
            On::Issue(id) => view.world.issues.get(id).map(|issue| &issue.reactions),
            On::Comment(id) => view.world.comments.get(id).map(|comment| &comment.reactions),
            On::Line(review, id) => {
                let review = view.world.reviews.get(review);
                review.and_then(|review| review.lines.iter().find(|line| line.id == id)).map(|line| &line.reactions)
            }
        };
        found.map(|reactions| reactions.iter().map(|reaction| view.reaction(reaction)).collect()).ok_or_else(no_such)
    })
}

fn react(call: &Call, on: On, content: &str) -> Answer {
    let added = call.act(|act| act.react(on, content))?;
    let me = call.me()?;
    let shape = reactions(call, on)?.into_iter().find(|one| one["content"] == content && one["user"]["id"] == me).unwrap_or_default();
    if added { created(shape) } else { ok(shape) }
}

fn unreact(call: &Call, on: On, content: &str) -> Answer {
    call.act(|act| act.unreact(on, content))?;
    nothing()
}

pub async fn issue_reactions(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    Ok(call.page(reactions(&call, On::Issue(id))?))
}

pub async fn issue_react(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(wish): Body<ReactionWish>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    react(&call, On::Issue(id), &wish.content)
}

pub async fn issue_unreact(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(wish): Body<ReactionWish>) -> Answer {
    let (_, id) = call.issue(&owner, &name, number)?;
    unreact(&call, On::Issue(id), &wish.content)
}

pub async fn comment_reactions(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let id = comment(&call, &owner, &name, id)?;
    ok(reactions(&call, On::Comment(id))?.into())
}

pub async fn comment_react(call: Call, Path((owner, name, id)): Path<(String, String, i64)>, Body(wish): Body<ReactionWish>) -> Answer {
    let id = comment(&call, &owner, &name, id)?;
    react(&call, On::Comment(id), &wish.content)
}

pub async fn comment_unreact(call: Call, Path((owner, name, id)): Path<(String, String, i64)>, Body(wish): Body<ReactionWish>) -> Answer {
    let id = comment(&call, &owner, &name, id)?;
    unreact(&call, On::Comment(id), &wish.content)
}
