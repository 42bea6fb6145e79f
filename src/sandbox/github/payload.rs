//! The bodies of GitHub's web hooks. What Gitea tells in one message can be several here: one for each label, one for each comment on a line.

use serde_json::{Value, json};

use super::shapes::{View, joined, time};
use crate::sandbox::act::pulls::{bare_title, is_draft};
use crate::sandbox::deliver::Message;
use crate::sandbox::state::{Comment, EventKind, Issue, Repo, Review};
use crate::sandbox::told::{Done, Told, What};
use crate::sandbox::world::World;

/// Name of the event and what its body holds beside repository and sender.
pub type Made = (&'static str, Value);

/// The messages for what happened, as it is at this moment. `act`: all that happened in the same act.
pub fn messages(world: &World, root: &str, told: &Told, act: &[Told]) -> Vec<Message> {
    let gone;
    let repo = match (&told.what, world.repos.get(told.repo)) {
        (_, Some(repo)) => repo,
        (What::Deleted { repo }, None) => {
            gone = repo.clone();
            &gone
        }
        _ => return Vec::new(),
    };
    let view = View { world, root, viewer: None };
    let maker = Maker { view, repo, told, act };
    let mut shown = maker.view.repo(repo);
    shown["full_name"] = world.path_of(repo).into();
    let sender = maker.view.user(told.actor);
    let finished = maker.made().into_iter().filter_map(|(event, body)| {
        // The one event whose repository has times in seconds.
        let repository = if event == "push" { maker.of_push(shown.clone()) } else { shown.clone() };
        let body = joined(body, json!({"repository": repository, "sender": sender}));
        Some(Message { event, event_type: event, branch: None, body: serde_json::to_vec(&body).ok()? })
    });
    finished.collect()
}

/// The message that a new hook is greeted with.
pub fn ping(view: &View, hook: &crate::sandbox::state::Hook, repo: &Repo, sender: i64) -> Option<Message> {
    let body = json!({
        "zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": view.hook(hook), "repository": view.repo(repo),
        "sender": view.user(sender),
    });
    Some(Message { event: "ping", event_type: "ping", branch: None, body: serde_json::to_vec(&body).ok()? })
}

pub(super) struct Maker<'a> {
    pub view: View<'a>,
    pub repo: &'a Repo,
    pub told: &'a Told,
    pub act: &'a [Told],
}

