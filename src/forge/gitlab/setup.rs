//! Setting a project up: what the server says about itself, web hooks, new projects, a first file.

use reqwest::Method;
use serde_json::json;

use crate::base::Time;
use crate::base::secret::ExposeSecret;
use crate::domain::forge::*;
use crate::forge::http::pace::date;
use crate::forge::{ForgeError, ForgeFacts, NewFile, NewHook, RepoHook, Result};

use super::client::Call;
use super::read::odd;
use super::{GitLabForge, convert, wire};

/// What a hook has to send, on every server.
pub(super) const LISTED: &[&str] = &["push", "issues", "merge_requests", "note", "pipeline"];

impl GitLabForge {
    pub(super) async fn read_facts(&self) -> Result<ForgeFacts> {
        let answer = self.client.send(&Call::get(&["version"])).await?;
        let time = date(&answer.headers);
        let version: wire::ServerVersion = answer.json()?;
        // Only tokens that belong to an account are described; OAuth tokens are not.
        let token: Option<wire::Token> = match self.client.send(&Call::get(&["personal_access_tokens", "self"])).await {
            Ok(answer) => Some(answer.json()?),
            Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_) | ForgeError::Unauthorized(_)) => None,
            Err(error) => return Err(error),
        };
        let expires_at = token.as_ref().and_then(|token| expiry(&token.expires_at));
        Ok(ForgeFacts { version: version.version, time, scopes: token.map(|token| token.scopes), expires_at })
    }

    pub(super) async fn read_hooks(&self, repo: &RepoRef) -> Result<Vec<RepoHook>> {
        let hooks: Vec<wire::Hook> = self.client.list(repo, &Call::get(&["hooks"])).await?;
        Ok(hooks.into_iter().map(hook).collect())
    }

    /// Whether the certificate of our address is checked is left to GitLab, which checks it.
    pub(super) async fn write_hook(&self, repo: &RepoRef, new: &NewHook) -> Result<RepoHook> {
        let mut body = json!({
            "url": new.url, "push_events": true, "tag_push_events": true, "issues_events": true, "confidential_issues_events": true,
            "merge_requests_events": true, "note_events": true, "confidential_note_events": true, "pipeline_events": true,
            "job_events": false, "releases_events": false, "emoji_events": true,
        });
        let secret = new.secret.expose_secret();
        let key = if secret.starts_with("whsec_") { "signing_token" } else { "token" };
        body[key] = json!(secret);
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
        self.client.on_repo(repo, &Call::new(Method::POST, &["hooks", &id.to_string(), "test", "push_events"])).await.map(drop)
    }

    pub(super) async fn write_repo(&self, owner: &str, name: &str) -> Result<Repo> {
        let me = self.bot().await?;
        let mut body =
            json!({"name": name, "path": name, "visibility": "private", "initialize_with_readme": false, "default_branch": "main"});
        if !me.login.eq_ignore_ascii_case(owner) {
            let namespace: wire::Namespace = self.client.send(&Call::get(&["namespaces", owner])).await?.json()?;
            body["namespace_id"] = json!(namespace.id);
        }
        convert::repo(self.client.send(&Call::new(Method::POST, &["projects"]).json(body)).await?.json()?).map_err(odd)
    }

    pub(super) async fn read_has_file(&self, repo: &RepoRef, branch: &str, path: &str) -> Result<bool> {
        match self.client.on_repo(repo, &Call::get(&["repository", "files", path]).query("ref", branch)).await {
            Ok(_) => Ok(true),
            Err(ForgeError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write_file(&self, repo: &RepoRef, new: &NewFile) -> Result<()> {
        let body = json!({
            "branch": new.branch, "start_branch": new.base, "commit_message": new.message,
            "actions": [{"action": "create", "file_path": new.path, "content": new.content, "encoding": "text"}],
        });
        self.client.on_repo(repo, &Call::new(Method::POST, &["repository", "commits"]).json(body)).await.map(drop)
    }
}

/// The day on whose first moment, in UTC, a token stops to work.
fn expiry(day: &str) -> Option<Time> {
    Time::parse(day).or_else(|| Time::parse(&format!("{day}T00:00:00Z")))
}

fn hook(hook: wire::Hook) -> RepoHook {
    let flags = [
        ("push", hook.push_events),
        ("tag_push", hook.tag_push_events),
        ("issues", hook.issues_events),
        ("confidential_issues", hook.confidential_issues_events),
        ("merge_requests", hook.merge_requests_events),
        ("note", hook.note_events),
        ("confidential_note", hook.confidential_note_events),
        ("pipeline", hook.pipeline_events),
        ("emoji", hook.emoji_events),
    ];
    RepoHook {
        id: hook.id,
        url: hook.url,
        events: flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_owned()).collect(),
        active: matches!(hook.alert_status.as_str(), "" | "executable"),
        json: true,
        branch_filter: hook.push_events_branch_filter,
    }
}
