//! The bodies of Gitea's web hooks.

use serde_json::{Map, Value, json};

use super::shapes::{View, known_state, time};
use crate::sandbox::deliver::Message;
use crate::sandbox::state::{Comment, Issue, Repo, Verdict};
use crate::sandbox::told::{Done, Told, What};
use crate::sandbox::world::World;

/// The message for what happened, as it is at this moment.
pub fn message(world: &World, root: &str, told: &Told) -> Option<Message> {
    let repo = world.repos.get(told.repo)?;
    let view = View { world, root, viewer: Some(told.actor) };
    let maker = Maker { view, repo, actor: told.actor };
    let (event, event_type, mut body) = maker.of(&told.what)?;
    body.insert("repository".into(), maker.view.repo(repo));
    body.insert("sender".into(), maker.view.user(told.actor));
    let branch = match &told.what {
        What::Pushed { name, .. } | What::RefCreated { name, .. } | What::RefDeleted { name, .. } => {
            name.strip_prefix("refs/heads/").map(str::to_owned)
        }
        _ => None,
    };
    let body = serde_json::to_vec_pretty(&Value::Object(body)).ok()?;
    Some(Message { event, event_type, branch, body })
}

type Made = (&'static str, &'static str, Map<String, Value>);

struct Maker<'a> {
    view: View<'a>,
    repo: &'a Repo,
    actor: i64,
}

