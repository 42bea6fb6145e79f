//! Users, repositories, collaborators, branches.

use axum::extract::Path;
use serde::Deserialize;
use serde_json::{Value, json};

use super::web::{Answer, Body, Call, created, nothing, ok};
use crate::sandbox::act::no_such;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Repo};

pub async fn version() -> Answer {
    ok(json!({"version": "1.27.1"}))
}

pub async fn settings() -> Answer {
    ok(json!({"max_response_items": 50, "default_paging_num": 30, "default_git_trees_per_page": 1000, "default_max_blob_size": 10485760}))
}

/// For administrators of the forge.
pub async fn cron(call: Call) -> Answer {
    let me = call.me()?;
    if !call.forge.read(|world| world.users.get(me).is_some_and(|user| user.admin)) {
        return Err(Problem::denied("user should be the site admin").into());
    }
    Ok(call.page(Vec::new()))
}

pub async fn me(call: Call) -> Answer {
    let me = call.me()?;
    ok(call.show(|view| view.user(me)))
}

pub async fn user(call: Call, Path(login): Path<String>) -> Answer {
    let shape = call.show(|view| view.world.user_named(&login).map(|user| view.user(user.id)));
    ok(shape.ok_or_else(|| Problem::missing(format!("user redirect does not exist [name: {login}]")))?)
}

fn show(call: &Call, repo: &Repo) -> Value {
    call.show(|view| view.repo(repo))
}

pub async fn get(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    ok(show(&call, &repo))
}

pub async fn by_id(call: Call, Path(id): Path<i64>) -> Answer {
    let visible = |repo: &&Repo| call.forge.read(|world| world.grant(repo, call.user) > Grant::None);
    let repo = call.forge.read(|world| world.repos.get(id).cloned());
    ok(show(&call, repo.as_ref().filter(visible).ok_or_else(no_such)?))
}

pub async fn mine(call: Call) -> Answer {
    let me = call.me()?;
    let items = call.show(|view| {
        let mine = view.world.repos.all().filter(|repo| repo.owner == me || repo.grants.contains_key(&me));
        mine.map(|repo| view.repo(repo)).collect()
    });
    Ok(call.page(items))
}

pub async fn collaborators(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    Ok(call.page(call.show(|view| repo.grants.keys().map(|id| view.user(*id)).collect())))
}

/// 204 for a collaborator, else 404.
pub async fn is_collaborator(call: Call, Path((owner, name, login)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let is = call.forge.read(|world| world.user_named(&login).is_some_and(|user| repo.grants.contains_key(&user.id)));
    if is { nothing() } else { Err(no_such().into()) }
}

/// For administrators of the repository and for oneself.
pub async fn permission(call: Call, Path((owner, name, login)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let me = call.me()?;
    let (id, grant) = call.forge.read(|world| {
        let user = world.user_named(&login).ok_or_else(no_such)?;
        if user.id != me && world.grant(&repo, Some(me)) < Grant::Admin {
            return Err(Problem::denied(
                "Only admins can query all permissions, repo admins can query all repo permissions, collaborators can query only their own",
            ));
        }
        Ok((user.id, world.grant(&repo, Some(user.id))))
    })?;
    let word = match grant {
        Grant::None => "none",
        Grant::Read => "read",
        Grant::Write => "write",
        Grant::Admin => "admin",
        Grant::Owner => "owner",
    };
    ok(json!({"permission": word, "role_name": word, "user": call.show(|view| view.user(id))}))
}

fn branch_shape(call: &Call, repo: &Repo, name: &str, commit: &crate::sandbox::git_ops::CommitRow) -> Value {
    let me = call.me().ok();
    call.show(|view| {
        let me = me.map(|id| view.world.login(id).to_owned()).unwrap_or_default();
        let rule = view.world.protection_of(repo.id, name);
        json!({
            "name": name, "commit": view.payload_commit(repo, commit), "protected": rule.is_some(),
            "required_approvals": rule.map_or(0, |rule| rule.required_approvals), "enable_status_check": rule.is_some_and(|rule| rule.status_check),
            "status_check_contexts": rule.map(|rule| rule.contexts.clone()).unwrap_or_default(),
            "user_can_push": rule.is_none_or(|rule| rule.allow_push), "user_can_merge": rule.is_none_or(|rule| rule.mergers.is_empty() || rule.mergers.contains(&me)),
            "effective_branch_protection_name": rule.map(|rule| rule.rule.as_str()).unwrap_or_default(),
        })
    })
}

async fn show_branch(call: &Call, repo: &Repo, name: &str) -> Result<Value, Problem> {
    let sha = repo.branch(name).ok_or_else(|| Problem::missing(format!("branch does not exist [repo_id: {} name: {name}]", repo.id)))?;
    let commit = call.forge.git(repo.id).commit(sha).await?;
    Ok(branch_shape(call, repo, name, &commit))
}

pub async fn branches(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let mut shapes = Vec::new();
    for (name, _) in repo.branches() {
        shapes.push(show_branch(&call, &repo, name).await?);
    }
    Ok(call.page(shapes))
}

pub async fn branch(call: Call, Path((owner, name, branch)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    ok(show_branch(&call, &repo, &branch).await?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewBranch {
    new_branch_name: String,
    old_ref_name: String,
    old_branch_name: String,
}

pub async fn create_branch(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<NewBranch>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?;
    let from = if body.old_ref_name.is_empty() { body.old_branch_name } else { body.old_ref_name };
    call.forge.create_branch(call.me()?, repo.id, &body.new_branch_name, Some(&from)).await?;
    let repo = call.repo(&owner, &name, Grant::Write)?;
    created(show_branch(&call, &repo, &body.new_branch_name).await?)
}

pub async fn delete_branch(call: Call, Path((owner, name, branch)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?;
    call.forge.delete_branch(call.me()?, repo.id, &branch).await?;
    nothing()
}
