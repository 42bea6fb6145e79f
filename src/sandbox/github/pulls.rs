//! `/repos/{owner}/{repo}/pulls`

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::issues::{closed, keeping_draft, of_state, sort};
use super::web::{Answer, Body, Call, created, found, nothing, ok};
use crate::sandbox::act::pulls::{bare_title, draft_title, is_draft};
use crate::sandbox::act::{IssuePatch, NewIssue};
use crate::sandbox::flows::MergeOrder;
use crate::sandbox::git_merge::Style;
use crate::sandbox::git_read::Changed;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Issue, Pull};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CreatePull {
    title: Option<String>,
    body: Option<String>,
    head: Option<String>,
    base: Option<String>,
    draft: Option<bool>,
}

/// A pull request with everything, as it is at this moment.
pub fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| {
        let issue = view.world.issues.get(id)?;
        Some(view.pull(issue, issue.pull.as_ref()?))
    }))
}

pub async fn create(call: Call, Body(body): Body<CreatePull>) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let me = call.me()?;
    let given = |field: &Option<String>, name: &str| {
        field.clone().filter(|text| !text.trim().is_empty()).ok_or_else(|| Failure::invalid("PullRequest", name, "missing_field"))
    };
    let (title, head, base) = (given(&body.title, "title")?, given(&body.head, "head")?, given(&body.base, "base")?);
    let owner = call.forge.read(|world| world.login(repo.owner).to_owned());
    let branch = match head.split_once(':') {
        None => head.as_str(),
        Some((user, branch)) if user.eq_ignore_ascii_case(&owner) => branch,
        Some(_) => return Err(Failure::invalid("PullRequest", "head", "invalid")),
    };
    for (field, name) in [("head", branch), ("base", base.as_str())] {
        if repo.branch(name).is_none() {
            return Err(Failure::invalid("PullRequest", field, "invalid"));
        }
    }
    let title = draft_title(bare_title(&title, true), body.draft == Some(true));
    let wish = NewIssue { title, body: body.body.unwrap_or_default(), ..NewIssue::default() };
    let id = call.forge.open_pull(me, repo.id, wish, branch, &base).await.map_err(|problem| match problem.kind {
        Kind::Conflict => Failure::custom("PullRequest", format!("A pull request already exists for {owner}:{branch}.")),
        Kind::Invalid if problem.text.contains("no changes") => {
            Failure::custom("PullRequest", format!("No commits between {base} and {branch}"))
        }
        _ => problem.into(),
    })?;
    created(show(&call, id)?)
}

pub async fn list(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let items = call.show(|view| {
        let owner = view.world.login(repo.owner);
        let head = |pull: &Pull| {
            call.param("head").is_none_or(|wanted| match wanted.split_once(':') {
                Some((user, branch)) => user.eq_ignore_ascii_case(owner) && pull.head == branch,
                // Without an owner GitHub does not filter at all.
                None => true,
            })
        };
        let base = |pull: &Pull| call.param("base").is_none_or(|base| pull.base == base);
        let of_repo = view.world.issues.all().filter(|issue| issue.repo == repo.id && of_state(issue, call.param("state")));
        let mut rows: Vec<(&Issue, &Pull)> = of_repo.filter_map(|issue| Some((issue, issue.pull.as_ref()?))).collect();
        rows.retain(|(_, pull)| head(pull) && base(pull));
        sort(&call, &mut rows, |row| row.0, |issue| view.world.comments_on(issue.id).count());
        rows.into_iter().map(|(issue, pull)| view.simple_pull(issue, pull)).collect()
    });
    Ok(call.page(items))
}

/// Merge base and head.
fn ends(call: &Call, id: i64) -> Result<(String, String), Failure> {
    let pull = found(call.forge.read(|world| world.issues.get(id).and_then(|issue| issue.pull.clone())))?;
    Ok((pull.check.merge_base, pull.head_sha))
}

