//! `/repos/{owner}/{repo}/hooks`, and what was delivered to each.

use std::collections::BTreeSet;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::payload;
use super::shapes::time;
use super::sign;
use super::web::{Answer, Body, Call, created, found, nothing, ok};
use crate::base::Time;
use crate::sandbox::deliver::{self, Message};
use crate::sandbox::history::Try;
use crate::sandbox::state::{Grant, Hook, Repo, Skin};
use crate::sandbox::told::{Told, What};

/// What a hook can subscribe to.
const EVENTS: [&str; 22] = [
    "*",
    "check_run",
    "check_suite",
    "commit_comment",
    "create",
    "delete",
    "fork",
    "issue_comment",
    "issues",
    "label",
    "member",
    "milestone",
    "ping",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "release",
    "repository",
    "status",
    "workflow_run",
];
/// Deliveries can be asked for again for so long, in seconds.
const KEPT: i64 = 3 * 24 * 3600;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Config {
    url: Option<String>,
    content_type: Option<String>,
    secret: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct HookBody {
    name: Option<String>,
    config: Option<Config>,
    events: Option<Vec<String>>,
    add_events: Option<Vec<String>>,
    remove_events: Option<Vec<String>>,
    active: Option<bool>,
}

fn known(events: &[String]) -> Result<BTreeSet<String>, Failure> {
    match events.iter().find(|name| !EVENTS.contains(&name.as_str())) {
        Some(name) => Err(Failure::custom("Hook", format!("Invalid event: {name}"))),
        None => Ok(events.iter().cloned().collect()),
    }
}

impl Config {
    /// Puts address, form and secret on a hook: all of them, as GitHub replaces the whole configuration.
    fn onto(self, hook: &mut Hook) -> Result<(), Failure> {
        let url = self.url.unwrap_or_default();
        if !matches!(reqwest::Url::parse(&url).map(|url| url.scheme().to_owned()).as_deref(), Ok("http" | "https")) {
            return Err(Failure::custom("Hook", "url is missing a scheme"));
        }
        // Whoever does not ask for JSON gets a form.
        hook.form = match self.content_type.as_deref().unwrap_or("form") {
            "json" => false,
            "form" => true,
            _ => return Err(Failure::custom("Hook", "content_type must be json or form")),
        };
        (hook.url, hook.secret) = (url, self.secret.unwrap_or_default());
        Ok(())
    }
}

fn show(call: &Call, id: i64) -> Result<Value, Failure> {
    found(call.show(|view| view.world.hooks.get(id).map(|hook| view.hook(hook))))
}

fn is_own(hook: &Hook, repo: i64) -> bool {
    hook.repo == Some(repo) && hook.skin == Skin::GitHub
}

/// The hook of the path.
fn hook(call: &Call) -> Result<(Repo, Hook), Failure> {
    let repo = call.repo(Grant::Admin).map_err(hidden)?;
    let id = call.number("id")?;
    let hook = found(call.forge.read(|world| world.hooks.get(id).filter(|hook| is_own(hook, repo.id)).cloned()))?;
    Ok((repo, hook))
}

/// Who does not administer a repository is not told that it has hooks.
fn hidden(failure: Failure) -> Failure {
    if failure.is_forbidden() { Failure::not_found() } else { failure }
}

pub async fn list(call: Call) -> Answer {
    let repo = call.repo(Grant::Admin).map_err(hidden)?.id;
    Ok(call.page(call.show(|view| view.world.hooks.all().filter(|hook| is_own(hook, repo)).map(|hook| view.hook(hook)).collect())))
}

pub async fn create(call: Call, Body(body): Body<HookBody>) -> Answer {
    let repo = call.repo(Grant::Admin).map_err(hidden)?;
    let me = call.me()?;
    if body.name.as_deref().is_some_and(|name| name != "web") {
        return Err(Failure::custom("Hook", "name must be web"));
    }
    let mut new = Hook {
        id: 0,
        repo: Some(repo.id),
        url: String::new(),
        secret: String::new(),
        authorization: String::new(),
        branches: String::new(),
        events: known(&body.events.unwrap_or_else(|| vec!["push".to_owned()]))?,
        active: body.active.unwrap_or(true),
        created: Time(0),
        updated: Time(0),
        skin: Skin::GitHub,
        form: true,
        app: None,
    };
    body.config.unwrap_or_default().onto(&mut new)?;
    let same = |hook: &Hook| is_own(hook, repo.id) && hook.url == new.url && hook.events == new.events;
    if call.forge.read(|world| world.hooks.all().any(same)) {
        return Err(Failure::custom("Hook", "Hook already exists on this repository"));
    }
    let id = call.act(|act| act.create_hook(Some(repo.id), new))?;
    greet(&call, &repo, id, me)?;
    created(show(&call, id)?)
}

/// Sends a `ping`.
fn greet(call: &Call, repo: &Repo, id: i64, me: i64) -> Result<(), Failure> {
    let row = found(call.forge.read(|world| world.hooks.get(id).cloned()))?;
    let message = found(call.show(|view| payload::ping(view, &row, repo, me)))?;
    send(call, row, message)
}

fn send(call: &Call, hook: Hook, message: Message) -> Result<(), Failure> {
    let outgoing = call.forge.change(|world| Ok(deliver::addressed(world, hook, message)))?;
    call.forge.deliveries.send(vec![outgoing]);
    Ok(())
}

pub async fn get(call: Call) -> Answer {
    let (_, hook) = hook(&call)?;
    ok(show(&call, hook.id)?)
}

pub async fn edit(call: Call, Body(body): Body<HookBody>) -> Answer {
    let (_, mut row) = hook(&call)?;
    if let Some(config) = body.config {
        config.onto(&mut row)?;
    }
    if let Some(events) = &body.events {
        row.events = known(events)?;
    }
    row.events.extend(known(&body.add_events.unwrap_or_default())?);
    row.events.retain(|event| !body.remove_events.as_ref().is_some_and(|gone| gone.contains(event)));
    row.active = body.active.unwrap_or(row.active);
    row.updated = call.forge.clock.now();
    let id = row.id;
    call.act(|act| {
        act.world.hooks.put(id, row);
        Ok(())
    })?;
    ok(show(&call, id)?)
}

pub async fn delete(call: Call) -> Answer {
    let (repo, hook) = hook(&call)?;
    call.act(|act| act.delete_hook(repo.id, hook.id))?;
    nothing()
}

pub async fn ping(call: Call) -> Answer {
    let (repo, hook) = hook(&call)?;
    greet(&call, &repo, hook.id, call.me()?)?;
    nothing()
}

/// The latest push once more, for a hook that listens to pushes.
pub async fn test(call: Call) -> Answer {
    let (repo, hook) = hook(&call)?;
    let sha = call.forge.resolve(&repo, None).await?;
    let commits = call.forge.git(repo.id).log(&[&sha], 1).await?;
    let name = format!("refs/heads/{}", repo.default_branch);
    let what = What::Pushed { name, before: sha.clone(), after: sha, commits, total: 1 };
    let told = [Told { repo: repo.id, actor: call.me()?, what }];
    if hook.events.contains("push") || hook.events.contains("*") {
        let messages = call.forge.read(|world| payload::messages(world, &call.forge.root, &told[0], &told));
        for message in messages {
            send(&call, hook.clone(), message)?;
        }
    }
    nothing()
}

fn delivery(one: &Try) -> Value {
    let body: Value = payload_of(one);
    let status = match one.status {
        Some(status) if one.arrived() => {
            reqwest::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or("OK").to_owned()
        }
        Some(status) => format!("Invalid HTTP Response: {status}"),
        None => one.error.clone(),
    };
    json!({
        "id": one.outgoing.number(), "guid": one.outgoing.id, "delivered_at": time(one.at), "redelivery": one.outgoing.again,
        "duration": one.ms as f64 / 1000.0, "status": status, "status_code": one.status.unwrap_or(502), "event": one.outgoing.message.event,
        "action": body["action"], "installation_id": body["installation"]["id"], "repository_id": body["repository"]["id"], "throttled_at": null,
    })
}

/// The body as JSON, also where it was sent as a form.
fn payload_of(one: &Try) -> Value {
    let body = &one.outgoing.message.body;
    if let Ok(body) = serde_json::from_slice(body) {
        return body;
    }
    let uri = format!("http://form/?{}", String::from_utf8_lossy(body));
    let form = reqwest::Url::parse(&uri).ok();
    form.and_then(|url| url.query_pairs().find_map(|(name, value)| (name == "payload").then(|| serde_json::from_str(&value).ok())?))
        .unwrap_or_default()
}

fn tries(call: &Call, hook: i64) -> Vec<Try> {
    let oldest = call.forge.clock.now().seconds() - KEPT;
    call.forge.deliveries.history.of_hook(hook).into_iter().filter(|one| one.at.seconds() >= oldest).collect()
}

/// Newest first, in pages that a cursor leads through.
pub async fn deliveries(call: Call) -> Answer {
    let (_, hook) = hook(&call)?;
    let below = call.param("cursor").and_then(|cursor| cursor.trim_start_matches("v1_").parse::<u64>().ok());
    let mut rows = tries(&call, hook.id);
    // Two of them may end in another order than they began in.
    rows.sort_by_key(|one| std::cmp::Reverse(one.outgoing.number()));
    let failed = match call.param("status") {
        Some("failure") => Some(true),
        Some("success") => Some(false),
        _ => None,
    };
    rows.retain(|one| below.is_none_or(|below| one.outgoing.number() < below) && failed.is_none_or(|failed| one.arrived() != failed));
    let more = rows.len() > call.per_page();
    rows.truncate(call.per_page());
    let mut response = axum::Json(rows.iter().map(delivery).collect::<Vec<_>>()).into_response();
    if let Some(last) = rows.last().filter(|_| more) {
        let link = call.other("cursor", &format!("v1_{}", last.outgoing.number()), "next");
        call.link(&mut response, link);
    }
    Ok(response)
}

fn one(call: &Call) -> Result<Try, Failure> {
    let (_, hook) = hook(call)?;
    let number = call.number("delivery")?;
    found(tries(call, hook.id).into_iter().find(|one| i64::try_from(one.outgoing.number()) == Ok(number)))
}

pub async fn get_delivery(call: Call) -> Answer {
    let one = one(&call)?;
    let outgoing = &one.outgoing;
    let headers = sign::headers(&outgoing.hook, &outgoing.id, &outgoing.message);
    let headers: Value = headers.into_iter().map(|(name, value)| (name, Value::from(value))).collect::<serde_json::Map<_, _>>().into();
    let mut shape = delivery(&one);
    shape["url"] = outgoing.hook.url.as_str().into();
    shape["request"] = json!({"headers": headers, "payload": payload_of(&one)});
    shape["response"] = json!({"headers": {}, "payload": ""});
    ok(shape)
}

/// The same delivery once more, under the same id; answers 202.
pub async fn redeliver(call: Call) -> Answer {
    let old = one(&call)?;
    // The hook as it is now: its address may have been the mistake.
    let hook = found(call.forge.read(|world| world.hooks.get(old.outgoing.hook.id).cloned()))?;
    let again = call.forge.change(|world| Ok(deliver::once_more(world, hook, &old.outgoing)))?;
    call.forge.deliveries.send(vec![again]);
    Ok((StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], "{}").into_response())
}
