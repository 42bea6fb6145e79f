//! Pull requests: reading, opening, editing, reviewing and merging them.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::domain::forge::*;
use crate::forge::{ForgeError, NewPull, PullPatch, Result};

use super::call::Call;
use super::read::odd;
use super::{GitHubForge, convert, wire};

/// The list of a pull request's commits ends here without a word.
const MOST_COMMITS: usize = 250;
/// Context of the status that stands for a draft where GitHub offers none.
const DRAFT_STATUS: &str = "syndarix/draft";

const READY: &str = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
const TO_DRAFT: &str = "mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";

/// GitHub's words where a plan has no drafts.
fn no_drafts(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("draft") && (text.contains("not supported") || text.contains("not available") || text.contains("upgrade"))
}

impl GitHubForge {
    async fn raw_pull(&self, repo: &RepoRef, number: i64) -> Result<wire::Pull> {
        let call = Call::get(&["pulls", &number.to_string()]);
        let pull: wire::Pull = self.client.on_repo(repo, &call).await?.json()?;
        let at = pull.base.repo.as_ref().map_or(0, |repo| repo.id);
        if repo.id > 0 && at > 0 && at != repo.id {
            // The path was given to another repository after a rename.
            self.client.resolve(repo.id).await?;
            return self.client.on_repo(repo, &call).await?.json();
        }
        Ok(pull)
    }

    pub(super) async fn read_pull(&self, repo: &RepoRef, number: i64) -> Result<Pull> {
        convert::pull(self.raw_pull(repo, number).await?).map_err(odd)
    }