/// The object, or the difference as text for who accepts `diff` or `patch`.
pub async fn get(call: Call) -> Answer {
    let (repo, id) = call.pull()?;
    if call.accepts("diff") || call.accepts("patch") {
        let (base, head) = ends(&call, id)?;
        let text = call.forge.git(repo.id).diff(&base, &head).await?;
        return Ok(([(header::CONTENT_TYPE, "application/vnd.github.diff; charset=utf-8")], text).into_response());
    }
    let shape = show(&call, id)?;
    // Somebody who waits for the check sees it finish after the configured number of questions.
    if call.forge.busy > 0 && call.caller.user.is_some() {
        call.act(|act| act.count_question(id))?;
    }
    ok(shape)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct EditPull {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    base: Option<String>,
}

pub async fn edit(call: Call, Body(body): Body<EditPull>) -> Answer {
    let (_, id) = call.pull()?;
    let me = call.me()?;
    let title = body.title.as_deref().map(|title| keeping_draft(&call, id, title));
    let patch = IssuePatch { title, body: body.body, closed: closed(body.state.as_deref(), "PullRequest")?, ..IssuePatch::default() };
    call.forge.edit_pull(me, id, patch, body.base.filter(|base| !base.is_empty())).await.map_err(|problem| match problem.kind {
        Kind::Missing => Failure::invalid("PullRequest", "base", "invalid"),
        Kind::Conflict | Kind::Unready => Failure::custom("PullRequest", problem.text),
        _ => problem.into(),
    })?;
    ok(show(&call, id)?)
}

/// Makes a pull request a draft, or ready for review.
pub fn set_draft(call: &Call, id: i64, draft: bool) -> Result<(), Failure> {
    let title = found(call.forge.read(|world| world.issues.get(id).map(|issue| issue.title.clone())))?;
    if is_draft(&title) == draft {
        return Ok(());
    }
    let title = Some(draft_title(bare_title(&title, true), draft));
    call.act(|act| act.edit(id, IssuePatch { title, ..IssuePatch::default() }))
}

pub async fn files(call: Call) -> Answer {
    let (repo, id) = call.pull()?;
    let (base, head) = ends(&call, id)?;
    let files = call.forge.git(repo.id).changed(&base, &head).await?;
    Ok(call.page(call.show(|view| files.iter().map(|file| file_shape(&view.api(repo.id), &view.html_of(repo.id), file, &head)).collect())))
}

/// A file that differs.
pub fn file_shape(api: &str, html: &str, file: &Changed, head: &str) -> Value {
    let status = match file.status {
        "deleted" => "removed",
        "changed" => "modified",
        same => same,
    };
    let mut shape = json!({
        "sha": head, "filename": file.path, "status": status, "additions": file.additions, "deletions": file.deletions,
        "changes": file.additions + file.deletions, "blob_url": format!("{html}/blob/{head}/{}", file.path),
        "raw_url": format!("{html}/raw/{head}/{}", file.path), "contents_url": format!("{api}/contents/{}?ref={head}", file.path),
    });
    if let Some(previous) = &file.previous {
        shape["previous_filename"] = previous.as_str().into();
    }
    shape
}

/// Oldest first.
pub async fn commits(call: Call) -> Answer {
    let (repo, id) = call.pull()?;
    let (base, head) = ends(&call, id)?;
    let mut rows = call.forge.git(repo.id).log(&[&format!("{base}..{head}")], 250).await?;
    rows.reverse();
    Ok(call.page(call.show(|view| rows.iter().map(|row| view.commit(&repo, row)).collect())))
}

/// 204 when merged, 404 when not.
pub async fn merged(call: Call) -> Answer {
    let (_, id) = call.pull()?;
    let merged = |issue: &Issue| issue.pull.as_ref().is_some_and(|pull| pull.merged.is_some());
    if call.forge.read(|world| world.issues.get(id).is_some_and(merged)) { nothing() } else { Err(Failure::not_found()) }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct MergeBody {
    merge_method: Option<String>,
    sha: Option<String>,
    commit_title: Option<String>,
    commit_message: Option<String>,
}

pub async fn merge(call: Call, Body(body): Body<MergeBody>) -> Answer {
    let (repo, id) = call.pull()?;
    let me = call.me()?;
    let style = match body.merge_method.as_deref().unwrap_or("merge") {
        "merge" => Style::Merge,
        "squash" => Style::Squash,
        "rebase" => Style::Rebase,
        _ => return Err(Failure::invalid("PullRequest", "merge_method", "invalid")),
    };
    if call.forge.read(|world| world.grant(&repo, Some(me))) < Grant::Write {
        return Err(Failure::new(StatusCode::FORBIDDEN, "Resource not accessible by personal access token"));
    }
    let (title, message) = default_message(&call, id, style)?;
    let order = MergeOrder {
        style,
        title: body.commit_title.filter(|text| !text.is_empty()).unwrap_or(title),
        message: body.commit_message.unwrap_or(message),
        head: body.sha.filter(|sha| !sha.is_empty()),
        force: call.forge.read(|world| world.grant(&repo, Some(me))) >= Grant::Admin,
        delete_branch: false,
    };
    call.forge.merge(me, id, order).await.map_err(refusal)?;
    let merged = call.forge.read(|world| world.issues.get(id).and_then(|issue| issue.pull.as_ref()?.merged.clone()));
    ok(json!({"sha": found(merged)?.sha, "merged": true, "message": "Pull Request successfully merged"}))
}

/// Why nothing was merged, in GitHub's words.
fn refusal(problem: Problem) -> Failure {
    let not_allowed = |text: &str| Failure::new(StatusCode::METHOD_NOT_ALLOWED, text);
    match (problem.kind, problem.text.as_str()) {
        (Kind::Conflict, "head out of date") => {
            Failure::new(StatusCode::CONFLICT, "Head branch was modified. Review and try the merge again.")
        }
        (Kind::Conflict, _) | (Kind::Refused, "The PR is already merged") | (Kind::Missing, _) => {
            not_allowed("Pull Request is not mergeable")
        }
        (Kind::Refused, "Please try again later") => not_allowed("Base branch was modified. Review and try the merge again."),
        (Kind::Refused, "Work in progress PRs cannot be merged") => not_allowed("Pull Request is still a draft"),
        (Kind::Refused, "Not all required status checks successful") => not_allowed("Required status checks have not succeeded."),
        (Kind::Refused, "Does not have enough approvals") => {
            not_allowed("At least 1 approving review is required by reviewers with write access.")
        }
        (Kind::Refused, "There are requested changes") => not_allowed("Changes were requested by a reviewer with write access."),
        (Kind::Refused, "User not allowed to merge PR") => not_allowed("You're not authorized to push to this branch."),
        _ => problem.into(),
    }
}

fn default_message(call: &Call, id: i64, style: Style) -> Result<(String, String), Failure> {
    found(call.forge.read(|world| {
        let issue = world.issues.get(id)?;
        let pull = issue.pull.as_ref()?;
        let title = bare_title(&issue.title, true);
        let owner = world.repos.get(issue.repo).map_or("", |repo| world.login(repo.owner));
        Some(match style {
            Style::Squash => (format!("{title} (#{})", issue.number), String::new()),
            _ => (format!("Merge pull request #{} from {owner}/{}", issue.number, pull.head), title.to_owned()),
        })
    }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Update {
    expected_head_sha: Option<String>,
}

/// Answers 202: a client has to look for the new head itself.
pub async fn update(call: Call, Body(body): Body<Update>) -> Answer {
    let (_, id) = call.pull()?;
    let me = call.me()?;
    let (_, head) = ends(&call, id)?;
    if body.expected_head_sha.is_some_and(|expected| expected != head) {
        return Err(Failure::custom("PullRequest", "expected head sha didn't match current head ref."));
    }
    call.forge.update_pull(me, id, false).await.map_err(|problem| match problem.kind {
        Kind::Conflict => Failure::custom("PullRequest", "merge conflict between base and head"),
        _ => problem.into(),
    })?;
    let body = json!({"message": "Updating pull request branch.", "url": call.uri.path()});
    Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response())
}
