//! Merge requests: reading, opening, editing and merging them.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, json};

use crate::domain::forge::*;
use crate::forge::{ForgeError, NewPull, PullPatch, Result};

use super::client::Call;
use super::convert::place;
use super::read::odd;
use super::write::state_event;
use super::{GitLabForge, convert, speech, wire};

impl GitLabForge {
    fn own_pull(&self, mut pull: Pull) -> Pull {
        pull.body = self.own_text(pull.author.id, pull.body);
        pull
    }

    pub(super) async fn read_pull(&self, repo: &RepoRef, number: i64) -> Result<Pull> {
        self.bot().await?;
        Ok(self.own_pull(convert::pull(self.raw_merge(repo, number).await?).map_err(odd)?))
    }

    pub(super) async fn read_pulls_of_branch(&self, repo: &RepoRef, branch: &str) -> Result<Vec<Pull>> {
        self.bot().await?;
        let call = Call::get(&["merge_requests"]).query("source_branch", branch).query("state", "all").query("scope", "all");
        let merges: Vec<wire::Merge> = self.client.list(repo, &call).await?;
        let mut found = Vec::new();
        for merge in merges {
            let pull = convert::pull(merge).map_err(odd)?;
            // A fork can have a branch of the same name.
            let own = pull.head.repo_id == pull.base.repo_id || (repo.id > 0 && pull.head.repo_id == Some(repo.id));
            if own && pull.head.branch == branch {
                found.push(self.own_pull(pull));
            }
        }
        found.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        found.dedup_by_key(|pull| pull.number);
        Ok(found)
    }

    /// GitLab names no accounts with commits, only addresses; whose an address is, is asked once for each.
    pub(super) async fn read_pull_commits(&self, repo: &RepoRef, number: i64) -> Result<Vec<CommitInfo>> {
        let (list, iid) = place(number);
        let commits: Vec<wire::Commit> = self.client.list(repo, &Call::get(&[list, &iid, "commits"])).await?;
        let mut accounts: BTreeMap<String, Option<User>> = BTreeMap::new();
        for email in commits.iter().flat_map(|commit| [&commit.author_email, &commit.committer_email]) {
            if !accounts.contains_key(email) {
                let account = self.account_of(email).await?;
                accounts.insert(email.clone(), account);
            }
        }
        let account = |email: &String| accounts.get(email).cloned().flatten();
        // GitLab lists the newest first.
        let info = |commit: wire::Commit| CommitInfo {
            sha: convert::sha(&commit.id),
            author: account(&commit.author_email),
            committer: account(&commit.committer_email),
            message: commit.message,
            author_email: commit.author_email,
        };
        Ok(commits.into_iter().rev().map(info).collect())
    }

