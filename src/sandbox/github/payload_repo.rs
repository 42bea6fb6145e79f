//! The bodies of web hooks about the repository as a whole: refs, statuses, checks, its name and its end.

use serde_json::{Value, json};

use super::payload::{Made, Maker};
use super::shapes::{or_null, time};
use super::shapes_code::status_word;
use crate::sandbox::act::refs::ZERO;
use crate::sandbox::git_ops::CommitRow;
use crate::sandbox::state::Status;
use crate::sandbox::told::What;

impl Maker<'_> {
    pub(super) fn of_repo(&self) -> Vec<Made> {
        match &self.told.what {
            What::Pushed { name, before, after, commits, .. } => vec![self.pushed(name, before, after, commits)],
            What::RefCreated { name, .. } => vec![("create", self.ref_body(name))],
            // The end of a tag is told as a push already, that of a branch is not.
            What::RefDeleted { name, before } if name.starts_with("refs/heads/") => {
                vec![("delete", self.ref_body(name)), self.pushed(name, before, ZERO, &[])]
            }
            What::RefDeleted { name, .. } => vec![("delete", self.ref_body(name))],
            What::StatusPosted { status, commit } => vec![("status", self.status_body(status, commit))],
            What::Checked { check, begun } => self.checked(*check, *begun),
            What::RepoCreated => repository("created", json!({})),
            What::Renamed { from } => repository("renamed", json!({"changes": {"repository": {"name": {"from": from}}}})),
            What::Transferred { from } => {
                repository("transferred", json!({"changes": {"owner": {"from": {"user": self.view.user(*from)}}}}))
            }
            What::Archived { archived } => repository(if *archived { "archived" } else { "unarchived" }, json!({})),
            What::Deleted { .. } => repository("deleted", json!({})),
            _ => Vec::new(),
        }
    }

    /// Commits oldest first.
    fn pushed(&self, name: &str, before: &str, after: &str, commits: &[CommitRow]) -> Made {
        let forced = self.act.iter().any(|one| matches!(&one.what, What::Forced { name: other } if other == name));
        let shown: Vec<Value> = commits.iter().rev().map(|commit| self.view.pushed_commit(self.repo, commit)).collect();
        let login = self.view.world.login(self.told.actor);
        let html = self.view.html_of(self.repo.id);
        let (created, deleted) = (before == ZERO, after == ZERO);
        let head = shown.last().cloned().filter(|_| !deleted);
        let is_tag = name.starts_with("refs/tags/");
        let body = json!({
            "ref": name, "before": before, "after": after, "created": created, "deleted": deleted, "forced": forced, "base_ref": null,
            "compare": format!("{html}/compare/{}...{}", &before[..before.len().min(12)], &after[..after.len().min(12)]),
            "commits": if is_tag || deleted { Vec::new() } else { shown }, "head_commit": head,
            "pusher": {"name": login, "email": self.view.world.users.get(self.told.actor).map(|user| user.email())},
        });
        ("push", body)
    }

    fn ref_body(&self, name: &str) -> Value {
        let (kind, short) = match name.strip_prefix("refs/tags/") {
            Some(tag) => ("tag", tag),
            None => ("branch", name.strip_prefix("refs/heads/").unwrap_or(name)),
        };
        json!({"ref": short, "ref_type": kind, "master_branch": self.repo.default_branch, "description": null, "pusher_type": "user"})
    }

    fn status_body(&self, status: &Status, commit: &CommitRow) -> Value {
        let api = self.view.api(self.repo.id);
        let on = |(_, sha): &(&str, &str)| *sha == status.sha;
        let branches: Vec<Value> = (self.repo.branches().filter(on))
            .map(|(name, sha)| json!({"name": name, "commit": {"sha": sha, "url": format!("{api}/commits/{sha}")}, "protected": false}))
            .collect();
        json!({
            "id": status.id, "sha": status.sha, "name": self.view.world.path_of(self.repo), "target_url": or_null(&status.url),
            "avatar_url": null, "context": status.context, "description": or_null(&status.description), "state": status_word(&status.state),
            "commit": self.view.commit(self.repo, commit), "branches": branches, "created_at": time(status.at), "updated_at": time(status.at),
        })
    }

    fn checked(&self, id: i64, begun: bool) -> Vec<Made> {
        let Some(check) = self.view.world.checks.get(id) else { return Vec::new() };
        let run = self.view.check(check);
        let mut made = Vec::new();
        if begun {
            made.push(("check_run", json!({"action": "created", "check_run": run})));
        }
        if check.conclusion.is_some() {
            made.push(("check_run", json!({"action": "completed", "check_run": run})));
        }
        made
    }
}

fn repository(action: &str, more: Value) -> Vec<Made> {
    vec![("repository", super::shapes::joined(json!({"action": action}), more))]
}
