//! `/repos/{owner}/{repo}/pulls`

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::issues::{CreateIssue, EditIssue, users};
use super::web::{Answer, Body, Call, Failure, created, ok};
use crate::sandbox::act::no_such;
use crate::sandbox::flows::MergeOrder;
use crate::sandbox::git_merge::Style;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Issue, Pull};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CreatePull {
    #[serde(flatten)]
    issue: CreateIssue,
    head: String,
    base: String,
    reviewers: Option<Vec<String>>,
}

fn show(call: &Call, id: i64) -> Result<Value, Problem> {
    call.show(|view| {
        let issue = view.world.issues.get(id)?;
        Some(view.pull(issue, issue.pull.as_ref()?))
    })
    .ok_or_else(no_such)
}

/// `branch`, or `owner:branch` when the owner is that of this repository: there are no forks here.
fn head_branch<'a>(owner: &str, head: &'a str) -> Result<&'a str, Problem> {
    match head.split_once(':') {
        None => Ok(head),
        Some((user, branch)) if user.eq_ignore_ascii_case(owner) => Ok(branch),
        Some(_) => Err(no_such()),
    }
}

pub async fn create(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<CreatePull>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    let me = call.me()?;
    for (field, value) in [("Head", &body.head), ("Base", &body.base), ("Title", &body.issue.title)] {
        if value.is_empty() {
            return Err(Problem::invalid(format!("[{field}]: Required")).into());
        }
    }
    let reviewers = users(&call, &body.reviewers.unwrap_or_default())?;
    let wish = body.issue.wish(&call)?;
    let id = call.forge.open_pull(me, repo, wish, head_branch(&owner, &body.head)?, &body.base).await?;
    if !reviewers.is_empty() {
        call.act(|act| act.request_reviews(id, &reviewers, true))?;
    }
    created(show(&call, id)?)
}

pub async fn list(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    let items = call.show(|view| {
        let wanted = |issue: &&Issue| {
            let state = match call.param("state").unwrap_or("open") {
                "all" => true,
                "closed" => issue.closed.is_some(),
                _ => issue.closed.is_none(),
            };
            let base = call.param("base_branch").is_none_or(|base| issue.pull.as_ref().is_some_and(|pull| pull.base == base));
            issue.repo == repo && state && base
        };
        let mut pulls: Vec<(&Issue, &Pull)> =
            view.world.issues.all().filter(wanted).filter_map(|issue| Some((issue, issue.pull.as_ref()?))).collect();
        match call.param("sort").unwrap_or("newest") {
            "oldest" => pulls.sort_by_key(|(issue, _)| issue.id),
            "recentupdate" => pulls.sort_by_key(|(issue, _)| std::cmp::Reverse((issue.updated, issue.id))),
            "leastupdate" => pulls.sort_by_key(|(issue, _)| (issue.updated, issue.id)),
            _ => pulls.sort_by_key(|(issue, _)| std::cmp::Reverse(issue.id)),
        }
        pulls.into_iter().map(|(issue, pull)| view.pull(issue, pull)).collect()
    });
    Ok(call.page(items))
}

/// `{n}`, `{n}.diff` and `{n}.patch`.
pub async fn get(call: Call, Path((owner, name, wanted)): Path<(String, String, String)>) -> Answer {
    let (number, ending) = wanted.split_once('.').unwrap_or((&wanted, ""));
    let number: i64 = number.parse().map_err(|_| no_such())?;
    let (repo, id) = call.pull(&owner, &name, number)?;
    match ending {
        "" => {
            let shape = show(&call, id)?;
            // Somebody who waits for the check sees it finish after the configured number of questions.
            if call.forge.busy > 0 && call.user.is_some() {
                call.act(|act| act.count_question(id))?;
            }
            ok(shape)
        }
        "diff" | "patch" => Ok(patch(&call, repo, id).await?),
        _ => Err(no_such().into()),
    }
}

