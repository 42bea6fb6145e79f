//! `PATCH` and `DELETE /repos/{owner}/{repo}`, `/transfer`, and the lists of somebody's repositories.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::web::{Answer, Body, Call, nothing, ok};
use crate::sandbox::act::no_such;
use crate::sandbox::state::Grant;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct EditRepo {
    name: Option<String>,
    private: Option<bool>,
    archived: Option<bool>,
}

pub async fn edit(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<EditRepo>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?;
    call.act(|act| {
        if let Some(name) = body.name.as_deref().filter(|name| !name.is_empty() && *name != repo.name) {
            act.rename_repo(repo.id, name)?;
        }
        let row = act.world.repos.edit(repo.id).ok_or_else(no_such)?;
        row.private = body.private.unwrap_or(row.private);
        body.archived.map_or(Ok(()), |archived| act.archive_repo(repo.id, archived))
    })?;
    let shape = call.show(|view| view.world.repos.get(repo.id).map(|repo| view.repo(repo)));
    ok(shape.ok_or_else(no_such)?)
}

/// For owners. Nobody is told: the repository's own hooks go with it.
pub async fn delete(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Owner)?;
    call.act(|act| act.delete_repo(repo.id))?;
    nothing()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Transfer {
    new_owner: String,
}

/// Answers 202.
pub async fn transfer(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<Transfer>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Owner)?;
    call.act(|act| act.transfer_repo(repo.id, &body.new_owner))?;
    let shape = call.show(|view| view.world.repos.get(repo.id).map(|repo| view.repo(repo)));
    Ok((StatusCode::ACCEPTED, axum::Json(shape.ok_or_else(no_such)?)).into_response())
}

/// Repositories of an account that the caller can see. The sandbox does not tell organisations from people.
pub async fn of_owner(call: Call, Path(owner): Path<String>) -> Answer {
    let shapes = call.show(|view| {
        let owner = view.world.user_named(&owner)?.id;
        let seen = view.world.repos.all().filter(|repo| repo.owner == owner && view.world.grant(repo, call.user) > Grant::None);
        Some(seen.map(|repo| view.repo(repo)).collect())
    });
    Ok(call.page(shapes.ok_or_else(no_such)?))
}
