//! Reviews, their comments on lines, and requests for reviews.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use super::issues::users;
use super::pulls;
use super::web::{Answer, Body, Call, created, found, ok};
use crate::sandbox::act::NewReview;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Repo, Review, Verdict};
use crate::sandbox::world::World;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Line {
    path: String,
    body: String,
    line: Option<u64>,
    position: Option<u64>,
    side: Option<String>,
    commit_id: Option<String>,
}

impl Line {
    /// Path, line in the new file, line in the old file, text.
    fn neutral(self) -> (String, u64, u64, String) {
        let at = self.line.or(self.position).unwrap_or(1);
        let left = self.side.as_deref() == Some("LEFT");
        (self.path, if left { 0 } else { at }, if left { at } else { 0 }, self.body)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CreateReview {
    event: Option<String>,
    body: Option<String>,
    commit_id: Option<String>,
    comments: Option<Vec<Line>>,
}

fn verdict(event: &str) -> Result<Verdict, Failure> {
    match event {
        "APPROVE" => Ok(Verdict::Approve),
        "REQUEST_CHANGES" => Ok(Verdict::Reject),
        "COMMENT" => Ok(Verdict::Comment),
        "" | "PENDING" => Ok(Verdict::Pending),
        _ => Err(Failure::sentence("Variable $event of type PullRequestReviewEvent was provided invalid value")),
    }
}

fn refusal(problem: Problem) -> Failure {
    match problem.text.as_str() {
        "approve your own pull is not allowed" => Failure::sentence("Can not approve your own pull request"),
        "reject your own pull is not allowed" => Failure::sentence("Can not request changes on your own pull request"),
        text if problem.kind == Kind::Invalid && text.contains("requires a body") => Failure::sentence("Review body can't be blank"),
        text if problem.kind == Kind::Invalid => Failure::sentence(text),
        _ => problem.into(),
    }
}

fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| view.world.reviews.get(id).map(|review| view.review(review, false))))
}

pub async fn create(call: Call, Body(body): Body<CreateReview>) -> Answer {
    let (repo, id) = call.pull()?;
    call.me()?;
    if let Some(sha) = body.commit_id.as_deref().filter(|sha| !sha.is_empty())
        && !call.forge.git(repo.id).exists(sha).await?
    {
        return Err(Failure::sentence("Commit is not part of the pull request"));
    }
    let lines = body.comments.unwrap_or_default().into_iter().map(Line::neutral).collect();
    let verdict = verdict(body.event.as_deref().unwrap_or_default())?;
    let new = NewReview { verdict, body: body.body.unwrap_or_default(), commit: body.commit_id, lines };
    let me = call.me()?;
    let review = call.forge.act(me, |act| act.review(id, new)).map_err(refusal)?;
    ok(show(&call, review)?)
}

/// A pending review is seen by its author alone, a request is none.
fn visible(call: &Call, review: &Review) -> bool {
    match review.verdict {
        Verdict::Requested => false,
        Verdict::Pending => call.caller.user == Some(review.author),
        _ => true,
    }
}

/// In the order they came.
pub async fn list(call: Call) -> Answer {
    let (_, id) = call.pull()?;
    let items = call.show(|view| {
        let seen = view.world.reviews_of(id).filter(|review| visible(&call, review));
        seen.map(|review| view.review(review, false)).collect()
    });
    Ok(call.page(items))
}

/// The review of the path, with the issue half of its pull request.
fn review(call: &Call) -> Result<(i64, i64), Failure> {
    let (_, issue) = call.pull()?;
    let id = call.number("id")?;
    let is = call.forge.read(|world| world.reviews.get(id).is_some_and(|review| review.issue == issue && visible(call, review)));
    if is { Ok((issue, id)) } else { Err(Failure::not_found()) }
}

pub async fn get(call: Call) -> Answer {
    let (_, id) = review(&call)?;
    ok(show(&call, id)?)
}

