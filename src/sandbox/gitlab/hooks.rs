//! Hooks of a project: what they are told, trying them out, and what was sent.

use std::collections::BTreeSet;

use axum::extract::Path;
use serde_json::{Map, Value, json};

use super::look::time;
use super::sign;
use super::web::{Answer, Call, Failure, bad, created, missing, nothing, ok, refused};
use crate::base::Time;
use crate::sandbox::act::no_such;
use crate::sandbox::deliver;
use crate::sandbox::state::{Grant, Hook, Skin};
use crate::sandbox::told::{Done, Told, What};

/// The flags of a hook. Only the first is on when none is named.
const EVENTS: [&str; 14] = [
    "push_events",
    "tag_push_events",
    "issues_events",
    "confidential_issues_events",
    "merge_requests_events",
    "note_events",
    "confidential_note_events",
    "pipeline_events",
    "job_events",
    "releases_events",
    "wiki_page_events",
    "deployment_events",
    "emoji_events",
    "resource_access_token_events",
];

fn shape(hook: &Hook) -> Value {
    let (plain, signing) = sign::secrets(hook);
    let mut shape = json!({
        "id": hook.id, "url": hook.url, "name": null, "description": null, "created_at": time(hook.created), "project_id": hook.repo,
        "push_events_branch_filter": hook.branches, "branch_filter_strategy": "wildcard", "enable_ssl_verification": true,
        "repository_update_events": false, "alert_status": "executable", "disabled_until": null, "url_variables": [], "custom_headers": [],
        "custom_webhook_template": "", "token_present": !plain.is_empty(), "signing_token_present": !signing.is_empty(),
    });
    for name in EVENTS {
        shape[name] = (hook.events.contains("*") || hook.events.contains(name)).into();
    }
    shape
}

fn of_repo(call: &Call, repo: i64, id: i64) -> Result<Hook, Failure> {
    let hook = call.act(|act| act.hook(repo, id).cloned())?;
    if hook.skin == Skin::GitLab { Ok(hook) } else { Err(missing("")) }
}

pub async fn list(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?.id;
    let own = |hook: &&Hook| hook.repo == Some(repo) && hook.skin == Skin::GitLab;
    Ok(call.page(call.look(|look| look.world.hooks.all().filter(own).map(shape).collect())))
}

fn events(call: &Call, before: &BTreeSet<String>) -> BTreeSet<String> {
    let was = |name: &str| before.contains("*") || before.contains(name);
    let on = |name: &&&str| call.params.flag(name).unwrap_or_else(|| was(name));
    EVENTS.iter().filter(on).map(|name| (*name).to_owned()).collect()
}

fn url(call: &Call) -> Result<String, Failure> {
    let url = call.need("url")?;
    match reqwest::Url::parse(&url).map(|url| url.scheme().to_owned()).as_deref() {
        Ok("http" | "https") => Ok(url),
        _ => Err(refused(422, "Invalid url given")),
    }
}

/// The secret text from `token` and `signing_token`, with those of before where one is not named.
fn secret(call: &Call, before: (String, String)) -> Result<String, Failure> {
    let plain = call.params.text("token").unwrap_or(before.0);
    let signing = call.params.text("signing_token").unwrap_or(before.1);
    if !signing.is_empty() && sign::key(&signing).is_none() {
        return Err(refused(422, json!({"signing_token": ["is invalid"]})));
    }
    if plain.contains(['\n', '\r']) || plain.starts_with(sign::MARK) {
        return Err(refused(422, json!({"token": ["is invalid"]})));
    }
    Ok(sign::together(&plain, &signing))
}

pub async fn create(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?.id;
    let hook = Hook {
        id: 0,
        repo: Some(repo),
        url: url(&call)?,
        secret: secret(&call, Default::default())?,
        authorization: String::new(),
        branches: call.params.text("push_events_branch_filter").unwrap_or_default(),
        events: events(&call, &BTreeSet::from(["push_events".to_owned()])),
        active: true,
        created: Time(0),
        updated: Time(0),
        skin: Skin::GitLab,
        form: false,
        app: None,
    };
    let made = call.act(|act| act.create_hook(Some(repo), hook))?;
    created(shape(&of_repo(&call, repo, made)?))
}

