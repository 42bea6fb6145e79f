//! Setting a repository up: web hooks and what became of their deliveries, new repositories, a first file.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;

use crate::base::Time;
use crate::base::secret::ExposeSecret;
use crate::domain::forge::*;
use crate::forge::http::pace::date;
use crate::forge::{ForgeError, ForgeFacts, NewFile, NewHook, RepoHook, Result};

use super::call::Call;
use super::login::Whose;
use super::pace::next_page;
use super::read::odd;
use super::{GitHubForge, convert, wire};

/// What a hook subscribes to. Each check of a commit is told by itself, so suites of checks are not.
pub(super) const EVENTS: [&str; 12] = [
    "check_run",
    "create",
    "delete",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "repository",
    "status",
    "workflow_run",
];

/// What the version is called where the server says none.
const HOSTED: &str = "github.com";
/// GitHub keeps deliveries for three days, in milliseconds.
const KEPT: i64 = 3 * 24 * 60 * 60 * 1000;
/// A delivery is sent at most this often in all.
const TRIES: usize = 4;
/// Most pages of deliveries that are read at once.
const PAGES: usize = 10;

impl GitHubForge {
    pub(super) async fn read_facts(&self) -> Result<ForgeFacts> {
        let call = if self.client.is_app() { Call::get(&["app"]).by(Whose::App) } else { Call::get(&["user"]) };
        let answer = self.client.send(&call).await?;
        let text = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        // Classic tokens alone have scopes; the others have permissions, which nobody tells.
        let scopes = text("x-oauth-scopes").filter(|_| !self.client.is_app());
        let scopes = scopes.map(|list| list.split(',').map(|scope| scope.trim().to_owned()).filter(|scope| !scope.is_empty()).collect());
        let version = match text("x-github-enterprise-version") {
            Some(version) if !version.is_empty() => version.to_owned(),
            _ => self.read_version().await?,
        };
        // Tokens with an end name it with every answer: `2026-08-31 00:00:00 UTC`, or with an offset.
        let expires_at = text("github-authentication-token-expiration").and_then(ending).filter(|_| !self.client.is_app());
        Ok(ForgeFacts { version, time: date(&answer.headers), scopes, expires_at })
    }

    pub(super) async fn read_version(&self) -> Result<String> {
        let meta: wire::Meta = self.client.send(&Call::get(&["meta"])).await?.json()?;
        Ok(if meta.installed_version.is_empty() { HOSTED.to_owned() } else { meta.installed_version })
    }

    pub(super) async fn read_hooks(&self, repo: &RepoRef) -> Result<Vec<RepoHook>> {
        let hooks: Vec<wire::Hook> = self.client.list(repo, &Call::get(&["hooks"]).remembered()).await?;
        Ok(hooks.into_iter().map(hook).collect())
    }

