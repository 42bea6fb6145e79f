//! Branches, refs, commits, comparisons, trees.

use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::pulls::file_shape;
use super::web::{Answer, Body, Call, created, found, nothing, ok};
use crate::sandbox::git_ops::is_branch_name;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Repo};

fn branch_shape(call: &Call, repo: &Repo, name: &str, sha: &str) -> Value {
    call.show(|view| {
        let api = view.api(repo.id);
        json!({
            "name": name, "commit": {"sha": sha, "url": format!("{api}/commits/{sha}")},
            "protected": view.world.protection_of(repo.id, name).is_some(), "protection_url": format!("{api}/branches/{name}/protection"),
        })
    })
}

pub async fn branches(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let rows = repo.branches().map(|(name, sha)| branch_shape(&call, &repo, name, sha));
    let wanted = call.param("protected").map(|word| word == "true");
    Ok(call.page(rows.filter(|row| wanted.is_none_or(|wanted| row["protected"] == wanted)).collect()))
}

/// One branch, with its commit as lists of commits show it.
pub async fn branch(call: Call, name: &str) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let sha = repo.branch(name).ok_or_else(|| Failure::new(axum::http::StatusCode::NOT_FOUND, "Branch not found"))?;
    let commit = call.forge.git(repo.id).commit(sha).await?;
    let mut shape = branch_shape(&call, &repo, name, sha);
    shape["commit"] = call.show(|view| view.commit(&repo, &commit));
    ok(shape)
}

fn ref_shape(call: &Call, repo: &Repo, name: &str, sha: &str) -> Value {
    let api = call.show(|view| view.api(repo.id));
    json!({
        "ref": name, "node_id": format!("REF_{}_{name}", repo.id), "url": format!("{api}/git/{name}"),
        "object": {"sha": sha, "type": "commit", "url": format!("{api}/git/commits/{sha}")},
    })
}

/// `heads/main` as the path has it, in full.
fn full(call: &Call) -> String {
    format!("refs/{}", call.part("ref").trim_start_matches("refs/"))
}

pub async fn get_ref(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let name = full(&call);
    let sha = repo.refs.get(&name).ok_or_else(Failure::not_found)?;
    ok(ref_shape(&call, &repo, &name, sha))
}

pub async fn matching(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let start = full(&call);
    let rows = repo.refs.iter().filter(|(name, _)| name.starts_with(&start));
    Ok(call.page(rows.map(|(name, sha)| ref_shape(&call, &repo, name, sha)).collect()))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RefBody {
    r#ref: String,
    sha: String,
    force: Option<bool>,
}

fn refused(text: impl Into<String>) -> Failure {
    Failure::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, text)
}

