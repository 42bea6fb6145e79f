//! GitHub Apps: what an app says of itself, where it is installed, and the tokens of its installation.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::shapes::{View, time};
use super::web::{Answer, Body, Call, created, found, nothing, ok};
use crate::sandbox::Sandbox;
use crate::sandbox::admin::{new_token, repo_id};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{App, AppToken, Grant, Hook, Skin, User};

/// How long a token of an installation is good, in milliseconds.
const LIFE: i64 = 3600 * 1000;

impl View<'_> {
    pub fn app(&self, app: &App) -> Value {
        json!({
            "id": app.id, "node_id": format!("A_{}", app.id), "client_id": app.client_id(), "slug": app.slug, "name": app.slug,
            "owner": self.user(app.bot), "description": null, "external_url": self.root, "html_url": format!("{}/apps/{}", self.root, app.slug),
            "created_at": time(app.created), "updated_at": time(app.created), "permissions": permissions(), "events": [],
            "installations_count": 1,
        })
    }

    fn installation(&self, app: &App) -> Value {
        let owner = app.repos.first().and_then(|id| self.world.repos.get(*id)).map_or(0, |repo| repo.owner);
        let api = format!("{}/api/v3", self.root);
        json!({
            "id": app.installation(), "account": self.user(owner), "repository_selection": "selected",
            "access_tokens_url": format!("{api}/app/installations/{}/access_tokens", app.installation()),
            "repositories_url": format!("{api}/installation/repositories"), "html_url": format!("{}/settings/installations", self.root),
            "app_id": app.id, "app_slug": app.slug, "client_id": app.client_id(), "target_id": owner, "target_type": "User",
            "permissions": permissions(), "events": [], "created_at": time(app.created), "updated_at": time(app.created),
            "single_file_name": null, "suspended_at": null, "suspended_by": null,
        })
    }
}

fn permissions() -> Value {
    json!({"checks": "write", "contents": "write", "issues": "write", "metadata": "read", "pull_requests": "write", "statuses": "write"})
}

/// The app that speaks for itself.
fn speaker(call: &Call) -> Result<App, Failure> {
    let id = call.caller.app.filter(|_| !call.caller.is_installation());
    let id = id.ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "A JSON web token could not be decoded"))?;
    found(call.forge.read(|world| world.apps.get(id).cloned()))
}

pub async fn get(call: Call) -> Answer {
    let app = speaker(&call)?;
    ok(call.show(|view| view.app(&app)))
}

pub async fn installations(call: Call) -> Answer {
    let app = speaker(&call)?;
    Ok(call.page(vec![call.show(|view| view.installation(&app))]))
}

pub async fn installation(call: Call) -> Answer {
    let app = speaker(&call)?;
    if call.number("id")? != app.installation() {
        return Err(Failure::not_found());
    }
    ok(call.show(|view| view.installation(&app)))
}

/// The installation in a repository, asked for by the app.
pub async fn of_repo(call: Call) -> Answer {
    let app = speaker(&call)?;
    let at = |world: &crate::sandbox::world::World| world.repo_at(call.part("owner"), call.part("repo")).map(|repo| repo.id);
    let repo = found(call.forge.read(at))?;
    if !app.repos.contains(&repo) {
        return Err(Failure::not_found());
    }
    ok(call.show(|view| view.installation(&app)))
}

/// An installation reaches the repositories that its App made itself.
pub fn reaches(call: &Call, made: i64) -> Result<(), Failure> {
    let Some(app) = call.caller.app else { return Ok(()) };
    call.forge.change(|world| {
        if let Some(app) = world.apps.edit(app) {
            app.repos.insert(made);
        }
        Ok(())
    })?;
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    repository_ids: Option<Vec<i64>>,
    repositories: Option<Vec<String>>,
}

