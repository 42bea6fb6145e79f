//! Files: read, written one by one, and many in one commit.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::params::Params;
use super::repository::resolve;
use super::web::{Answer, Call, Failure, bad, created, missing, nothing, ok, refused};
use crate::sandbox::committing::FileChange;
use crate::sandbox::git_read::Entry;
use crate::sandbox::problem::Kind;
use crate::sandbox::state::{Grant, Repo};

/// The file at the wanted commit: that commit, the entry, the bytes.
async fn read(call: &Call, repo: &Repo, path: &str, at: &str) -> Result<(String, Entry, Vec<u8>), Failure> {
    let sha = resolve(call, repo, at).await?;
    let git = call.forge.git(repo.id);
    let found = git.look(&sha, path).await.ok().and_then(|(entry, _)| entry).filter(|entry| entry.kind == "blob");
    let entry = found.ok_or_else(|| missing("File"))?;
    let bytes = git.blob(&entry.sha).await?;
    Ok((sha, entry, bytes))
}

pub async fn get(Path((id, path)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let at = call.params.some("ref").unwrap_or_else(|| repo.default_branch.clone());
    let (sha, entry, bytes) = read(&call, &repo, &path, &at).await?;
    let last = call.forge.git(repo.id).text(&["log", "-1", "--format=%H", &sha, "--", &path]).await?;
    ok(json!({
        "file_name": path.rsplit('/').next(), "file_path": path, "size": entry.size, "encoding": "base64", "content": STANDARD.encode(&bytes),
        "content_sha256": hex::encode(Sha256::digest(&bytes)), "ref": at, "blob_id": entry.sha, "commit_id": sha, "last_commit_id": last.trim(),
        "execute_filemode": entry.mode == "100755",
    }))
}

pub async fn raw(Path((id, path)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let at = call.params.some("ref").unwrap_or_else(|| repo.default_branch.clone());
    let (_, _, bytes) = read(&call, &repo, &path, &at).await?;
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

fn content(params: &Params) -> Result<Vec<u8>, Failure> {
    let text = params.text("content").unwrap_or_default();
    match params.text("encoding").as_deref() {
        Some("base64") => STANDARD.decode(text.trim()).map_err(|_| bad("content is invalid")),
        _ => Ok(text.into_bytes()),
    }
}

/// What a list of actions comes to. Files that must or must not be there already are checked on the branch.
async fn changes(call: &Call, repo: &Repo, at: &str, actions: &[Params]) -> Result<Vec<FileChange>, Failure> {
    let mut changes: Vec<FileChange> = Vec::new();
    for action in actions {
        let path = action.some("file_path").ok_or_else(|| bad("actions[file_path] is missing"))?;
        let standing = read(call, repo, &path, at).await.ok().map(|(_, _, bytes)| bytes);
        match action.text("action").unwrap_or_default().as_str() {
            "create" if standing.is_some() => return Err(refused(400, "A file with this name already exists")),
            "update" | "delete" if standing.is_none() => return Err(refused(400, "A file with this name doesn't exist")),
            "create" | "update" => changes.push((path, Some(content(action)?))),
            "delete" => changes.push((path, None)),
            "move" => {
                let from = action.some("previous_path").ok_or_else(|| bad("actions[previous_path] is missing"))?;
                let (_, _, bytes) = read(call, repo, &from, at).await?;
                changes.push((from, None));
                changes.push((path, Some(if action.has("content") { content(action)? } else { bytes })));
            }
            "chmod" => {}
            _ => return Err(bad("actions[action] does not have a valid value")),
        }
    }
    Ok(changes)
}

async fn commit(call: &Call, repo: &Repo, actions: &[Params]) -> Result<String, Failure> {
    let (branch, message) = (call.need("branch")?, call.need("commit_message")?);
    let start = call.params.some("start_branch").or_else(|| call.params.some("start_sha"));
    let at = if repo.branch(&branch).is_some() { branch.clone() } else { start.clone().unwrap_or_else(|| branch.clone()) };
    let changes = changes(call, repo, &at, actions).await?;
    let made = call.forge.commit_files(call.me()?, repo.id, (&branch, start.as_deref()), &changes, &message).await;
    made.map_err(|problem| match problem.kind {
        Kind::Missing | Kind::Conflict | Kind::Invalid => refused(400, problem.text),
        Kind::Denied => refused(403, "You are not allowed to push into this branch"),
        _ => problem.into(),
    })
}

pub async fn commit_many(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    let sha = commit(&call, &repo, &call.params.objects("actions")).await?;
    let row = call.forge.git(repo.id).commit(&sha).await?;
    created(call.look(|look| look.commit(repo.id, &row)))
}

async fn one(call: &Call, repo: &Repo, path: &str, action: &str) -> Result<(), Failure> {
    let mut fields = serde_json::Map::new();
    fields.insert("action".into(), action.into());
    fields.insert("file_path".into(), path.into());
    for name in ["content", "encoding"] {
        if let Some(value) = call.params.text(name) {
            fields.insert(name.into(), value.into());
        }
    }
    commit(call, repo, &[Params::of(fields)]).await.map(drop)
}

pub async fn create(Path((id, path)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    one(&call, &repo, &path, "create").await?;
    created(json!({"file_path": path, "branch": call.params.text("branch")}))
}

pub async fn update(Path((id, path)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    one(&call, &repo, &path, "update").await?;
    ok(json!({"file_path": path, "branch": call.params.text("branch")}))
}

pub async fn delete(Path((id, path)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    one(&call, &repo, &path, "delete").await?;
    nothing()
}