pub async fn create_ref(call: Call, Body(body): Body<RefBody>) -> Answer {
    let repo = call.repo(Grant::Write)?;
    let me = call.me()?;
    let (kind, short) = match body.r#ref.strip_prefix("refs/").and_then(|rest| rest.split_once('/')) {
        Some((kind @ ("heads" | "tags"), short)) if is_branch_name(short) => (kind, short),
        _ => return Err(refused("Reference name is not valid")),
    };
    if repo.refs.contains_key(&body.r#ref) {
        return Err(refused("Reference already exists"));
    }
    if !call.forge.git(repo.id).exists(&body.sha).await? {
        return Err(refused("Object does not exist"));
    }
    if kind == "heads" {
        call.forge.create_branch(me, repo.id, short, Some(&body.sha)).await.map_err(|problem| match problem.kind {
            Kind::Conflict | Kind::Invalid => refused("Reference already exists"),
            _ => problem.into(),
        })?;
    } else {
        let _alone = call.forge.alone(repo.id).await;
        call.forge.git(repo.id).update_ref(&body.r#ref, Some(&body.sha), None).await?;
        call.forge.refs_changed(me, repo.id).await?;
    }
    created(ref_shape(&call, &repo, &body.r#ref, &body.sha))
}

/// Moves a ref; without `force` forward only.
pub async fn update_ref(call: Call, Body(body): Body<RefBody>) -> Answer {
    let repo = call.repo(Grant::Write)?;
    let me = call.me()?;
    let name = full(&call);
    let git = call.forge.git(repo.id);
    let _alone = call.forge.alone(repo.id).await;
    let before = repo.refs.get(&name).ok_or_else(|| refused("Reference does not exist"))?;
    if !git.exists(&body.sha).await? {
        return Err(refused("Object does not exist"));
    }
    if body.force != Some(true) && !git.is_ancestor(before, &body.sha).await? {
        return Err(refused("Update is not a fast forward"));
    }
    let branch = name.strip_prefix("refs/heads/").unwrap_or_default();
    if call.forge.read(|world| world.protection_of(repo.id, branch).is_some_and(|rule| !rule.allow_push)) {
        return Err(refused("Protected branch update failed for the reference."));
    }
    git.update_ref(&name, Some(&body.sha), Some(before)).await?;
    call.forge.refs_changed(me, repo.id).await?;
    ok(ref_shape(&call, &repo, &name, &body.sha))
}

pub async fn delete_ref(call: Call) -> Answer {
    let repo = call.repo(Grant::Write)?;
    let me = call.me()?;
    let name = full(&call);
    let sha = repo.refs.get(&name).ok_or_else(|| refused("Reference does not exist"))?;
    match name.strip_prefix("refs/heads/") {
        Some(branch) => call.forge.delete_branch(me, repo.id, branch).await.map_err(|problem: Problem| match problem.kind {
            Kind::Denied => refused("Cannot delete this branch"),
            Kind::Missing => refused("Reference does not exist"),
            _ => problem.into(),
        })?,
        None => {
            let _alone = call.forge.alone(repo.id).await;
            call.forge.git(repo.id).update_ref(&name, None, Some(sha)).await?;
            call.forge.refs_changed(me, repo.id).await?;
        }
    }
    nothing()
}

/// The commit behind a name; 422 as GitHub answers for one that is not there.
pub async fn resolve(call: &Call, repo: &Repo, name: &str) -> Result<String, Failure> {
    let short = name.strip_prefix("heads/").or_else(|| name.strip_prefix("tags/")).unwrap_or(name);
    call.forge.resolve(repo, Some(short)).await.map_err(|_| refused(format!("No commit found for SHA: {name}")))
}

pub async fn commits(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let sha = call.forge.resolve(&repo, call.param("sha")).await?;
    let since = call.moment("since")?;
    let mut rows = call.forge.git(repo.id).log(&[&sha], 2000).await?;
    let at = |date: &str| crate::base::Time::parse(date).map_or(0, crate::base::Time::seconds);
    rows.retain(|row| since.is_none_or(|since| at(&row.committer.date) >= since));
    Ok(call.page(call.show(|view| rows.iter().map(|row| view.commit(&repo, row)).collect())))
}

/// A commit with the files it touches.
pub async fn commit(call: Call, name: &str) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let sha = resolve(&call, &repo, name).await?;
    let git = call.forge.git(repo.id);
    let row = git.commit(&sha).await?;
    let files = match row.parents.first() {
        Some(parent) => git.changed(parent, &sha).await?,
        None => Vec::new(),
    };
    let (added, deleted) = files.iter().fold((0, 0), |sum, file| (sum.0 + file.additions, sum.1 + file.deletions));
    ok(call.show(|view| {
        let mut shape = view.commit(&repo, &row);
        shape["stats"] = json!({"additions": added, "deletions": deleted, "total": added + deleted});
        shape["files"] = files.iter().map(|file| file_shape(&view.api(repo.id), &view.html_of(repo.id), file, &sha)).collect();
        shape
    }))
}

pub async fn git_commit(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let row = call.forge.git(repo.id).commit(call.part("sha")).await?;
    ok(call.show(|view| {
        let mut shape = view.git_commit(&repo, &row);
        shape["sha"] = row.sha.as_str().into();
        shape["parents"] = row.parents.iter().map(|sha| json!({"sha": sha})).collect();
        shape
    }))
}

/// `base...head`.
pub async fn compare(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let (base, head) = found(call.part("ends").split_once("..."))?;
    let bare = |name: &str| name.rsplit_once(':').map_or(name, |(_, name)| name).to_owned();
    let (base, head) = (call.forge.resolve(&repo, Some(&bare(base))).await?, call.forge.resolve(&repo, Some(&bare(head))).await?);
    let git = call.forge.git(repo.id);
    let check = git.check(&base, &head).await?;
    let mut rows = git.log(&[&format!("{base}..{head}")], 250).await?;
    rows.reverse();
    let files = if check.merge_base.is_empty() { Vec::new() } else { git.changed(&check.merge_base, &head).await? };
    let (from, fork) = (git.commit(&base).await?, git.commit(if check.merge_base.is_empty() { &base } else { &check.merge_base }).await?);
    let status = match (check.ahead, check.behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    ok(call.show(|view| {
        let (api, html) = (view.api(repo.id), view.html_of(repo.id));
        json!({
            "url": format!("{api}/compare/{base}...{head}"), "html_url": format!("{html}/compare/{base}...{head}"), "status": status,
            "ahead_by": check.ahead, "behind_by": check.behind, "total_commits": check.ahead, "base_commit": view.commit(&repo, &from),
            "merge_base_commit": view.commit(&repo, &fork), "commits": rows.iter().map(|row| view.commit(&repo, row)).collect::<Vec<_>>(),
            "files": files.iter().map(|file| file_shape(&api, &html, file, &head)).collect::<Vec<_>>(),
        })
    }))
}

pub async fn tree(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let git = call.forge.git(repo.id);
    // A tree has an id of its own, but mostly it is asked for by branch or commit.
    let sha = call.forge.resolve(&repo, Some(call.part("sha"))).await.unwrap_or_else(|_| call.part("sha").to_owned());
    if !crate::sandbox::git_ops::is_hex(&sha) {
        return Err(Failure::not_found());
    }
    let rows = if call.param("recursive").is_some() { git.list_all(&sha).await } else { git.list(&sha, &[]).await };
    let rows = rows.map_err(|_| Failure::not_found())?;
    let api = call.show(|view| view.api(repo.id));
    let shape = |row: &crate::sandbox::git_read::Entry| {
        let mut shape = json!({"path": row.path, "mode": row.mode, "type": row.kind, "sha": row.sha, "url": format!("{api}/git/{}s/{}", row.kind, row.sha)});
        if row.kind == "blob" {
            shape["size"] = row.size.into();
        }
        shape
    };
    ok(json!({"sha": sha, "url": format!("{api}/git/trees/{sha}"), "tree": rows.iter().map(shape).collect::<Vec<_>>(), "truncated": false}))
}

/// The open pull requests whose head is this commit.
pub async fn pulls_of(call: Call, name: &str) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let sha = resolve(&call, &repo, name).await?;
    let items = call.show(|view| {
        let of_repo = view.world.issues.all().filter(|issue| issue.repo == repo.id);
        let headed = of_repo.filter_map(|issue| Some((issue, issue.pull.as_ref().filter(|pull| pull.head_sha == sha)?)));
        headed.map(|(issue, pull)| view.simple_pull(issue, pull)).collect()
    });
    Ok(call.page(items))
}
