//! The bodies of GitLab's web hooks: which messages an act gives, and those about pushes, pipelines and awards.

use serde_json::{Map, Value, json};

use super::look::{Look, emoji, hook_time};
use super::statuses::{of_all, word};
use crate::sandbox::act::refs::ZERO;
use crate::sandbox::deliver::Message;
use crate::sandbox::git_ops::CommitRow;
use crate::sandbox::state::{Issue, Reaction, Repo, Status};
use crate::sandbox::told::{Done, Told, What};
use crate::sandbox::world::World;

/// A push that moves more branches and tags than this is told by no hook.
const MOST_REFS: usize = 3;
/// Largest number of commits in a message about a push.
const MOST_COMMITS: usize = 20;

/// The messages for what happened, as it is at this moment. The changes of one issue in one act are one message.
pub fn messages(world: &World, root: &str, told: &Told, act: &[Told]) -> Vec<Message> {
    let Some(repo) = world.repos.get(told.repo) else { return Vec::new() };
    let maker = Maker { look: Look { world, root, viewer: Some(told.actor) }, repo, actor: told.actor, act };
    maker.of(told)
}

/// What the messages are made of.
pub struct Maker<'a> {
    pub look: Look<'a>,
    pub repo: &'a Repo,
    pub actor: i64,
    /// All that happened in the same act.
    pub act: &'a [Told],
}

/// The issue that a change in several steps is about.
fn changed(what: &What) -> Option<i64> {
    match what {
        What::Edited { issue, .. }
        | What::Labels { issue, .. }
        | What::Assigned { issue, .. }
        | What::Milestoned { issue, .. }
        | What::ReviewRequest { issue, .. } => Some(*issue),
        _ => None,
    }
}