/// A token for an hour of the forge's clock, for all repositories of the installation or for some of them.
pub async fn token(call: Call, Body(wish): Body<Wish>) -> Answer {
    let app = speaker(&call)?;
    if call.number("id")? != app.installation() {
        return Err(Failure::not_found());
    }
    let limited = wish.repository_ids.is_some() || wish.repositories.is_some();
    let named = |id: &i64| {
        call.forge.read(|world| world.repos.get(*id).is_some_and(|repo| wish.repositories.iter().flatten().any(|name| *name == repo.name)))
    };
    let wanted = |id: &&i64| !limited || wish.repository_ids.iter().flatten().any(|wanted| wanted == *id) || named(id);
    let repos: BTreeSet<i64> = app.repos.iter().filter(wanted).copied().collect();
    let asked = wish.repository_ids.as_ref().map_or(0, Vec::len) + wish.repositories.as_ref().map_or(0, Vec::len);
    if limited && repos.len() < asked {
        let text = "There is at least one repository that does not exist or is not accessible to the parent installation.";
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    let expires = call.forge.clock.now().plus_millis(LIFE);
    let token = format!("ghs_{}", new_token());
    call.forge.change(|world| {
        let id = world.next_id("app_token");
        world.app_tokens.put(id, AppToken { id, app: app.id, token: token.clone(), repos: limited.then(|| repos.clone()), expires });
        Ok(())
    })?;
    let mut shape = json!({
        "token": token, "expires_at": time(expires), "permissions": permissions(),
        "repository_selection": if limited { "selected" } else { "all" },
    });
    if limited {
        shape["repositories"] =
            call.show(|view| repos.iter().filter_map(|id| view.world.repos.get(*id)).map(|repo| view.repo(repo)).collect());
    }
    created(shape)
}

/// Ends the token that it is called with.
pub async fn revoke(call: Call, headers: axum::http::HeaderMap) -> Answer {
    if !call.caller.is_installation() {
        return Err(Failure::new(StatusCode::FORBIDDEN, "You must authenticate with an installation access token."));
    }
    let sent = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    call.forge.change(|world| {
        let ended: Vec<i64> = world.app_tokens.all().filter(|kept| sent.ends_with(&kept.token)).map(|kept| kept.id).collect();
        ended.into_iter().for_each(|id| drop(world.app_tokens.remove(id)));
        Ok(())
    })?;
    nothing()
}

/// A GitHub App to install for a test or a demo.
#[derive(Clone, Debug)]
pub struct AppWish {
    /// The account that acts is `<slug>[bot]`.
    pub slug: String,
    /// PEM of the public key.
    pub public_key: String,
    /// `owner/name` of the repositories that it is installed in.
    pub repos: Vec<String>,
    /// Whether it may change settings, such as hooks and protections.
    pub admin: bool,
    /// The words that it signs are dated by the machine's clock, where the forge's own is another one.
    pub dates_by_machine: bool,
    /// Where it is told what happens, and the secret of that.
    pub hook: Option<(String, String)>,
}

impl Sandbox {
    /// The number of the App of this name.
    pub fn github_app(&self, slug: &str) -> Option<i64> {
        self.forge.read(|world| world.apps.all().find(|app| app.slug == slug).map(|app| app.id))
    }

    /// Makes a GitHub App, or changes the one of this name, and installs it. Returns its number.
    pub fn ensure_github_app(&self, wish: &AppWish) -> Result<i64, Problem> {
        if super::jwt::der(&wish.public_key).is_none() {
            return Err(Problem::invalid("the public key of the app is not in PEM form"));
        }
        let at = self.forge.clock.now();
        self.forge.change(|world| {
            let login = format!("{}[bot]", wish.slug);
            let repos = wish.repos.iter().map(|path| repo_id(world, path)).collect::<Result<BTreeSet<i64>, Problem>>()?;
            let bot = match world.user_named(&login).map(|user| user.id) {
                Some(id) => id,
                None => {
                    let id = world.next_id("user");
                    // With one of its own, somebody can act by its hand on the pages.
                    let (token, token_name, full_name) = (new_token(), String::new(), String::new());
                    world.users.put(id, User { id, login, admin: false, bot: true, token, token_name, full_name, created: at });
                    id
                }
            };
            for repo in &repos {
                if let Some(repo) = world.repos.edit(*repo) {
                    repo.grants.insert(bot, if wish.admin { Grant::Admin } else { Grant::Write });
                }
            }
            let known = world.apps.all().find(|app| app.slug == wish.slug).map(|app| app.id);
            let id = known.unwrap_or_else(|| world.next_id("app"));
            world.apps.put(
                id,
                App {
                    id,
                    slug: wish.slug.clone(),
                    bot,
                    public_key: wish.public_key.clone(),
                    repos,
                    created: at,
                    dates_by_machine: wish.dates_by_machine,
                },
            );
            let old: Vec<i64> = world.hooks.all().filter(|hook| hook.app == Some(id)).map(|hook| hook.id).collect();
            old.into_iter().for_each(|hook| drop(world.hooks.remove(hook)));
            if let Some((url, secret)) = wish.hook.clone() {
                let hook = world.next_id("hook");
                let (authorization, branches) = Default::default();
                let events = BTreeSet::from(["*".to_owned()]);
                let (skin, form, app) = (Skin::GitHub, false, Some(id));
                let row = Hook {
                    id: hook,
                    repo: None,
                    url,
                    secret,
                    authorization,
                    branches,
                    events,
                    active: true,
                    created: at,
                    updated: at,
                    skin,
                    form,
                    app,
                };
                world.hooks.put(hook, row);
            }
            Ok(id)
        })
    }
}
