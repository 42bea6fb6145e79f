//! What people do on the forge, through its public interface, with their own tokens.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use syndarix::sandbox::Skin;

use super::world::{REPO, World, skin};

/// Somebody with an account.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    pub w: &'a World,
    pub login: &'static str,
}

impl World {
    /// An address of this account that the forge gives out in place of a real one.
    #[allow(dead_code, reason = "not every test that plays in this world needs one")]
    pub fn noreply_of(&self, login: &str) -> String {
        match skin() {
            Skin::Gitea | Skin::GitHub => format!("{login}@noreply.sandbox.localhost"),
            Skin::GitLab => {
                let url = self.sandbox.url();
                let host = url.trim_start_matches("http://").split(':').next().unwrap();
                format!("{}-{login}@users.noreply.{host}", self.sandbox.user_id(login).unwrap())
            }
        }
    }
}

impl Person<'_> {
    pub fn request(&self, method: Method, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1/repos/{}/{path}", self.w.sandbox.url(), self.w.sandbox.present_path(REPO).unwrap());
        let request = self.w.http.request(method, url).header("Authorization", format!("token {}", self.w.token(self.login)));
        if body.is_null() { request } else { request.json(body) }
    }

    /// Does something a moment after whatever happened last.
    async fn does(&self, method: Method, path: &str, body: Value) -> Value {
        self.w.clock.advance(2_000);
        let answer = self.request(method.clone(), path, &body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{} {method} {path}: {status} {text}", self.login);
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub async fn opens_issue(&self, title: &str, body: &str) -> i64 {
        self.does(Method::POST, "issues", json!({"title": self.w.said(title), "body": self.w.said(body)})).await["number"].as_i64().unwrap()
    }

    /// A pull request from a branch of the same repository to its default one; its number.
    #[allow(dead_code, reason = "not every test that plays in this world opens one by hand")]
    pub async fn opens_pull(&self, title: &str, head: &str) -> i64 {
        self.does(Method::POST, "pulls", json!({"title": title, "head": head, "base": "main"})).await["number"].as_i64().unwrap()
    }

    /// The comment's number.
    pub async fn comments(&self, number: i64, body: &str) -> i64 {
        self.does(Method::POST, &format!("issues/{number}/comments"), json!({"body": self.w.said(body)})).await["id"].as_i64().unwrap()
    }

    pub async fn edits(&self, comment: i64, body: &str) {
        self.does(Method::PATCH, &format!("issues/comments/{comment}"), json!({"body": self.w.said(body)})).await;
    }

    pub async fn deletes(&self, comment: i64) {
        self.does(Method::DELETE, &format!("issues/comments/{comment}"), Value::Null).await;
    }

    async fn reviews(&self, pull: i64, event: &str, body: &str, head: &str) {
        let review = json!({"event": event, "body": self.w.said(body), "commit_id": head});
        self.does(Method::POST, &format!("pulls/{pull}/reviews"), review).await;
    }

    /// Approves the head that stands there now.
    pub async fn approves(&self, pull: i64) {
        let head = self.w.head_of(pull).await;
        self.reviews(pull, "APPROVED", "", &head).await;
    }

    /// Approves a head, whichever stands there now.
    pub async fn approves_head(&self, pull: i64, head: &str) {
        self.reviews(pull, "APPROVED", "", head).await;
    }

    pub async fn requests_changes(&self, pull: i64, why: &str) {
        let head = self.w.head_of(pull).await;
        self.reviews(pull, "REQUEST_CHANGES", why, &head).await;
    }

    pub async fn remarks_in_a_review(&self, pull: i64, what: &str) {
        let head = self.w.head_of(pull).await;
        self.reviews(pull, "COMMENT", what, &head).await;
    }

    pub async fn merges(&self, pull: i64) {
        self.does(Method::POST, &format!("pulls/{pull}/merge"), json!({"Do": "merge"})).await;
    }

    pub async fn closes(&self, number: i64) {
        self.does(Method::PATCH, &format!("issues/{number}"), json!({"state": "closed"})).await;
    }

    pub async fn reopens(&self, number: i64) {
        self.does(Method::PATCH, &format!("issues/{number}"), json!({"state": "open"})).await;
    }

    pub async fn labels(&self, number: i64, label: &str) {
        self.does(Method::POST, &format!("issues/{number}/labels"), json!({"labels": [self.w.label(label)]})).await;
    }

    pub async fn unlabels(&self, number: i64, label: &str) {
        let labels = self.does(Method::GET, &format!("issues/{number}/labels"), Value::Null).await;
        let found = labels.as_array().unwrap().iter().find(|one| one["name"] == self.w.label(label)).cloned();
        let id = found.unwrap_or_else(|| panic!("#{number} has no label {label}"))["id"].clone();
        self.does(Method::DELETE, &format!("issues/{number}/labels/{id}"), Value::Null).await;
    }

    /// What CI says about a head.
    pub async fn reports(&self, head: &str, context: &str, state: &str) {
        let status = json!({"context": context, "state": state, "description": "", "target_url": ""});
        self.does(Method::POST, &format!("statuses/{head}"), status).await;
    }

    /// The same with what a person needs to look further.
    pub async fn reports_with(&self, head: &str, context: &str, state: &str, description: &str, url: &str) {
        let status = json!({"context": context, "state": state, "description": description, "target_url": url});
        self.does(Method::POST, &format!("statuses/{head}"), status).await;
    }

    /// Gives a pull request another title.
    pub async fn renames(&self, pull: i64, title: &str) {
        self.does(Method::PATCH, &format!("pulls/{pull}"), json!({"title": title})).await;
    }

    /// Points a pull request at another branch.
    pub async fn retargets(&self, pull: i64, base: &str) {
        self.does(Method::PATCH, &format!("pulls/{pull}"), json!({"base": base})).await;
    }

    pub async fn makes_branch(&self, name: &str) {
        self.does(Method::POST, "branches", json!({"new_branch_name": name, "old_branch_name": "main"})).await;
    }

    pub async fn deletes_branch(&self, name: &str) {
        self.does(Method::DELETE, &format!("branches/{name}"), Value::Null).await;
    }

    /// Commits one file to the branch of a pull request and pushes it.
    pub async fn pushes(&self, pull: i64, path: &str, content: &str) {
        let email = format!("{}@example.invalid", self.login);
        self.pushes_as(pull, path, content, &email).await;
    }

    /// The same under an address of the author.
    pub async fn pushes_as(&self, pull: i64, path: &str, content: &str, email: &str) {
        let branch = self.w.get(&format!("pulls/{pull}")).await["head"]["ref"].as_str().unwrap().to_owned();
        self.pushes_to_as(&branch, path, content, email).await;
    }

    /// Commits one file to a branch and pushes it.
    pub async fn pushes_to(&self, branch: &str, path: &str, content: impl AsRef<[u8]>) {
        let email = format!("{}@example.invalid", self.login);
        self.pushes_to_as(branch, path, content, &email).await;
    }

    async fn pushes_to_as(&self, branch: &str, path: &str, content: impl AsRef<[u8]>, email: &str) {
        self.pushes_into_as(REPO, (branch, branch), path, content, email).await;
    }

    /// Commits one file to a branch of a repository and pushes it, under another branch's name where `branch` names two.
    #[allow(dead_code, reason = "not every test that plays in this world pushes elsewhere")]
    pub async fn pushes_into(&self, repo: &'static str, branch: (&str, &str), path: &str, content: &str) {
        let email = format!("{}@example.invalid", self.login);
        self.pushes_into_as(repo, branch, path, content, &email).await;
    }

    async fn pushes_into_as(&self, repo: &'static str, (from, branch): (&str, &str), path: &str, content: impl AsRef<[u8]>, email: &str) {
        self.w.clock.advance(2_000);
        let (from, branch, content) = (from.to_owned(), branch.to_owned(), content.as_ref().to_vec());
        let url = self.w.sandbox.url().replace("http://", &format!("http://{}:{}@", self.login, self.w.token(self.login)));
        let dir = tempfile::tempdir().unwrap();
        let (tree, path, login, email) = (dir.path().join("tree"), path.to_owned(), self.login, email.to_owned());
        let work = move || {
            let git = |at: &Path, arguments: &[&str]| git_as(at, login, &email, arguments);
            git(dir.path(), &["clone", "--quiet", "--branch", &from, &format!("{url}/{repo}.git"), "tree"]);
            let file = tree.join(&path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
            git(&tree, &["add", "."]);
            git(&tree, &["commit", "--quiet", "-m", &format!("{path} by hand")]);
            git(&tree, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
        };
        tokio::task::spawn_blocking(work).await.unwrap();
    }
}

pub fn git(at: &Path, login: &str, arguments: &[&str]) {
    git_as(at, login, &format!("{login}@example.invalid"), arguments);
}

fn git_as(at: &Path, login: &str, email: &str, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(at)
        .args(["-c", &format!("user.name={login}"), "-c", &format!("user.email={email}"), "-c", "commit.gpgsign=false"])
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
