//! Setting a repository up: web hooks, branch rules, new repositories, a first file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;

use crate::base::secret::ExposeSecret;
use crate::domain::ability::version_of;
use crate::domain::forge::*;
use crate::forge::http::pace::date;
use crate::forge::{BranchRules, ForgeError, ForgeFacts, NewFile, NewHook, RepoHook, Result};

use super::client::Call;
use super::read::odd;
use super::{GiteaForge, convert, wire};

/// What a hook subscribes to; groups stand for their parts. Servers ignore names that they do not know.
const SUBSCRIBED: &[&str] = &["create", "delete", "push", "repository", "issues", "pull_request", "status", "workflow_run"];

/// What a hook has to list afterwards, on every server.
const LISTED: &[&str] = &[
    "create",
    "delete",
    "push",
    "issues",
    "issue_label",
    "issue_comment",
    "pull_request",
    "pull_request_label",
    "pull_request_comment",
    "pull_request_sync",
    "pull_request_review_approved",
    "pull_request_review_rejected",
    "pull_request_review_comment",
];

impl GiteaForge {
    /// The refusal of a call that needs another scope names the token's own; a token with all scopes is refused for another reason or not at all.
    pub(super) async fn read_facts(&self) -> Result<ForgeFacts> {
        let answer = self.client.send(&Call::get(&["version"])).await?;
        let time = date(&answer.headers);
        let version: wire::Version = answer.json()?;
        let scopes = match self.client.send(&Call::get(&["admin", "cron"]).query("limit", "1")).await {
            Ok(_) => Some(vec!["all".to_owned()]),
            Err(ForgeError::Forbidden(text)) => scopes_in(&text),
            Err(ForgeError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(ForgeFacts { version: version.version, time, scopes, expires_at: None })
    }

    pub(super) async fn read_hook_events(&self) -> Result<Vec<&'static str>> {
        let version = self.read_version().await?;
        let mut events = LISTED.to_vec();
        // Forgejo names the Gitea whose interface it keeps after a plus sign, and has no event for commit statuses.
        if !version.contains('+') && version_of(&version).is_some_and(|minor| minor >= (1, 23)) {
            events.push("status");
        }
        Ok(events)
    }

    pub(super) async fn read_hooks(&self, repo: &RepoRef) -> Result<Vec<RepoHook>> {
        let hooks: Vec<wire::Hook> = self.client.list(repo, &Call::get(&["hooks"]), true).await?;
        Ok(hooks.into_iter().map(hook).collect())
    }

    pub(super) async fn write_hook(&self, repo: &RepoRef, new: &NewHook) -> Result<RepoHook> {
        let config = json!({"url": new.url, "content_type": "json", "secret": new.secret.expose_secret()});
        let body = json!({"type": "gitea", "config": config, "events": SUBSCRIBED, "active": true});
        let answer = self.client.on_repo(repo, &Call::new(Method::POST, &["hooks"]).json(body)).await?;
        Ok(hook(answer.json()?))
    }

    pub(super) async fn write_hook_delete(&self, repo: &RepoRef, id: i64) -> Result<()> {
        match self.client.on_repo(repo, &Call::new(Method::DELETE, &["hooks", &id.to_string()])).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write_hook_test(&self, repo: &RepoRef, id: i64) -> Result<()> {
        self.client.on_repo(repo, &Call::new(Method::POST, &["hooks", &id.to_string(), "tests"])).await.map(drop)
    }

    pub(super) async fn read_branch_rules(&self, repo: &RepoRef, branch: &str) -> Result<Option<BranchRules>> {
        let segments: Vec<&str> = std::iter::once("branches").chain(branch.split('/')).collect();
        let found: wire::RuledBranch = match self.client.on_repo(repo, &Call::get(&segments)).await {
            Ok(answer) => answer.json()?,
            Err(ForgeError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let rule = match (found.protected, found.effective_branch_protection_name) {
            (true, name) if name.is_empty() => branch.to_owned(),
            (true, name) => name,
            (false, _) => String::new(),
        };
        let (push, merge) = (found.user_can_push, found.user_can_merge);
        Ok(Some(BranchRules { rule, required_approvals: found.required_approvals, bot_may_push: push, bot_may_merge: merge, told: true }))
    }

    pub(super) async fn write_branch_rules(&self, repo: &RepoRef, branch: &str, approvals: i64) -> Result<()> {
        let body = json!({
            "rule_name": branch, "branch_name": branch, "enable_push": false, "required_approvals": approvals,
            "dismiss_stale_approvals": true, "block_on_rejected_reviews": true, "block_admin_merge_override": true,
        });
        self.client.on_repo(repo, &Call::new(Method::POST, &["branch_protections"]).json(body)).await.map(drop)
    }

    pub(super) async fn write_repo(&self, owner: &str, name: &str) -> Result<Repo> {
        let me = self.read_whoami().await?;
        let body = json!({"name": name, "private": true, "auto_init": false, "default_branch": "main"});
        let call = if me.login.eq_ignore_ascii_case(owner) {
            Call::new(Method::POST, &["user", "repos"])
        } else {
            Call::new(Method::POST, &["orgs", owner, "repos"])
        };
        convert::repo(self.client.send(&call.json(body)).await?.json()?).map_err(odd)
    }

    pub(super) async fn read_has_file(&self, repo: &RepoRef, branch: &str, path: &str) -> Result<bool> {
        let segments: Vec<&str> = std::iter::once("contents").chain(path.split('/')).collect();
        match self.client.on_repo(repo, &Call::get(&segments).query("ref", branch)).await {
            Ok(_) => Ok(true),
            Err(ForgeError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write_file(&self, repo: &RepoRef, new: &NewFile) -> Result<()> {
        let segments: Vec<&str> = std::iter::once("contents").chain(new.path.split('/')).collect();
        let body = json!({
            "content": STANDARD.encode(&new.content), "message": new.message, "branch": new.base, "new_branch": new.branch,
        });
        self.client.on_repo(repo, &Call::new(Method::POST, &segments).json(body)).await.map(drop)
    }
}

/// Servers list one word for the three kinds of reviews, in the order of a table that has none.
fn hook(mut hook: wire::Hook) -> RepoHook {
    if hook.events.iter().any(|event| event == "pull_request_review") {
        let kinds = ["approved", "rejected", "comment"].map(|kind| format!("pull_request_review_{kind}"));
        hook.events.extend(kinds);
    }
    RepoHook {
        id: hook.id,
        url: hook.config.url,
        events: hook.events,
        active: hook.active,
        json: hook.config.content_type == "json",
        branch_filter: hook.branch_filter,
    }
}

/// `… required=[read:admin], token scope=write:issue,write:repository (403 GET)`. `None`: an older server that does not name them. A refusal
/// that is not about scopes comes after the look at them, so the token has them all.
fn scopes_in(text: &str) -> Option<Vec<String>> {
    match text.split_once("token scope=") {
        Some((_, scopes)) => {
            let scopes = scopes.split(" (").next().unwrap_or(scopes);
            Some(scopes.split(',').map(|scope| scope.trim().to_owned()).filter(|scope| !scope.is_empty()).collect())
        }
        None if text.contains("required scope") => None,
        None => Some(vec!["all".to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_from_the_refusal() {
        let text =
            "token does not have at least one of required scope(s), required=[read:admin], token scope=read:user,write:issue (403 GET)";
        assert_eq!(scopes_in(text), Some(vec!["read:user".to_owned(), "write:issue".to_owned()]));
        assert_eq!(scopes_in("token does not have at least one of required scope(s): [read:admin] (403 GET)"), None);
        assert_eq!(scopes_in("user should be the site admin (403 GET)"), Some(vec!["all".to_owned()]));
    }
}
