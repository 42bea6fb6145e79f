//! What happened to an issue: `events` without texts, `timeline` with comments and reviews.

use serde_json::{Value, json};

use super::shapes::{View, joined, time};
use super::web::{Answer, Call};
use crate::sandbox::act::pulls::{bare_title, is_draft};
use crate::sandbox::state::{Event, EventKind, Grant, Issue, Verdict};

impl View<'_> {
    /// An event; one of the forge can be two of GitHub's, or none.
    pub fn events(&self, issue: &Issue, event: &Event) -> Vec<Value> {
        let base = |name: &str, more: Value| {
            let shape = json!({
                "id": event.id, "node_id": format!("E_{}", event.id), "url": format!("{}/issues/events/{}", self.api(issue.repo), event.id),
                "actor": self.user(event.actor), "event": name, "commit_id": null, "commit_url": null, "created_at": time(event.at),
                "performed_via_github_app": null,
            });
            joined(shape, more)
        };
        let pick = |added: bool, yes: &'static str, no: &'static str| if added { yes } else { no };
        match &event.kind {
            EventKind::Label { label, name, added } => {
                let color = self.world.labels.get(*label).map_or("ededed", |label| label.color.as_str());
                vec![base(pick(*added, "labeled", "unlabeled"), json!({"label": {"name": name, "color": color}}))]
            }
            EventKind::Title { from, to } => {
                let is_pull = issue.pull.is_some();
                let (old, new) = (bare_title(from, is_pull), bare_title(to, is_pull));
                let mut lines = Vec::new();
                if old != new {
                    lines.push(base("renamed", json!({"rename": {"from": old, "to": new}})));
                }
                if is_pull && is_draft(from) != is_draft(to) {
                    lines.push(base(pick(is_draft(to), "convert_to_draft", "ready_for_review"), json!({})));
                }
                lines
            }
            EventKind::Closed => {
                vec![base("closed", json!({"state_reason": if issue.pull.is_some() { Value::Null } else { "completed".into() }}))]
            }
            EventKind::Reopened => vec![base("reopened", json!({"state_reason": null}))],
            EventKind::Merged { sha } => {
                vec![base("merged", json!({"commit_id": sha})), base("closed", json!({"state_reason": null}))]
            }
            EventKind::Assigned { user, added } => {
                let who = json!({"assignee": self.user(*user), "assigner": self.user(event.actor)});
                vec![base(pick(*added, "assigned", "unassigned"), who)]
            }
            EventKind::Milestone { from, to } => {
                let title = |id: &Option<i64>| id.and_then(|id| self.world.milestones.get(id)).map(|row| row.title.as_str());
                let line = |name, id| base(name, json!({"milestone": {"title": title(id)}}));
                from.iter().map(|_| line("demilestoned", from)).chain(to.iter().map(|_| line("milestoned", to))).collect()
            }
            EventKind::Base { .. } => vec![base("base_ref_changed", json!({}))],
            EventKind::ReviewRequest { user, added } => {
                let who = json!({"requested_reviewer": self.user(*user), "review_requester": self.user(event.actor)});
                vec![base(pick(*added, "review_requested", "review_request_removed"), who)]
            }
            EventKind::Dismissed { review, message } => {
                let was = self.world.reviews.get(*review).map_or("approved", |review| match review.verdict {
                    Verdict::Reject => "changes_requested",
                    _ => "approved",
                });
                let more = json!({"dismissed_review": {"state": was, "review_id": review, "dismissal_message": message}});
                vec![base("review_dismissed", more)]
            }
            EventKind::BranchDeleted { .. } => vec![base("head_ref_deleted", json!({}))],
            EventKind::Pushed { .. } => Vec::new(),
        }
    }
}

fn of_issue(call: &Call, texts: bool) -> Answer {
    let (_, id) = call.issue()?;
    let items = call.show(|view| {
        let Some(issue) = view.world.issues.get(id) else { return Vec::new() };
        let mut lines: Vec<(i64, Value)> = Vec::new();
        for event in view.world.events.all().filter(|event| event.issue == id) {
            lines.extend(view.events(issue, event).into_iter().map(|line| (event.id, line)));
        }
        if texts {
            for comment in view.world.comments_on(id) {
                let more = json!({"event": "commented", "actor": view.user(comment.author)});
                lines.push((comment.id, joined(view.comment(comment), more)));
            }
            for review in view.world.reviews_of(id).filter(|review| !matches!(review.verdict, Verdict::Requested | Verdict::Pending)) {
                lines.push((review.id, joined(view.review(review, true), json!({"event": "reviewed"}))));
            }
        }
        lines.sort_by_key(|line| line.0);
        lines.into_iter().map(|line| line.1).collect()
    });
    Ok(call.page(items))
}

pub async fn events(call: Call) -> Answer {
    of_issue(&call, false)
}

pub async fn timeline(call: Call) -> Answer {
    of_issue(&call, true)
}

/// Events of all issues of a repository, newest first, each with its issue.
pub async fn of_repo(call: Call) -> Answer {
    let repo = call.repo(Grant::Read)?.id;
    let items = call.show(|view| {
        let mut lines = Vec::new();
        for event in view.world.events.all().rev() {
            let Some(issue) = view.world.issues.get(event.issue).filter(|issue| issue.repo == repo) else { continue };
            let with_issue = |line| joined(line, json!({"issue": view.issue(issue)}));
            lines.extend(view.events(issue, event).into_iter().rev().map(with_issue));
        }
        lines
    });
    Ok(call.page(items))
}
