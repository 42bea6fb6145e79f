//! Writing comments, reactions, states, branches and commit statuses.

use reqwest::Method;
use serde_json::{Value, json};

use crate::base::text::clip;
use crate::domain::forge::*;
use crate::forge::{ForgeError, Reacted, ReactionTarget, Result};

use super::call::Call;
use super::{GitHubForge, convert};

/// The longest description of a commit status, in characters.
const DESCRIPTION: usize = 140;

impl GitHubForge {
    pub(super) async fn write_comment(&self, repo: &RepoRef, number: i64, body: &str) -> Result<Comment> {
        let call = Call::new(Method::POST, &["issues", &number.to_string(), "comments"]).json(json!({"body": body}));
        convert::comment(self.client.on_repo(repo, &call).await?.json()?).map_err(ForgeError::Uncertain)
    }

    pub(super) async fn write_comment_edit(&self, repo: &RepoRef, id: i64, body: &str) -> Result<()> {
        let call = Call::new(Method::PATCH, &["issues", "comments", &id.to_string()]).json(json!({"body": body}));
        self.client.on_repo(repo, &call).await.map(drop)
    }

    pub(super) async fn write_comment_delete(&self, repo: &RepoRef, id: i64) -> Result<()> {
        let call = Call::new(Method::DELETE, &["issues", "comments", &id.to_string()]);
        let done = self.client.on_repo(repo, &call).await;
        self.gone_is_done(repo, done.map(drop)).await
    }

    pub(super) async fn write_branch_delete(&self, repo: &RepoRef, branch: &str) -> Result<()> {
        // The route takes the rest of the path as the name, so slashes stay slashes.
        let segments: Vec<&str> = ["git", "refs", "heads"].into_iter().chain(branch.split('/')).collect();
        match self.client.on_repo(repo, &Call::new(Method::DELETE, &segments)).await {
            Err(ForgeError::Unprocessable(text)) if text.contains("does not exist") => Ok(()),
            done => self.gone_is_done(repo, done.map(drop)).await,
        }
    }

    /// What is to be deleted and is not there is done, unless the repository itself cannot be seen.
    async fn gone_is_done(&self, repo: &RepoRef, done: Result<()>) -> Result<()> {
        match done {
            Err(ForgeError::NotFound(_)) => self.client.on_repo(repo, &Call::get(&[])).await.map(drop),
            other => other,
        }
    }

    pub(super) async fn write_reaction(&self, repo: &RepoRef, target: ReactionTarget, content: &str) -> Result<Reacted> {
        let (comment, issue);
        let segments: &[&str] = match target {
            ReactionTarget::Comment { id, .. } => {
                comment = id.to_string();
                &["issues", "comments", &comment, "reactions"]
            }
            ReactionTarget::Issue(number) => {
                issue = number.to_string();
                &["issues", &issue, "reactions"]
            }
        };
        match self.client.on_repo(repo, &Call::new(Method::POST, segments).json(json!({"content": content}))).await {
            Ok(_) => Ok(Reacted::Done),
            // Not one of GitHub's eight, or a locked conversation.
            Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_) | ForgeError::NotAllowed(_) | ForgeError::Unprocessable(_)) => {
                Ok(Reacted::Unsupported)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write_issue(&self, repo: &RepoRef, title: &str, body: &str) -> Result<Issue> {
        let call = Call::new(Method::POST, &["issues"]).json(json!({"title": title, "body": body}));
        convert::issue(self.client.on_repo(repo, &call).await?.json()?).map_err(ForgeError::Uncertain)
    }

    pub(super) async fn write_issue_edit(&self, repo: &RepoRef, number: i64, title: Option<&str>, body: Option<&str>) -> Result<()> {
        let mut changes = serde_json::Map::new();
        changes.extend(title.map(|title| ("title".to_owned(), Value::from(title))));
        changes.extend(body.map(|body| ("body".to_owned(), Value::from(body))));
        if changes.is_empty() {
            return Ok(());
        }
        let call = Call::new(Method::PATCH, &["issues", &number.to_string()]).json(changes.into());
        self.client.on_repo(repo, &call).await.map(drop)
    }

    pub(super) async fn write_issue_state(&self, repo: &RepoRef, number: i64, state: State) -> Result<()> {
        let call = Call::new(Method::PATCH, &["issues", &number.to_string()]).json(json!({"state": state}));
        self.client.on_repo(repo, &call).await.map(drop)
    }

    pub(super) async fn write_status(&self, repo: &RepoRef, sha: &Sha, status: &CiStatus) -> Result<()> {
        let description: String = status.description.chars().take(DESCRIPTION).collect();
        let mut body = json!({
            "state": convert::ci_state_name(status.state), "context": clip(&status.context, 255), "description": description,
        });
        // An empty address is refused.
        if !status.url.is_empty() {
            body["target_url"] = Value::from(status.url.clone());
        }
        self.client.on_repo(repo, &Call::new(Method::POST, &["statuses", &sha.0]).json(body)).await.map(drop)
    }
}
