//! `/api/graphql`: a pull request's node id and whether it is a draft, and the two mutations that change that. All else is an error in the
//! answer, as GitHub gives it with status 200.

use axum::body::to_bytes;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::patterns;
use super::pulls::set_draft;
use super::query::{self, Field};
use super::shapes::{or_null, time};
use super::web::{Answer, Call, ok};
use crate::sandbox::act::pulls::{bare_title, is_draft};
use crate::sandbox::forge::Shared;
use crate::sandbox::state::{Grant, Issue};

#[derive(Deserialize)]
pub struct Document {
    query: String,
    variables: Option<Map<String, Value>>,
}

/// An error in the answer: its kind and its sentence.
type Refusal = (&'static str, String);

fn missing(what: &str) -> Refusal {
    ("NOT_FOUND", format!("Could not resolve to a {what}."))
}

fn undefined(name: &str, on: &str) -> Refusal {
    ("undefinedField", format!("Field '{name}' doesn't exist on type '{on}'"))
}

/// Largest document.
const LARGEST: usize = 1024 * 1024;
/// Words of GitHub's schema that GitLab's lacks.
const OWN_WORDS: [&str; 5] = ["ullRequest", "repository(", "viewer", "rateLimit", "ProtectionRule"];

/// Answers what is asked at `/api/graphql` in the words of GitHub. GitLab has the same address, so that what is asked decides.
pub async fn or_next(State(forge): State<Shared>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || request.uri().path() != "/api/graphql" {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        return Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "the document is broken off or larger than 1 MiB").into_response();
    };
    let document = serde_json::from_slice::<Document>(&bytes).ok();
    let Some(document) = document.filter(|document| OWN_WORDS.iter().any(|word| document.query.contains(word))) else {
        return next.run(Request::from_parts(parts, bytes.into())).await;
    };
    match Call::from_request_parts(&mut parts, &forge).await {
        Ok(call) => answer(&call, document).into_response(),
        Err(failure) => failure.into_response(),
    }
}

fn answer(call: &Call, document: Document) -> Answer {
    call.me()?;
    let variables = document.variables.unwrap_or_default();
    let operation = match query::read(&document.query, &variables) {
        Ok(operation) => operation,
        Err(text) => return ok(json!({"errors": [{"message": text}]})),
    };
    let mut data = Map::new();
    for field in &operation.fields {
        let outcome = if operation.is_mutation { mutate(call, field) } else { ask(call, field) };
        match outcome {
            Ok(value) => data.insert(field.shown.clone(), value),
            Err((kind, text)) => {
                let error = json!({"type": kind, "path": [field.shown], "message": text, "locations": [{"line": 1, "column": 1}]});
                // What is not there is null in the data; what is no field at all leaves no data.
                let data = if kind == "undefinedField" { Value::Null } else { json!({&field.shown: null}) };
                return ok(json!({"data": data, "errors": [error]}));
            }
        };
    }
    ok(json!({"data": data}))
}

fn ask(call: &Call, field: &Field) -> Result<Value, Refusal> {
    match field.name.as_str() {
        "viewer" => {
            let me = call.caller.user.unwrap_or_default();
            let login = call.forge.read(|world| world.login(me).to_owned());
            select(&json!({"__typename": "User", "id": format!("U_{me}"), "databaseId": me, "login": login}), &field.inside)
        }
        "repository" => repository(call, field),
        "node" => match field.arguments.get("id").and_then(|id| issue_of(call, id)) {
            Some(issue) => select(&pull(call, &issue), &field.inside),
            None => Err(missing("node with the given global id")),
        },
        other => Err(undefined(other, "Query")),
    }
}

fn repository(call: &Call, field: &Field) -> Result<Value, Refusal> {
    let text = |name: &str| field.arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let (owner, name) = (text("owner"), text("name"));
    let found = call.forge.repo_for(call.caller.user, owner, name, Grant::Read).ok().filter(|repo| call.caller.reaches(repo.id));
    let repo = found.ok_or_else(|| missing(&format!("Repository with the name '{owner}/{name}'")))?;
    let path = call.forge.read(|world| world.path_of(&repo));
    let shape = json!({
        "__typename": "Repository", "id": format!("R_{}", repo.id), "databaseId": repo.id, "name": repo.name, "nameWithOwner": path,
        "isPrivate": repo.private, "isArchived": repo.archived,
    });
    let mut data = Map::new();
    for field in &field.inside {
        let value = if field.name == "pullRequest" {
            let number = field.arguments.get("number").and_then(Value::as_i64).unwrap_or_default();
            let issue = call.forge.read(|world| world.issue_at(repo.id, number).filter(|issue| issue.pull.is_some()).cloned());
            let issue = issue.ok_or_else(|| missing(&format!("PullRequest with the number of {number}")))?;
            select(&pull(call, &issue), &field.inside)?
        } else if field.name == "branchProtectionRules" {
            select(&patterns::list(call, &repo), &field.inside)?
        } else {
            select(&shape, std::slice::from_ref(field))?[&field.shown].clone()
        };
        data.insert(field.shown.clone(), value);
    }
    Ok(data.into())
}

