//! Pull requests: reading, opening, editing, reviewing and merging them.

use reqwest::{Method, StatusCode};
use serde_json::{Map, json};

use crate::domain::forge::*;
use crate::forge::{ForgeError, NewPull, PullPatch, Result};

use super::client::Call;
use super::read::odd;
use super::{GiteaForge, convert, wire};

impl GiteaForge {
    async fn raw_pull(&self, repo: &RepoRef, number: i64) -> Result<wire::Pull> {
        let call = Call::get(&["pulls", &number.to_string()]);
        let pull: wire::Pull = self.client.on_repo(repo, &call).await?.json()?;
        if self.is_other(repo, pull.base.repo_id) {
            self.client.resolve(repo.id).await?;
            return self.client.on_repo(repo, &call).await?.json();
        }
        Ok(pull)
    }

    pub(super) async fn read_pull(&self, repo: &RepoRef, number: i64) -> Result<Pull> {
        convert::pull(self.raw_pull(repo, number).await?).map_err(odd)
    }

    pub(super) async fn read_pulls_of_branch(&self, repo: &RepoRef, branch: &str) -> Result<Vec<Pull>> {
        let call = Call::get(&["pulls"]).query("state", "all");
        let pulls: Vec<wire::Pull> = self.client.list(repo, &call, true).await?;
        let mut found = Vec::new();
        for pull in pulls {
            let pull = convert::pull(pull).map_err(odd)?;
            // A fork can have a branch of the same name; a fork that is gone has no id, and this repository is not gone.
            let own = repo.id <= 0 || pull.head.repo_id == Some(repo.id);
            if own && pull.head.branch == branch {
                found.push(pull);
            }
        }
        found.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        found.dedup_by_key(|pull| pull.number);
        Ok(found)
    }

    pub(super) async fn read_reviews(&self, repo: &RepoRef, number: i64) -> Result<Vec<Review>> {
        let call = Call::get(&["pulls", &number.to_string(), "reviews"]);
        let reviews: Vec<wire::Review> = self.client.list(repo, &call, true).await?;
        Ok(reviews.into_iter().map(convert::review).collect())
    }

    pub(super) async fn read_review_comments(&self, repo: &RepoRef, number: i64, review: i64) -> Result<Vec<ReviewComment>> {
        // This list has no pages, and no order of its own.
        let call = Call::get(&["pulls", &number.to_string(), "reviews", &review.to_string(), "comments"]);
        let comments: Vec<wire::ReviewComment> = self.client.on_repo(repo, &call).await?.json::<Option<_>>()?.unwrap_or_default();
        let mut comments: Vec<ReviewComment> = comments.into_iter().map(convert::review_comment).collect();
        comments.sort_by_key(|comment| comment.id);
        Ok(comments)
    }

    pub(super) async fn read_pull_commits(&self, repo: &RepoRef, number: i64) -> Result<Vec<CommitInfo>> {
        let call = Call::get(&["pulls", &number.to_string(), "commits"]).query("verification", "false").query("files", "false");
        let commits: Vec<wire::Commit> = self.client.list(repo, &call, true).await?;
        // Gitea lists the newest first.
        Ok(commits.into_iter().rev().map(convert::commit).collect())
    }

    pub(super) async fn write_pull(&self, repo: &RepoRef, pull: &NewPull) -> Result<Pull> {
        let title = convert::join_title(&pull.title, pull.draft);
        let body = json!({"title": title, "body": pull.body, "head": pull.head, "base": pull.base});
        let answer = self.client.on_repo(repo, &Call::new(Method::POST, &["pulls"]).json(body)).await?;
        convert::pull(answer.json()?).map_err(ForgeError::Uncertain)
    }

    pub(super) async fn write_pull_patch(&self, repo: &RepoRef, number: i64, patch: &PullPatch) -> Result<()> {
        let mut body = Map::new();
        if patch.title.is_some() || patch.draft.is_some() {
            // Draft lives in the title, so a change of either needs the other.
            let now = match (&patch.title, patch.draft) {
                (Some(_), Some(_)) => String::new(),
                _ => self.raw_pull(repo, number).await?.title,
            };
            let (title, draft) = convert::split_title(&now);
            let title = convert::join_title(patch.title.as_ref().unwrap_or(&title), patch.draft.unwrap_or(draft));
            if title != now {
                body.insert("title".to_owned(), json!(title));
            }
        }
        if let Some(text) = &patch.body {
            body.insert("body".to_owned(), json!(text));
        }
        if let Some(state) = patch.state {
            body.insert("state".to_owned(), json!(state));
        }
        if body.is_empty() {
            return Ok(());
        }
        self.client.on_repo(repo, &Call::new(Method::PATCH, &["pulls", &number.to_string()]).json(body.into())).await?;
        Ok(())
    }

    pub(super) async fn write_review(
        &self,
        repo: &RepoRef,
        number: i64,
        head: &Sha,
        body: &str,
        comments: &[NewReviewComment],
    ) -> Result<Review> {
        if body.trim().is_empty() && comments.is_empty() {
            return Err(ForgeError::Unprocessable("a review needs a text or a comment on a line".to_owned()));
        }
        let lines: Vec<_> =
            comments.iter().map(|at| json!({"path": at.path, "body": at.body, "new_position": at.line, "old_position": 0})).collect();
        let review = json!({"event": "COMMENT", "body": body, "commit_id": head.0, "comments": lines});
        let answer = self.client.on_repo(repo, &Call::new(Method::POST, &["pulls", &number.to_string(), "reviews"]).json(review)).await?;
        Ok(convert::review(answer.json()?))
    }

    pub(super) async fn write_merge(&self, repo: &RepoRef, number: i64, head: &Sha, how: (MergeStyle, &str, &str)) -> Result<()> {
        let (style, title, message) = how;
        // The names from before 1.27, which later versions take too.
        let body = json!({
            "Do": convert::merge_style_name(style), "MergeTitleField": title, "MergeMessageField": message, "head_commit_id": head.0,
        });
        let answer = self.client.on_repo(repo, &Call::new(Method::POST, &["pulls", &number.to_string(), "merge"]).json(body)).await;
        match answer {
            Ok(answer) if answer.status == StatusCode::CREATED => Err(ForgeError::NotAllowed(format!(
                "instead of merging #{number} the forge scheduled an automatic merge; cancel it on the pull request's page and merge again"
            ))),
            Ok(_) => Ok(()),
            Err(ForgeError::NotAllowed(text)) if text.to_lowercase().contains("try again later") => {
                Err(ForgeError::NotAllowed(format!("still checking whether #{number} can be merged, which passes by itself: {text}")))
            }
            Err(ForgeError::NotAllowed(text)) if text.to_lowercase().contains("already merged") => {
                Err(ForgeError::NotAllowed(format!("#{number} was merged before: {text}")))
            }
            Err(ForgeError::NotAllowed(text)) => {
                Err(ForgeError::NotAllowed(format!("a rule of the repository stands against merging #{number}: {text}")))
            }
            Err(error) => Err(error),
        }
    }
}
