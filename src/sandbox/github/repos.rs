//! Accounts, repositories, collaborators.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::web::{Answer, Body, Call, created, found, nothing, ok};
use crate::sandbox::act::no_such;
use crate::sandbox::state::{Grant, Repo};

/// The version that `X-GitHub-Enterprise-Version` and `/meta` name.
pub const VERSION: &str = "3.17.0";

pub async fn meta() -> Answer {
    ok(json!({"verifiable_password_authentication": true, "installed_version": VERSION, "packages": [], "dependabot": []}))
}

/// Shown to people only.
pub async fn me(call: Call) -> Answer {
    if call.caller.is_installation() {
        return Err(Failure::new(StatusCode::FORBIDDEN, "Resource not accessible by integration"));
    }
    let me = call.me()?;
    ok(call.show(|view| view.account(me)))
}

pub async fn user(call: Call) -> Answer {
    let shape = call.show(|view| view.world.user_named(call.part("login")).map(|user| view.account(user.id)));
    ok(found(shape)?)
}

pub async fn user_by_id(call: Call) -> Answer {
    let id = call.number("id")?;
    ok(found(call.show(|view| view.world.users.get(id).map(|user| view.account(user.id))))?)
}

pub async fn mine(call: Call) -> Answer {
    let me = call.me()?;
    let items = call.show(|view| {
        let mine = view.world.repos.all().filter(|repo| repo.owner == me || repo.grants.contains_key(&me));
        mine.map(|repo| view.repo(repo)).collect()
    });
    Ok(call.page(items))
}

/// Repositories of an account that the caller can see.
pub async fn of_owner(call: Call) -> Answer {
    let items = call.show(|view| {
        let owner = view.world.user_named(call.part("login"))?.id;
        let visible = |repo: &&Repo| repo.owner == owner && view.world.grant(repo, call.caller.user) > Grant::None;
        Some(view.world.repos.all().filter(visible).map(|repo| view.repo(repo)).collect())
    });
    Ok(call.page(found(items)?))
}

/// The repositories that an installation's token reaches.
pub async fn of_installation(call: Call) -> Answer {
    if !call.caller.is_installation() {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "You must authenticate with an installation access token in order to list repositories for an installation.",
        ));
    }
    let items = call.show(|view| view.world.repos.all().filter(|repo| call.caller.reaches(repo.id)).map(|repo| view.repo(repo)).collect());
    Ok(call.page_in("repositories", items))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewRepo {
    name: String,
    private: Option<bool>,
    auto_init: Option<bool>,
}

pub async fn create_mine(call: Call, Body(body): Body<NewRepo>) -> Answer {
    let me = call.me()?;
    let login = call.forge.read(|world| world.login(me).to_owned());
    make(&call, &login, &body).await
}

/// Who administers a repository of the owner stands for a member who may create more; an administrator of the forge may everywhere.
pub async fn create_of_org(call: Call, Body(body): Body<NewRepo>) -> Answer {
    let me = call.me()?;
    let login = call.part("login").to_owned();
    let may = call.forge.read(|world| {
        let owner = world.user_named(&login)?.id;
        let admin = world.users.get(me).is_some_and(|user| user.admin) || owner == me;
        Some(admin || world.repos.all().any(|repo| repo.owner == owner && world.grant(repo, Some(me)) >= Grant::Admin))
    });
    if !found(may)? {
        return Err(Failure::new(StatusCode::FORBIDDEN, "You need admin access to the organization before adding a repository to it."));
    }
    make(&call, &login, &body).await
}

async fn make(call: &Call, owner: &str, body: &NewRepo) -> Answer {
    if body.name.is_empty() {
        return Err(Failure::invalid("Repository", "name", "missing_field"));
    }
    if call.forge.read(|world| world.repo_at(owner, &body.name).is_some()) {
        return Err(Failure::custom("Repository", "name already exists on this account"));
    }
    let me = call.me()?;
    let id = call.forge.make_repo(owner, &body.name, body.private.unwrap_or(false), me).await?;
    super::app::reaches(call, id)?;
    if body.auto_init == Some(true) {
        let readme = [("README.md".to_owned(), format!("# {}\n", body.name))];
        call.forge.first_commit(me, id, "main", &readme, "Initial commit\n").await?;
    }
    created(show(call, id)?)
}

fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| view.world.repos.get(id).map(|repo| view.whole_repo(repo))))
}

