//! The sandbox forge from outside: REST as a client sees it, real Git pushes, web hooks as a receiver sees them, restarts.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "helpers of tests; a failure here is a failed test")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use syndarix::base::{Clock, Time};
use syndarix::sandbox::{Permission, Sandbox, SandboxConfig};

mod api;
mod gitea_client;
mod github;
mod github_client;
mod github_hooks;
mod gitlab;
mod gitlab_client;
mod gitlab_hooks;
mod hooks;
mod people;

const REPO: &str = "acme/shop";

/// A forge with a repository, people and a client.
struct World {
    forge: Sandbox,
    http: reqwest::Client,
    clock: Clock,
    dir: tempfile::TempDir,
}

async fn start(dir: &Path, clock: &Clock, checking: u32) -> Sandbox {
    let config = SandboxConfig { clock: clock.clone(), checking_answers: checking, ..SandboxConfig::new(dir.join("forge")) };
    let forge = Sandbox::start(config).await.unwrap();
    for (login, bot) in [("acme", false), ("alice", false), ("bot", true), ("carol", false)] {
        forge.ensure_user(login, bot, false).unwrap();
    }
    forge.ensure_repo("acme", "shop", None, None).await.unwrap();
    forge.set_permission(REPO, "alice", Permission::Write).unwrap();
    forge.set_permission(REPO, "bot", Permission::Write).unwrap();
    forge
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.timeout(Duration::from_secs(20)).build().unwrap()
}

impl World {
    async fn new() -> World {
        World::checking(0).await
    }

    async fn checking(answers: u32) -> World {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Time::parse("2026-08-03T09:00:00Z").unwrap());
        World { forge: start(dir.path(), &clock, answers).await, http: client(), clock, dir }
    }

    async fn restart(self) -> World {
        let World { forge, http, clock, dir } = self;
        // No farewell: what is not on the disk now would be missing.
        drop(forge);
        let mut tries = 0;
        let config = || SandboxConfig { clock: clock.clone(), ..SandboxConfig::new(dir.path().join("forge")) };
        let forge = loop {
            match Sandbox::start(config()).await {
                Ok(forge) => break forge,
                Err(error) => {
                    tries += 1;
                    assert!(tries < 1000, "{error}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        World { forge, http, clock, dir }
    }

    fn token(&self, login: &str) -> String {
        self.forge.ensure_user(login, login == "bot", false).unwrap()
    }

    async fn send(&self, who: &str, method: Method, path: &str, body: Value) -> reqwest::Response {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.forge.url()));
        if !who.is_empty() {
            request = request.header("Authorization", format!("token {}", self.token(who)));
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Sends to the repository, asserts the status and returns the body.
    async fn api(&self, who: &str, method: Method, path: &str, body: Value, want: u16) -> Value {
        let answer = self.send(who, method.clone(), &format!("/repos/{REPO}{path}"), body).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::from_u16(want).unwrap(), "{who} {method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    async fn get(&self, path: &str) -> Value {
        self.api("alice", Method::GET, path, Value::Null, 200).await
    }

    fn git(&self, at: &Path, arguments: &[&str]) -> std::process::Output {
        Command::new("git")
            .current_dir(at)
            .args(["-c", "user.name=bot", "-c", "user.email=3+bot@noreply.sandbox.localhost", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_DATE", "2026-08-03T09:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-08-03T09:00:00Z")
            .output()
            .unwrap()
    }

    fn clone_as(&self, login: &str) -> std::path::PathBuf {
        let tree = self.dir.path().join(format!("tree-{login}"));
        let url = self.forge.url().replace("http://", &format!("http://{login}:{}@", self.token(login)));
        let output = self.git(self.dir.path(), &["clone", "--quiet", &format!("{url}/{REPO}.git"), tree.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        tree
    }

    fn commit(&self, tree: &Path, file: &str, text: &str) -> String {
        std::fs::write(tree.join(file), text).unwrap();
        assert!(self.git(tree, &["add", "."]).status.success());
        assert!(self.git(tree, &["commit", "--quiet", "-m", &format!("feat: {file}")]).status.success());
        String::from_utf8(self.git(tree, &["rev-parse", "HEAD"]).stdout).unwrap().trim().to_owned()
    }

    /// Pushes without blocking the runtime that serves the push.
    async fn push(&self, tree: &Path, refspec: &str) -> std::process::Output {
        let (tree, refspec) = (tree.to_owned(), refspec.to_owned());
        let git = move || Command::new("git").current_dir(tree).args(["push", "--quiet", "origin", &refspec]).output().unwrap();
        tokio::task::spawn_blocking(git).await.unwrap()
    }

    /// A branch with one commit, pushed by the bot, and a pull request for it. Returns tree, head and number.
    async fn pull_request(&self, title: &str) -> (std::path::PathBuf, String, i64) {
        let tree = self.clone_as("bot");
        assert!(self.git(&tree, &["checkout", "--quiet", "-b", "work"]).status.success());
        let head = self.commit(&tree, "csv.txt", "a,b\n");
        assert!(self.push(&tree, "work").await.status.success());
        let pull =
            self.api("bot", Method::POST, "/pulls", json!({"title": title, "head": "work", "base": "main", "body": "Refs #1"}), 201).await;
        (tree, head, pull["number"].as_i64().unwrap())
    }
}