impl Maker<'_> {
    fn of(&self, what: &What) -> Option<Made> {
        match what {
            What::Opened { issue } => self.plain(*issue, "opened", "", json!({})),
            What::Closed { issue } => self.plain(*issue, "closed", "", json!({})),
            What::Reopened { issue } => self.plain(*issue, "reopened", "", json!({})),
            What::Edited { issue, title_from, body_from, base_from } => {
                let mut changes = json!({"added_labels": null, "removed_labels": null});
                for (name, from) in [("title", title_from), ("body", body_from), ("ref", base_from)] {
                    if let Some(from) = from {
                        changes[name] = json!({"from": from});
                    }
                }
                self.plain(*issue, "edited", "", json!({"changes": changes}))
            }
            What::Labels { issue, cleared, .. } => {
                self.plain(*issue, if *cleared { "label_cleared" } else { "label_updated" }, "label", json!({}))
            }
            What::Assigned { issue, added } => self.plain(*issue, if *added { "assigned" } else { "unassigned" }, "assign", json!({})),
            What::Milestoned { issue, set } => self.plain(*issue, if *set { "milestoned" } else { "demilestoned" }, "milestone", json!({})),
            What::Synchronized { issue, before, after } => {
                self.plain(*issue, "synchronized", "sync", json!({"before": before, "after": after}))
            }
            What::ReviewRequest { issue, reviewer, added } => {
                let action = if *added { "review_requested" } else { "review_request_removed" };
                self.plain(*issue, action, "review_request", json!({"requested_reviewer": self.view.user(*reviewer)}))
            }
            What::Reviewed { review } => self.reviewed(*review),
            What::Commented { done, comment, body_from } => self.commented(*done, comment, body_from.as_deref()),
            _ => self.of_repo(what),
        }
    }

    /// Messages about the repository as a whole: refs, statuses.
    fn of_repo(&self, what: &What) -> Option<Made> {
        match what {
            What::Pushed { name, before, after, commits, total } => {
                let shown: Vec<Value> = commits.iter().map(|commit| self.view.payload_commit(self.repo, commit)).collect();
                let path = self.view.world.path_of(self.repo);
                let body = json!({
                    "ref": name, "before": before, "after": after, "compare_url": format!("{}/{path}/compare/{before}...{after}", self.view.root),
                    "head_commit": shown.first(), "commits": shown, "total_commits": total, "pusher": self.view.user(self.actor),
                });
                Some(("push", "push", object(body)))
            }
            What::RefCreated { name, sha } => {
                let (kind, short) = short(name);
                Some(("create", "create", object(json!({"sha": sha, "ref": short, "ref_type": kind}))))
            }
            What::RefDeleted { name, .. } => {
                let (kind, short) = short(name);
                Some(("delete", "delete", object(json!({"ref": short, "ref_type": kind, "pusher_type": "user"}))))
            }
            What::StatusPosted { status, commit } => {
                let body = json!({
                    "commit": self.view.payload_commit(self.repo, commit), "context": status.context, "created_at": time(status.at),
                    "description": status.description, "id": status.id, "sha": status.sha, "state": known_state(&status.state),
                    "target_url": status.url, "updated_at": time(status.at),
                });
                Some(("status", "status", object(body)))
            }
            What::RepoCreated => {
                Some(("repository", "repository", object(json!({"action": "created", "organization": self.view.user(self.repo.owner)}))))
            }
            _ => None,
        }
    }

    /// A message about an issue or pull request as a whole.
    fn plain(&self, id: i64, action: &str, kind: &str, more: Value) -> Option<Made> {
        let issue = self.view.world.issues.get(id)?;
        let mut body = object(json!({"action": action, "number": issue.number, "commit_id": ""}));
        let (event, event_type) = match &issue.pull {
            None => {
                body.insert("issue".into(), self.view.issue(issue));
                ("issues", of_issue(kind))
            }
            Some(pull) => {
                body.insert("pull_request".into(), self.view.pull(issue, pull));
                body.insert("requested_reviewer".into(), Value::Null);
                body.insert("review".into(), Value::Null);
                ("pull_request", of_pull(kind))
            }
        };
        body.extend(object(more));
        Some((event, event_type, body))
    }

    fn reviewed(&self, id: i64) -> Option<Made> {
        let review = self.view.world.reviews.get(id)?;
        let (event, event_type) = match review.verdict {
            Verdict::Approve => ("pull_request_approved", "pull_request_review_approved"),
            Verdict::Reject => ("pull_request_rejected", "pull_request_review_rejected"),
            _ => ("pull_request_comment", "pull_request_review_comment"),
        };
        let more = json!({"requested_reviewer": self.view.user(review.author), "review": {"type": event_type, "content": review.body}});
        let (_, _, body) = self.plain(review.issue, "reviewed", "", more)?;
        Some((event, event_type, body))
    }

    fn commented(&self, done: Done, comment: &Comment, from: Option<&str>) -> Option<Made> {
        let issue: &Issue = self.view.world.issues.get(comment.issue)?;
        let action = match done {
            Done::Created => "created",
            Done::Edited => "edited",
            Done::Deleted => "deleted",
        };
        let mut body = object(json!({
            "action": action, "issue": self.view.issue(issue), "comment": self.view.comment(comment), "is_pull": issue.pull.is_some(),
        }));
        if let Some(from) = from {
            body.insert("changes".into(), json!({"body": {"from": from}, "added_labels": null, "removed_labels": null}));
        }
        let Some(pull) = &issue.pull else { return Some(("issue_comment", "issue_comment", body)) };
        body.insert("pull_request".into(), self.view.pull(issue, pull));
        Some(("issue_comment", "pull_request_comment", body))
    }
}

fn of_issue(kind: &str) -> &'static str {
    match kind {
        "label" => "issue_label",
        "assign" => "issue_assign",
        "milestone" => "issue_milestone",
        _ => "issues",
    }
}

fn of_pull(kind: &str) -> &'static str {
    match kind {
        "label" => "pull_request_label",
        "assign" => "pull_request_assign",
        "milestone" => "pull_request_milestone",
        "sync" => "pull_request_sync",
        "review_request" => "pull_request_review_request",
        _ => "pull_request",
    }
}

/// Kind and short name of a ref, as Gitea puts them into create and delete events.
fn short(name: &str) -> (&'static str, &str) {
    match name.strip_prefix("refs/tags/") {
        Some(tag) => ("tag", tag),
        None => ("branch", name.strip_prefix("refs/heads/").unwrap_or(name)),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