fn mutate(call: &Call, field: &Field) -> Result<Value, Refusal> {
    if field.name == "createBranchProtectionRule" {
        let input = field.arguments.get("input").cloned().unwrap_or_default();
        let made = patterns::make(call, &input).map_err(|failure| ("FORBIDDEN", failure.sentence_of().to_owned()))?;
        return select(&made, &field.inside);
    }
    let draft = match field.name.as_str() {
        "markPullRequestReadyForReview" => false,
        "convertPullRequestToDraft" => true,
        other => return Err(undefined(other, "Mutation")),
    };
    let input = field.arguments.get("input").cloned().unwrap_or_default();
    let issue = issue_of(call, &input["pullRequestId"]);
    let issue =
        issue.ok_or_else(|| missing(&format!("node with the global id of '{}'", input["pullRequestId"].as_str().unwrap_or_default())))?;
    let forbidden = |failure: Failure| ("FORBIDDEN", failure.sentence_of().to_owned());
    set_draft(call, issue.id, draft).map_err(forbidden)?;
    let issue = call.forge.read(|world| world.issues.get(issue.id).cloned()).ok_or_else(|| missing("node"))?;
    let answer = json!({"clientMutationId": input["clientMutationId"], "pullRequest": pull(call, &issue)});
    select(&answer, &field.inside)
}

/// The pull request with this node id, if the caller may see it.
fn issue_of(call: &Call, id: &Value) -> Option<Issue> {
    let id: i64 = id.as_str()?.strip_prefix("PR_")?.parse().ok()?;
    call.forge.read(|world| {
        let issue = world.issues.get(id).filter(|issue| issue.pull.is_some())?;
        let repo = world.repos.get(issue.repo)?;
        let visible = world.grant(repo, call.caller.user) > Grant::None && call.caller.reaches(repo.id);
        visible.then(|| issue.clone())
    })
}

/// The fields that can be asked for of a pull request.
fn pull(call: &Call, issue: &Issue) -> Value {
    let Some(pull) = &issue.pull else { return Value::Null };
    let state = match (pull.merged.is_some(), issue.closed.is_some()) {
        (true, _) => "MERGED",
        (false, true) => "CLOSED",
        _ => "OPEN",
    };
    let mergeable = match (pull.busy > 0, pull.check.conflicts) {
        (true, _) => "UNKNOWN",
        (false, true) => "CONFLICTING",
        _ => "MERGEABLE",
    };
    let author = call.forge.read(|world| world.login(issue.author).to_owned());
    json!({
        "__typename": "PullRequest", "id": format!("PR_{}", issue.id), "databaseId": pull.id, "fullDatabaseId": pull.id.to_string(),
        "number": issue.number, "title": bare_title(&issue.title, true), "body": or_null(&issue.body), "isDraft": is_draft(&issue.title),
        "state": state, "merged": pull.merged.is_some(), "closed": issue.closed.is_some(), "mergeable": mergeable, "headRefOid": pull.head_sha,
        "headRefName": pull.head, "baseRefName": pull.base, "author": {"__typename": "User", "login": author},
        "createdAt": time(issue.created), "updatedAt": time(issue.updated),
    })
}

/// The fields that are asked for.
fn select(value: &Value, fields: &[Field]) -> Result<Value, Refusal> {
    let kind = value["__typename"].as_str().unwrap_or("Payload");
    if fields.is_empty() {
        return Err(("selectionMismatch", format!("Field must have selections (field returns {kind} but has no selections)")));
    }
    let mut data = Map::new();
    for field in fields {
        if let Some(on) = field.name.strip_prefix("... on ") {
            if (on == kind || on == "Node")
                && let Value::Object(more) = select(value, &field.inside)?
            {
                data.extend(more);
            }
            continue;
        }
        let found = value.get(&field.name).ok_or_else(|| undefined(&field.name, kind))?;
        let shown = match found {
            Value::Object(_) => select(found, &field.inside)?,
            Value::Array(items) if items.iter().all(Value::is_object) => {
                items.iter().map(|item| select(item, &field.inside)).collect::<Result<Vec<_>, _>>()?.into()
            }
            plain => plain.clone(),
        };
        data.insert(field.shown.clone(), shown);
    }
    Ok(data.into())
}
