//! Who is asked and where: versions, people, projects and their members.

use axum::extract::Path;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::look::{Look, joined, level, membership, time};
use super::web::{Answer, Call, Failure, bad, created, missing, nothing, ok, refused};
use crate::sandbox::act::no_such;
use crate::sandbox::fate;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Repo};

/// The version that the sandbox speaks.
const VERSION: &str = "18.5.0-ee";

pub async fn version(call: Call) -> Answer {
    call.me()?;
    ok(json!({"version": VERSION, "revision": "5a4d0f2c3b1"}))
}

pub async fn metadata(call: Call) -> Answer {
    call.me()?;
    let kas = json!({"enabled": false, "externalUrl": null, "externalK8sProxyUrl": null, "version": null});
    ok(json!({"version": VERSION, "revision": "5a4d0f2c3b1", "kas": kas, "enterprise": true}))
}

pub async fn me(call: Call) -> Answer {
    let me = call.me()?;
    ok(call.look(|look| {
        let user = look.world.users.get(me);
        let email = user.map(|user| user.email());
        let more = json!({
            "email": email, "commit_email": email, "is_admin": user.is_some_and(|user| user.admin), "can_create_project": true,
            "can_create_group": false, "two_factor_enabled": false, "external": false, "private_profile": false, "namespace_id": me,
            "confirmed_at": user.map(|user| time(user.created)), "identities": [],
        });
        joined(look.user_whole(me), more)
    }))
}

pub async fn users(call: Call) -> Answer {
    let (name, search) = (call.params.some("username"), call.params.some("search"));
    let shapes = call.look(|look| {
        let fits = |login: &str| {
            let same = name.as_ref().is_none_or(|name| login.eq_ignore_ascii_case(name));
            same && search.as_ref().is_none_or(|text| login.to_lowercase().contains(&text.to_lowercase()))
        };
        look.world.users.all().filter(|user| fits(&user.login)).map(|user| look.user(user.id)).collect()
    });
    Ok(call.page(shapes))
}

pub async fn user(Path(id): Path<i64>, call: Call) -> Answer {
    let shape = call.look(|look| look.world.users.get(id).map(|user| look.user_whole(user.id)));
    ok(shape.ok_or_else(|| missing("User"))?)
}

/// The token that asks. Its scopes and its last day can be set from Rust.
pub async fn token(call: Call) -> Answer {
    let me = call.me()?;
    let scopes = call.forge.scopes.of(me).unwrap_or_else(|| vec!["api".to_owned()]);
    ok(call.look(|look| {
        let user = look.world.users.get(me);
        json!({
            "id": me, "name": user.map_or("", |user| user.token_name.as_str()), "revoked": false, "created_at": user.map(|user| time(user.created)),
            "description": "", "scopes": scopes, "user_id": me, "last_used_at": time(call.forge.clock.now()), "active": true,
            "expires_at": call.forge.scopes.end_of(me),
        })
    }))
}

fn listed(call: &Call, test: impl Fn(&Look, &Repo) -> bool) -> Answer {
    let search = call.params.some("search").map(|text| text.to_lowercase());
    let archived = call.params.flag("archived");
    let shapes = call.look(|look| {
        let seen = |repo: &&Repo| {
            look.world.grant(repo, call.user) > Grant::None
                && archived.is_none_or(|archived| repo.archived == archived)
                && search.as_ref().is_none_or(|text| repo.name.to_lowercase().contains(text))
                && test(look, repo)
        };
        look.world.repos.all().rev().filter(seen).map(|repo| look.project(repo)).collect()
    });
    Ok(call.page(shapes))
}

pub async fn list(call: Call) -> Answer {
    let own = call.params.flag("membership").unwrap_or(false) || call.params.flag("owned").unwrap_or(false);
    let least = call.params.number("min_access_level").unwrap_or(0);
    listed(&call, |_, repo| {
        let mine = call.user.and_then(|user| membership(repo, user));
        (!own && least == 0) || mine.is_some_and(|grant| level(grant) >= least)
    })
}

/// Projects of a group or of a user, by number or name.
pub async fn of_owner(Path(id): Path<String>, call: Call) -> Answer {
    let owner = call.forge.read(|world| {
        let by_id = id.parse().ok().and_then(|id: i64| world.users.get(id));
        by_id.or_else(|| world.user_named(&id)).map(|user| user.id)
    });
    let owner = owner.ok_or_else(|| missing("Group"))?;
    listed(&call, |_, repo| repo.owner == owner)
}

fn show(call: &Call, repo: i64) -> Answer {
    ok(call.look(|look| look.world.repos.get(repo).map(|repo| look.project(repo))).ok_or_else(no_such)?)
}

pub async fn get(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    show(&call, repo.id)
}