pub async fn get(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    ok(show(&call, repo.id)?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct EditRepo {
    name: Option<String>,
    private: Option<bool>,
    archived: Option<bool>,
    default_branch: Option<String>,
}

pub async fn edit(call: Call, Body(body): Body<EditRepo>) -> Answer {
    let repo = call.repo(Grant::Admin)?;
    if body.default_branch.as_deref().is_some_and(|branch| repo.branch(branch).is_none()) {
        return Err(Failure::custom("Repository", "The default branch must exist."));
    }
    call.act(|act| {
        if let Some(name) = body.name.as_deref().filter(|name| !name.is_empty() && *name != repo.name) {
            act.rename_repo(repo.id, name)?;
        }
        if let Some(archived) = body.archived.filter(|archived| *archived != repo.archived) {
            act.archive_repo(repo.id, archived)?;
        }
        let row = act.world.repos.edit(repo.id).ok_or_else(no_such)?;
        row.private = body.private.unwrap_or(row.private);
        row.default_branch = body.default_branch.unwrap_or_else(|| row.default_branch.clone());
        Ok(())
    })?;
    ok(show(&call, repo.id)?)
}

pub async fn delete(call: Call) -> Answer {
    let repo = call.repo(Grant::Owner)?;
    call.act(|act| act.delete_repo(repo.id))?;
    nothing()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Transfer {
    new_owner: String,
}

/// Answers 202.
pub async fn transfer(call: Call, Body(body): Body<Transfer>) -> Answer {
    let repo = call.repo(Grant::Owner)?;
    call.act(|act| act.transfer_repo(repo.id, &body.new_owner))?;
    Ok((StatusCode::ACCEPTED, axum::Json(show(&call, repo.id)?)).into_response())
}

/// GitHub's word for a permission, and that of the role behind it.
fn words(grant: Grant) -> (&'static str, &'static str) {
    match grant {
        Grant::None => ("none", ""),
        Grant::Read => ("read", "read"),
        Grant::Write => ("write", "write"),
        Grant::Admin | Grant::Owner => ("admin", "admin"),
    }
}

fn with_permissions(mut shape: Value, grant: Grant) -> Value {
    shape["permissions"] = json!({
        "admin": grant >= Grant::Admin, "maintain": grant >= Grant::Admin, "push": grant >= Grant::Write, "triage": grant >= Grant::Write,
        "pull": grant >= Grant::Read,
    });
    shape["role_name"] = words(grant).1.into();
    shape
}

/// The owner and all collaborators. The bots of apps are none.
pub async fn collaborators(call: Call) -> Answer {
    let repo = call.repo(Grant::Write)?;
    let items = call.show(|view| {
        let others = repo.grants.keys().filter(|id| **id != repo.owner && !view.world.login(**id).ends_with("[bot]"));
        let people = std::iter::once(&repo.owner).chain(others);
        people.map(|id| with_permissions(view.user(*id), view.world.grant(&repo, Some(*id)))).collect()
    });
    Ok(call.page(items))
}

/// 204 for a collaborator, else 404.
pub async fn is_collaborator(call: Call) -> Answer {
    let repo = call.repo(Grant::Write)?;
    let is = |world: &crate::sandbox::world::World| {
        world.user_named(call.part("login")).is_some_and(|user| user.id == repo.owner || repo.grants.contains_key(&user.id))
    };
    if call.forge.read(is) { nothing() } else { Err(Failure::not_found()) }
}

pub async fn permission(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    call.me()?;
    let shape = call.show(|view| {
        let user = view.world.user_named(call.part("login"))?;
        let grant = view.world.grant(&repo, Some(user.id));
        let (permission, role) = words(grant);
        Some(json!({"permission": permission, "role_name": role, "user": with_permissions(view.user(user.id), grant)}))
    });
    ok(found(shape)?)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Part {
    permission: Option<String>,
}

/// 204: an invitation that is accepted at once.
pub async fn let_in(call: Call, Body(body): Body<Part>) -> Answer {
    let repo = call.repo(Grant::Admin)?;
    let grant = match body.permission.as_deref().unwrap_or("push") {
        "pull" | "read" => Grant::Read,
        "triage" | "push" | "write" => Grant::Write,
        "maintain" | "admin" => Grant::Admin,
        _ => return Err(Failure::invalid("Repository", "permission", "invalid")),
    };
    set_grant(&call, &repo, Some(grant))
}

pub async fn let_go(call: Call) -> Answer {
    let repo = call.repo(Grant::Admin)?;
    set_grant(&call, &repo, None)
}

fn set_grant(call: &Call, repo: &Repo, grant: Option<Grant>) -> Answer {
    call.forge.change(|world| {
        let user = world.user_named(call.part("login")).map(|user| user.id).ok_or_else(no_such)?;
        let grants = &mut world.repos.edit(repo.id).ok_or_else(no_such)?.grants;
        match grant {
            Some(grant) => drop(grants.insert(user, grant)),
            None => drop(grants.remove(&user)),
        }
        Ok(())
    })?;
    nothing()
}
