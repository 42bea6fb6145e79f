//! What an administrator does on the forge itself, in the protocol that the program speaks there.

use reqwest::Method;
use serde_json::{Value, json};
use syndarix::sandbox::Skin;

use crate::program::client;
use crate::world::{REPO, World};

/// The words of one kind of forge.
pub struct Words {
    pub pull: &'static str,
    /// How the first change that waits to be merged is written.
    pub mention: &'static str,
    pub repo: &'static str,
    pub write: &'static str,
    pub admin: &'static str,
    pub member: &'static str,
    /// A label of the program as people see it.
    pub label: &'static str,
    /// What a token may do that may do all that is needed, and one that lacks something.
    pub scopes: &'static [&'static str],
    pub poor: &'static [&'static str],
    /// What that one lacks.
    pub lacks: &'static str,
    /// Where the forge is told to whom it may send.
    pub allowed: &'static str,
    /// What one hook that tells of pushes alone does not tell of, to begin with.
    pub untold: &'static str,
}

impl World {
    pub fn words(&self) -> Words {
        match self.skin {
            Skin::Gitea => Words {
                pull: "pull request",
                mention: "#1",
                repo: "repository",
                write: "write permission",
                admin: "administrator rights",
                member: "a collaborator",
                label: "story/design",
                scopes: &["write:repository", "write:issue", "read:organization", "read:user"],
                poor: &["write:repository", "read:user"],
                lacks: "write:issue, read:organization",
                allowed: "ALLOWED_HOST_LIST",
                untold: "create, delete",
            },
            Skin::GitHub => Words {
                pull: "pull request",
                mention: "#1",
                repo: "repository",
                write: "the role Write",
                admin: "the role Admin",
                member: "a collaborator",
                label: "story/design",
                scopes: &["repo"],
                poor: &["public_repo"],
                lacks: "repo",
                allowed: "can be reached from the forge's network",
                untold: "check_run, create",
            },
            Skin::GitLab => Words {
                pull: "merge request",
                mention: "!1",
                repo: "project",
                write: "the role Developer",
                admin: "the role Maintainer",
                member: "a member",
                label: "story::design",
                scopes: &["api"],
                poor: &["read_api"],
                lacks: "api",
                allowed: "Allow requests to the local network",
                untold: "issues",
            },
        }
    }

    /// Asks below the address of a repository.
    pub async fn on(&self, repo: &str, method: Method, path: &str, body: Value) -> Value {
        let root = match self.skin {
            Skin::Gitea => format!("api/v1/repos/{repo}"),
            Skin::GitHub => format!("api/v3/repos/{repo}"),
            Skin::GitLab => format!("api/v4/projects/{}", repo.replace('/', "%2F")),
        };
        let url = format!("{}/{root}{path}", self.sandbox.url());
        let request = client().request(method, url).header("authorization", format!("Bearer {}", self.token)).header("user-agent", "admin");
        let request = if body.is_null() { request } else { request.json(&body) };
        request.send().await.unwrap().json().await.unwrap_or_default()
    }

