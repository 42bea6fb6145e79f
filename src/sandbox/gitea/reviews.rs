//! `/repos/{owner}/{repo}/pulls/{n}/reviews` and `requested_reviewers`

use axum::extract::Path;
use serde::Deserialize;
use serde_json::Value;

use super::issues::users;
use super::web::{Answer, Body, Call, created, nothing, ok};
use crate::sandbox::act::{NewReview, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Review, Verdict};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Line {
    path: String,
    body: String,
    new_position: u64,
    old_position: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CreateReview {
    event: String,
    body: String,
    commit_id: String,
    comments: Option<Vec<Line>>,
}

fn verdict(event: &str) -> Result<Verdict, Problem> {
    match event {
        "APPROVED" => Ok(Verdict::Approve),
        "REQUEST_CHANGES" => Ok(Verdict::Reject),
        "COMMENT" => Ok(Verdict::Comment),
        "" | "PENDING" => Ok(Verdict::Pending),
        other => Err(Problem::invalid(format!("review event `{other}` is not one of APPROVED, REQUEST_CHANGES, COMMENT, PENDING"))),
    }
}

fn show(call: &Call, id: i64) -> Result<Value, Problem> {
    call.show(|view| view.world.reviews.get(id).map(|review| view.review(review))).ok_or_else(no_such)
}

/// Answers 200.
pub async fn create(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<CreateReview>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    call.me()?;
    let lines = body.comments.unwrap_or_default().into_iter().map(|line| (line.path, line.new_position, line.old_position, line.body));
    let new = NewReview { verdict: verdict(&body.event)?, body: body.body, commit: Some(body.commit_id), lines: lines.collect() };
    let review = call.act(|act| act.review(id, new))?;
    ok(show(&call, review)?)
}

/// A pending review is seen by its author alone.
fn visible(call: &Call, review: &Review) -> bool {
    review.verdict != Verdict::Pending || call.user == Some(review.author)
}

pub async fn list(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    let items =
        call.show(|view| view.world.reviews_of(id).filter(|review| visible(&call, review)).map(|review| view.review(review)).collect());
    Ok(call.page(items))
}

/// The review with this id, if it is one of this pull request that the caller may see.
fn review(call: &Call, owner: &str, name: &str, number: i64, id: i64) -> Result<(i64, i64), Problem> {
    let (_, issue) = call.pull(owner, name, number)?;
    let found = call.forge.read(|world| world.reviews.get(id).is_some_and(|review| review.issue == issue && visible(call, review)));
    if found { Ok((issue, id)) } else { Err(no_such()) }
}

pub async fn get(call: Call, Path((owner, name, number, id)): Path<(String, String, i64, i64)>) -> Answer {
    let (_, id) = review(&call, &owner, &name, number, id)?;
    ok(show(&call, id)?)
}

pub async fn comments(call: Call, Path((owner, name, number, id)): Path<(String, String, i64, i64)>) -> Answer {
    let (_, id) = review(&call, &owner, &name, number, id)?;
    ok(call.show(|view| view.world.reviews.get(id).map(|review| view.review_lines(review)).unwrap_or_default()).into())
}

pub async fn delete(call: Call, Path((owner, name, number, id)): Path<(String, String, i64, i64)>) -> Answer {
    let (issue, id) = review(&call, &owner, &name, number, id)?;
    call.act(|act| act.delete_review(issue, id))?;
    nothing()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Dismissal {
    message: String,
}

pub async fn dismiss(call: Call, Path((owner, name, number, id)): Path<(String, String, i64, i64)>, Body(body): Body<Dismissal>) -> Answer {
    let (issue, id) = review(&call, &owner, &name, number, id)?;
    call.act(|act| act.dismiss(issue, id, body.message, true))?;
    ok(show(&call, id)?)
}

pub async fn undismiss(call: Call, Path((owner, name, number, id)): Path<(String, String, i64, i64)>) -> Answer {
    let (issue, id) = review(&call, &owner, &name, number, id)?;
    call.act(|act| act.dismiss(issue, id, String::new(), false))?;
    ok(show(&call, id)?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Reviewers {
    reviewers: Vec<String>,
}

pub async fn request(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<Reviewers>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    let users = users(&call, &body.reviewers)?;
    let made = call.act(|act| act.request_reviews(id, &users, true))?;
    created(call.show(|view| made.iter().filter_map(|id| view.world.reviews.get(*id)).map(|review| view.review(review)).collect()))
}

pub async fn unrequest(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<Reviewers>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    let users = users(&call, &body.reviewers)?;
    call.act(|act| act.request_reviews(id, &users, false))?;
    nothing()
}
