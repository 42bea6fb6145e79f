//! Repositories and files that are made over the interface.

use axum::extract::Path;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::web::{Answer, Body, Call, created};
use crate::sandbox::act::no_such;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::Grant;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewRepo {
    name: String,
    private: bool,
}

/// A repository of one's own, empty.
pub async fn mine(call: Call, Body(body): Body<NewRepo>) -> Answer {
    let me = call.me()?;
    let login = call.forge.read(|world| world.login(me).to_owned());
    make(&call, &login, &body).await
}

/// A repository of an organisation. Who administers one of its repositories stands for a member who may create more; an administrator of the forge
/// may everywhere.
pub async fn of_org(call: Call, Path(owner): Path<String>, Body(body): Body<NewRepo>) -> Answer {
    let me = call.me()?;
    let may = call.forge.read(|world| {
        let owner = world.user_named(&owner).map(|user| user.id).ok_or_else(no_such)?;
        if world.users.get(me).is_some_and(|user| user.admin) {
            return Ok(true);
        }
        Ok::<bool, Problem>(world.repos.all().any(|repo| repo.owner == owner && world.grant(repo, Some(me)) >= Grant::Admin))
    })?;
    if !may {
        return Err(Problem::denied("Given user is not allowed to create repository in organization.").into());
    }
    make(&call, &owner, &body).await
}

pub(super) async fn make(call: &Call, owner: &str, body: &NewRepo) -> Answer {
    if call.forge.read(|world| world.repo_at(owner, &body.name).is_some()) {
        return Err(Problem::conflict("The repository with the same name already exists.").into());
    }
    let id = call.forge.make_repo(owner, &body.name, body.private, call.me()?).await?;
    let repo = call.forge.read(|world| world.repos.get(id).cloned()).ok_or_else(no_such)?;
    created(call.show(|view| view.repo(&repo)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewFile {
    content: String,
    message: String,
    branch: String,
    new_branch: String,
}

/// Adds a file in a commit of its own, on a new branch if one is named. A file that is there already is refused.
pub async fn file(call: Call, Path((owner, name, path)): Path<(String, String, String)>, Body(body): Body<NewFile>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?;
    let base = if body.branch.is_empty() { repo.default_branch.clone() } else { body.branch };
    let content = STANDARD.decode(&body.content).map_err(|_| Problem::invalid("content is not base64"))?;
    let sha = call.forge.resolve(&repo, Some(&base)).await?;
    if call.forge.git(repo.id).look(&sha, &path).await.is_ok_and(|(entry, _)| entry.is_some()) {
        return Err(Problem::invalid(format!("repository file already exists [path: {path}]")).into());
    }
    let target = if body.new_branch.is_empty() { base } else { body.new_branch };
    call.forge.add_file(call.me()?, repo.id, (&sha, &target), (&path, &content), &body.message).await?;
    created(json!({"content": {"path": path, "type": "file"}, "commit": {"message": body.message}}))
}