    pub(super) async fn write_hook(&self, repo: &RepoRef, new: &NewHook) -> Result<RepoHook> {
        // Without a content type GitHub sends forms.
        let config = json!({"url": new.url, "content_type": "json", "secret": new.secret.expose_secret(), "insecure_ssl": "0"});
        let body = json!({"name": "web", "config": config, "events": EVENTS, "active": true});
        match self.client.on_repo(repo, &Call::new(Method::POST, &["hooks"]).json(body.clone())).await {
            Ok(answer) => Ok(hook(answer.json()?)),
            // Of the same address and the same events there is but one, whose secret can be changed.
            Err(error @ ForgeError::Unprocessable(_)) => {
                let same = self.read_hooks(repo).await?.into_iter().find(|hook| hook.url == new.url);
                let Some(id) = same.map(|hook| hook.id.to_string()) else { return Err(error) };
                Ok(hook(self.client.on_repo(repo, &Call::new(Method::PATCH, &["hooks", &id]).json(body)).await?.json()?))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write_hook_delete(&self, repo: &RepoRef, id: i64) -> Result<()> {
        match self.client.on_repo(repo, &Call::new(Method::DELETE, &["hooks", &id.to_string()])).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write_hook_test(&self, repo: &RepoRef, id: i64) -> Result<()> {
        self.client.on_repo(repo, &Call::new(Method::POST, &["hooks", &id.to_string(), "pings"])).await.map(drop)
    }

    /// Has the deliveries of a hook that never arrived sent once more. A try once more is an entry of its own with the same id as the first.
    pub(super) async fn write_redelivery(&self, repo: &RepoRef, hook: i64, since: Time) -> Result<u32> {
        let hook = hook.to_string();
        let oldest = Time(since.0.max(self.client.clock.now().plus_millis(-KEPT).0));
        let mut tries: BTreeMap<String, Vec<wire::Delivery>> = BTreeMap::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES {
            let mut call = Call::get(&["hooks", &hook, "deliveries"]).query("per_page", "100");
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor.clone());
            }
            let answer = self.client.on_repo(repo, &call).await?;
            let found: Vec<wire::Delivery> = answer.json::<Option<_>>()?.unwrap_or_default();
            let ended = found.iter().any(|delivery| convert::time(&delivery.delivered_at) < oldest);
            for delivery in found.into_iter().filter(|delivery| convert::time(&delivery.delivered_at) >= oldest) {
                tries.entry(delivery.guid.clone()).or_default().push(delivery);
            }
            cursor = next_page(&answer.headers, "cursor");
            if ended || cursor.is_none() {
                break;
            }
        }
        let mut sent = 0;
        for id in lost(tries.values()) {
            let call = Call::new(Method::POST, &["hooks", &hook, "deliveries", &id.to_string(), "attempts"]);
            match self.client.on_repo(repo, &call).await {
                Ok(_) => sent += 1,
                // GitHub keeps it no longer.
                Err(ForgeError::NotFound(_) | ForgeError::Unprocessable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    pub(super) async fn write_repo(&self, owner: &str, name: &str) -> Result<Repo> {
        let me = self.whoami_once().await?;
        let body = json!({"name": name, "private": true, "auto_init": false});
        let call = match me.login.eq_ignore_ascii_case(owner) {
            true => Call::new(Method::POST, &["user", "repos"]),
            false => Call::new(Method::POST, &["orgs", owner, "repos"]).by(Whose::Repo(format!("{owner}/{name}"))),
        };
        convert::repo(self.client.send(&call.json(body)).await?.json()?, true).map_err(odd)
    }

    pub(super) async fn read_has_file(&self, repo: &RepoRef, branch: &str, path: &str) -> Result<bool> {
        let segments: Vec<&str> = std::iter::once("contents").chain(path.split('/')).collect();
        match self.client.on_repo(repo, &Call::get(&segments).query("ref", branch)).await {
            Ok(_) => Ok(true),
            Err(ForgeError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A branch and then a commit on it. Where the commit is refused the branch goes again; one that an earlier run left is taken.
    pub(super) async fn write_file(&self, repo: &RepoRef, new: &NewFile) -> Result<()> {
        let base = self.read_branch_head(repo, &new.base).await?;
        let base = base.ok_or_else(|| ForgeError::NotFound(format!("there is no branch {}", new.base)))?;
        let reference = json!({"ref": format!("refs/heads/{}", new.branch), "sha": base.0});
        let made = match self.client.on_repo(repo, &Call::new(Method::POST, &["git", "refs"]).json(reference)).await {
            Ok(_) => true,
            Err(ForgeError::Unprocessable(text)) if text.contains("already exists") => false,
            Err(error) => return Err(error),
        };
        let segments: Vec<&str> = std::iter::once("contents").chain(new.path.split('/')).collect();
        let body = json!({"message": new.message, "content": STANDARD.encode(&new.content), "branch": new.branch});
        match self.client.on_repo(repo, &Call::new(Method::PUT, &segments).json(body)).await {
            Err(error) if made && !matches!(error, ForgeError::Uncertain(_)) => {
                self.write_branch_delete(repo, &new.branch).await?;
                Err(error)
            }
            other => other.map(drop),
        }
    }
}

fn ending(text: &str) -> Option<Time> {
    let (plain, offset) = text.rsplit_once(' ')?;
    let offset = if offset == "UTC" { "+0000" } else { offset };
    let at = chrono::DateTime::parse_from_str(&format!("{plain} {offset}"), "%Y-%m-%d %H:%M:%S %z").ok()?;
    Some(Time(at.timestamp_micros()))
}

/// The newest try of each delivery of which none has succeeded and that was not tried too often.
fn lost<'a>(tries: impl Iterator<Item = &'a Vec<wire::Delivery>>) -> Vec<i64> {
    let arrived = |delivery: &wire::Delivery| (200..300).contains(&delivery.status_code);
    let mut lost: Vec<i64> = tries
        .filter(|tries| tries.len() < TRIES && !tries.iter().any(arrived))
        .filter_map(|tries| tries.iter().map(|delivery| delivery.id).max())
        .collect();
    // As they came.
    lost.sort_unstable();
    lost
}

fn hook(hook: wire::Hook) -> RepoHook {
    let mut events = hook.events;
    // One word for everything.
    if events.iter().any(|event| event == "*") {
        events.extend(EVENTS.map(str::to_owned));
    }
    RepoHook {
        id: hook.id,
        url: hook.config.url,
        events,
        active: hook.active,
        json: hook.config.content_type == "json",
        branch_filter: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read_in_both_forms() {
        let end = Time::parse("2026-08-31T07:00:00Z");
        assert_eq!((ending("2026-08-31 07:00:00 UTC"), ending("2026-08-31 00:00:00 -0700"), ending("soon")), (end, end, None));
    }

    #[test]
    fn what_arrived_or_was_tried_often_is_not_sent_again() {
        let tries = |codes: &[(i64, i64)]| -> Vec<wire::Delivery> {
            codes.iter().map(|&(id, status_code)| wire::Delivery { id, status_code, ..Default::default() }).collect()
        };
        let all = [
            tries(&[(3, 500)]),
            tries(&[(4, 502), (9, 202)]),
            tries(&[(5, 0), (8, 504)]),
            tries(&[(10, 500), (11, 500), (12, 500), (13, 500)]),
            tries(&[(14, 200)]),
        ];
        assert_eq!(lost(all.iter()), [3, 8]);
    }
}
