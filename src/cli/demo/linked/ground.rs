//! The two forges of the linked demo, and the people who have accounts on them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use crate::config::OUTWARD_LABEL;
use crate::domain::mirror::Side;
use crate::sandbox::seed::SAMPLE;
use crate::sandbox::{Changes, LabelWish, Permission, Problem, Sandbox, Skin};

/// How long people wait after a change before they look: several changes come together.
const GLANCE: Duration = Duration::from_millis(25);
/// How long they wait for a change before they look all the same.
const RESTLESS: Duration = Duration::from_secs(1);
/// How long they wait for what is to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bot's account on both.
pub const BOT: &str = "syndarix";

/// One of the two forges with its repository.
pub struct Place {
    pub side: Side,
    /// What it speaks to the bot.
    pub skin: Skin,
    /// Its id in the bot's settings.
    pub id: &'static str,
    /// `owner/name`.
    pub repo: &'static str,
    pub sandbox: Sandbox,
    /// Of people and bot, by login.
    tokens: BTreeMap<&'static str, String>,
}

/// Both, and the means of asking them.
pub struct Ground {
    here: Place,
    there: Place,
    http: reqwest::Client,
}

impl Place {
    /// Gives everybody an account and the repository its place.
    pub async fn settle(side: Side, skin: Skin, sandbox: Sandbox) -> Result<Place> {
        let (id, repo, people): (_, _, &[&str]) = match side {
            Side::Here => ("sandbox", "acme/shop", &["alice"]),
            Side::There => ("mirror", "partner/lib", &["carol", "dave"]),
        };
        let mut place = Place { side, skin, id, repo, sandbox, tokens: BTreeMap::new() };
        place.furnish(people).await.map_err(|problem| anyhow::anyhow!("the demo's forge refused: {problem}"))?;
        Ok(place)
    }

    async fn furnish(&mut self, people: &[&'static str]) -> Result<(), Problem> {
        let (owner, name) = self.repo.split_once('/').unwrap_or_default();
        self.sandbox.ensure_user(owner, false, false)?;
        for login in people.iter().copied().chain([BOT]) {
            let token = self.sandbox.ensure_user(login, login == BOT, false)?;
            self.tokens.insert(login, token);
        }
        self.sandbox.ensure_seeded(owner, name, SAMPLE).await?;
        for login in people {
            self.sandbox.set_permission(self.repo, login, Permission::Write)?;
        }
        self.sandbox.set_permission(self.repo, BOT, Permission::Admin)?;
        let label = if self.side == Side::Here { OUTWARD_LABEL } else { "bug" };
        let wish = LabelWish { name: label.into(), color: "d73a4a".into(), description: String::new(), exclusive: false };
        self.sandbox.ensure_label(self.repo, &wish)?;
        Ok(())
    }

    /// The token of somebody with an account here.
    pub fn token(&self, login: &str) -> &str {
        self.tokens.get(login).map_or("", String::as_str)
    }

    /// The people, without the bot.
    pub fn people(&self) -> impl Iterator<Item = &'static str> {
        self.tokens.keys().copied().filter(|login| *login != BOT)
    }
}

impl Ground {
    /// Both forges under one client.
    pub fn new(here: Place, there: Place) -> Result<Ground> {
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(10)).redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        Ok(Ground { here, there, http })
    }

    /// Ends both forges.
    pub async fn stop(self) {
        self.here.sandbox.stop().await;
        self.there.sandbox.stop().await;
    }

    /// The place of a side.
    pub fn at(&self, side: Side) -> &Place {
        match side {
            Side::Here => &self.here,
            Side::There => &self.there,
        }
    }

    /// Somebody with an account does something through the forge's public interface, or reads.
    pub async fn call(&self, side: Side, login: &str, method: Method, path: &str, body: Value) -> Result<Value> {
        let place = self.at(side);
        let url = format!("{}/api/v1/repos/{}/{path}", place.sandbox.url(), place.repo);
        let request = self.http.request(method, url).header("Authorization", format!("token {}", place.token(login)));
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.context("the demo's forge does not answer")?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        if !status.is_success() {
            bail!("the demo's forge answered {status} to {login}: {}", answer["message"].as_str().unwrap_or("no reason given"));
        }
        Ok(answer)
    }

    /// Reads with the eyes of a person of that side.
    pub async fn get(&self, side: Side, path: &str) -> Result<Value> {
        let reader = if side == Side::Here { "alice" } else { "carol" };
        self.call(side, reader, Method::GET, path, Value::Null).await
    }

    /// All issues of a side, oldest first.
    pub async fn issues(&self, side: Side) -> Result<Vec<Value>> {
        let mut issues = list(self.get(side, "issues?state=all&type=issues&limit=50").await?);
        issues.sort_by_key(|issue| issue["number"].as_i64());
        Ok(issues)
    }

    /// The comments of an issue, oldest first.
    pub async fn comments(&self, side: Side, number: i64) -> Result<Vec<Value>> {
        Ok(list(self.get(side, &format!("issues/{number}/comments")).await?))
    }

    /// Waits until a look at both finds something.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
        let (mut here, mut there): (Changes, Changes) = (self.here.sandbox.changes(), self.there.sandbox.changes());
        let watch = async {
            loop {
                here.seen();
                there.seen();
                if let Some(found) = look().await? {
                    return Ok(found);
                }
                tokio::select! {
                    () = here.wait(GLANCE, RESTLESS) => {}
                    () = there.wait(GLANCE, RESTLESS) => {}
                }
            }
        };
        match tokio::time::timeout(PATIENCE, watch).await {
            Ok(found) => found,
            Err(_) => bail!("the two places do not keep in step: within {} seconds {what} did not show", PATIENCE.as_secs()),
        }
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// What changes of an issue.
pub fn edit(key: &str, value: &str) -> Value {
    json!({ key: value })
}
