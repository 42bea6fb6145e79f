//! The addresses that GitLab's objects have for people: each leads to the page of the sandbox that shows it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::sandbox::forge::Shared;
use crate::sandbox::state::Issue;

/// `/{owner}/{name}/-/issues/{iid}` and `/{owner}/{name}/-/merge_requests/{iid}`.
pub async fn thing(State(forge): State<Shared>, Path((owner, name, kind, iid)): Path<(String, String, String, i64)>) -> Response {
    let is_pull = kind == "merge_requests";
    let number = forge.read(|world| {
        let repo = world.repo_at(&owner, &name)?.id;
        let fits = |issue: &&Issue| issue.repo == repo && issue.iid == iid && issue.pull.is_some() == is_pull;
        world.issues.all().find(fits).map(|issue| issue.number)
    });
    match number {
        Some(number) => Redirect::to(&format!("/{owner}/{name}/{}/{number}", if is_pull { "pulls" } else { "issues" })).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such issue or merge request\n").into_response(),
    }
}
