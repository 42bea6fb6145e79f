//! Reading accounts, projects, issues, notes, labels' changes and commit statuses.

use std::collections::BTreeMap;

use crate::domain::forge::*;
use crate::domain::scopes;
use crate::forge::{ForgeError, Result};

use super::client::Call;
use super::convert::{place, time};
use super::{GitLabForge, convert, speech, wire};

/// An answer that lacks what it must hold.
pub(super) fn odd(sentence: String) -> ForgeError {
    ForgeError::Malformed(sentence)
}

/// By this the bot's own summary of a review is told from its other notes; see [`crate::domain::marker`].
pub(super) const REVIEW_MARK: &str = "<!-- syndarix:v1 review ";

impl GitLabForge {
    pub(super) async fn read_whoami(&self) -> Result<User> {
        let user: wire::User = self.client.send(&Call::get(&["user"])).await?.json()?;
        let user = convert::some_user(Some(user)).ok_or_else(|| odd("the forge does not say whose token this is".to_owned()))?;
        let _ = self.me.set(user.clone());
        Ok(user)
    }

    /// The account behind the token, asked once.
    pub(super) async fn bot(&self) -> Result<User> {
        match self.me.get() {
            Some(me) => Ok(me.clone()),
            None => self.read_whoami().await,
        }
    }

    pub(super) async fn read_version(&self) -> Result<String> {
        let version: wire::ServerVersion = self.client.send(&Call::get(&["version"])).await?.json()?;
        if version.version.is_empty() {
            return Err(odd("the forge does not say its version".to_owned()));
        }
        Ok(version.version)
    }

    pub(super) async fn raw_project(&self, repo: &RepoRef) -> Result<wire::Project> {
        self.client.on_repo(repo, &Call::get(&[])).await?.json()
    }

    pub(super) async fn read_repo(&self, repo: &RepoRef) -> Result<Repo> {
        let found = convert::repo(self.raw_project(repo).await?).map_err(odd)?;
        if repo.id > 0 && found.id != repo.id {
            return Err(odd(format!("asked for project {}, got project {}", repo.id, found.id)));
        }
        self.client.remember(found.id, &found.path);
        Ok(found)
    }

    /// Those who are no members may still read what is public.
    pub(super) async fn read_role(&self, repo: &RepoRef, user: &User) -> Result<Role> {
        if user.id <= 0 {
            return Ok(Role::None);
        }
        let answer = self.client.on_repo(repo, &Call::get(&["members", "all", &user.id.to_string()])).await;
        let member: wire::Member = match answer {
            Ok(answer) => answer.json()?,
            Err(ForgeError::NotFound(_)) => wire::Member::default(),
            Err(error) => return Err(error),
        };
        if member.id != 0 && member.id != user.id {
            return Err(odd(format!("asked for the member {}, got {}", user.id, member.id)));
        }
        let blocked = !matches!(member.state.as_str(), "" | "active");
        let role = if blocked { Role::None } else { convert::role(member.access_level) };
        if role == Role::None && !blocked && self.raw_project(repo).await?.visibility == "public" {
            return Ok(Role::Reader);
        }
        Ok(role)
    }

    pub(super) async fn raw_merge(&self, repo: &RepoRef, number: i64) -> Result<wire::Merge> {
        let (list, iid) = place(number);
        if list != "merge_requests" {
            return Err(ForgeError::NotFound(format!("{} is no merge request", mention(number))));
        }
        self.client.on_repo(repo, &Call::get(&[list, &iid])).await?.json()
    }

    pub(super) async fn read_issue(&self, repo: &RepoRef, number: i64) -> Result<Issue> {
        let (list, iid) = place(number);
        if list == "merge_requests" {
            return convert::merge_as_issue(self.raw_merge(repo, number).await?).map_err(odd).map(|issue| self.own_issue(issue));
        }
        convert::issue(self.client.on_repo(repo, &Call::get(&[list, &iid])).await?.json()?).map_err(odd)
    }

    fn own_issue(&self, mut issue: Issue) -> Issue {
        issue.body = self.own_text(issue.author.id, issue.body);
        issue
    }

