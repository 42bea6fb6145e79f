//! Protections by a pattern, which GraphQL alone lists and makes.

use serde_json::{Value, json};

use super::failure::Failure;
use super::web::Call;
use crate::sandbox::act::no_such;
use crate::sandbox::state::{Grant, Protection, Repo};

/// What administrators are shown; others see none.
pub fn list(call: &Call, repo: &Repo) -> Value {
    let nodes: Vec<Value> = call.forge.read(|world| {
        let told = world.grant(repo, call.caller.user) >= Grant::Admin;
        world.protections.all().filter(|rule| told && rule.repo == repo.id && rule.classic).map(shape).collect()
    });
    json!({"__typename": "BranchProtectionRuleConnection", "totalCount": nodes.len(), "nodes": nodes})
}

fn shape(rule: &Protection) -> Value {
    json!({
        "__typename": "BranchProtectionRule", "id": format!("BPR_{}", rule.id), "databaseId": rule.id, "pattern": rule.rule,
        "isAdminEnforced": rule.block_admin_override, "requiresApprovingReviews": !rule.allow_push,
        "requiredApprovingReviewCount": rule.required_approvals, "requiresStatusChecks": rule.status_check, "restrictsPushes": false,
        "lockBranch": false, "blocksCreations": false,
        "pushAllowances": {"__typename": "PushAllowanceConnection", "totalCount": 0, "nodes": []},
    })
}

/// `createBranchProtectionRule`
pub fn make(call: &Call, input: &Value) -> Result<Value, Failure> {
    let id = input["repositoryId"].as_str().and_then(|id| id.strip_prefix("R_")?.parse::<i64>().ok()).unwrap_or_default();
    let flag = |name: &str| input[name] == true;
    let rule = Protection {
        rule: input["pattern"].as_str().unwrap_or_default().to_owned(),
        allow_push: !flag("requiresApprovingReviews"),
        required_approvals: input["requiredApprovingReviewCount"].as_i64().unwrap_or(0),
        status_check: flag("requiresStatusChecks"),
        block_admin_override: flag("isAdminEnforced"),
        classic: true,
        ..Protection::default()
    };
    let made = call.act(|act| act.protect(id, rule))?;
    let shape = call.forge.read(|world| world.protections.get(made).map(shape)).ok_or_else(no_such)?;
    Ok(
        json!({"__typename": "CreateBranchProtectionRulePayload", "clientMutationId": input["clientMutationId"], "branchProtectionRule": shape}),
    )
}