pub async fn get(Path((id, hook)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?.id;
    ok(shape(&of_repo(&call, repo, hook)?))
}

/// What is not named stays as it is, the secrets too.
pub async fn update(Path((id, hook)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?.id;
    let before = of_repo(&call, repo, hook)?;
    let changed = Hook {
        url: if call.params.has("url") { url(&call)? } else { before.url.clone() },
        secret: secret(&call, sign::secrets(&before))?,
        events: events(&call, &before.events),
        branches: call.params.text("push_events_branch_filter").unwrap_or_else(|| before.branches.clone()),
        updated: call.forge.clock.now(),
        ..before
    };
    call.forge.change(|world| {
        world.hooks.put(hook, changed.clone());
        Ok(())
    })?;
    ok(shape(&changed))
}

pub async fn delete(Path((id, hook)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?.id;
    of_repo(&call, repo, hook)?;
    call.act(|act| act.delete_hook(repo, hook))?;
    nothing()
}

/// Sends what the newest thing of a kind would be told by.
pub async fn test(Path((id, hook, trigger)): Path<(String, i64, String)>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?;
    let me = call.me()?;
    let hook = of_repo(&call, repo.id, hook)?;
    let what = match trigger.as_str() {
        "push_events" => {
            let sha = call.forge.resolve(&repo, None).await?;
            let commits = call.forge.git(repo.id).log(&[&sha], 1).await?;
            let name = format!("refs/heads/{}", repo.default_branch);
            Some(What::Pushed { name, before: sha.clone(), after: sha, commits, total: 1 })
        }
        "issues_events" | "merge_requests_events" => call.forge.read(|world| {
            let fits =
                |issue: &&crate::sandbox::state::Issue| issue.repo == repo.id && issue.pull.is_some() == (trigger != "issues_events");
            world.issues.all().rev().find(fits).map(|issue| What::Opened { issue: issue.id })
        }),
        "note_events" => call.forge.read(|world| {
            let here =
                |comment: &&crate::sandbox::state::Comment| world.issues.get(comment.issue).is_some_and(|issue| issue.repo == repo.id);
            let comment = world.comments.all().rev().find(here)?;
            Some(What::Commented { done: Done::Created, comment: Box::new(comment.clone()), body_from: None })
        }),
        _ => return Err(bad("trigger does not have a valid value")),
    };
    let what = what.ok_or_else(|| refused(422, format!("Ensure the project has {}.", trigger.replace("_events", "").replace('_', " "))))?;
    let told = Told { repo: repo.id, actor: me, what };
    let outgoing = call.forge.change(|world| {
        let messages = super::payload::messages(world, &call.forge.root, &told, std::slice::from_ref(&told));
        let message = messages.into_iter().next().ok_or_else(no_such)?;
        Ok(deliver::addressed(world, hook, message))
    })?;
    call.forge.deliveries.send(vec![outgoing]);
    created(json!({"message": "201 Created"}))
}

/// What was sent to the hook, newest first.
pub async fn sent(Path((id, hook)): Path<(String, i64)>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?.id;
    of_repo(&call, repo, hook)?;
    let wanted = call.params.some("status");
    let mut shapes = Vec::new();
    for (one, status) in call.forge.deliveries.sent_to(hook).iter().rev() {
        let word = status.map_or_else(|| "internal error".to_owned(), |status| status.to_string());
        let group = match status {
            Some(200..=299) => "successful",
            Some(400..=499) => "client_failure",
            Some(500..=599) => "server_failure",
            _ => "internal error",
        };
        if wanted.as_ref().is_some_and(|wanted| *wanted != word && *wanted != group) {
            continue;
        }
        let headers: Map<String, Value> = sign::headers(&one.hook, &one.id, &one.message, call.forge.clock.now(), &call.forge.root)
            .into_iter()
            .filter(|(name, _)| name != "X-Gitlab-Token")
            .map(|(name, value)| (name, value.into()))
            .collect();
        let body: Value = serde_json::from_slice(&one.message.body).unwrap_or_default();
        shapes.push(json!({
            "id": one.number(), "url": one.hook.url, "trigger": one.message.event_type.replace("_events", "_hooks"), "request_headers": headers,
            "request_data": body, "response_headers": {}, "response_body": "", "execution_duration": 0.1, "response_status": word,
        }));
    }
    Ok(call.page(shapes))
}

/// Sends it once more under the same key, and waits for the answer.
pub async fn resend(Path((id, hook, event)): Path<(String, i64, u64)>, call: Call) -> Answer {
    let repo = call.settings(&id, Grant::Admin)?.id;
    of_repo(&call, repo, hook)?;
    let found = |call: &Call| call.forge.deliveries.sent_to(hook).into_iter().rev().find(|(one, _)| one.number() == event);
    let (one, _) = found(&call).ok_or_else(|| missing(""))?;
    call.forge.deliveries.send(vec![one]);
    call.forge.deliveries.settled().await;
    let status = found(&call).and_then(|(_, status)| status);
    created(json!({"response_status": status.map_or_else(|| Value::from("internal error"), Value::from)}))
}
