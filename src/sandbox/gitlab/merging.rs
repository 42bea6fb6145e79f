//! Approvals, reviewers and the merge itself.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::draft;
use super::look::{joined, time};
use super::merge_requests::show;
use super::web::{Answer, Call, Failure, created, missing, ok, refused};
use crate::sandbox::act::{NewReview, no_such};
use crate::sandbox::flows::MergeOrder;
use crate::sandbox::git_merge::Style;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Issue, Pull, Repo, Verdict};

/// A `sha` that is named must be the head.
fn check_sha(call: &Call, pull: &Pull) -> Result<(), Failure> {
    match call.params.some("sha") {
        Some(sha) if sha != pull.head_sha => Err(refused(409, format!("SHA does not match HEAD of source branch: {}", pull.head_sha))),
        _ => Ok(()),
    }
}

fn unauthorized() -> Failure {
    refused(401, "401 Unauthorized")
}

fn approvals(call: &Call, issue: i64) -> Result<Value, Problem> {
    let shape = call.look(|look| {
        let issue = look.world.issues.get(issue)?;
        Some(look.approvals(issue, issue.pull.as_ref()?))
    });
    shape.ok_or_else(no_such)
}

pub async fn approved(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, _) = call.pull(&repo, iid)?;
    ok(approvals(&call, issue.id)?)
}

/// The rules, as a free plan has them: one for everybody.
pub async fn state(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, _) = call.pull(&repo, iid)?;
    let shape = approvals(&call, issue.id)?;
    let by: Vec<Value> = shape["approved_by"].as_array().into_iter().flatten().map(|entry| entry["user"].clone()).collect();
    let rule = json!({
        "id": 1, "name": "All Members", "rule_type": "any_approver", "approvals_required": shape["approvals_required"], "eligible_approvers": [],
        "users": [], "groups": [], "approved_by": by, "approved": shape["approved"],
    });
    ok(json!({"approval_rules_overwritten": false, "rules": [rule]}))
}

/// 401 for who may not: without permission, the author, and who has approved already.
pub async fn approve(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, pull) = call.pull(&repo, iid)?;
    let me = call.me()?;
    check_sha(&call, &pull)?;
    let own = call.look(|look| look.approvers(issue.id).iter().any(|review| review.author == me));
    let may = call.forge.read(|world| world.grant(&repo, Some(me))) >= Grant::Write;
    if own || !may || issue.author == me || issue.closed.is_some() {
        return Err(unauthorized());
    }
    let new = NewReview { verdict: Verdict::Approve, body: String::new(), commit: Some(pull.head_sha), lines: Vec::new() };
    call.act(|act| act.review(issue.id, new))?;
    created(approvals(&call, issue.id)?)
}

pub async fn unapprove(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, _) = call.pull(&repo, iid)?;
    call.act(|act| act.unapprove(issue.id)).map_err(|problem| match problem.kind {
        Kind::Missing => missing(""),
        _ => problem.into(),
    })?;
    created(approvals(&call, issue.id)?)
}

pub async fn reviewers(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, _) = call.pull(&repo, iid)?;
    let shapes = call.look(|look| {
        let shape = |(user, said): (i64, super::look_issue::Said)| {
            json!({"user": look.user(user), "state": said.word(), "created_at": time(issue.created)})
        };
        look.reviewers(issue.id).into_iter().map(shape).collect()
    });
    Ok(call.page(shapes))
}

/// Merges, unless the sha is not the head (409), the branches conflict (422), or it may not be merged for another reason (405).
pub async fn merge(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, pull) = call.pull(&repo, iid)?;
    let me = call.me()?;
    if call.forge.read(|world| world.grant(&repo, Some(me))) < Grant::Write {
        return Err(unauthorized());
    }
    let word = call.look(|look| look.merge_status(&issue, &pull));
    if call.forge.busy > 0 {
        call.act(|act| act.count_question(issue.id))?;
    }
    match word {
        "mergeable" => {}
        "conflict" => return Err(refused(422, "Branch cannot be merged")),
        _ => return Err(refused(405, "405 Method Not Allowed")),
    }
    check_sha(&call, &pull)?;
    let squash = match repo.lab.squash_option.as_str() {
        "always" => true,
        "never" => false,
        _ => call.params.flag("squash").unwrap_or(pull.squash),
    };
    call.act(|act| act.wish_of_merge(issue.id, Some(squash), None))?;
    let order = order(&call, &repo, &issue, &pull, squash);
    call.forge.merge(me, issue.id, order).await.map_err(|problem| match problem.kind {
        Kind::Refused => refused(405, "405 Method Not Allowed"),
        Kind::Conflict if problem.text == "head out of date" => refused(409, "SHA does not match HEAD of source branch"),
        Kind::Conflict => refused(422, "Branch cannot be merged"),
        _ => problem.into(),
    })?;
    ok(show(&call, issue.id)?)
}

fn order(call: &Call, repo: &Repo, issue: &Issue, pull: &Pull, squash: bool) -> MergeOrder {
    let style = match repo.lab.merge_method.as_str() {
        _ if squash => Style::Squash,
        "ff" => Style::FastForwardOnly,
        _ => Style::Merge,
    };
    let title = draft::shown(&issue.title);
    let wished = call.params.some(if squash { "squash_commit_message" } else { "merge_commit_message" });
    let reference = format!("{}!{}", call.look(|look| look.path(repo.id)), issue.iid);
    let default = if squash {
        title
    } else {
        format!("Merge branch '{}' into '{}'\n\n{title}\n\nSee merge request {reference}", pull.head, pull.base)
    };
    let message = wished.unwrap_or(default);
    let (title, message) = message.split_once('\n').unwrap_or((&message, ""));
    MergeOrder {
        style,
        title: title.to_owned(),
        message: message.to_owned(),
        head: Some(pull.head_sha.clone()),
        force: false,
        delete_branch: call.params.flag("should_remove_source_branch").unwrap_or(pull.remove_source),
    }
}

/// Replays the commits on the target branch.
pub async fn rebase(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    let (issue, _) = call.pull(&repo, iid)?;
    call.forge.update_pull(call.me()?, issue.id, true).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"rebase_in_progress": true}))).into_response())
}

/// The project's own rules.
pub async fn rules(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    ok(json!({
        "approvers": [], "approver_groups": [], "approvals_before_merge": 0, "reset_approvals_on_push": repo.lab.reset_approvals,
        "disable_overriding_approvers_per_merge_request": false, "merge_requests_author_approval": false,
        "merge_requests_disable_committers_approval": false, "require_password_to_approve": false, "selective_code_owner_removals": false,
    }))
}

/// Changes them.
pub async fn set_rules(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?;
    call.forge.change(|world| {
        let row = world.repos.edit(repo.id).ok_or_else(no_such)?;
        row.lab.reset_approvals = call.params.flag("reset_approvals_on_push").unwrap_or(row.lab.reset_approvals);
        Ok(())
    })?;
    let resets = call.forge.read(|world| world.repos.get(repo.id).is_some_and(|repo| repo.lab.reset_approvals));
    created(joined(json!({"approvals_before_merge": 0}), json!({"reset_approvals_on_push": resets})))
}
