//! Reading accounts, repositories, issues, comments and what CI says.

use std::collections::BTreeMap;

use crate::base::Time;
use crate::domain::forge::*;
use crate::forge::{ForgeError, Result};

use super::call::Call;
use super::login::Whose;
use super::{GitHubForge, convert, wire};

/// An answer that lacks what it must hold.
pub(super) fn odd(sentence: String) -> ForgeError {
    ForgeError::Malformed(sentence)
}

impl GitHubForge {
    /// The account behind the token. What a GitHub App writes is written by the account `<name of the App>[bot]`.
    pub(super) async fn read_whoami(&self) -> Result<User> {
        let user: wire::User = if self.client.is_app() {
            let app: wire::AppItself = self.client.send(&Call::get(&["app"]).by(Whose::App)).await?.json()?;
            self.client.all_tokens().await?;
            self.client.send(&Call::get(&["users", &format!("{}[bot]", app.slug)])).await?.json()?
        } else {
            self.client.send(&Call::get(&["user"])).await?.json()?
        };
        let user = convert::some_user(Some(user)).ok_or_else(|| odd("the forge does not say whose token this is".to_owned()))?;
        // The account of a token never changes; only its name could.
        let _ = self.me.set(user.clone());
        Ok(user)
    }

    /// The bot's account, asked once.
    pub(super) async fn whoami_once(&self) -> Result<User> {
        match self.me.get() {
            Some(me) => Ok(me.clone()),
            None => self.read_whoami().await,
        }
    }

    pub(super) async fn read_repo(&self, repo: &RepoRef) -> Result<Repo> {
        let mut found: wire::Repo = self.client.on_repo(repo, &Call::get(&[]).remembered()).await?.json()?;
        if repo.id > 0 && found.id != repo.id {
            // After a rename somebody else took the old path.
            found = self.client.by_id(repo.id).await?;
        }
        // A repository without commits has the size 0, but so has a small one for a while.
        let at = RepoRef { id: found.id, path: found.full_name.clone() };
        self.client.remember(found.id, &found.full_name);
        let empty = found.size == 0 && !found.default_branch.is_empty() && self.head_of(&at, &found.default_branch).await?.is_none();
        convert::repo(found, empty).map_err(odd)
    }

    pub(super) async fn read_role(&self, repo: &RepoRef, user: &User) -> Result<Role> {
        // Programs are no collaborators, and deleted accounts have no rights of their own.
        if user.id <= 0 || user.login.ends_with("[bot]") || user.login == "ghost" {
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
        let role = convert::role(&answer.permission).map_err(odd)?;
        let path = self.client.path_of(repo);
        let owns = path.split('/').next().is_some_and(|owner| owner.eq_ignore_ascii_case(&asked.login));
        Ok(if owns && role == Role::Maintainer { Role::Owner } else { role })
    }

    pub(super) async fn read_issue(&self, repo: &RepoRef, number: i64) -> Result<Issue> {
        let issue: wire::Issue = self.client.on_repo(repo, &Call::get(&["issues", &number.to_string()])).await?.json()?;
        convert::issue(issue).map_err(odd)
    }

    pub(super) async fn read_comments(&self, repo: &RepoRef, number: i64) -> Result<Vec<Comment>> {
        let call = Call::get(&["issues", &number.to_string(), "comments"]);
        let comments: Vec<wire::Comment> = self.client.list(repo, &call).await?;
        // A comment that is deleted meanwhile moves others to an earlier page, one that is written stands at the end.
        let mut by_id = BTreeMap::new();
        for comment in comments {
            let comment = convert::comment(comment).map_err(odd)?;
            by_id.insert(comment.id, comment);
        }
        Ok(by_id.into_values().collect())
    }

    pub(super) async fn read_comment(&self, repo: &RepoRef, id: i64) -> Result<Comment> {
        let answer = self.client.on_repo(repo, &Call::get(&["issues", "comments", &id.to_string()])).await?;
        convert::comment(answer.json()?).map_err(odd)
    }

    pub(super) async fn events(&self, repo: &RepoRef, number: i64) -> Result<Vec<wire::IssueEvent>> {
        self.client.list(repo, &Call::get(&["issues", &number.to_string(), "events"])).await
    }

    pub(super) async fn read_label_changes(&self, repo: &RepoRef, number: i64) -> Result<Vec<LabelChange>> {
        let mut changes: Vec<LabelChange> = self.events(repo, number).await?.into_iter().filter_map(convert::label_change).collect();
        changes.sort_by_key(|change| (change.at, change.id));
        changes.dedup_by_key(|change| change.id);
        Ok(changes)
    }

    /// Statuses and checks are two systems; of one name the newest counts.
    pub(super) async fn read_ci(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<CiStatus>> {
        let statuses: Vec<wire::Status> = self.client.list(repo, &Call::get(&["commits", &sha.0, "status"])).await?;
        let call = Call::get(&["commits", &sha.0, "check-runs"]).query("filter", "latest");
        let mut checks: Vec<wire::CheckRun> = self.client.list(repo, &call).await?;
        checks.sort_by_key(|run| (convert::time(&run.started_at), run.id));
        let mut newest: BTreeMap<String, (Time, CiStatus)> = BTreeMap::new();
        for status in statuses {
            let at = convert::time(&status.updated_at);
            let status = convert::status(status);
            // The list has the newest of each context first.
            newest.entry(status.context.clone()).or_insert((at, status));
        }
        for run in checks {
            let at = convert::time(&run.started_at).max(convert::time(&run.completed_at));
            let check = convert::check(run);
            if newest.get(&check.context).is_none_or(|(known, _)| *known <= at) {
                newest.insert(check.context.clone(), (at, check));
            }
        }
        Ok(newest.into_values().map(|(_, status)| status).collect())
    }
}