impl Maker<'_> {
    fn made(&self) -> Vec<Made> {
        match &self.told.what {
            What::Opened { issue } => self.plain(*issue, "opened", json!({})),
            What::Closed { issue } => self.plain(*issue, "closed", json!({})),
            What::Reopened { issue } => self.plain(*issue, "reopened", json!({})),
            What::Edited { issue, title_from, body_from, base_from } => {
                self.edited(*issue, title_from.as_deref(), body_from.as_deref(), base_from.as_deref())
            }
            What::Labels { issue, added, removed, .. } => {
                let one = |action, id: &i64| {
                    let label = self.view.world.labels.get(*id).map(|label| self.view.label(label));
                    self.plain(*issue, action, json!({"label": label}))
                };
                let removed = removed.iter().flat_map(|id| one("unlabeled", id));
                removed.chain(added.iter().flat_map(|id| one("labeled", id))).collect()
            }
            What::Assigned { issue, added } => {
                let who = self.assigned(*issue).map(|user| self.view.user(user));
                self.plain(*issue, if *added { "assigned" } else { "unassigned" }, json!({"assignee": who}))
            }
            What::Milestoned { issue, set } => self.plain(*issue, if *set { "milestoned" } else { "demilestoned" }, json!({})),
            What::Synchronized { issue, before, after } => self.plain(*issue, "synchronize", json!({"before": before, "after": after})),
            What::ReviewRequest { issue, reviewer, added } => {
                let action = if *added { "review_requested" } else { "review_request_removed" };
                self.plain(*issue, action, json!({"requested_reviewer": self.view.user(*reviewer)}))
            }
            What::Commented { done, comment, body_from } => self.commented(*done, comment, body_from.as_deref()).into_iter().collect(),
            What::Reviewed { review } => self.reviewed(*review),
            What::Dismissed { review } => self.of_review(*review, "dismissed").into_iter().collect(),
            What::Unapproved { issue, user: Some(user) } => {
                let last = self.view.world.reviews_of(*issue).filter(|review| review.author == *user && review.dismissed).last();
                last.and_then(|review| self.of_review(review.id, "dismissed")).into_iter().collect()
            }
            What::LineEdited { review, line } => self.lines(*review, "edited", |id| id == *line),
            _ => self.of_repo(),
        }
    }

    /// A message about an issue or pull request as a whole.
    fn plain(&self, id: i64, action: &str, more: Value) -> Vec<Made> {
        let Some(issue) = self.view.world.issues.get(id) else { return Vec::new() };
        let milestone = matches!(action, "milestoned" | "demilestoned").then(|| self.view.milestone_of(issue));
        let mut body = joined(json!({"action": action}), more);
        if let Some(milestone) = milestone {
            body["milestone"] = milestone;
        }
        let event = match &issue.pull {
            None => {
                body["issue"] = self.view.issue(issue);
                "issues"
            }
            Some(pull) => {
                body["number"] = issue.number.into();
                body["pull_request"] = self.view.pull(issue, pull);
                "pull_request"
            }
        };
        vec![(event, body)]
    }

    /// A change of the mark of a draft is no change of the title here, but an event of its own.
    fn edited(&self, id: i64, title: Option<&str>, body: Option<&str>, base: Option<&str>) -> Vec<Made> {
        let Some(issue) = self.view.world.issues.get(id) else { return Vec::new() };
        let is_pull = issue.pull.is_some();
        let mut made = Vec::new();
        let mut changes = json!({});
        if let Some(from) = title {
            if bare_title(from, is_pull) != bare_title(&issue.title, is_pull) {
                changes["title"] = json!({"from": bare_title(from, is_pull)});
            }
            if is_pull && is_draft(from) != is_draft(&issue.title) {
                let action = if is_draft(from) { "ready_for_review" } else { "converted_to_draft" };
                made.extend(self.plain(id, action, json!({})));
            }
        }
        if let Some(from) = body {
            changes["body"] = json!({"from": from});
        }
        if let Some(from) = base {
            let sha = self.repo.branch(from).unwrap_or_default();
            changes["base"] = json!({"ref": {"from": from}, "sha": {"from": sha}});
        }
        if changes.as_object().is_some_and(|changes| !changes.is_empty()) {
            made.extend(self.plain(id, "edited", json!({"changes": changes})));
        }
        made
    }

    /// Who was assigned, read from the timeline: the last events of the act stand for its messages in order.
    fn assigned(&self, id: i64) -> Option<i64> {
        let of_act = |one: &&Told| matches!(one.what, What::Assigned { issue, .. } if issue == id);
        let later = self.act.iter().filter(of_act).skip_while(|one| !std::ptr::eq(*one, self.told)).count().saturating_sub(1);
        let of_issue = self.view.world.events.all().rev().filter(|event| event.issue == id);
        let mut users = of_issue.filter_map(|event| match event.kind {
            EventKind::Assigned { user, .. } => Some(user),
            _ => None,
        });
        users.nth(later)
    }

    fn commented(&self, done: Done, comment: &Comment, from: Option<&str>) -> Option<Made> {
        let issue: &Issue = self.view.world.issues.get(comment.issue)?;
        let action = match done {
            Done::Created => "created",
            Done::Edited => "edited",
            Done::Deleted => "deleted",
        };
        let mut body = json!({"action": action, "issue": self.view.issue(issue), "comment": self.view.comment(comment)});
        if let Some(from) = from {
            body["changes"] = json!({"body": {"from": from}});
        }
        Some(("issue_comment", body))
    }

    /// The review, then its comments on lines.
    fn reviewed(&self, id: i64) -> Vec<Made> {
        let review = self.of_review(id, "submitted");
        review.into_iter().chain(self.lines(id, "created", |_| true)).collect()
    }

    fn simple(&self, review: &Review) -> Option<Value> {
        let issue = self.view.world.issues.get(review.issue)?;
        Some(self.view.simple_pull(issue, issue.pull.as_ref()?))
    }

    fn of_review(&self, id: i64, action: &str) -> Option<Made> {
        let review = self.view.world.reviews.get(id)?;
        let mut shape = self.view.review(review, true);
        // Who dismisses and submits in the same moment would find the newer word here.
        if action == "dismissed" {
            shape["state"] = "dismissed".into();
        }
        Some(("pull_request_review", json!({"action": action, "review": shape, "pull_request": self.simple(review)?})))
    }

    fn lines(&self, id: i64, action: &str, wanted: impl Fn(i64) -> bool) -> Vec<Made> {
        let Some(review) = self.view.world.reviews.get(id) else { return Vec::new() };
        let Some(pull) = self.simple(review) else { return Vec::new() };
        let one = |line| {
            ("pull_request_review_comment", json!({"action": action, "comment": self.view.line(review, line), "pull_request": pull}))
        };
        review.lines.iter().filter(|line| wanted(line.id)).map(one).collect()
    }

    fn of_push(&self, shown: Value) -> Value {
        let owner = joined(shown["owner"].clone(), json!({"name": self.view.world.login(self.repo.owner), "email": null}));
        let (created, pushed) = (self.repo.created.seconds(), self.repo.updated.seconds());
        let more = json!({
            "created_at": created, "pushed_at": pushed, "updated_at": time(self.repo.updated), "owner": owner, "stargazers": 0,
            "master_branch": self.repo.default_branch,
        });
        joined(shown, more)
    }
}
