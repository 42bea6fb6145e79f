//! Files: read, written and removed over the API, each change a commit.

use axum::http::header;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::web::{Answer, Body, Call, created, ok};
use crate::sandbox::git_read::Entry;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Repo};

fn shape(call: &Call, repo: &Repo, entry: &Entry, at: &str, content: Option<&[u8]>) -> Value {
    let name = entry.path.rsplit('/').next().unwrap_or_default();
    let kind = match (entry.kind.as_str(), entry.mode.as_str()) {
        ("tree", _) => "dir",
        ("commit", _) => "submodule",
        (_, "120000") => "symlink",
        _ => "file",
    };
    let (api, html) = call.show(|view| (view.api(repo.id), view.html_of(repo.id)));
    let (url, git) = (format!("{api}/contents/{}?ref={at}", entry.path), format!("{api}/git/{}s/{}", entry.kind, entry.sha));
    let page = format!("{html}/{}/{at}/{}", entry.kind, entry.path);
    let mut shape = json!({
        "name": name, "path": entry.path, "sha": entry.sha, "size": entry.size, "url": url, "html_url": page, "git_url": git,
        "download_url": if kind == "file" { Value::from(format!("{html}/raw/{at}/{}", entry.path)) } else { Value::Null }, "type": kind,
        "_links": {"self": url, "git": git, "html": page},
    });
    if let Some(content) = content {
        // With a line break every sixty characters, as GitHub has it.
        let text = STANDARD.encode(content);
        let lines: Vec<&str> = text.as_bytes().chunks(60).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        shape["content"] = (lines.join("\n") + "\n").into();
        shape["encoding"] = "base64".into();
    }
    shape
}

async fn answer(call: Call, path: &str) -> Answer {
    let repo = call.repo(Grant::Read)?;
    if repo.refs.is_empty() {
        return Err(Failure::new(axum::http::StatusCode::NOT_FOUND, "This repository is empty."));
    }
    let at = call.param("ref").unwrap_or(&repo.default_branch).to_owned();
    let name = at.strip_prefix("refs/heads/").unwrap_or(&at);
    let sha = call.forge.resolve(&repo, Some(name)).await;
    let sha = sha.map_err(|_| Failure::new(axum::http::StatusCode::NOT_FOUND, format!("No commit found for the ref {at}")))?;
    let git = call.forge.git(repo.id);
    let (entry, inside) = git.look(&sha, path).await?;
    match entry {
        Some(entry) if entry.kind == "blob" => {
            let bytes = git.blob(&entry.sha).await?;
            if call.accepts("raw") {
                return Ok(([(header::CONTENT_TYPE, "application/vnd.github.raw; charset=utf-8")], bytes).into_response());
            }
            ok(shape(&call, &repo, &entry, &at, Some(&bytes)))
        }
        _ => ok(inside.iter().map(|entry| shape(&call, &repo, entry, &at, None)).collect()),
    }
}

pub async fn top(call: Call) -> Answer {
    answer(call, "").await
}

pub async fn get(call: Call) -> Answer {
    let path = call.part("path").to_owned();
    answer(call, &path).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Change {
    message: Option<String>,
    content: Option<String>,
    sha: Option<String>,
    branch: Option<String>,
}

/// The file as it stands on the branch.
async fn standing(call: &Call, repo: &Repo, branch: &str) -> Option<Entry> {
    let sha = repo.branch(branch)?;
    call.forge.git(repo.id).look(sha, call.part("path")).await.ok()?.0
}

async fn commit(call: &Call, repo: &Repo, branch: &str, content: Option<Vec<u8>>, message: Option<String>) -> Result<Value, Failure> {
    let me = call.me()?;
    let path = call.part("path").to_owned();
    let verb = if content.is_some() { "Update" } else { "Delete" };
    let message = message.filter(|text| !text.is_empty()).unwrap_or_else(|| format!("{verb} {path}"));
    let refused = |problem: Problem| match problem.kind {
        Kind::Denied if problem.text.contains("protected") => {
            Failure::new(axum::http::StatusCode::CONFLICT, "Could not update file: Changes must be made through a pull request.")
        }
        Kind::Missing => Failure::new(axum::http::StatusCode::NOT_FOUND, format!("Branch {branch} not found")),
        _ => problem.into(),
    };
    let sha = match (repo.refs.is_empty(), &content) {
        (true, Some(bytes)) => {
            let text = String::from_utf8(bytes.clone()).map_err(|_| Failure::invalid("Blob", "content", "invalid"))?;
            call.forge.first_commit(me, repo.id, branch, &[(path, text)], &format!("{message}\n")).await?;
            call.forge.read(|world| world.repos.get(repo.id).and_then(|repo| repo.branch(branch)).map(str::to_owned)).unwrap_or_default()
        }
        _ => call.forge.commit_files(me, repo.id, (branch, None), &[(path, content)], &message).await.map_err(refused)?,
    };
    let row = call.forge.git(repo.id).commit(&sha).await?;
    let mut shape = call.show(|view| view.git_commit(repo, &row));
    shape["sha"] = sha.into();
    Ok(shape)
}

/// 201 for a new file, 200 for a new content, which needs the id of the old one.
pub async fn put(call: Call, Body(body): Body<Change>) -> Answer {
    let repo = call.repo(Grant::Write)?;
    let branch = body.branch.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| repo.default_branch.clone());
    let encoded: String = body.content.ok_or_else(|| Failure::invalid("Blob", "content", "missing_field"))?.split_whitespace().collect();
    let content =
        STANDARD.decode(encoded).map_err(|_| Failure::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "content is not valid Base64"))?;
    let old = standing(&call, &repo, &branch).await;
    match (&old, &body.sha) {
        (Some(_), None) => {
            return Err(Failure::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "Invalid request.\n\n\"sha\" wasn't supplied."));
        }
        (Some(entry), Some(sha)) if entry.sha != *sha => {
            let text = format!("{} does not match {sha}", call.part("path"));
            return Err(Failure::new(axum::http::StatusCode::CONFLICT, text));
        }
        _ => {}
    }
    let commit = commit(&call, &repo, &branch, Some(content.clone()), body.message).await?;
    let at = commit["sha"].as_str().unwrap_or_default().to_owned();
    let entry = call.forge.git(repo.id).look(&at, call.part("path")).await?.0;
    let content = entry.map(|entry| shape(&call, &repo, &entry, &branch, None));
    let answer = json!({"content": content, "commit": commit});
    if old.is_some() { ok(answer) } else { created(answer) }
}

/// Takes `sha` and the rest from the body or the query.
pub async fn delete(call: Call, Body(body): Body<Change>) -> Answer {
    let repo = call.repo(Grant::Write)?;
    let given = |field: Option<String>, name: &str| field.or_else(|| call.param(name).map(str::to_owned)).filter(|text| !text.is_empty());
    let branch = given(body.branch, "branch").unwrap_or_else(|| repo.default_branch.clone());
    let old = standing(&call, &repo, &branch).await.ok_or_else(Failure::not_found)?;
    let sha = given(body.sha, "sha");
    let sha =
        sha.ok_or_else(|| Failure::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "Invalid request.\n\n\"sha\" wasn't supplied."))?;
    if sha != old.sha {
        return Err(Failure::new(axum::http::StatusCode::CONFLICT, format!("{} does not match {sha}", call.part("path"))));
    }
    let message = given(body.message, "message");
    let commit = commit(&call, &repo, &branch, None, message).await?;
    ok(json!({"content": null, "commit": commit}))
}
