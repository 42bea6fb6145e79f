//! What the forms of the pages do. All of it goes the same way as the API: same checks, same web hooks.

use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect, Response};

use super::html;
use super::session::Viewer;
use crate::sandbox::act::{IssuePatch, NewIssue, NewReview, no_such};
use crate::sandbox::flows::MergeOrder;
use crate::sandbox::git_merge::Style;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Issue, Verdict};

/// The fields of a form, in order; a name may come more than once.
type Fields = Vec<(String, String)>;

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

/// Browsers send the line ends of their text areas as CR LF.
fn text(fields: &Fields, name: &str) -> String {
    field(fields, name).replace("\r\n", "\n")
}

/// The form for a new issue.
pub async fn open_issue(viewer: Viewer, Path((owner, name)): Path<(String, String)>, Form(fields): Form<Fields>) -> Response {
    let open = || {
        let me = viewer.me()?;
        let repo = viewer.forge.repo_for(viewer.user, &owner, &name, Grant::Read)?.id;
        let new = NewIssue { title: text(&fields, "title"), body: text(&fields, "body"), ..NewIssue::default() };
        let id = viewer.forge.act(me, |act| act.open_issue(repo, new))?;
        Ok::<_, Problem>(viewer.forge.read(|world| world.issues.get(id).map_or(0, |issue| issue.number)))
    };
    match open() {
        Ok(number) => Redirect::to(&format!("/{owner}/{name}/issues/{number}")).into_response(),
        Err(problem) => html::refusal(&problem),
    }
}

/// The forms of an issue or pull request.
pub async fn act(
    viewer: Viewer,
    Path((owner, name, number, action)): Path<(String, String, i64, String)>,
    Form(fields): Form<Fields>,
) -> Response {
    match perform(&viewer, &owner, &name, number, &action, &fields).await {
        Ok(issue) => {
            let kind = if issue.pull.is_some() { "pulls" } else { "issues" };
            Redirect::to(&format!("/{owner}/{name}/{kind}/{number}")).into_response()
        }
        Err(problem) => html::refusal(&problem),
    }
}

async fn perform(viewer: &Viewer, owner: &str, name: &str, number: i64, action: &str, fields: &Fields) -> Result<Issue, Problem> {
    let me = viewer.me()?;
    let forge = &viewer.forge;
    let repo = forge.repo_for(viewer.user, owner, name, Grant::Read)?;
    let issue = forge.read(|world| world.issue_at(repo.id, number).cloned()).ok_or_else(no_such)?;
    let id = issue.id;
    match action {
        "comment" => forge.act(me, |act| act.comment(id, text(fields, "body"))).map(drop)?,
        "close" | "reopen" => forge.act(me, |act| act.edit(id, IssuePatch { closed: Some(action == "close"), ..IssuePatch::default() }))?,
        "labels" => {
            let chosen: Vec<i64> = fields.iter().filter(|(name, _)| name == "label").filter_map(|(_, id)| id.parse().ok()).collect();
            forge.act(me, |act| {
                // Added before the rest is taken off: a new label of a scope then replaces the one that was worn.
                let added: Vec<i64> = chosen.iter().filter(|label| !issue.labels.contains(label)).copied().collect();
                let kept: Vec<i64> = chosen.iter().filter(|label| issue.labels.contains(label)).copied().collect();
                act.set_labels(id, &kept, &added)
            })?;
        }
        "review" => {
            let verdict = match field(fields, "verdict") {
                "approve" => Verdict::Approve,
                "reject" => Verdict::Reject,
                _ => Verdict::Comment,
            };
            let new = NewReview { verdict, body: text(fields, "body"), commit: None, lines: Vec::new() };
            forge.act(me, |act| act.review(id, new)).map(drop)?;
        }
        "merge" => {
            let style = match field(fields, "style") {
                "squash" => Style::Squash,
                "rebase" => Style::Rebase,
                _ => Style::Merge,
            };
            let order = MergeOrder { style, title: String::new(), message: String::new(), head: None, force: false, delete_branch: false };
            forge.merge(me, id, order).await?;
        }
        _ => return Err(no_such()),
    }
    Ok(issue)
}
