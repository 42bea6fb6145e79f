//! The people of the demo: Alice asks for the story and approves its plan, Bob approves the merge. They act through the forge's
//! public interface like anybody else, and look before they act, so that a second start repeats nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::llm::Script;
use crate::sandbox::seed::SAMPLE;
use crate::sandbox::{Changes, Permission, Sandbox};

use super::story::{self, Story, Subject};

/// How long the people wait after a change before they look at the page: several changes come together.
const GLANCE: Duration = Duration::from_millis(25);
/// How long they wait at most, whether they saw a change or not.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the people tell on the terminal what they see and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    Loud,
    Silent,
}

/// Everybody with an account, and the forge they use.
pub struct People {
    http: reqwest::Client,
    api: String,
    alice: String,
    bob: String,
    bot: String,
    script: Script,
    voice: Voice,
    news: Changes,
}

/// What came of the story.
pub struct Played {
    pub issue: i64,
    pub pull: i64,
}

/// The story asks for a person whom the demo does not play.
#[derive(Debug)]
pub struct Stuck(String);

impl std::fmt::Display for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\nStart the demo again for a new story, or leave --model out for the scripted model", self.0)
    }
}

impl std::error::Error for Stuck {}

/// What has been told on the terminal already.
#[derive(Default)]
struct Told {
    labels: BTreeSet<String>,
    comments: BTreeSet<i64>,
    reviews: BTreeSet<i64>,
}