/// Settings, and a new path, after which the former one leads here on the web.
pub async fn update(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?;
    if let Some(branch) = call.params.some("default_branch") {
        repo.branch(&branch).ok_or_else(|| refused(400, format!("Could not change HEAD: branch '{branch}' does not exist")))?;
        call.forge.git(repo.id).set_head(&branch).await?;
    }
    call.forge.change(|world| {
        if let Some(path) = call.params.some("path").filter(|path| *path != repo.name) {
            fate::rename(world, repo.id, &path)?;
        }
        let row = world.repos.edit(repo.id).ok_or_else(no_such)?;
        row.default_branch = call.params.some("default_branch").unwrap_or_else(|| row.default_branch.clone());
        row.lab.merge_method = call.params.some("merge_method").unwrap_or_else(|| row.lab.merge_method.clone());
        row.lab.squash_option = call.params.some("squash_option").unwrap_or_else(|| row.lab.squash_option.clone());
        row.private = call.params.some("visibility").map_or(row.private, |word| word == "private");
        Ok(())
    })?;
    show(&call, repo.id)
}

pub async fn delete(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Owner)?;
    call.forge.change(|world| fate::delete(world, repo.id))?;
    Ok((axum::http::StatusCode::ACCEPTED, axum::Json(json!({"message": "202 Accepted"}))).into_response())
}

async fn set_archived(id: &str, call: Call, archived: bool) -> Answer {
    let repo = call.settings(id, Grant::Owner)?;
    call.forge.change(|world| {
        world.repos.edit(repo.id).ok_or_else(no_such)?.archived = archived;
        Ok(())
    })?;
    created(call.look(|look| look.world.repos.get(repo.id).map(|repo| look.project(repo))).ok_or_else(no_such)?)
}

pub async fn archive(Path(id): Path<String>, call: Call) -> Answer {
    set_archived(&id, call, true).await
}

pub async fn unarchive(Path(id): Path<String>, call: Call) -> Answer {
    set_archived(&id, call, false).await
}

/// To another namespace.
pub async fn transfer(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Owner)?;
    let namespace = call.need("namespace")?;
    call.forge.change(|world| {
        let by_id = namespace.parse().ok().and_then(|id: i64| world.users.get(id)).map(|user| user.login.clone());
        fate::transfer(world, repo.id, &by_id.unwrap_or(namespace))
    })?;
    show(&call, repo.id)
}

fn member(look: &Look, user: i64, grant: Grant) -> Value {
    let more = json!({
        "access_level": level(grant), "created_at": time(crate::base::Time(0)), "expires_at": null, "membership_state": "active",
    });
    joined(look.user(user), more)
}

pub async fn members(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let owner = (repo.owner, Grant::Owner);
    let others = repo.grants.iter().map(|(user, grant)| (*user, *grant)).filter(|(user, _)| *user != repo.owner);
    let shapes = call.look(|look| std::iter::once(owner).chain(others).map(|(user, grant)| member(look, user, grant)).collect());
    Ok(call.page(shapes))
}

pub async fn member_of(Path((id, user)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let grant = membership(&repo, user).ok_or_else(|| missing(""))?;
    ok(call.look(|look| member(look, user, grant)))
}

/// The permission for a number; below 30 there is only reading.
fn grant_of(level: i64) -> Result<Grant, Failure> {
    match level {
        10 | 15 | 20 => Ok(Grant::Read),
        30 => Ok(Grant::Write),
        40 | 50 => Ok(Grant::Admin),
        _ => Err(bad("access_level does not have a valid value")),
    }
}

fn set_member(call: &Call, repo: &Repo, user: i64, grant: Option<Grant>) -> Result<(), Problem> {
    call.forge.change(|world| {
        world.users.get(user).ok_or_else(|| Problem::missing("there is no such user"))?;
        let grants = &mut world.repos.edit(repo.id).ok_or_else(no_such)?.grants;
        match grant {
            Some(grant) => drop(grants.insert(user, grant)),
            None => drop(grants.remove(&user)),
        }
        Ok(())
    })
}

pub async fn let_in(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?;
    let user = call.params.number("user_id").ok_or_else(|| bad("user_id is missing"))?;
    if membership(&repo, user).is_some() {
        return Err(refused(409, "Member already exists"));
    }
    let grant = grant_of(call.params.number("access_level").unwrap_or(0))?;
    set_member(&call, &repo, user, Some(grant))?;
    created(call.look(|look| member(look, user, grant)))
}

pub async fn change_member(Path((id, user)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?;
    membership(&repo, user).ok_or_else(|| missing(""))?;
    let grant = grant_of(call.params.number("access_level").unwrap_or(0))?;
    set_member(&call, &repo, user, Some(grant))?;
    ok(call.look(|look| member(look, user, grant)))
}

pub async fn let_out(Path((id, user)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?;
    membership(&repo, user).ok_or_else(|| missing(""))?;
    set_member(&call, &repo, user, None)?;
    nothing()
}
