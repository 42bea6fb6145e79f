//! What only an administrator of the whole forge may do: accounts, their tokens, organisations, repositories of others.

use axum::extract::Path;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::made::{NewRepo, make};
use super::web::{Answer, Body, Call, Failure, created, nothing};
use crate::sandbox::act::no_such;
use crate::sandbox::admin::new_token;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, User};

impl Call {
    fn site_admin(&self) -> Result<i64, Problem> {
        let me = self.me()?;
        match self.forge.read(|world| world.users.get(me).is_some_and(|user| user.admin)) {
            true => Ok(me),
            false => Err(Problem::denied("user should be the site admin")),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewUser {
    username: String,
    full_name: String,
    email: String,
    password: String,
}

/// Names are shared by people and organisations.
fn make_user(call: &Call, login: &str, full_name: String) -> Result<i64, Problem> {
    crate::sandbox::admin::check_login(login)?;
    let at = call.forge.clock.now();
    call.forge.change(|world| {
        if world.user_named(login).is_some() {
            return Err(Problem::invalid(format!("user already exists [name: {login}]")));
        }
        let id = world.next_id("user");
        let user = User {
            id,
            login: login.to_owned(),
            admin: false,
            bot: false,
            token: String::new(),
            token_name: String::new(),
            full_name,
            created: at,
        };
        world.users.put(id, user);
        Ok(id)
    })
}

pub async fn new_user(call: Call, Body(body): Body<NewUser>) -> Answer {
    call.site_admin()?;
    if body.password.len() < 8 || !body.email.contains('@') {
        return Err(Problem::invalid("[Password]: MinSize, or [Email]: Email").into());
    }
    let id = make_user(&call, &body.username, body.full_name)?;
    created(call.show(|view| view.user(id)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewOrg {
    username: String,
}

pub async fn new_org(call: Call, Body(body): Body<NewOrg>) -> Answer {
    call.me()?;
    let id = make_user(&call, &body.username, String::new())?;
    created(json!({"id": id, "name": body.username, "username": body.username, "full_name": ""}))
}

/// A repository of anybody.
pub async fn repo_of(call: Call, Path(owner): Path<String>, Body(body): Body<NewRepo>) -> Answer {
    call.site_admin()?;
    make(&call, &owner, &body).await
}

/// Tokens are given to who signs in by a password: oneself, or an administrator of the forge.
fn keeper(call: &Call, headers: &HeaderMap, login: &str) -> Result<User, Failure> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).is_some_and(|value| value.starts_with("Basic "));
    let me = call.me()?;
    if !basic {
        return Err(Problem::sign_in("auth required").into());
    }
    let user = call.forge.read(|world| world.user_named(login).cloned()).ok_or_else(no_such)?;
    if user.id != me {
        call.site_admin()?;
    }
    Ok(user)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewToken {
    name: String,
    scopes: Vec<String>,
}

/// An account of the sandbox has one token at a time.
pub async fn tokens_new(call: Call, headers: HeaderMap, Path(login): Path<String>, Body(body): Body<NewToken>) -> Answer {
    let user = keeper(&call, &headers, &login)?;
    if !user.token.is_empty() && user.token_name == body.name {
        return Err(Failure::Odd(axum::http::StatusCode::BAD_REQUEST, "access token name has been used already".into()));
    }
    let token = new_token();
    let kept = User { token: token.clone(), token_name: body.name.clone(), ..user.clone() };
    call.forge.change(|world| {
        world.users.put(user.id, kept);
        Ok(())
    })?;
    call.forge.scopes.limit(user.id, body.scopes.clone());
    created(json!({"id": user.id, "name": body.name, "sha1": token, "scopes": body.scopes}))
}

pub async fn tokens_delete(call: Call, headers: HeaderMap, Path((login, name)): Path<(String, String)>) -> Answer {
    let user = keeper(&call, &headers, &login)?;
    if user.token.is_empty() || user.token_name != name {
        return Err(no_such().into());
    }
    let kept = User { token: String::new(), token_name: String::new(), ..user.clone() };
    call.forge.change(|world| {
        world.users.put(user.id, kept);
        Ok(())
    })?;
    nothing()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Part {
    permission: String,
}

pub async fn let_in(call: Call, Path((owner, name, login)): Path<(String, String, String)>, Body(body): Body<Part>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?;
    let grant = match body.permission.as_str() {
        "read" => Grant::Read,
        "write" | "" => Grant::Write,
        "admin" => Grant::Admin,
        other => return Err(Problem::invalid(format!("unknown permission {other}")).into()),
    };
    call.forge.change(|world| {
        let user =
            world.user_named(&login).map(|user| user.id).ok_or_else(|| Problem::invalid(format!("user does not exist [name: {login}]")))?;
        world.repos.edit(repo.id).ok_or_else(no_such)?.grants.insert(user, grant);
        Ok(())
    })?;
    nothing()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct FirstFiles {
    branch: String,
    message: String,
    files: Vec<FileChange>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct FileChange {
    operation: String,
    path: String,
    content: String,
}

/// Several files in one commit, here only the first commit of a repository.
pub async fn files(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<FirstFiles>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?;
    if let Some(first) = body.files.first().filter(|_| !repo.refs.is_empty()) {
        return Err(Problem::invalid(format!("repository file already exists [path: {}]", first.path)).into());
    }
    let mut files = Vec::new();
    for file in &body.files {
        let content = STANDARD.decode(&file.content).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let content = content.ok_or_else(|| Problem::invalid("content is not base64 of a text"))?;
        if file.operation != "create" {
            return Err(Problem::invalid(format!("file does not exist [path: {}]", file.path)).into());
        }
        files.push((file.path.clone(), content));
    }
    let branch = if body.branch.is_empty() { repo.default_branch.clone() } else { body.branch };
    call.forge.first_commit(call.me()?, repo.id, &branch, &files, &body.message).await?;
    created(json!({"files": files.iter().map(|(path, _)| json!({"path": path, "type": "file"})).collect::<Vec<_>>()}))
}