impl People {
    /// Gives everybody an account and the repository its place. Doing it twice changes nothing.
    pub async fn settle(sandbox: &Sandbox, story: &Story, subject: &Subject, voice: Voice) -> Result<People> {
        let wrong = |problem: crate::sandbox::Problem| anyhow::anyhow!("the demo's forge refused: {problem}");
        sandbox.ensure_user("acme", false, false).map_err(wrong)?;
        let alice = sandbox.ensure_user("alice", false, false).map_err(wrong)?;
        let bob = sandbox.ensure_user("bob", false, false).map_err(wrong)?;
        let bot = sandbox.ensure_user("syndarix", true, false).map_err(wrong)?;
        match &subject.import {
            None => sandbox.ensure_seeded("acme", &story.name, SAMPLE).await.map_err(wrong)?,
            Some(path) => sandbox.ensure_repo("acme", &story.name, Some(path), None).await.map_err(wrong)?,
        };
        for (login, permission) in [("alice", Permission::Write), ("bob", Permission::Write), ("syndarix", Permission::Admin)] {
            sandbox.set_permission(&story.repo, login, permission).map_err(wrong)?;
        }
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(10)).redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        let api = format!("{}/api/v1/repos/{}", sandbox.url(), story.repo);
        Ok(People { http, api, alice, bob, bot, script: subject.script.clone(), voice, news: sandbox.changes() })
    }

    /// The bot's token.
    pub fn bot_token(&self) -> &str {
        &self.bot
    }

    /// What the scripted model answers.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Plays the people's part until the issue is closed.
    pub async fn play(&self, story: &Story, subject: &Subject, patience: Duration) -> Result<Played> {
        let issue = self.open_issue(&subject.title, &subject.issue).await?;
        self.ask_for_plan(issue).await?;
        let watch = self.watch(issue);
        tokio::time::timeout(patience, watch)
            .await
            .with_context(|| format!("nothing more happened on {}#{issue}; start the demo again to go on from here", story.repo))?
    }

    async fn watch(&self, issue: i64) -> Result<Played> {
        let mut told = Told::default();
        let mut news = self.news.clone();
        loop {
            news.seen();
            let now = self.get(&format!("issues/{issue}")).await?;
            if self.voice == Voice::Loud {
                self.tell_stage(&now, &mut told);
                self.tell_comments(issue, "issue", &mut told).await?;
            }
            let pull = self.pull_of(issue).await?;
            if let Some(pull) = &pull {
                let number = number_of(pull)?;
                if self.voice == Voice::Loud {
                    self.tell_comments(number, "pull request", &mut told).await?;
                }
                self.approve_what_waits(&now, number, pull).await?;
            }
            stop_when_stuck(&now, issue)?;
            match (now["state"].as_str(), pull) {
                (Some("closed"), Some(pull)) => return Ok(Played { issue, pull: number_of(&pull)? }),
                (Some("closed"), None) => bail!("the issue was closed without a pull request"),
                _ => news.wait(GLANCE, PATIENCE).await,
            }
        }
    }

    async fn open_issue(&self, title: &str, body: &str) -> Result<i64> {
        let list = self.get("issues?state=all&type=issues&limit=50").await?;
        let standing = list.as_array().and_then(|list| list.iter().find(|issue| issue["title"] == title));
        if let Some(issue) = standing {
            return number_of(issue);
        }
        self.tell(&format!("  alice       opens an issue: {title}"));
        number_of(&self.post(&self.alice, "issues", json!({"title": title, "body": body})).await?)
    }

    async fn ask_for_plan(&self, issue: i64) -> Result<()> {
        let comments = self.get(&format!("issues/{issue}/comments")).await?;
        let asked = list(&comments).iter().any(|comment| comment["user"]["login"] == "alice" && comment["body"] == "/syndarix plan");
        if !asked {
            self.tell("  alice       comments: /syndarix plan");
            self.post(&self.alice, &format!("issues/{issue}/comments"), json!({"body": "/syndarix plan"})).await?;
        }
        Ok(())
    }

    async fn pull_of(&self, issue: i64) -> Result<Option<Value>> {
        let pulls = self.get("pulls?state=all&limit=50").await?;
        let prefix = format!("syndarix/{issue}");
        Ok(list(&pulls).iter().find(|pull| pull["head"]["ref"].as_str().is_some_and(|branch| branch.starts_with(&prefix))).cloned())
    }

    /// Alice approves the plan by a command, Bob the merge by a review: both ways that the bot understands.
    async fn approve_what_waits(&self, issue: &Value, number: i64, pull: &Value) -> Result<()> {
        let waiting = list(&issue["labels"]).iter().any(|label| label["name"] == "syndarix/waiting");
        if !waiting || pull["merged"] == true {
            return Ok(());
        }
        let comments = self.get(&format!("issues/{number}/comments")).await?;
        let asked = |marker: &str| {
            list(&comments).iter().any(|c| c["user"]["login"] == "syndarix" && c["body"].as_str().is_some_and(|body| body.contains(marker)))
        };
        let approved_plan = list(&comments).iter().any(|c| c["user"]["login"] == "alice" && c["body"] == "/syndarix approve");
        if asked(".checkpoint.plan.") && !approved_plan {
            self.tell("  alice       approves the plan: /syndarix approve");
            self.post(&self.alice, &format!("issues/{number}/comments"), json!({"body": "/syndarix approve"})).await?;
        }
        let head = pull["head"]["sha"].as_str().unwrap_or_default();
        let short = head.get(..10).unwrap_or(head);
        let reviews = self.get(&format!("pulls/{number}/reviews")).await?;
        let approved = list(&reviews).iter().any(|r| r["user"]["login"] == "bob" && r["state"] == "APPROVED" && r["commit_id"] == head);
        if asked(&format!(".checkpoint.merge.{}", head.get(..16).unwrap_or(head))) && !approved {
            self.tell(&format!("  bob         approves the pull request on {short}"));
            let review = json!({"event": "APPROVED", "body": "Looks right to me.", "commit_id": head});
            self.post(&self.bob, &format!("pulls/{number}/reviews"), review).await?;
        }
        Ok(())
    }

    fn tell(&self, line: &str) {
        if self.voice == Voice::Loud {
            println!("{line}");
        }
    }

    fn tell_stage(&self, issue: &Value, told: &mut Told) {
        for label in list(&issue["labels"]) {
            let name = label["name"].as_str().unwrap_or_default();
            if let Some(stage) = story::stage(name)
                && told.labels.insert(name.to_owned())
            {
                println!("  stage       {stage}");
            }
        }
    }

    async fn tell_comments(&self, number: i64, where_: &str, told: &mut Told) -> Result<()> {
        if where_ == "pull request" {
            self.tell_reviews(number, told).await?;
        }
        for comment in list(&self.get(&format!("issues/{number}/comments")).await?) {
            let id = comment["id"].as_i64().unwrap_or(0);
            let body = comment["body"].as_str().unwrap_or_default();
            if comment["user"]["login"] == "syndarix" && !body.starts_with("### Syndarix") && told.comments.insert(id) {
                if body.contains(") could not finish. ") {
                    bail!(Stuck(why_stuck(body)));
                }
                println!("  syndarix    on the {where_}: {}", first_words(body));
            }
        }
        Ok(())
    }

    async fn tell_reviews(&self, number: i64, told: &mut Told) -> Result<()> {
        for review in list(&self.get(&format!("pulls/{number}/reviews")).await?) {
            let id = review["id"].as_i64().unwrap_or(0);
            if review["user"]["login"] == "syndarix" && told.reviews.insert(id) {
                println!("  syndarix    reviews: {}", first_words(review["body"].as_str().unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Reads with Alice's eyes.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.answer(self.http.get(format!("{}/{path}", self.api)).header("Authorization", format!("token {}", self.alice))).await
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Result<Value> {
        self.answer(self.http.post(format!("{}/{path}", self.api)).header("Authorization", format!("token {token}")).json(&body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let response = request.send().await.context("the demo's forge does not answer")?;
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        if !status.is_success() {
            bail!("the demo's forge answered {status}: {}", body["message"].as_str().unwrap_or("no reason given"));
        }
        Ok(body)
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number_of(value: &Value) -> Result<i64> {
    value["number"].as_i64().context("the demo's forge gave no number")
}

/// The agent's reason, without the name of whom it asks.
fn why_stuck(body: &str) -> String {
    let line = body.lines().next().unwrap_or_default();
    line.split_once(": ").map_or(line, |(_, why)| why).to_owned()
}

/// The first sentence, without marks of Markdown, cut to fit a terminal.
fn first_words(body: &str) -> String {
    let line = body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line = line.replace("**", "").replace('`', "");
    let line = line.split_once(". ").map_or(line.as_str(), |(first, _)| first).trim_end_matches([':', '.']);
    let cut: String = line.chars().take(110).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}

/// A story that asks for a person the demo does not play cannot end by itself.
fn stop_when_stuck(issue: &Value, number: i64) -> Result<()> {
    let flags: Vec<&str> = list(&issue["labels"]).iter().filter_map(|label| label["name"].as_str()).collect();
    if flags.contains(&"syndarix/blocked") || flags.contains(&"syndarix/over-budget") {
        bail!(Stuck(format!("issue #{number} carries {}", flags.join(", "))));
    }
    Ok(())
}