    pub async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        self.on(REPO, method, path, body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, Value::Null).await
    }

    /// Those that the protocol lists.
    pub async fn hooks(&self) -> Vec<Value> {
        self.get("/hooks").await.as_array().unwrap().clone()
    }

    /// Where a hook sends to.
    pub fn target(&self, hook: &Value) -> String {
        let url = if self.skin == Skin::GitLab { &hook["url"] } else { &hook["config"]["url"] };
        url.as_str().unwrap().to_owned()
    }

    /// The hook tells of pushes alone.
    pub async fn narrow_hook(&self, id: &Value) {
        let path = format!("/hooks/{id}");
        match self.skin {
            Skin::GitLab => {
                let off = json!({"issues_events": false, "merge_requests_events": false, "note_events": false, "pipeline_events": false});
                self.ask(Method::PUT, &path, off).await
            }
            _ => self.ask(Method::PATCH, &path, json!({"events": ["push"], "active": false})).await,
        };
    }

    pub async fn drop_hook(&self, id: &Value) {
        self.ask(Method::DELETE, &format!("/hooks/{id}"), Value::Null).await;
    }

    /// A hook of the right kind to this address, with a secret of its own.
    pub async fn make_hook(&self, url: &str, secret: &str) {
        let config = json!({"url": url, "content_type": "json", "secret": secret});
        let body = match self.skin {
            Skin::Gitea => json!({"type": "gitea", "config": config, "active": true,
                "events": ["create", "delete", "push", "issues", "pull_request", "status"]}),
            Skin::GitHub => json!({"name": "web", "config": config, "active": true, "events": ["*"]}),
            Skin::GitLab => {
                json!({"url": url, "token": secret, "push_events": true, "issues_events": true, "confidential_issues_events": true,
                "merge_requests_events": true, "note_events": true, "confidential_note_events": true, "pipeline_events": true})
            }
        };
        self.ask(Method::POST, "/hooks", body).await;
    }

    /// All changes that wait or waited to be merged.
    pub async fn pulls(&self) -> Vec<Value> {
        let list = if self.skin == Skin::GitLab { "/merge_requests?state=all" } else { "/pulls?state=all" };
        self.get(list).await.as_array().unwrap().clone()
    }

    pub async fn close_first_pull(&self) {
        match self.skin {
            Skin::GitLab => self.ask(Method::PUT, "/merge_requests/1", json!({"state_event": "close"})).await,
            _ => self.ask(Method::PATCH, "/pulls/1", json!({"state": "closed"})).await,
        };
    }

    pub async fn labels(&self) -> Value {
        self.get(if self.skin == Skin::Gitea { "/labels?limit=100" } else { "/labels?per_page=100" }).await
    }

    pub async fn drop_label(&self, name: &str) {
        let found = self.labels().await.as_array().unwrap().iter().find(|label| label["name"] == name).cloned().unwrap();
        let key = if self.skin == Skin::GitHub { name.replace('/', "%2F") } else { found["id"].to_string() };
        self.ask(Method::DELETE, &format!("/labels/{key}"), Value::Null).await;
    }

    /// What protects `main`.
    pub async fn rules(&self) -> Value {
        self.get(match self.skin {
            Skin::Gitea => "/branch_protections",
            Skin::GitHub => "/branches/main/protection",
            Skin::GitLab => "/protected_branches",
        })
        .await
    }

    pub async fn unprotect(&self, rule: &str) {
        let path = match self.skin {
            Skin::Gitea => format!("/branch_protections/{}", rule.replace('*', "%2A").replace('/', "%2F")),
            Skin::GitHub => format!("/branches/{rule}/protection"),
            Skin::GitLab => format!("/protected_branches/{}", rule.replace('*', "%2A").replace('/', "%2F")),
        };
        self.ask(Method::DELETE, &path, Value::Null).await;
    }

    pub async fn make_branch(&self, name: &str) {
        match self.skin {
            Skin::Gitea => self.ask(Method::POST, "/branches", json!({"new_branch_name": name, "old_branch_name": "main"})).await,
            Skin::GitHub => {
                let sha = self.get("/branches/main").await["commit"]["sha"].clone();
                self.ask(Method::POST, "/git/refs", json!({"ref": format!("refs/heads/{name}"), "sha": sha})).await
            }
            Skin::GitLab => self.ask(Method::POST, "/repository/branches", json!({"branch": name, "ref": "main"})).await,
        };
    }

    /// Asks in the words of Gitea, whatever the program speaks, as the owner of the repository.
    pub async fn as_gitea(&self, method: Method, path: &str, body: Value) {
        let owner = self.sandbox.ensure_user("acme", false, false).unwrap();
        let url = format!("{}/api/v1/repos/{REPO}{path}", self.sandbox.url());
        let request = client().request(method, url).header("authorization", format!("token {owner}")).json(&body);
        assert!(request.send().await.unwrap().status().is_success());
    }

    pub async fn unprotect_as_gitea(&self, pattern: &str) {
        self.as_gitea(Method::DELETE, &format!("/branch_protections/{}", pattern.replace('*', "%2A").replace('/', "%2F")), json!({})).await;
    }

    /// Protects branches of GitHub by a pattern, which it gives back.
    pub async fn graphql(&self, input: &Value) -> String {
        let query = "mutation($input: CreateBranchProtectionRuleInput!) { createBranchProtectionRule(input: $input) { branchProtectionRule { pattern } } }";
        let url = format!("{}/api/graphql", self.sandbox.url());
        let request = client().post(url).header("authorization", format!("bearer {}", self.token)).header("user-agent", "admin");
        let request = request.json(&json!({"query": query, "variables": {"input": input}}));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let pattern = answer["data"]["createBranchProtectionRule"]["branchProtectionRule"]["pattern"].as_str();
        pattern.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}