impl Maker<'_> {
    fn of(&self, told: &Told) -> Vec<Message> {
        if let Some(issue) = changed(&told.what) {
            // The first of the changes speaks for all of them; what is opened is told as it is after them.
            let first = self.act.iter().find(|one| changed(&one.what) == Some(issue));
            let opened = self.act.iter().any(|one| matches!(one.what, What::Opened { issue: new } if new == issue));
            let speaks = first.is_some_and(|first| std::ptr::eq(first, told)) && !opened;
            return if speaks { self.updated(issue).into_iter().collect() } else { Vec::new() };
        }
        match &told.what {
            What::Opened { issue } => self.thing(*issue, "open", Map::new(), json!({})).into_iter().collect(),
            What::Closed { issue } => {
                let merged = self.look.world.issues.get(*issue).is_some_and(|issue| Look::state(issue) == "merged");
                let changes = object(json!({"state_id": {"previous": 1, "current": if merged { 3 } else { 2 }}}));
                self.thing(*issue, if merged { "merge" } else { "close" }, changes, json!({})).into_iter().collect()
            }
            What::Reopened { issue } => {
                let changes = object(json!({"state_id": {"previous": 2, "current": 1}}));
                self.thing(*issue, "reopen", changes, json!({})).into_iter().collect()
            }
            What::Synchronized { issue, before, .. } => {
                self.thing(*issue, "update", Map::new(), json!({"oldrev": before})).into_iter().collect()
            }
            What::Unapproved { issue, user: Some(_) } => self.thing(*issue, "unapproved", Map::new(), json!({})).into_iter().collect(),
            What::Unapproved { issue, user: None } => {
                let more = json!({"system": true, "system_action": "approvals_reset_on_push"});
                self.thing(*issue, "unapproval", Map::new(), more).into_iter().collect()
            }
            What::Commented { done: Done::Deleted, .. } => Vec::new(),
            What::Commented { done, comment, .. } => self.commented(*done, comment).into_iter().collect(),
            What::Reviewed { review } => self.reviewed(*review),
            What::LineEdited { review, line } => self.line(*review, *line, "update").into_iter().collect(),
            What::Reacted { issue, comment, reaction, added } => self.award(*issue, *comment, reaction, *added).into_iter().collect(),
            What::Pushed { name, before, after, commits, total } => {
                self.pushed(name, (before, after), commits, *total).into_iter().collect()
            }
            What::RefDeleted { name, before } if name.starts_with("refs/heads/") => {
                self.pushed(name, (before, ZERO), &[], 0).into_iter().collect()
            }
            What::StatusPosted { status, commit } => self.pipeline(status, commit).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// A user as hooks show one.
    pub fn user(&self, id: i64) -> Value {
        let whole = self.look.user(id);
        json!({"id": id, "name": whole["name"], "username": whole["username"], "avatar_url": whole["avatar_url"], "email": "[REDACTED]"})
    }

    /// The project as hooks show it.
    pub fn project(&self) -> Value {
        let (web, path) = (self.look.web(self.repo.id), self.look.path(self.repo.id));
        let (ssh, http) = (format!("git@localhost:{path}.git"), format!("{web}.git"));
        json!({
            "id": self.repo.id, "name": self.repo.name, "description": "", "web_url": web, "avatar_url": null, "git_ssh_url": ssh,
            "git_http_url": http, "namespace": self.look.world.login(self.repo.owner),
            "visibility_level": if self.repo.private { 0 } else { 20 }, "path_with_namespace": path,
            "default_branch": self.repo.default_branch, "ci_config_path": null, "homepage": web, "url": ssh, "ssh_url": ssh, "http_url": http,
        })
    }

    /// The repository in short.
    pub fn repository(&self) -> Value {
        let (web, path) = (self.look.web(self.repo.id), self.look.path(self.repo.id));
        json!({"name": self.repo.name, "url": format!("git@localhost:{path}.git"), "description": "", "homepage": web})
    }

    /// A commit as hooks show it.
    pub fn commit(&self, row: &CommitRow) -> Value {
        json!({
            "id": row.sha, "message": row.message, "title": row.message.lines().next().unwrap_or_default(), "timestamp": row.committer.date,
            "url": format!("{}/-/commit/{}", self.look.web(self.repo.id), row.sha),
            "author": {"name": row.author.name, "email": "[REDACTED]"}, "added": row.added, "modified": row.modified, "removed": row.removed,
        })
    }

    fn pushed(&self, name: &str, (before, after): (&str, &str), commits: &[CommitRow], total: u64) -> Option<Message> {
        let moves = |told: &&Told| matches!(told.what, What::Pushed { .. } | What::RefDeleted { .. });
        if self.act.iter().filter(moves).count() > MOST_REFS {
            return None;
        }
        let (event, kind) = if name.starts_with("refs/tags/") { ("Tag Push Hook", "tag_push") } else { ("Push Hook", "push") };
        let user = self.look.user(self.actor);
        // Oldest first.
        let shown: Vec<Value> = commits.iter().take(MOST_COMMITS).rev().map(|commit| self.commit(commit)).collect();
        let body = json!({
            "object_kind": kind, "event_name": kind, "before": before, "after": after, "ref": name, "ref_protected": false,
            "checkout_sha": Some(after).filter(|sha| *sha != ZERO), "message": null, "user_id": self.actor, "user_name": user["name"],
            "user_username": user["username"], "user_email": "", "user_avatar": user["avatar_url"], "project_id": self.repo.id,
            "project": self.project(), "commits": shown, "total_commits_count": total, "push_options": {}, "repository": self.repository(),
        });
        let event_type = if kind == "push" { "push_events" } else { "tag_push_events" };
        message(event, event_type, name.strip_prefix("refs/heads/").map(str::to_owned), &body)
    }

    fn pipeline(&self, status: &Status, commit: &CommitRow) -> Option<Message> {
        let world = self.look.world;
        let shape = self.look.pipeline(status.repo, &status.sha);
        let latest = world.latest_statuses(status.repo, &status.sha);
        let states: Vec<&str> = latest.iter().map(|status| word(&status.state)).collect();
        let done = !matches!(of_all(&states), "pending" | "running");
        let build = |status: &&Status| {
            let state = word(&status.state);
            json!({
                "id": status.id, "stage": "external", "name": status.context, "status": state, "created_at": hook_time(status.at),
                "started_at": null, "finished_at": null, "duration": null, "queued_duration": null, "failure_reason": null, "when": "on_success",
                "manual": false, "allow_failure": false, "user": self.user(status.creator), "runner": null, "environment": null,
            })
        };
        let is_head = |issue: &&Issue| issue.repo == status.repo && issue.pull.as_ref().is_some_and(|pull| pull.head_sha == status.sha);
        let of = world.issues.all().rev().find(|issue| issue.closed.is_none() && is_head(issue)).and_then(|issue| {
            let pull = issue.pull.as_ref()?;
            Some(json!({
                "id": pull.id, "iid": issue.iid, "title": super::draft::shown(&issue.title), "source_branch": pull.head, "source_project_id": issue.repo,
                "target_branch": pull.base, "target_project_id": issue.repo, "state": Look::state(issue), "merge_status": "can_be_merged",
                "detailed_merge_status": self.look.merge_status(issue, pull), "url": self.look.html(issue),
            }))
        });
        let body = json!({
            "object_kind": "pipeline",
            "object_attributes": {
                "id": shape["id"], "iid": shape["iid"], "name": null, "ref": shape["ref"], "tag": false, "sha": status.sha, "before_sha": ZERO,
                "source": "external", "status": shape["status"], "detailed_status": shape["status"], "stages": ["external"],
                "created_at": hook_time(status.at), "finished_at": done.then(|| hook_time(status.at)), "duration": null, "queued_duration": null,
                "protected_ref": false, "variables": [], "url": shape["web_url"],
            },
            "merge_request": of, "user": self.user(self.actor), "project": self.project(), "commit": self.commit(commit),
            "builds": latest.iter().map(build).collect::<Vec<_>>(),
        });
        message("Pipeline Hook", "pipeline_events", None, &body)
    }

    fn award(&self, issue: i64, comment: Option<i64>, reaction: &Reaction, added: bool) -> Option<Message> {
        let issue = self.look.world.issues.get(issue)?;
        let (kind, id) = match comment {
            Some(comment) => ("Note", comment),
            None => (super::remarks::noteable_type(issue), super::remarks::noteable(issue)),
        };
        let action = if added { "award" } else { "revoke" };
        let anchor = comment.map(|comment| format!("#note_{comment}")).unwrap_or_default();
        let mut body = json!({
            "object_kind": "emoji", "event_type": action, "user": self.user(self.actor), "project_id": self.repo.id, "project": self.project(),
            "object_attributes": {
                "user_id": reaction.user, "created_at": hook_time(reaction.at), "updated_at": hook_time(reaction.at), "id": reaction.id,
                "name": emoji(&reaction.content), "awardable_type": kind, "awardable_id": id, "action": action,
                "awarded_on_url": format!("{}{anchor}", self.look.html(issue)),
            },
        });
        let notes = super::remarks::all(self.look.world, issue);
        if let Some(note) = comment.and_then(|id| notes.iter().find(|note| note.id == id)) {
            body["note"] = self.note(issue, note);
        }
        body[if issue.pull.is_some() { "merge_request" } else { "issue" }] = self.attributes(issue);
        message("Emoji Hook", "emoji_events", None, &body)
    }
}

/// A finished message.
pub fn message(event: &'static str, event_type: &'static str, branch: Option<String>, body: &Value) -> Option<Message> {
    Some(Message { event, event_type, branch, body: serde_json::to_vec(body).ok()? })
}

/// The fields of an object.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