    /// The one account with this address, as far as GitLab lets the bot see addresses. Its no-reply addresses, `5-alice@users.noreply.HOST`,
    /// hold the account's number, by which GitLab itself knows whose they are. Those of another host name accounts of that host, and a number
    /// counts only when GitLab has such an account: anybody can write any address into a commit.
    async fn account_of(&self, email: &str) -> Result<Option<User>> {
        let Some((local, host)) = email.split_once('@') else { return Ok(None) };
        if let Some(of) = host.strip_prefix("users.noreply.") {
            let id = local.split_once('-').and_then(|(id, _)| id.parse::<i64>().ok()).filter(|id| *id > 0);
            let Some(id) = id.filter(|_| self.is_at(of)) else { return Ok(None) };
            return match self.client.send(&Call::get(&["users", &id.to_string()])).await {
                Ok(answer) => Ok(convert::some_user(Some(answer.json()?))),
                Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            };
        }
        if host.ends_with(".invalid") {
            return Ok(None);
        }
        let found: Vec<wire::User> = match self.client.send(&Call::get(&["users"]).query("search", email)).await {
            Ok(answer) => answer.json()?,
            Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Names are searched as well, so more than one answer says nothing.
        let alone = <[wire::User; 1]>::try_from(found).ok();
        Ok(alone.and_then(|[user]| convert::some_user(Some(user))))
    }

    /// Whether this is the host of the forge, by the address used here or by that for people.
    fn is_at(&self, host: &str) -> bool {
        let of = |url: &str| reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let own = [Some(self.client.base()), self.public_url.as_deref()];
        own.into_iter().flatten().filter_map(of).any(|own| own.eq_ignore_ascii_case(host))
    }

    pub(super) async fn write_pull(&self, repo: &RepoRef, pull: &NewPull) -> Result<Pull> {
        self.bot().await?;
        let body = json!({
            "title": convert::join_title(&pull.title, pull.draft), "description": speech::outgoing(&pull.body),
            "source_branch": pull.head, "target_branch": pull.base, "remove_source_branch": false,
        });
        let answer = self.client.on_repo(repo, &Call::new(Method::POST, &["merge_requests"]).json(body)).await?;
        Ok(self.own_pull(convert::pull(answer.json()?).map_err(ForgeError::Uncertain)?))
    }

    pub(super) async fn write_pull_patch(&self, repo: &RepoRef, number: i64, patch: &PullPatch) -> Result<()> {
        let (list, iid) = place(number);
        let mut body = Map::new();
        if patch.title.is_some() || patch.draft.is_some() {
            // Draft lives in the title, so a change of either needs the other.
            let now = match (&patch.title, patch.draft) {
                (Some(_), Some(_)) => String::new(),
                _ => self.raw_merge(repo, number).await?.title,
            };
            let (title, draft) = convert::split_title(&now);
            let title = convert::join_title(patch.title.as_ref().unwrap_or(&title), patch.draft.unwrap_or(draft));
            if title != now {
                body.insert("title".to_owned(), json!(title));
            }
        }
        if let Some(text) = &patch.body {
            body.insert("description".to_owned(), json!(speech::outgoing(text)));
        }
        if let Some(state) = patch.state {
            body.insert("state_event".to_owned(), json!(state_event(state)));
        }
        if body.is_empty() {
            return Ok(());
        }
        self.client.on_repo(repo, &Call::new(Method::PUT, &[list, &iid]).json(body.into())).await.map(drop)
    }

    pub(super) async fn write_merge(&self, repo: &RepoRef, number: i64, head: &Sha, how: (MergeStyle, &str, &str)) -> Result<()> {
        let (style, title, message) = how;
        let shown = mention(number);
        let (list, iid) = place(number);
        let text = if message.trim().is_empty() { title.to_owned() } else { format!("{title}\n\n{message}") };
        let squash = style == MergeStyle::Squash;
        let mut body = json!({"sha": head.0, "squash": squash, "should_remove_source_branch": false, "merge_commit_message": text});
        if squash {
            body["squash_commit_message"] = json!(text);
        }
        let answer = self.client.on_repo(repo, &Call::new(Method::PUT, &[list, &iid, "merge"]).json(body)).await;
        match answer {
            Ok(answer) => match answer.json::<wire::Merge>()?.state.as_str() {
                "opened" => Err(ForgeError::NotAllowed(format!(
                    "instead of merging {shown} the forge scheduled an automatic merge; cancel it on the merge request's page and merge again"
                ))),
                _ => Ok(()),
            },
            Err(ForgeError::Unauthorized(text)) => {
                Err(ForgeError::NotAllowed(format!("the bot's account may not merge {shown} into this branch: {text}")))
            }
            Err(ForgeError::NotAllowed(text)) => Err(self.why_not(repo, number, text).await),
            Err(ForgeError::Unprocessable(text)) if text.contains("(406 ") || text.contains("(422 ") => {
                Err(ForgeError::Conflict(format!("{shown} cannot be merged as it is: {text}")))
            }
            Err(error) => Err(error),
        }
    }

    /// A 405 says only "Method Not Allowed"; the merge request itself says why.
    async fn why_not(&self, repo: &RepoRef, number: i64, text: String) -> ForgeError {
        let shown = mention(number);
        let merge = match self.raw_merge(repo, number).await {
            Ok(merge) => merge,
            Err(_) => return ForgeError::NotAllowed(format!("a rule of the project stands against merging {shown}: {text}")),
        };
        ForgeError::NotAllowed(match merge.detailed_merge_status.as_str() {
            _ if merge.state == "merged" => format!("{shown} was merged before: {text}"),
            "checking" | "unchecked" | "preparing" | "approvals_syncing" => {
                format!("still checking whether {shown} can be merged, which passes by itself: {text}")
            }
            "mergeable" | "" => format!("a rule of the project stands against merging {shown}: {text}"),
            why => format!("a rule of the project stands against merging {shown} ({}): {text}", why.replace('_', " ")),
        })
    }
}
