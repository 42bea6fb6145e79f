//! Files, trees and commits, read only.

use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::web::{Answer, Call, ok};
use crate::sandbox::git_read::Entry;
use crate::sandbox::state::Grant;

fn shape(root: &str, entry: &Entry, at: &str, content: Option<&[u8]>) -> Value {
    let name = entry.path.rsplit('/').next().unwrap_or_default();
    let kind = match (entry.kind.as_str(), entry.mode.as_str()) {
        ("tree", _) => "dir",
        ("commit", _) => "submodule",
        (_, "120000") => "symlink",
        _ => "file",
    };
    json!({
        "name": name, "path": entry.path, "sha": entry.sha, "last_commit_sha": at, "type": kind, "size": entry.size,
        "encoding": content.map(|_| "base64"), "content": content.map(|bytes| STANDARD.encode(bytes)), "target": null,
        "url": format!("{root}/contents/{}?ref={at}", entry.path), "git_url": format!("{root}/git/blobs/{}", entry.sha),
        "download_url": format!("{root}/raw/{}?ref={at}", entry.path), "submodule_git_url": null,
    })
}

async fn answer(call: Call, owner: &str, name: &str, path: &str) -> Answer {
    let repo = call.repo(owner, name, Grant::Read)?;
    let sha = call.forge.resolve(&repo, call.param("ref")).await?;
    let git = call.forge.git(repo.id);
    let root = format!("{}/api/v1/repos/{owner}/{name}", call.forge.root);
    let (entry, inside) = git.look(&sha, path).await?;
    match entry {
        Some(entry) if entry.kind == "blob" => {
            let bytes = git.blob(&entry.sha).await?;
            ok(shape(&root, &entry, &sha, Some(&bytes)))
        }
        _ => ok(inside.iter().map(|entry| shape(&root, entry, &sha, None)).collect()),
    }
}

pub async fn top(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    answer(call, &owner, &name, "").await
}

pub async fn get(call: Call, Path((owner, name, path)): Path<(String, String, String)>) -> Answer {
    answer(call, &owner, &name, &path).await
}

pub async fn raw(call: Call, Path((owner, name, path)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let sha = call.forge.resolve(&repo, call.param("ref")).await?;
    let git = call.forge.git(repo.id);
    let entry = git.look(&sha, &path).await?.0.filter(|entry| entry.kind == "blob").ok_or_else(crate::sandbox::act::no_such)?;
    let bytes = git.blob(&entry.sha).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, bytes).into_response())
}

pub async fn tree(call: Call, Path((owner, name, wanted)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let sha = call.forge.resolve(&repo, Some(&wanted)).await?;
    let git = call.forge.git(repo.id);
    let all = matches!(call.param("recursive"), Some("true" | "1"));
    let entries = if all { git.list_all(&sha).await? } else { git.list(&sha, &[]).await? };
    let shapes: Vec<Value> = entries
        .iter()
        .map(|entry| json!({"path": entry.path, "mode": entry.mode, "type": entry.kind, "size": entry.size, "sha": entry.sha}))
        .collect();
    ok(json!({"sha": sha, "url": "", "total_count": shapes.len(), "page": 1, "truncated": false, "tree": shapes}))
}

pub async fn commit(call: Call, Path((owner, name, wanted)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let sha = call.forge.resolve(&repo, Some(&wanted)).await?;
    let row = call.forge.git(repo.id).commit(&sha).await?;
    ok(call.show(|view| view.commit(&repo, &row)))
}

pub async fn commits(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let sha = call.forge.resolve(&repo, call.param("sha")).await?;
    let rows = call.forge.git(repo.id).log(&[&sha], 2000).await?;
    Ok(call.page(call.show(|view| rows.iter().map(|row| view.commit(&repo, row)).collect())))
}
