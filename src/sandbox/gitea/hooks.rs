//! Web hooks and branch protections.

use std::collections::BTreeSet;

use axum::extract::Path;
use serde::Deserialize;
use serde_json::Value;

use super::payload;
use super::web::{Answer, Body, Call, created, nothing, ok};
use crate::base::Time;
use crate::sandbox::act::no_such;
use crate::sandbox::deliver;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Hook, Protection, Skin};
use crate::sandbox::told::{Told, What};

const OF_ISSUES: [&str; 4] = ["issues", "issue_assign", "issue_label", "issue_milestone"];
const OF_REVIEWS: [&str; 3] = ["pull_request_review_approved", "pull_request_review_rejected", "pull_request_review_comment"];
const OF_PULLS: [&str; 7] = [
    "pull_request",
    "pull_request_assign",
    "pull_request_label",
    "pull_request_milestone",
    "pull_request_comment",
    "pull_request_sync",
    "pull_request_review_request",
];

/// The precise events behind the names that callers subscribe with.
pub fn expand(names: &[String]) -> BTreeSet<String> {
    let mut events: BTreeSet<String> = BTreeSet::new();
    let mut add = |more: &[&str]| events.extend(more.iter().map(|name| (*name).to_owned()));
    for name in names {
        match name.as_str() {
            "issues" => {
                add(&OF_ISSUES);
                add(&["issue_comment"]);
            }
            "issues_only" => add(&["issues"]),
            "pull_request" => {
                add(&OF_PULLS);
                add(&OF_REVIEWS);
            }
            "pull_request_only" => add(&["pull_request"]),
            "pull_request_review" => add(&OF_REVIEWS),
            other => add(&[other]),
        }
    }
    events
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Config {
    url: Option<String>,
    content_type: Option<String>,
    secret: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct HookBody {
    r#type: String,
    config: Config,
    events: Option<Vec<String>>,
    active: Option<bool>,
    branch_filter: String,
    authorization_header: String,
}

impl HookBody {
    /// Without events: pushes only.
    fn events(&self) -> BTreeSet<String> {
        match self.events.as_deref() {
            None | Some([]) => BTreeSet::from(["push".to_owned()]),
            Some(names) => expand(names),
        }
    }
}

fn show(call: &Call, id: i64) -> Result<Value, Problem> {
    call.show(|view| view.world.hooks.get(id).map(|hook| view.hook(hook))).ok_or_else(no_such)
}

pub async fn list(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    let items = call.show(|view| {
        view.world.hooks.all().filter(|hook| hook.repo == Some(repo) && hook.skin == Skin::Gitea).map(|hook| view.hook(hook)).collect()
    });
    Ok(call.page(items))
}

pub async fn create(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<HookBody>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    if !matches!(body.r#type.as_str(), "gitea" | "gogs") {
        return Err(Problem::invalid(format!("Invalid hook type: {}", body.r#type)).into());
    }
    let url = body.config.url.clone().unwrap_or_default();
    if !matches!(reqwest::Url::parse(&url).map(|url| url.scheme().to_owned()).as_deref(), Ok("http" | "https")) {
        return Err(Problem::invalid("Invalid hook URL").into());
    }
    if body.config.content_type.as_deref() != Some("json") {
        return Err(Problem::invalid("Invalid content type: the sandbox sends json only").into());
    }
    let events = body.events();
    let hook = Hook {
        id: 0,
        repo: Some(repo),
        url,
        secret: body.config.secret,
        authorization: body.authorization_header,
        branches: body.branch_filter,
        events,
        active: body.active.unwrap_or(false),
        created: Time(0),
        updated: Time(0),
        skin: Skin::Gitea,
        form: false,
        app: None,
    };
    let id = call.act(|act| act.create_hook(Some(repo), hook))?;
    created(show(&call, id)?)
}

pub async fn get(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    call.act(|act| act.hook(repo, id).map(drop))?;
    ok(show(&call, id)?)
}

/// Replaces the events, clears branch filter and authorization; the secret cannot be changed.
pub async fn edit(call: Call, Path((owner, name, id)): Path<(String, String, i64)>, Body(body): Body<HookBody>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    let events = body.events();
    call.act(|act| act.edit_hook(repo, id, body.config.url, events, body.active))?;
    ok(show(&call, id)?)
}

pub async fn delete(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    call.act(|act| act.delete_hook(repo, id))?;
    nothing()
}

/// Sends a push that changes nothing, whatever the hook subscribes to.
pub async fn test(call: Call, Path((owner, name, id)): Path<(String, String, i64)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?;
    let me = call.me()?;
    let hook = call.act(|act| act.hook(repo.id, id).cloned())?;
    let sha = call.forge.resolve(&repo, None).await?;
    let commits = call.forge.git(repo.id).log(&[&sha], 1).await?;
    let name = format!("refs/heads/{}", repo.default_branch);
    let told = Told { repo: repo.id, actor: me, what: What::Pushed { name, before: sha.clone(), after: sha, commits, total: 1 } };
    let outgoing = call.forge.change(|world| {
        let message = payload::message(world, &call.forge.root, &told).ok_or_else(no_such)?;
        Ok(deliver::addressed(world, hook, message))
    })?;
    call.forge.deliveries.send(vec![outgoing]);
    nothing()
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Rule {
    rule_name: String,
    branch_name: String,
    enable_push: bool,
    required_approvals: i64,
    dismiss_stale_approvals: bool,
    ignore_stale_approvals: bool,
    block_on_rejected_reviews: bool,
    block_on_outdated_branch: bool,
    block_admin_merge_override: bool,
    enable_status_check: bool,
    status_check_contexts: Vec<String>,
    enable_merge_whitelist: bool,
    merge_whitelist_usernames: Vec<String>,
}

pub async fn protect(call: Call, Path((owner, name)): Path<(String, String)>, Body(body): Body<Rule>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    let rule = Protection {
        rule: if body.rule_name.is_empty() { body.branch_name } else { body.rule_name },
        allow_push: body.enable_push,
        required_approvals: body.required_approvals,
        dismiss_stale: body.dismiss_stale_approvals,
        ignore_stale: body.ignore_stale_approvals,
        block_on_rejected: body.block_on_rejected_reviews,
        block_on_outdated: body.block_on_outdated_branch,
        block_admin_override: body.block_admin_merge_override,
        status_check: body.enable_status_check,
        contexts: body.status_check_contexts,
        mergers: if body.enable_merge_whitelist { body.merge_whitelist_usernames } else { Vec::new() },
        ..Protection::default()
    };
    let id = call.act(|act| act.protect(repo, rule))?;
    created(call.show(|view| view.world.protections.get(id).map(|rule| view.protection(rule))).ok_or_else(no_such)?)
}

pub async fn protections(call: Call, Path((owner, name)): Path<(String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    ok(call.show(|view| view.world.protections.all().filter(|rule| rule.repo == repo).map(|rule| view.protection(rule)).collect()))
}

pub async fn protection(call: Call, Path((owner, name, rule)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    let shape =
        call.show(|view| view.world.protections.all().find(|row| row.repo == repo && row.rule == rule).map(|row| view.protection(row)));
    ok(shape.ok_or_else(no_such)?)
}

pub async fn unprotect(call: Call, Path((owner, name, rule)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Admin)?.id;
    call.act(|act| act.unprotect(repo, &rule))?;
    nothing()
}
