//! `/projects/:id/merge_requests`: opening, listing, changing them, and what they consist of.

use axum::extract::Path;
use serde_json::{Value, json};

use super::issues::{Filter, assignees, check_title, patch, sorted};
use super::labelling::{LabelChange, relabel};
use super::look::{Look, joined, time};
use super::web::{Answer, Call, Failure, created, ok, refused};
use super::{commands, diff, draft};
use crate::sandbox::act::pulls::is_draft;
use crate::sandbox::act::{IssuePatch, NewIssue, no_such};
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{EventKind, Grant, Issue, Pull};

/// A merge request as it is now.
pub fn show(call: &Call, id: i64) -> Result<Value, Problem> {
    let shape = call.look(|look| {
        let issue = look.world.issues.get(id)?;
        Some(look.pull(issue, issue.pull.as_ref()?, call.params.flag("with_labels_details").unwrap_or(false)))
    });
    shape.ok_or_else(no_such)
}

pub async fn list(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?.id;
    let filter = Filter::of(&call)?;
    let (source, target) = (call.params.some("source_branch"), call.params.some("target_branch"));
    let draft = call.params.some("wip").map(|word| word == "yes").or_else(|| call.params.flag("draft"));
    let reviewer = call.params.number("reviewer_id");
    let whole = call.params.flag("with_labels_details").unwrap_or(false);
    let shapes = call.look(|look| {
        let fits = |issue: &Issue, pull: &Pull| {
            issue.repo == repo
                && source.as_ref().is_none_or(|branch| pull.head == *branch)
                && target.as_ref().is_none_or(|branch| pull.base == *branch)
                && draft.is_none_or(|draft| is_draft(&issue.title) == draft)
                && reviewer.is_none_or(|user| look.reviewers(issue.id).iter().any(|(reviewer, _)| *reviewer == user))
                && filter.passes(look, issue)
        };
        let all = look.world.issues.all().filter_map(|issue| Some((issue, issue.pull.as_ref()?)));
        let pulls = sorted(&call, all.filter(|(issue, pull)| fits(issue, pull)).collect(), |(issue, _)| issue);
        pulls.into_iter().map(|(issue, pull)| look.pull(issue, pull, whole)).collect()
    });
    Ok(call.page(shapes))
}

pub async fn create(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    let me = call.me()?;
    let (title, source, target) = (call.need("title")?, call.need("source_branch")?, call.need("target_branch")?);
    check_title(&title)?;
    let text = commands::part(&call.params.text("description").unwrap_or_default());
    if source == target {
        return Err(refused(422, json!(["You can't use same project/branch for source and target"])));
    }
    for (name, branch) in [("Source", &source), ("Target", &target)] {
        repo.branch(branch).ok_or_else(|| refused(400, json!([format!("{name} branch \"{branch}\" does not exist")])))?;
    }
    let new = NewIssue {
        title: draft::stored(&title),
        body: text.text,
        assignees: assignees(&call).unwrap_or_default(),
        milestone: call.params.number("milestone_id").filter(|id| *id != 0),
        ..NewIssue::default()
    };
    let opened = call.forge.open_pull(me, repo.id, new, &source, &target).await.map_err(|problem| match problem.kind {
        Kind::Conflict => {
            let standing = call.forge.read(|world| {
                let ids = world.open_pulls(repo.id, |pull| pull.head == source && pull.base == target);
                ids.first().and_then(|id| world.issues.get(*id)).map_or(0, |issue| issue.iid)
            });
            refused(409, json!([format!("Another open merge request already exists for this source branch: !{standing}")]))
        }
        _ => problem.into(),
    })?;
    call.act(|act| {
        if let Some(change) = LabelChange::of(&call) {
            relabel(act, opened, &change)?;
        }
        act.wish_of_merge(opened, call.params.flag("squash"), call.params.flag("remove_source_branch"))?;
        let reviewers = call.params.numbers("reviewer_ids").unwrap_or_default();
        act.request_reviews(opened, &reviewers, true)?;
        commands::perform(act, opened, &text.commands);
        Ok(())
    })?;
    created(show(&call, opened)?)
}

pub async fn get(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, _) = call.pull(&repo, iid)?;
    let shape = show(&call, issue.id)?;
    // Somebody who waits for the check sees it finish after the configured number of questions.
    if call.forge.busy > 0 && call.user.is_some() {
        call.act(|act| act.count_question(issue.id))?;
    }
    ok(shape)
}