/// Only a pending review can be taken back.
pub async fn delete(call: Call) -> Answer {
    let (issue, id) = review(&call)?;
    let shape = show(&call, id)?;
    if shape["state"] != "PENDING" {
        return Err(Failure::sentence("Can not delete a non-pending pull request review"));
    }
    call.act(|act| act.delete_review(issue, id))?;
    ok(shape)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Submission {
    event: Option<String>,
    body: Option<String>,
}

/// Submits a pending review: a new one takes its place.
pub async fn submit(call: Call, Body(body): Body<Submission>) -> Answer {
    let (issue, id) = review(&call)?;
    let me = call.me()?;
    let verdict = verdict(body.event.as_deref().unwrap_or_default())?;
    let pending =
        found(call.forge.read(|world| world.reviews.get(id).filter(|one| one.verdict == Verdict::Pending && one.author == me).cloned()))?;
    let lines = pending.lines.into_iter().map(|line| (line.path, line.new_line, line.old_line, line.body)).collect();
    let new = NewReview { verdict, body: body.body.unwrap_or(pending.body), commit: Some(pending.commit), lines };
    let submitted = call.forge.act(me, |act| {
        act.delete_review(issue, id)?;
        act.review(issue, new)
    });
    ok(show(&call, submitted.map_err(refusal)?)?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Dismissal {
    message: Option<String>,
}

pub async fn dismiss(call: Call, Body(body): Body<Dismissal>) -> Answer {
    let (issue, id) = review(&call)?;
    call.repo(Grant::Write)?;
    let message = body.message.filter(|text| !text.trim().is_empty());
    let message = message.ok_or_else(|| Failure::invalid("PullRequestReview", "message", "missing_field"))?;
    let me = call.me()?;
    call.forge.act(me, |act| act.dismiss(issue, id, message, true)).map_err(|problem| match problem.kind {
        Kind::Invalid => Failure::sentence("Can not dismiss a commented pull request review"),
        _ => problem.into(),
    })?;
    ok(show(&call, id)?)
}

fn lines(call: &Call, wanted: impl Fn(&Review) -> bool) -> Vec<Value> {
    call.show(|view| {
        let seen = view.world.reviews.all().filter(|review| visible(call, review) && wanted(review));
        seen.flat_map(|review| review.lines.iter().map(|line| view.line(review, line))).collect()
    })
}

pub async fn comments_of_review(call: Call) -> Answer {
    let (_, id) = review(&call)?;
    Ok(call.page(lines(&call, |review| review.id == id)))
}

pub async fn comments_of_pull(call: Call) -> Answer {
    let (_, issue) = call.pull()?;
    Ok(call.page(lines(&call, |review| review.issue == issue)))
}

pub async fn comments_of_repo(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    let since = call.moment("since")?;
    let of_repo: Vec<i64> = call.forge.read(|world| world.issues.all().filter(|issue| issue.repo == repo).map(|issue| issue.id).collect());
    let new = |review: &Review| since.is_none_or(|since| review.updated.seconds() >= since);
    Ok(call.page(lines(&call, |review| new(review) && of_repo.binary_search(&review.issue).is_ok())))
}

pub async fn comment(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    let id = call.number("id")?;
    let of = |world: &World| {
        let review = world.reviews.all().find(|review| review.lines.iter().any(|line| line.id == id))?;
        world.issues.get(review.issue).filter(|issue| issue.repo == repo).map(|_| review.id)
    };
    let of = found(call.forge.read(of))?;
    ok(found(lines(&call, |review| review.id == of).into_iter().find(|line| line["id"] == id))?)
}

/// A comment on a line outside a review: a review of its own with nothing else in it.
pub async fn add_comment(call: Call, Body(body): Body<Line>) -> Answer {
    let (_, issue) = call.pull()?;
    let me = call.me()?;
    let commit = body.commit_id.clone();
    let new = NewReview { verdict: Verdict::Comment, body: String::new(), commit, lines: vec![body.neutral()] };
    let id = call.forge.act(me, |act| act.review(issue, new)).map_err(refusal)?;
    created(found(lines(&call, |review| review.id == id).pop())?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Reviewers {
    reviewers: Option<Vec<String>>,
}

pub async fn requested(call: Call) -> Answer {
    let (_, id) = call.pull()?;
    let users = pulls::show(&call, id)?["requested_reviewers"].clone();
    ok(serde_json::json!({"users": users, "teams": []}))
}

async fn change(call: &Call, body: Reviewers, add: bool) -> Result<Value, Failure> {
    let (repo, id) = call.pull()?;
    let users = users(call, &body.reviewers.unwrap_or_default())?;
    if add && !call.forge.read(|world| users.iter().all(|user| is_in(world, &repo, *user))) {
        let text =
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator";
        return Err(Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("{text} of the {} repository.", call.forge.read(|world| world.path_of(&repo))),
        ));
    }
    let me = call.me()?;
    let made = call.forge.act(me, |act| act.request_reviews(id, &users, add));
    made.map_err(|problem| match problem.kind {
        Kind::Invalid => Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "Review cannot be requested from pull request author."),
        _ => problem.into(),
    })?;
    pulls::show(call, id)
}

fn is_in(world: &World, repo: &Repo, user: i64) -> bool {
    repo.owner == user || repo.grants.contains_key(&user) || world.users.get(user).is_some_and(|user| user.admin)
}

pub async fn request(call: Call, Body(body): Body<Reviewers>) -> Answer {
    created(change(&call, body, true).await?)
}

pub async fn unrequest(call: Call, Body(body): Body<Reviewers>) -> Answer {
    ok(change(&call, body, false).await?)
}