    pub(super) async fn read_pulls_of_branch(&self, repo: &RepoRef, branch: &str) -> Result<Vec<Pull>> {
        let path = self.client.path_of(repo);
        let owner = path.split('/').next().unwrap_or_default();
        let call = Call::get(&["pulls"]).query("state", "all").query("head", format!("{owner}:{branch}"));
        let pulls: Vec<wire::Pull> = self.client.list(repo, &call).await?;
        let mut found = Vec::new();
        for pull in pulls {
            let pull = convert::pull(pull).map_err(odd)?;
            // The owner may have a fork with a branch of the same name.
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
        let reviews: Vec<wire::Review> = self.client.list(repo, &Call::get(&["pulls", &number.to_string(), "reviews"])).await?;
        let mut before = BTreeMap::new();
        if reviews.iter().any(|review| review.state.eq_ignore_ascii_case("dismissed")) {
            let dismissed = self.events(repo, number).await?.into_iter().filter_map(|event| event.dismissed_review);
            before.extend(dismissed.map(|review| (review.review_id, convert::verdict(&review.state))));
        }
        Ok(reviews.into_iter().map(|review| convert::review(review, &before)).collect())
    }

    pub(super) async fn read_review_comments(&self, repo: &RepoRef, number: i64, review: i64) -> Result<Vec<ReviewComment>> {
        let call = Call::get(&["pulls", &number.to_string(), "reviews", &review.to_string(), "comments"]);
        let comments: Vec<wire::ReviewComment> = self.client.list(repo, &call).await?;
        let mut comments: Vec<ReviewComment> = comments.into_iter().map(convert::review_comment).collect();
        comments.sort_by_key(|comment| comment.id);
        comments.dedup_by_key(|comment| comment.id);
        Ok(comments)
    }

    pub(super) async fn read_pull_commits(&self, repo: &RepoRef, number: i64) -> Result<Vec<CommitInfo>> {
        let mut commits: Vec<wire::Commit> = self.client.list(repo, &Call::get(&["pulls", &number.to_string(), "commits"])).await?;
        if commits.len() >= MOST_COMMITS {
            commits = self.compared(repo, number).await?;
        }
        Ok(commits.into_iter().map(convert::commit).collect())
    }

    /// All commits of a long pull request: a comparison has pages to its end.
    async fn compared(&self, repo: &RepoRef, number: i64) -> Result<Vec<wire::Commit>> {
        let pull = self.raw_pull(repo, number).await?;
        let range = format!("{}...{}", pull.base.sha, pull.head.sha);
        let mut commits: Vec<wire::Commit> = Vec::new();
        for page in 1..=1_000 {
            let call = Call::get(&["compare", &range]).query("per_page", "100").query("page", page.to_string());
            let found: wire::Compared = self.client.on_repo(repo, &call).await?.json()?;
            let last = found.commits.len() < 100;
            commits.extend(found.commits);
            if last {
                return Ok(commits);
            }
        }
        Err(odd(format!("the commits of #{number} do not end")))
    }

    pub(super) async fn write_pull(&self, repo: &RepoRef, pull: &NewPull) -> Result<Pull> {
        match self.new_pull(repo, pull, &pull.title, pull.draft).await {
            // Refused, so nothing was made.
            Err(ForgeError::Unprocessable(text)) if pull.draft && no_drafts(&text) => {
                let title = format!("{}{}", convert::DRAFT_PREFIX, convert::split_title(&pull.title).0);
                let made = self.new_pull(repo, pull, &title, false).await?;
                self.mark_draft(repo, &made.head.sha, true).await;
                Ok(made)
            }
            other => other,
        }
    }

    async fn new_pull(&self, repo: &RepoRef, pull: &NewPull, title: &str, draft: bool) -> Result<Pull> {
        let body = json!({"title": title, "body": pull.body, "head": pull.head, "base": pull.base, "draft": draft});
        match self.client.on_repo(repo, &Call::new(Method::POST, &["pulls"]).json(body)).await {
            Ok(answer) => convert::pull(answer.json()?).map_err(ForgeError::Uncertain),
            Err(ForgeError::Unprocessable(text)) if text.contains("already exists") => Err(ForgeError::Conflict(text)),
            Err(error) => Err(error),
        }
    }

    /// A status for people to see beside the mark in the title; without it the mark still holds.
    async fn mark_draft(&self, repo: &RepoRef, head: &Sha, draft: bool) {
        let (state, description) = match draft {
            true => (CiState::Pending, "not ready for review yet"),
            false => (CiState::Success, "ready for review"),
        };
        let status = CiStatus { context: DRAFT_STATUS.to_owned(), state, description: description.to_owned(), url: String::new() };
        if let Err(error) = self.write_status(repo, head, &status).await {
            tracing::info!(repo = repo.path, "the status that stands for a draft could not be set: {error}");
        }
    }

    pub(super) async fn write_pull_patch(&self, repo: &RepoRef, number: i64, patch: &PullPatch) -> Result<()> {
        let now = match patch.title.is_some() || patch.draft.is_some() {
            true => Some(self.raw_pull(repo, number).await?),
            false => None,
        };
        let mut body = Map::new();
        let (plain, marked) = now.as_ref().map(|now| convert::split_title(&now.title)).unwrap_or_default();
        // Whether the mark in the title is how this pull request is a draft afterwards.
        let mut by_title = marked;
        if let (Some(now), Some(draft)) = (&now, patch.draft) {
            match (draft, now.draft) {
                (true, false) if !marked => match self.switch_draft(repo, &now.node_id, true).await {
                    Err(ForgeError::Unprocessable(text) | ForgeError::Forbidden(text)) if no_drafts(&text) => by_title = true,
                    switched => switched?,
                },
                (true, _) => {}
                (false, true) => {
                    self.switch_draft(repo, &now.node_id, false).await?;
                    by_title = false;
                }
                (false, false) => by_title = false,
            }
        }
        if let Some(now) = &now {
            let title = patch.title.as_ref().map_or(plain, |title| convert::split_title(title).0);
            let title = if by_title { format!("{}{title}", convert::DRAFT_PREFIX) } else { title };
            if title != now.title {
                body.insert("title".to_owned(), json!(title));
            }
        }
        if let Some(text) = &patch.body {
            body.insert("body".to_owned(), json!(text));
        }
        if let Some(state) = patch.state {
            body.insert("state".to_owned(), json!(state));
        }
        if !body.is_empty() {
            self.client.on_repo(repo, &Call::new(Method::PATCH, &["pulls", &number.to_string()]).json(body.into())).await?;
        }
        if let Some(now) = now
            && by_title != marked
        {
            self.mark_draft(repo, &Sha(now.head.sha), by_title).await;
        }
        Ok(())
    }

    async fn switch_draft(&self, repo: &RepoRef, id: &str, draft: bool) -> Result<()> {
        if id.is_empty() {
            return Err(odd("the pull request has no id for GraphQL".to_owned()));
        }
        let text = if draft { TO_DRAFT } else { READY };
        let call = Call::mutation(text, json!({"id": id}), &self.client.path_of(repo));
        self.client.graphql(&call).await.map(drop)
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
        let lines: Vec<Value> =
            comments.iter().map(|at| json!({"path": at.path, "body": at.body, "line": at.line, "side": "RIGHT"})).collect();
        match self.new_review(repo, number, json!({"event": "COMMENT", "body": body, "commit_id": head.0, "comments": lines})).await {
            // GitHub takes comments only on lines that the diff shows, and refuses the whole review for one that it does not. Nothing was
            // posted, so all of them go into the text.
            Err(ForgeError::Unprocessable(_)) if !comments.is_empty() => {
                let lines: String = comments.iter().map(|at| format!("\n\n`{}:{}` {}", at.path, at.line, at.body)).collect();
                let body = format!("{body}{lines}");
                self.new_review(repo, number, json!({"event": "COMMENT", "body": body.trim(), "commit_id": head.0})).await
            }
            other => other,
        }
    }

    async fn new_review(&self, repo: &RepoRef, number: i64, review: Value) -> Result<Review> {
        let answer = self.client.on_repo(repo, &Call::new(Method::POST, &["pulls", &number.to_string(), "reviews"]).json(review)).await?;
        Ok(convert::review(answer.json()?, &BTreeMap::new()))
    }

    pub(super) async fn write_merge(&self, repo: &RepoRef, number: i64, head: &Sha, how: (MergeStyle, &str, &str)) -> Result<()> {
        let (style, title, message) = how;
        let Some(method) = convert::merge_style_name(style) else {
            return Err(ForgeError::NotAllowed("GitHub can merge by merge commit, by squash or by rebase only".to_owned()));
        };
        let body = json!({"merge_method": method, "sha": head.0, "commit_title": title, "commit_message": message});
        match self.client.on_repo(repo, &Call::new(Method::PUT, &["pulls", &number.to_string(), "merge"]).json(body)).await {
            Ok(_) => Ok(()),
            Err(ForgeError::NotAllowed(text)) => Err(self.why_not_merged(repo, number, text).await),
            Err(error) => Err(error),
        }
    }

    /// GitHub has one answer for all that stands against a merge, and says "not mergeable" while it is still looking, too.
    async fn why_not_merged(&self, repo: &RepoRef, number: i64, text: String) -> ForgeError {
        match self.raw_pull(repo, number).await {
            Ok(pull) if pull.merged => ForgeError::NotAllowed(format!("#{number} was merged before: {text}")),
            Ok(pull) if pull.mergeable.is_none() || text.contains("Base branch was modified") => {
                ForgeError::NotAllowed(format!("still checking whether #{number} can be merged, which passes by itself: {text}"))
            }
            Ok(pull) if pull.mergeable == Some(false) => {
                ForgeError::Conflict(format!("#{number} cannot be merged into its base branch as it is: {text}"))
            }
            _ => ForgeError::NotAllowed(format!("a rule of the repository stands against merging #{number}: {text}")),
        }
    }
}
