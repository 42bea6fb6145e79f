//! Reading accounts, repositories, issues, comments and commit statuses.

use std::collections::BTreeMap;

use crate::domain::forge::*;
use crate::forge::{ForgeError, Result};

use super::client::Call;
use super::{GiteaForge, convert, wire};

/// An answer that lacks what it must hold.
pub(super) fn odd(sentence: String) -> ForgeError {
    ForgeError::Malformed(sentence)
}

impl GiteaForge {
    pub(super) async fn read_whoami(&self) -> Result<User> {
        let user: wire::User = self.client.send(&Call::get(&["user"])).await?.json()?;
        let user = convert::some_user(Some(user)).ok_or_else(|| odd("the forge does not say whose token this is".to_owned()))?;
        // The account of a token never changes; only its name could, and any name works for Git.
        let _ = self.me.set(user.clone());
        Ok(user)
    }

    pub(super) async fn read_version(&self) -> Result<String> {
        let version: wire::Version = self.client.send(&Call::get(&["version"])).await?.json()?;
        if version.version.is_empty() {
            return Err(odd("the forge does not say its version".to_owned()));
        }
        Ok(version.version)
    }

    pub(super) async fn read_repo(&self, repo: &RepoRef) -> Result<Repo> {
        let answer: wire::Repo = self.client.on_repo(repo, &Call::get(&[])).await?.json()?;
        let mut found = convert::repo(answer).map_err(odd)?;
        if repo.id > 0 && found.id != repo.id {
            // After a rename somebody else took the old path.
            let answer: wire::Repo = self.client.send(&Call::get(&["repositories", &repo.id.to_string()])).await?.json()?;
            found = convert::repo(answer).map_err(odd)?;
            if found.id != repo.id {
                return Err(odd(format!("asked for repository {}, got repository {}", repo.id, found.id)));
            }
        }
        self.client.remember(found.id, &found.path);
        Ok(found)
    }

    pub(super) async fn read_role(&self, repo: &RepoRef, user: &User) -> Result<Role> {
        if user.id <= 0 {
            // The deleted-user and built-in accounts have no rights of their own.
            return Ok(Role::None);
        }
        let answer = self.client.on_repo(repo, &Call::get(&["collaborators", &user.login, "permission"])).await?;
        let answer: wire::UserPermission = answer.json()?;
        let asked = convert::user(answer.user);
        if asked.id != user.id {
            return Err(ForgeError::NotFound(format!(
                "the name {} now belongs to another account (id {} instead of {}): the user was renamed, so the permission cannot be asked by that name",
                user.login, asked.id, user.id
            )));
        }
        convert::role(&answer.permission).map_err(odd)
    }

    pub(super) async fn read_issue(&self, repo: &RepoRef, number: i64) -> Result<Issue> {
        let call = Call::get(&["issues", &number.to_string()]);
        let mut issue: wire::Issue = self.client.on_repo(repo, &call).await?.json()?;
        if issue.repository.as_ref().is_some_and(|at| self.is_other(repo, at.id)) {
            self.client.resolve(repo.id).await?;
            issue = self.client.on_repo(repo, &call).await?.json()?;
        }
        convert::issue(issue).map_err(odd)
    }

    /// True when an answer came from another repository than was meant: the path was given to a new repository after a rename.
    pub(super) fn is_other(&self, repo: &RepoRef, id: i64) -> bool {
        repo.id > 0 && id > 0 && id != repo.id
    }

    pub(super) async fn read_comments(&self, repo: &RepoRef, number: i64) -> Result<Vec<Comment>> {
        // This list has no pages.
        let answer = self.client.on_repo(repo, &Call::get(&["issues", &number.to_string(), "comments"])).await;
        let answer = match answer {
            // Gitea answers 500 for an issue that does not exist.
            Err(ForgeError::Unavailable(text)) => {
                self.read_issue(repo, number).await?;
                return Err(ForgeError::Unavailable(text));
            }
            other => other?,
        };
        let comments: Vec<wire::Comment> = answer.json::<Option<_>>()?.unwrap_or_default();
        comments.into_iter().map(|comment| convert::comment(comment).map_err(odd)).collect()
    }

    pub(super) async fn read_comment(&self, repo: &RepoRef, id: i64) -> Result<Comment> {
        let answer = self.client.on_repo(repo, &Call::get(&["issues", "comments", &id.to_string()])).await?;
        if answer.body.is_empty() {
            // 204 for entries of the timeline that are not comments.
            return Err(ForgeError::NotFound(format!("{id} is not a comment")));
        }
        convert::comment(answer.json()?).map_err(odd)
    }

    pub(super) async fn read_label_changes(&self, repo: &RepoRef, number: i64) -> Result<Vec<LabelChange>> {
        // `X-Total-Count` is the size of the page here, and inline comments are taken out of a page after it was counted.
        let call = Call::get(&["issues", &number.to_string(), "timeline"]);
        let entries: Vec<wire::TimelineEntry> = self.client.list(repo, &call, false).await?;
        let mut changes: Vec<LabelChange> = entries.into_iter().filter_map(convert::label_change).collect();
        changes.sort_by_key(|change| (change.at, change.id));
        changes.dedup_by_key(|change| change.id);
        Ok(changes)
    }

    pub(super) async fn read_ci(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<CiStatus>> {
        let mut newest: BTreeMap<String, CiStatus> = BTreeMap::new();
        let mut seen = 0;
        for page in 1..=200 {
            let call = Call::get(&["commits", &sha.0, "status"]).query("page", page.to_string()).query("limit", "50");
            let combined: wire::Combined = self.client.on_repo(repo, &call).await?.json()?;
            let count = combined.statuses.len() as u64;
            seen += count;
            for status in combined.statuses {
                let status = convert::status(status);
                newest.entry(status.context.clone()).or_insert(status);
            }
            if count == 0 || (combined.total_count > 0 && seen >= combined.total_count) {
                break;
            }
        }
        Ok(newest.into_values().collect())
    }
}
