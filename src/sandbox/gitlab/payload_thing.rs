//! The bodies of web hooks about issues, merge requests and notes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::draft;
use super::look::{Look, digest, hook_time, joined};
use super::look_issue::Said;
use super::payload::{Maker, message, object};
use super::remarks::{self, Remark, SILENT, noteable, noteable_type};
use crate::sandbox::act::pulls::is_draft;
use crate::sandbox::deliver::Message;
use crate::sandbox::git_ops::CommitRow;
use crate::sandbox::state::{Comment, Issue, Pull, Verdict};
use crate::sandbox::told::{Done, What};

impl Maker<'_> {
    fn label(&self, id: i64, repo: i64) -> Value {
        let Some(label) = self.look.world.labels.get(id) else {
            return json!({"id": id, "title": "", "color": "#000000", "project_id": repo});
        };
        let at = hook_time(self.repo.created);
        json!({
            "id": label.id, "title": label.name, "color": format!("#{}", label.color), "project_id": repo, "created_at": at, "updated_at": at,
            "template": false, "description": Some(&label.description).filter(|text| !text.is_empty()), "type": "ProjectLabel", "group_id": null,
        })
    }

    fn labels(&self, issue: &Issue, ids: &BTreeSet<i64>) -> Vec<Value> {
        ids.iter().map(|id| self.label(*id, issue.repo)).collect()
    }

    fn reviewers(&self, issue: i64) -> Vec<Value> {
        let shape = |(user, said): (i64, Said)| joined(self.user(user), json!({"state": said.word(), "re_requested": false}));
        self.look.reviewers(issue).into_iter().map(shape).collect()
    }

    /// The head commit. Only its id is known here unless the same act has pushed it.
    fn last_commit(&self, issue: &Issue, pull: &Pull) -> Value {
        let pushed = self.act.iter().find_map(|told| match &told.what {
            What::Pushed { commits, .. } => commits.iter().find(|commit| commit.sha == pull.head_sha),
            _ => None,
        });
        let known = CommitRow {
            sha: pull.head_sha.clone(),
            tree: String::new(),
            parents: Vec::new(),
            author: Default::default(),
            committer: Default::default(),
            message: String::new(),
            added: Vec::new(),
            removed: Vec::new(),
            modified: Vec::new(),
        };
        let mut shape = self.commit(pushed.unwrap_or(&known));
        if pushed.is_none() {
            shape["timestamp"] = super::look::time(issue.updated).into();
            shape["author"]["name"] = self.look.world.login(issue.author).into();
        }
        for name in ["added", "modified", "removed"] {
            shape.as_object_mut().and_then(|shape| shape.remove(name));
        }
        shape
    }

    /// `object_attributes` of an issue or merge request, without the action.
    pub fn attributes(&self, issue: &Issue) -> Value {
        let shape = json!({
            "id": noteable(issue), "iid": issue.iid, "author_id": issue.author, "assignee_id": issue.assignees.first(),
            "assignee_ids": issue.assignees, "title": draft::shown(&issue.title), "description": issue.body, "state": Look::state(issue),
            "created_at": hook_time(issue.created), "updated_at": hook_time(issue.updated), "milestone_id": issue.milestone,
            "last_edited_at": null, "last_edited_by_id": null, "updated_by_id": null, "time_estimate": 0, "total_time_spent": 0,
            "time_change": 0, "human_total_time_spent": null, "human_time_change": null, "human_time_estimate": null,
            "labels": self.labels(issue, &issue.labels), "url": self.look.html(issue), "discussion_locked": null,
        });
        let more = match &issue.pull {
            None => json!({
                "title": issue.title, "project_id": issue.repo, "confidential": issue.confidential, "closed_at": issue.closed.map(hook_time),
                "due_date": null, "moved_to_id": null, "duplicated_to_id": null, "relative_position": null, "weight": null, "health_status": null,
                "type": "Issue", "severity": "unknown", "state_id": if issue.closed.is_some() { 2 } else { 1 },
            }),
            Some(pull) => self.of_pull(issue, pull),
        };
        joined(shape, more)
    }

    fn of_pull(&self, issue: &Issue, pull: &Pull) -> Value {
        let draft = is_draft(&issue.title);
        let word = self.look.merge_status(issue, pull);
        let merged = pull.merged.as_ref();
        let state_id = match Look::state(issue) {
            "merged" => 3,
            "closed" => 2,
            _ => 1,
        };
        let reviewers: Vec<i64> = self.look.reviewers(issue.id).into_iter().map(|(user, _)| user).collect();
        json!({
            "source_branch": pull.head, "target_branch": pull.base, "source_project_id": issue.repo, "target_project_id": issue.repo,
            "draft": draft, "work_in_progress": draft, "merge_status": if word == "checking" { "checking" } else { "can_be_merged" },
            "detailed_merge_status": word, "merge_commit_sha": merged.map(|merged| &merged.sha), "merge_user_id": merged.map(|merged| merged.by),
            "merge_error": null, "merge_params": {"force_remove_source_branch": if pull.remove_source { "1" } else { "0" }},
            "merge_when_pipeline_succeeds": false, "head_pipeline_id": null, "state_id": state_id, "reviewer_ids": reviewers,
            "blocking_discussions_resolved": true, "first_contribution": false, "prepared_at": hook_time(issue.created), "approval_rules": [],
            "source": self.project(), "target": self.project(), "last_commit": self.last_commit(issue, pull),
        })
    }

    /// A message about an issue or merge request.
    pub fn thing(&self, id: i64, action: &str, changes: Map<String, Value>, more: Value) -> Option<Message> {
        let issue = self.look.world.issues.get(id)?;
        let kind = if issue.pull.is_some() { "merge_request" } else { "issue" };
        let mut attributes = joined(self.attributes(issue), more);
        attributes["action"] = action.into();
        let mut body = json!({
            "object_kind": kind, "event_type": if issue.confidential { "confidential_issue" } else { kind }, "user": self.user(self.actor),
            "project": self.project(), "object_attributes": attributes, "labels": self.labels(issue, &issue.labels), "changes": changes,
            "repository": self.repository(),
        });
        if !issue.assignees.is_empty() {
            body["assignees"] = issue.assignees.iter().map(|id| self.user(*id)).collect();
        }
        if issue.pull.is_some() {
            let reviewers = self.reviewers(id);
            if !reviewers.is_empty() {
                body["reviewers"] = reviewers.into();
            }
            return message("Merge Request Hook", "merge_requests_events", None, &body);
        }
        match issue.confidential {
            true => message("Confidential Issue Hook", "confidential_issues_events", None, &body),
            false => message("Issue Hook", "issues_events", None, &body),
        }
    }

    /// All changes of an issue in this act as one message; none when in the end nothing is changed.
    pub fn updated(&self, id: i64) -> Option<Message> {
        let issue = self.look.world.issues.get(id)?;
        let mut changes = Map::new();
        let mut labels = issue.labels.clone();
        let (mut users, mut asked) = (false, Vec::new());
        for told in self.act.iter().rev() {
            match &told.what {
                What::Edited { issue: of, title_from, body_from, base_from } if *of == id => {
                    if let Some(from) = title_from {
                        let (before, after) = (is_draft(from), is_draft(&issue.title));
                        changes.insert("title".into(), json!({"previous": draft::shown(from), "current": draft::shown(&issue.title)}));
                        if before != after && issue.pull.is_some() {
                            changes.insert("draft".into(), json!({"previous": before, "current": after}));
                        }
                    }
                    if let Some(from) = body_from {
                        changes.insert("description".into(), json!({"previous": from, "current": issue.body}));
                    }
                    if let Some(from) = base_from {
                        let base = issue.pull.as_ref().map(|pull| &pull.base);
                        changes.insert("target_branch".into(), json!({"previous": from, "current": base}));
                    }
                }
                What::Labels { issue: of, added, removed, .. } if *of == id => {
                    labels.retain(|label| !added.contains(label));
                    labels.extend(removed);
                }
                What::Assigned { issue: of, .. } if *of == id => users = true,
                What::Milestoned { issue: of, .. } if *of == id => {
                    changes.insert("milestone_id".into(), json!({"previous": null, "current": issue.milestone}));
                }
                What::ReviewRequest { issue: of, reviewer, added } if *of == id => asked.push((*reviewer, *added)),
                _ => {}
            }
        }
        if labels != issue.labels {
            let (previous, current) = (self.labels(issue, &labels), self.labels(issue, &issue.labels));
            changes.insert("labels".into(), json!({"previous": previous, "current": current}));
        }
        if users {
            let current: Vec<Value> = issue.assignees.iter().map(|id| self.user(*id)).collect();
            changes.insert("assignees".into(), json!({"previous": [], "current": current}));
        }
        if !asked.is_empty() {
            let mut previous = self.reviewers(id);
            previous.retain(|shape| !asked.iter().any(|(user, added)| *added && shape["id"] == *user));
            previous.extend(asked.iter().filter(|(_, added)| !added).map(|(user, _)| self.user(*user)));
            changes.insert("reviewers".into(), json!({"previous": previous, "current": self.reviewers(id)}));
        }
        if changes.is_empty() {
            return None;
        }
        let at = hook_time(issue.updated);
        changes.insert("updated_at".into(), json!({"previous": at, "current": at}));
        self.thing(id, "update", changes, json!({}))
    }

    /// A review of the neutral state is a verdict, a note for its text, and notes on lines.
    pub fn reviewed(&self, id: i64) -> Vec<Message> {
        let world = self.look.world;
        let Some((review, issue)) = world.reviews.get(id).and_then(|review| Some((review, world.issues.get(review.issue)?))) else {
            return Vec::new();
        };
        let mut messages = Vec::new();
        match review.verdict {
            Verdict::Approve => messages.extend(self.thing(issue.id, "approved", Map::new(), json!({}))),
            Verdict::Reject if self.repo.lab.tells_requested_changes => {
                let current = self.reviewers(issue.id);
                let mut previous = current.clone();
                previous.iter_mut().filter(|shape| shape["id"] == review.author).for_each(|shape| shape["state"] = "unreviewed".into());
                let changes = object(json!({"reviewers": {"previous": previous, "current": current}}));
                messages.extend(self.thing(issue.id, "update", changes, json!({})));
            }
            _ => {}
        }
        let notes = remarks::all(world, issue);
        if review.body != SILENT {
            messages.extend(notes.iter().find(|note| note.id == id && !note.system).and_then(|note| self.noted(issue, note, "create")));
        }
        messages.extend(review.lines.iter().filter_map(|line| self.line(id, line.id, "create")));
        messages
    }

    pub fn line(&self, review: i64, line: i64, action: &str) -> Option<Message> {
        let world = self.look.world;
        let review = world.reviews.get(review)?;
        let found = review.lines.iter().find(|found| found.id == line)?;
        self.noted(world.issues.get(review.issue)?, &remarks::of_line(review, found), action)
    }

    pub fn commented(&self, done: Done, comment: &Comment) -> Option<Message> {
        let issue = self.look.world.issues.get(comment.issue)?;
        self.noted(issue, &remarks::of_comment(comment), if done == Done::Created { "create" } else { "update" })
    }

    /// A note as hooks show it.
    pub fn note(&self, issue: &Issue, note: &Remark) -> Value {
        let position = note.line.map(|(review, line)| self.look.position(issue, review, line));
        let line_code = note.line.map(|(_, line)| format!("{}_{}_{}", digest(&line.path), line.old_line, line.new_line));
        json!({
            "id": note.id, "note": note.body, "description": note.body, "noteable_type": noteable_type(issue), "noteable_id": noteable(issue),
            "author_id": note.author, "created_at": hook_time(note.created), "updated_at": hook_time(note.updated), "project_id": issue.repo,
            "attachment": null, "line_code": line_code, "commit_id": null, "st_diff": null, "system": note.system, "updated_by_id": null,
            "type": self.look.note_type(note), "position": position, "original_position": position, "change_position": null, "resolved_at": null,
            "resolved_by_id": null, "resolved_by_push": null, "discussion_id": self.look.discussion_id(note.thread), "internal": note.internal,
            "url": format!("{}#note_{}", self.look.html(issue), note.id),
        })
    }

    fn noted(&self, issue: &Issue, note: &Remark, action: &str) -> Option<Message> {
        let hidden = note.internal || issue.confidential;
        let mut attributes = self.note(issue, note);
        attributes["action"] = action.into();
        let mut body = json!({
            "object_kind": "note", "event_type": if hidden { "confidential_note" } else { "note" }, "user": self.user(self.actor),
            "project_id": self.repo.id, "project": self.project(), "object_attributes": attributes, "repository": self.repository(),
        });
        body[if issue.pull.is_some() { "merge_request" } else { "issue" }] = self.attributes(issue);
        match hidden {
            true => message("Confidential Note Hook", "confidential_note_events", None, &body),
            false => message("Note Hook", "note_events", None, &body),
        }
    }
}
