//! Protection of branches, and the rules that hold for one. A rule of the forge stands for both.

use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::shapes::time;
use super::web::{Answer, Call, found, nothing, ok};
use crate::sandbox::state::{Grant, Protection, Repo};

#[derive(Deserialize)]
pub struct Checks {
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    contexts: Vec<String>,
    #[serde(default)]
    checks: Vec<Check>,
}

#[derive(Deserialize)]
pub struct Check {
    context: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Reviews {
    dismiss_stale_reviews: bool,
    require_last_push_approval: bool,
    required_approving_review_count: Option<i64>,
}

/// The four settings that have to be named, if only with null.
const NEEDED: [&str; 4] = ["required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions"];

fn not_protected() -> Failure {
    Failure::new(axum::http::StatusCode::NOT_FOUND, "Branch not protected")
}

fn rule(call: &Call, repo: &Repo, branch: &str) -> Result<Protection, Failure> {
    call.forge.read(|world| world.protection_of(repo.id, branch).cloned()).ok_or_else(not_protected)
}

fn branch(repo: &Repo, name: &str) -> Result<(), Failure> {
    match repo.branch(name) {
        Some(_) => Ok(()),
        None => Err(Failure::new(axum::http::StatusCode::NOT_FOUND, "Branch not found")),
    }
}

pub async fn get(call: Call, name: &str) -> Answer {
    let repo = call.repo(Grant::Admin)?;
    branch(&repo, name)?;
    let rule = rule(&call, &repo, name)?;
    ok(call.show(|view| view.protection(&rule, name)))
}

/// Replaces the protection of a branch.
pub async fn put(call: Call, name: &str, body: Value) -> Answer {
    let repo = call.repo(Grant::Admin)?;
    branch(&repo, name)?;
    if let Some(lacking) = NEEDED.iter().find(|field| body.get(**field).is_none()) {
        let text = format!("Invalid request.\n\n\"{lacking}\" wasn't supplied.");
        return Err(Failure::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    let unreadable = |field: &str| Failure::invalid("ProtectedBranch", field, "invalid");
    let checks: Option<Checks> = serde_json::from_value(body[NEEDED[0]].clone()).map_err(|_| unreadable(NEEDED[0]))?;
    let reviews: Option<Reviews> = serde_json::from_value(body[NEEDED[2]].clone()).map_err(|_| unreadable(NEEDED[2]))?;
    let mut new = Protection {
        rule: name.to_owned(),
        allow_push: reviews.is_none(),
        block_admin_override: body[NEEDED[1]] == true,
        status_check: checks.is_some(),
        classic: true,
        ..Protection::default()
    };
    if let Some(checks) = checks {
        new.block_on_outdated = checks.strict;
        new.contexts = checks.contexts;
        let more = checks.checks.into_iter().map(|check| check.context);
        new.contexts.extend(more);
        new.contexts.sort();
        new.contexts.dedup();
    }
    if let Some(reviews) = reviews {
        new.required_approvals = reviews.required_approving_review_count.unwrap_or(1);
        // Requested changes block as soon as a review is required.
        new.block_on_rejected = new.required_approvals > 0;
        new.dismiss_stale = reviews.dismiss_stale_reviews;
        new.ignore_stale = reviews.require_last_push_approval;
    }
    call.act(|act| {
        if act.world.protections.all().any(|rule| rule.repo == repo.id && rule.rule == name) {
            act.unprotect(repo.id, name)?;
        }
        act.protect(repo.id, new).map(drop)
    })?;
    let rule = rule(&call, &repo, name)?;
    ok(call.show(|view| view.protection(&rule, name)))
}

pub async fn delete(call: Call, name: &str) -> Answer {
    let repo = call.repo(Grant::Admin)?;
    if rule(&call, &repo, name)?.rule != name {
        return Err(not_protected());
    }
    call.act(|act| act.unprotect(repo.id, name))?;
    nothing()
}

/// The rules that hold for a branch, for everybody who may read.
pub async fn rules(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let Some(rule) = rule(&call, &repo, call.part("branch")).ok().filter(|rule| !rule.classic) else { return ok(json!([])) };
    let path = call.forge.read(|world| world.path_of(&repo));
    let one = |kind: &str, parameters: Value| {
        let mut shape = json!({"type": kind, "ruleset_source_type": "Repository", "ruleset_source": path, "ruleset_id": rule.id});
        if !parameters.is_null() {
            shape["parameters"] = parameters;
        }
        shape
    };
    let mut rules = vec![one("deletion", Value::Null), one("non_fast_forward", Value::Null)];
    if !rule.allow_push || rule.required_approvals > 0 {
        let parameters = json!({
            "required_approving_review_count": rule.required_approvals, "dismiss_stale_reviews_on_push": rule.dismiss_stale,
            "require_code_owner_review": false, "require_last_push_approval": rule.ignore_stale,
            "required_review_thread_resolution": false, "allowed_merge_methods": ["merge", "squash", "rebase"],
        });
        rules.push(one("pull_request", parameters));
    }
    if rule.status_check {
        let checks: Vec<Value> = rule.contexts.iter().map(|context| json!({"context": context})).collect();
        let parameters = json!({"strict_required_status_checks_policy": rule.block_on_outdated, "required_status_checks": checks});
        rules.push(one("required_status_checks", parameters));
    }
    Ok(call.page(rules))
}

/// One of the rules above, by number. Nobody passes it by.
pub async fn ruleset(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?;
    let id = call.number("id")?;
    let rule = found(call.forge.read(|world| world.protections.get(id).filter(|rule| rule.repo == repo.id && !rule.classic).cloned()))?;
    let path = call.forge.read(|world| world.path_of(&repo));
    ok(json!({
        "id": rule.id, "name": rule.rule, "target": "branch", "source_type": "Repository", "source": path, "enforcement": "active",
        "current_user_can_bypass": "never", "bypass_actors": [], "created_at": time(rule.created), "updated_at": time(rule.created),
    }))
}

/// `{branch}` or `{branch}/protection`, whatever slashes the name of the branch has.
pub fn split(rest: &str) -> (&str, bool) {
    rest.strip_suffix("/protection").map_or((rest, false), |branch| (branch, true))
}

/// `GET /branches/...`
pub async fn get_or_branch(call: Call) -> Answer {
    let rest = call.part("branch").to_owned();
    match split(&rest) {
        (name, true) => get(call, name).await,
        (name, false) => super::code::branch(call, name).await,
    }
}

/// `PUT /branches/.../protection`
pub async fn put_at(call: Call, super::web::Body(body): super::web::Body<Value>) -> Answer {
    let rest = call.part("branch").to_owned();
    let (name, is_protection) = split(&rest);
    found(is_protection.then_some(()))?;
    put(call, name, body).await
}

/// `DELETE /branches/.../protection`
pub async fn delete_at(call: Call) -> Answer {
    let rest = call.part("branch").to_owned();
    let (name, is_protection) = split(&rest);
    found(is_protection.then_some(()))?;
    delete(call, name).await
}
