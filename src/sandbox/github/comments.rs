//! Comments of issues and pull requests, and reactions.

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use super::web::{Answer, Body, Call, created, found, nothing, ok};
use crate::sandbox::act::comments::{On, REACTIONS};
use crate::sandbox::state::{Comment, Grant, Reaction};
use crate::sandbox::world::World;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Text {
    body: Option<String>,
}

impl Text {
    fn given(self) -> Result<String, Failure> {
        let body = self.body.filter(|body| !body.trim().is_empty());
        body.ok_or_else(|| Failure::invalid("IssueComment", "body", "missing_field"))
    }
}

fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| view.world.comments.get(id).map(|comment| view.comment(comment))))
}

pub async fn create(call: Call, Body(body): Body<Text>) -> Answer {
    let (_, issue) = call.issue()?;
    call.me()?;
    let text = body.given()?;
    let id = call.act(|act| act.comment(issue, text))?;
    created(show(&call, id)?)
}

fn since<'a>(call: &Call, comments: impl Iterator<Item = &'a Comment>) -> Result<Vec<&'a Comment>, Failure> {
    let since = call.moment("since")?;
    Ok(comments.filter(|comment| since.is_none_or(|since| comment.updated.seconds() >= since)).collect())
}

/// Oldest first.
pub async fn of_issue(call: Call) -> Answer {
    let (_, issue) = call.issue()?;
    let items = call
        .show(|view| Ok::<_, Failure>(since(&call, view.world.comments_on(issue))?.into_iter().map(|row| view.comment(row)).collect()))?;
    Ok(call.page(items))
}

/// All of a repository: oldest first by number, or as `sort` and `direction` say.
pub async fn of_repo(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    let items = call.show(|view| {
        let here = |comment: &&Comment| view.world.issues.get(comment.issue).is_some_and(|issue| issue.repo == repo);
        let mut rows = since(&call, view.world.comments.all().filter(here))?;
        match (call.param("sort"), call.param("direction")) {
            (None, _) => {}
            (Some("updated"), Some("asc")) => rows.sort_by_key(|row| (row.updated.seconds(), row.id)),
            (Some("updated"), _) => rows.sort_by_key(|row| Reverse((row.updated.seconds(), row.id))),
            (_, Some("asc")) => {}
            _ => rows.reverse(),
        }
        Ok::<_, Failure>(rows.into_iter().map(|row| view.comment(row)).collect())
    })?;
    Ok(call.page(items))
}

/// The comment of the path, if it stands in this repository.
fn comment(call: &Call) -> Result<i64, Failure> {
    let repo = call.repo(Grant::Read)?.id;
    let id = call.number("id")?;
    let at = call.forge.read(|world| world.comments.get(id).and_then(|comment| world.issues.get(comment.issue)).map(|issue| issue.repo));
    if at == Some(repo) { Ok(id) } else { Err(Failure::not_found()) }
}

pub async fn get(call: Call) -> Answer {
    ok(show(&call, comment(&call)?)?)
}

pub async fn edit(call: Call, Body(body): Body<Text>) -> Answer {
    let id = comment(&call)?;
    let text = body.given()?;
    call.act(|act| act.edit_comment(id, text))?;
    ok(show(&call, id)?)
}

pub async fn delete(call: Call) -> Answer {
    let id = comment(&call)?;
    call.act(|act| act.delete_comment(id))?;
    nothing()
}

/// What the path names: the comment, or the issue.
fn on(call: &Call) -> Result<On, Failure> {
    if call.part("id").is_empty() { Ok(On::Issue(call.issue()?.1)) } else { Ok(On::Comment(comment(call)?)) }
}

fn standing(world: &World, on: On) -> &[Reaction] {
    match on {
        On::Issue(id) => world.issues.get(id).map_or(&[], |issue| &issue.reactions),
        On::Comment(id) => world.comments.get(id).map_or(&[], |comment| &comment.reactions),
        On::Line(..) => &[],
    }
}

pub async fn reactions(call: Call) -> Answer {
    let on = on(&call)?;
    let wanted = |one: &&Reaction| call.param("content").is_none_or(|content| one.content == content);
    Ok(call.page(call.show(|view| standing(view.world, on).iter().filter(wanted).map(|one| view.reaction(one)).collect())))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    content: String,
}

/// 201, or 200 when the caller has reacted so before.
pub async fn react(call: Call, Body(wish): Body<Wish>) -> Answer {
    let on = on(&call)?;
    let me = call.me()?;
    if !REACTIONS.contains(&wish.content.as_str()) {
        return Err(Failure::invalid("Reaction", "content", "invalid"));
    }
    let added = call.act(|act| act.react(on, &wish.content))?;
    let shape = call.show(|view| {
        let own = standing(view.world, on).iter().find(|one| one.user == me && one.content == wish.content);
        own.map(|one| view.reaction(one))
    });
    if added { created(found(shape)?) } else { ok(found(shape)?) }
}

/// By the number of the reaction; only one's own.
pub async fn unreact(call: Call) -> Answer {
    let on = on(&call)?;
    let me = call.me()?;
    let id = call.number("reaction")?;
    let one = found(call.forge.read(|world| standing(world, on).iter().find(|one| one.id == id).cloned()))?;
    if one.user != me {
        return Err(Failure::not_found());
    }
    call.act(|act| act.unreact(on, &one.content))?;
    nothing()
}