async fn patch(call: &Call, repo: i64, id: i64) -> Result<Response, Problem> {
    let (base, head) = ends(call, id)?;
    let text = call.forge.git(repo).diff(&base, &head).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// Merge base and head of a pull request.
fn ends(call: &Call, id: i64) -> Result<(String, String), Problem> {
    let pull = call.forge.read(|world| world.issues.get(id).and_then(|issue| issue.pull.clone())).ok_or_else(no_such)?;
    Ok((pull.check.merge_base, pull.head_sha))
}

/// The newest pull request between two branches.
pub async fn between(call: Call, Path((owner, name, base, head)): Path<(String, String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?.id;
    let head = head_branch(&owner, &head)?;
    let found = call.forge.read(|world| {
        let fits = |issue: &&Issue| issue.repo == repo && issue.pull.as_ref().is_some_and(|pull| pull.head == head && pull.base == base);
        world.issues.all().rev().find(fits).map(|issue| issue.id)
    });
    ok(show(&call, found.ok_or_else(no_such)?)?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct EditPull {
    #[serde(flatten)]
    issue: EditIssue,
    base: Option<String>,
}

/// Answers 201.
pub async fn edit(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<EditPull>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    let me = call.me()?;
    let patch = body.issue.wish(&call)?;
    call.forge.edit_pull(me, id, patch, body.base.filter(|base| !base.is_empty())).await?;
    created(show(&call, id)?)
}

pub async fn files(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (repo, id) = call.pull(&owner, &name, number)?;
    let (base, head) = ends(&call, id)?;
    let files = call.forge.git(repo).changed(&base, &head).await?;
    let root = format!("{}/{owner}/{name}", call.forge.root);
    let shape = |file: crate::sandbox::git_read::Changed| {
        json!({
            "filename": file.path, "previous_filename": file.previous, "status": file.status, "additions": file.additions,
            "deletions": file.deletions, "changes": file.additions + file.deletions,
            "html_url": format!("{root}/src/commit/{head}/{}", file.path), "raw_url": format!("{root}/raw/commit/{head}/{}", file.path),
            "contents_url": format!("{}/api/v1/repos/{owner}/{name}/contents/{}?ref={head}", call.forge.root, file.path),
        })
    };
    Ok(call.page(files.into_iter().map(shape).collect()))
}

/// Newest first, as Gitea lists them.
pub async fn commits(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let (base, head) = ends(&call, id)?;
    let rows = call.forge.git(repo.id).log(&[&format!("{base}..{head}")], 1000).await?;
    Ok(call.page(call.show(|view| rows.iter().map(|row| view.commit(&repo, row)).collect())))
}

/// 204 when merged, 404 when not.
pub async fn merged(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    let merged =
        call.forge.read(|world| world.issues.get(id).and_then(|issue| issue.pull.as_ref()).is_some_and(|pull| pull.merged.is_some()));
    if merged { super::web::nothing() } else { Err(no_such().into()) }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct MergeBody {
    #[serde(rename = "Do", alias = "do")]
    style: String,
    #[serde(rename = "MergeTitleField", alias = "merge_title_field")]
    title: String,
    #[serde(rename = "MergeMessageField", alias = "merge_message_field")]
    message: String,
    head_commit_id: String,
    delete_branch_after_merge: Option<bool>,
    force_merge: Option<bool>,
}

/// 200 with an empty body.
pub async fn merge(call: Call, Path((owner, name, number)): Path<(String, String, i64)>, Body(body): Body<MergeBody>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    let me = call.me()?;
    let style = match body.style.as_str() {
        "merge" => Style::Merge,
        "rebase" => Style::Rebase,
        "rebase-merge" => Style::RebaseMerge,
        "squash" => Style::Squash,
        "fast-forward-only" => Style::FastForwardOnly,
        "manually-merged" => return Err(Problem::refused("manually-merged is not an allowed merge style for this repository").into()),
        other => return Err(Problem::invalid(format!("[Do]: In, `{other}` is not a merge style")).into()),
    };
    let order = MergeOrder {
        style,
        title: body.title,
        message: body.message,
        head: Some(body.head_commit_id).filter(|sha| !sha.is_empty()),
        force: body.force_merge.unwrap_or(false),
        delete_branch: body.delete_branch_after_merge.unwrap_or(false),
    };
    call.forge.merge(me, id, order).await?;
    Ok(StatusCode::OK.into_response())
}

/// Brings the base branch into the head; 200 with an empty body.
pub async fn update(call: Call, Path((owner, name, number)): Path<(String, String, i64)>) -> Answer {
    let (_, id) = call.pull(&owner, &name, number)?;
    let rebase = call.param("style") == Some("rebase");
    call.forge.update_pull(call.me()?, id, rebase).await.map_err(|problem| match problem.kind {
        Kind::Conflict => Failure::Odd(StatusCode::CONFLICT, "merge failed because of conflict".into()),
        _ => problem.into(),
    })?;
    Ok(StatusCode::OK.into_response())
}