pub async fn update(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, pull) = call.pull(&repo, iid)?;
    let me = call.me()?;
    let mut patch = patch(&call)?;
    patch.title = patch.title.map(|title| draft::stored(&title));
    if let Some(base) = call.params.some("target_branch").filter(|base| *base != pull.base) {
        let moved = call.forge.edit_pull(me, issue.id, IssuePatch::default(), Some(base.clone())).await;
        moved.map_err(|problem| match problem.kind {
            Kind::Missing => refused(400, json!([format!("Target branch \"{base}\" does not exist")])),
            _ => problem.into(),
        })?;
    }
    let standing: Vec<i64> = call.look(|look| look.reviewers(issue.id).into_iter().map(|(user, _)| user).collect());
    call.act(|act| {
        act.edit(issue.id, patch)?;
        if let Some(change) = LabelChange::of(&call) {
            relabel(act, issue.id, &change)?;
        }
        if let Some(wanted) = call.params.numbers("reviewer_ids") {
            let new: Vec<i64> = wanted.iter().filter(|user| !standing.contains(user)).copied().collect();
            let gone: Vec<i64> = standing.iter().filter(|user| !wanted.contains(user)).copied().collect();
            act.request_reviews(issue.id, &new, true)?;
            act.request_reviews(issue.id, &gone, false)?;
        }
        let (squash, remove) = (call.params.flag("squash"), call.params.flag("remove_source_branch"));
        if squash.is_some() || remove.is_some() { act.wish_of_merge(issue.id, squash, remove) } else { Ok(()) }
    })?;
    ok(show(&call, issue.id)?)
}

/// Newest first.
pub async fn commits(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (_, pull) = call.pull(&repo, iid)?;
    let rows = call.forge.git(repo.id).log(&[&format!("{}..{}", pull.check.merge_base, pull.head_sha)], 1000).await?;
    Ok(call.page(call.look(|look| rows.iter().map(|row| look.commit(repo.id, row)).collect())))
}

async fn files(call: &Call, repo: i64, pull: &Pull) -> Result<Vec<Value>, Failure> {
    let patch = call.forge.git(repo).diff(&pull.check.merge_base, &pull.head_sha).await?;
    Ok(diff::files(&patch).iter().map(diff::FileDiff::shape).collect())
}

pub async fn diffs(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (_, pull) = call.pull(&repo, iid)?;
    Ok(call.page(files(&call, repo.id, &pull).await?))
}

/// The merge request with its diffs, as older clients ask for them.
pub async fn changes(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, pull) = call.pull(&repo, iid)?;
    let files = files(&call, repo.id, &pull).await?;
    ok(joined(show(&call, issue.id)?, json!({"changes": files, "overflow": false})))
}

/// The heads it has had, newest first; each is numbered by the event that brought it.
fn heads(look: &Look, issue: &Issue, pull: &Pull) -> Vec<Value> {
    let mut heads: Vec<(i64, String, crate::base::Time)> = vec![(pull.id, String::new(), issue.created)];
    for event in look.world.events.all().filter(|event| event.issue == issue.id) {
        if let EventKind::Pushed { before, after } = &event.kind {
            if let Some(last) = heads.last_mut() {
                last.1 = before.clone();
            }
            heads.push((event.id, after.clone(), event.at));
        }
    }
    if let Some(last) = heads.last_mut() {
        last.1 = pull.head_sha.clone();
    }
    let base = &pull.check.merge_base;
    let shape = |(id, head, at): &(i64, String, crate::base::Time)| {
        json!({
            "id": id, "head_commit_sha": head, "base_commit_sha": base, "start_commit_sha": base, "created_at": time(*at),
            "merge_request_id": pull.id, "state": "collected", "real_size": pull.check.files.to_string(), "patch_id_sha": null,
        })
    };
    heads.iter().rev().map(shape).collect()
}

pub async fn versions(Path((id, iid)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, pull) = call.pull(&repo, iid)?;
    Ok(call.page(call.look(|look| heads(look, &issue, &pull))))
}

pub async fn version(Path((id, iid, number)): Path<(String, i64, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (issue, pull) = call.pull(&repo, iid)?;
    let found = call.look(|look| heads(look, &issue, &pull).into_iter().find(|shape| shape["id"] == number));
    let shape = found.ok_or_else(|| super::web::missing(""))?;
    let head = shape["head_commit_sha"].as_str().unwrap_or_default().to_owned();
    let files = files(&call, repo.id, &Pull { head_sha: head, ..pull }).await?;
    ok(joined(shape, json!({"diffs": files})))
}