    /// What the bot wrote, as it wrote it.
    pub(super) fn own_text(&self, author: i64, text: String) -> String {
        if self.me.get().is_some_and(|me| me.id == author) { speech::incoming(&text) } else { text }
    }

    pub(super) fn note(&self, note: wire::Note) -> Result<Comment> {
        let mut comment = convert::comment(note).map_err(odd)?;
        comment.body = self.own_text(comment.author.id, comment.body);
        Ok(comment)
    }

    pub(super) async fn raw_notes(&self, repo: &RepoRef, number: i64) -> Result<Vec<wire::Note>> {
        let (list, iid) = place(number);
        let call = Call::get(&[list, &iid, "notes"]).query("order_by", "created_at").query("sort", "asc");
        self.client.list(repo, &call).await
    }

    pub(super) async fn read_comments(&self, repo: &RepoRef, number: i64) -> Result<Vec<Comment>> {
        let me = self.bot().await?;
        let notes = self.raw_notes(repo, number).await?;
        let own_review = |note: &wire::Note| note.author.as_ref().is_some_and(|by| by.id == me.id) && note.body.contains(REVIEW_MARK);
        let plain = notes.into_iter().filter(|note| is_public_talk(note) && note.kind != "DiffNote" && !own_review(note));
        let mut comments = plain.map(|note| self.note(note)).collect::<Result<Vec<_>>>()?;
        comments.sort_by_key(|comment| (comment.created_at, comment.id));
        comments.dedup_by_key(|comment| comment.id);
        Ok(comments)
    }

    pub(super) async fn read_comment(&self, repo: &RepoRef, number: i64, id: i64) -> Result<Comment> {
        self.bot().await?;
        let (list, iid) = place(number);
        let note: wire::Note = self.client.on_repo(repo, &Call::get(&[list, &iid, "notes", &id.to_string()])).await?.json()?;
        if !is_public_talk(&note) {
            return Err(ForgeError::NotFound(format!("{id} is not a comment that everybody who sees {} can read", mention(number))));
        }
        self.note(note)
    }

    pub(super) async fn read_label_changes(&self, repo: &RepoRef, number: i64) -> Result<Vec<LabelChange>> {
        let (list, iid) = place(number);
        let events: Vec<wire::LabelEvent> = self.client.list(repo, &Call::get(&[list, &iid, "resource_label_events"])).await?;
        let change = |event: wire::LabelEvent| {
            // The label is `null` once it was deleted.
            let label = event.label.filter(|label| !label.name.is_empty())?;
            Some(LabelChange {
                id: event.id,
                actor: convert::user(event.user),
                label: scopes::neutral(&label.name, ForgeKind::GitLab).into_owned(),
                added: event.action == "add",
                at: time(&event.created_at),
            })
        };
        let mut changes: Vec<LabelChange> = events.into_iter().filter_map(change).collect();
        changes.sort_by_key(|change| (change.at, change.id));
        changes.dedup_by_key(|change| change.id);
        Ok(changes)
    }

    pub(super) async fn read_ci(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<CiStatus>> {
        let call = Call::get(&["repository", "commits", &sha.0, "statuses"]);
        let mut newest: BTreeMap<String, wire::Status> = BTreeMap::new();
        for status in self.client.list::<wire::Status>(repo, &call).await? {
            if newest.get(&status.name).is_none_or(|other| other.id < status.id) {
                newest.insert(status.name.clone(), status);
            }
        }
        let status = |status: wire::Status| CiStatus {
            state: convert::ci_state(&status.status, status.allow_failure).unwrap_or(CiState::Pending),
            context: status.name,
            description: status.description,
            url: status.target_url,
        };
        Ok(newest.into_values().map(status).collect())
    }
}

/// What people said in a way that everybody who sees the issue can read.
pub(super) fn is_public_talk(note: &wire::Note) -> bool {
    !note.system && !note.internal && !note.confidential
}

/// Whether some line may be meant for the bot; the commands themselves are read elsewhere.
pub(super) fn is_asked(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| line.starts_with("/syndarix") || line.starts_with('@'))
}
