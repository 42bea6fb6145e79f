//! The one thing that only GraphQL does: requesting changes of a merge request.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::remarks::SILENT;
use super::web::{Answer, Call, refused};
use crate::sandbox::act::NewReview;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Verdict};

/// A text argument of the query: `name: "value"`, or `name: $name` with the value among the variables.
fn argument(query: &str, variables: &Value, name: &str) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()));
    if let Some(value) = variables.get(name).or_else(|| variables.get("input")?.get(name)) {
        return text(value);
    }
    let (_, rest) = query.split_once(&format!("{name}:"))?;
    let rest = rest.trim_start().strip_prefix('"')?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

/// Knows the mutation `mergeRequestRequestChanges` and nothing else.
pub async fn answer(call: Call) -> Answer {
    let query = call.need("query")?;
    if !query.contains("mergeRequestRequestChanges") {
        return Err(refused(400, "the sandbox forge knows only the mutation mergeRequestRequestChanges"));
    }
    let variables = call.params.value("variables").cloned().unwrap_or_default();
    let (path, iid) = (argument(&query, &variables, "projectPath"), argument(&query, &variables, "iid"));
    let (path, iid) = (path.unwrap_or_default(), iid.and_then(|iid| iid.parse().ok()).unwrap_or(0));
    let done = request(&call, &path, iid);
    let errors: Vec<String> = done.err().map(|problem| problem.text).into_iter().collect();
    let result = json!({"errors": errors, "mergeRequest": {"iid": iid.to_string()}});
    Ok(Json(json!({"data": {"mergeRequestRequestChanges": result}})).into_response())
}

fn request(call: &Call, path: &str, iid: i64) -> Result<(), Problem> {
    let absent = || {
        Problem::missing(
            "The resource that you are attempting to access does not exist or you don't have permission to perform this action",
        )
    };
    let repo = call.project(path, Grant::Read).map_err(|_| absent())?;
    let (issue, _) = call.pull(&repo, iid).map_err(|_| absent())?;
    let new = NewReview { verdict: Verdict::Reject, body: SILENT.to_owned(), commit: None, lines: Vec::new() };
    call.act(|act| act.review(issue.id, new)).map(drop)
}
