//! Making accounts, tokens, organisations and repositories as the administrator of a Gitea or Forgejo.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::ids::EntryId;
use crate::base::secret::SecretString;
use crate::forge::{Account, ForgeError, Host, Result, SCOPES};

use super::client::{Call, Client};
use super::{Timeouts, wire};

/// How often it is asked whether a repository is still empty after its first commit, which the server notices a moment later.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A Gitea or Forgejo with the eyes of its administrator.
pub struct GiteaHost {
    client: Client,
}

/// The full name by which an account that was made here is known again.
const FULL_NAME: &str = "Syndarix (bot)";

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    is_admin: bool,
    #[serde(default)]
    full_name: String,
}

#[derive(Deserialize)]
struct Token {
    sha1: String,
}

impl GiteaHost {
    /// Checks the address; asks nothing yet. An error is a sentence for the person who gave it.
    pub fn new(base_url: &str, login: &str, password: &SecretString, timeouts: Timeouts) -> std::result::Result<GiteaHost, String> {
        Ok(GiteaHost { client: Client::signed_in(base_url, login, password, timeouts)? })
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, segments: &[&str]) -> Result<Option<T>> {
        match self.client.send(&Call::get(segments)).await {
            Ok(answer) => answer.json().map(Some),
            Err(ForgeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn post(&self, segments: &[&str], body: Value) -> Result<super::client::Answer> {
        self.client.send(&Call::new(Method::POST, segments).json(body)).await
    }

    async fn repo(&self, owner: &str, name: &str) -> Result<Option<wire::Repo>> {
        self.ask(&["repos", owner, name]).await
    }
}

#[async_trait]
impl Host for GiteaHost {
    async fn is_admin(&self) -> Result<bool> {
        let me: User = self.client.send(&Call::get(&["user"])).await?.json()?;
        Ok(me.is_admin)
    }

    async fn ensure_account(&self, login: &str) -> Result<Account> {
        if let Some(user) = self.ask::<User>(&["users", login]).await? {
            return match user.full_name == FULL_NAME {
                _ if user.is_admin => {
                    Err(ForgeError::Unprocessable(format!("@{login} administers the whole forge; a bot needs an account of its own")))
                }
                true => Ok(Account::Ours),
                false => Ok(Account::Foreign),
            };
        }
        // Long and mixed enough for any rule; nobody ever types it. The address has to be one of its own and goes nowhere.
        let password = format!("Aa1!{}{}", EntryId::random().0.simple(), EntryId::random().0.simple());
        let body = json!({
            "username": login, "full_name": FULL_NAME, "email": format!("{login}@noreply.invalid"), "password": password,
            "must_change_password": false,
        });
        self.post(&["admin", "users"], body).await?;
        Ok(Account::Made)
    }

    async fn new_token(&self, login: &str, name: &str) -> Result<SecretString> {
        match self.client.send(&Call::new(Method::DELETE, &["users", login, "tokens", name])).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        let made: Token = self.post(&["users", login, "tokens"], json!({"name": name, "scopes": SCOPES})).await?.json()?;
        Ok(SecretString::from(made.sha1))
    }

    async fn ensure_owner(&self, owner: &str) -> Result<bool> {
        // Organisations answer as users, too.
        if self.ask::<Value>(&["users", owner]).await?.is_some() {
            return Ok(false);
        }
        self.post(&["orgs"], json!({"username": owner, "visibility": "private"})).await?;
        Ok(true)
    }

    async fn ensure_repo(&self, owner: &str, name: &str) -> Result<bool> {
        if self.repo(owner, name).await?.is_some() {
            return Ok(false);
        }
        let body = json!({"name": name, "private": true, "auto_init": false, "default_branch": "main"});
        match self.post(&["orgs", owner, "repos"], body.clone()).await {
            // The owner is a person.
            Err(ForgeError::NotFound(_)) => self.post(&["admin", "users", owner, "repos"], body).await?,
            other => other?,
        };
        Ok(true)
    }

    async fn ensure_files(&self, owner: &str, name: &str, files: &[(&str, &str)], message: &str) -> Result<bool> {
        let gone = || ForgeError::NotFound(format!("{owner}/{name}"));
        let repo = self.repo(owner, name).await?.ok_or_else(gone)?;
        if !repo.empty {
            return Ok(false);
        }
        let files: Vec<Value> =
            files.iter().map(|(path, text)| json!({"operation": "create", "path": path, "content": STANDARD.encode(text)})).collect();
        let body = json!({"branch": repo.default_branch, "message": message, "files": files});
        self.post(&["repos", owner, name, "contents"], body).await?;
        for _ in 0..LOOKS {
            if !self.repo(owner, name).await?.ok_or_else(gone)?.empty {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(true)
    }

    async fn ensure_part(&self, owner: &str, name: &str, login: &str, administers: bool) -> Result<()> {
        let permission = if administers { "admin" } else { "write" };
        let call = Call::new(Method::PUT, &["repos", owner, name, "collaborators", login]).json(json!({"permission": permission}));
        self.client.send(&call).await.map(drop)
    }

    async fn ensure_issue(&self, owner: &str, name: &str, title: &str, body: &str) -> Result<bool> {
        let call = Call::get(&["repos", owner, name, "issues"]).query("state", "all").query("type", "issues").query("limit", "1");
        let there: Vec<Value> = self.client.send(&call).await?.json()?;
        if !there.is_empty() {
            return Ok(false);
        }
        self.post(&["repos", owner, name, "issues"], json!({"title": title, "body": body})).await?;
        Ok(true)
    }
}
