//! Issues and merge requests as the API shows them.

use serde_json::{Value, json};

use super::draft;
use super::look::{Look, joined, time};
use crate::sandbox::act::pulls::is_draft;
use crate::sandbox::state::{EventKind, Issue, Pull, Review, Verdict};

/// What a reviewer has said so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Nothing,
    Comments,
    ChangesRequested,
    Approved,
    TakenBack,
}

impl Said {
    /// GitLab's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Said::Nothing => "unreviewed",
            Said::Comments => "reviewed",
            Said::ChangesRequested => "requested_changes",
            Said::Approved => "approved",
            Said::TakenBack => "unapproved",
        }
    }
}

/// True for a review that stands. An approval counts only of who may write: nobody else can approve here.
pub fn stands(review: &Review, verdict: Verdict) -> bool {
    review.verdict == verdict && !review.dismissed && (review.official || verdict != Verdict::Approve)
}

impl Look<'_> {
    /// The address of an issue or merge request for people.
    pub fn html(&self, issue: &Issue) -> String {
        let kind = if issue.pull.is_some() { "merge_requests" } else { "issues" };
        format!("{}/-/{kind}/{}", self.web(issue.repo), issue.iid)
    }

    fn votes(&self, issue: &Issue, content: &str) -> usize {
        issue.reactions.iter().filter(|reaction| reaction.content == content).count()
    }

    fn references(&self, issue: &Issue) -> Value {
        let short = format!("{}{}", if issue.pull.is_some() { '!' } else { '#' }, issue.iid);
        json!({"short": short, "relative": short, "full": format!("{}{short}", self.path(issue.repo))})
    }

    fn closed_by(&self, issue: &Issue) -> Value {
        let closes = |kind: &EventKind| matches!(kind, EventKind::Closed | EventKind::Merged { .. });
        let last = self.world.events.all().rev().find(|event| event.issue == issue.id && closes(&event.kind));
        last.filter(|_| issue.closed.is_some()).map_or(Value::Null, |event| self.user(event.actor))
    }

    /// What issues and merge requests have in common.
    fn common(&self, issue: &Issue, whole_labels: bool) -> Value {
        let assignees: Vec<Value> = issue.assignees.iter().map(|id| self.user(*id)).collect();
        json!({
            "iid": issue.iid, "project_id": issue.repo, "description": issue.body, "created_at": time(issue.created),
            "updated_at": time(issue.updated), "closed_at": issue.closed.map(time), "closed_by": self.closed_by(issue),
            "labels": self.labels(issue, whole_labels), "milestone": self.milestone_of(issue), "assignee": assignees.first(),
            "assignees": assignees, "author": self.user(issue.author), "user_notes_count": self.world.comments_on(issue.id).count(),
            "upvotes": self.votes(issue, "+1"), "downvotes": self.votes(issue, "-1"), "web_url": self.html(issue), "imported": false,
            "imported_from": "none", "discussion_locked": null, "references": self.references(issue),
            "time_stats": {"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": null, "human_total_time_spent": null},
            "task_completion_status": {"count": 0, "completed_count": 0},
        })
    }

    /// An issue.
    pub fn issue(&self, issue: &Issue, whole_labels: bool) -> Value {
        let at = format!("{}/issues/{}", self.api(issue.repo), issue.iid);
        let more = json!({
            "id": issue.id, "title": issue.title, "state": if issue.closed.is_some() { "closed" } else { "opened" }, "type": "ISSUE",
            "issue_type": "issue", "merge_requests_count": 0, "due_date": null, "confidential": issue.confidential, "has_tasks": false,
            "blocking_issues_count": 0, "severity": "UNKNOWN", "moved_to_id": null, "service_desk_reply_to": null, "start_date": null,
            "_links": {"self": at, "notes": format!("{at}/notes"), "award_emoji": format!("{at}/award_emoji"), "project": self.api(issue.repo)},
        });
        joined(self.common(issue, whole_labels), more)
    }

    /// `opened`, `closed` or `merged`.
    pub fn state(issue: &Issue) -> &'static str {
        let merged = issue.pull.as_ref().is_some_and(|pull| pull.merged.is_some());
        if merged {
            "merged"
        } else if issue.closed.is_some() {
            "closed"
        } else {
            "opened"
        }
    }

    /// Whether it can be merged, in a word.
    pub fn merge_status(&self, issue: &Issue, pull: &Pull) -> &'static str {
        let rule = self.world.protection_of(issue.repo, &pull.base);
        let approved = i64::try_from(self.approvers(issue.id).len()).unwrap_or(0);
        let rejected = || self.world.reviews_of(issue.id).any(|review| stands(review, Verdict::Reject));
        if issue.closed.is_some() {
            "not_open"
        } else if pull.busy > 0 {
            "checking"
        } else if pull.check.conflicts {
            "conflict"
        } else if is_draft(&issue.title) {
            "draft_status"
        } else if rule.is_some_and(|rule| rule.required_approvals > approved) {
            "not_approved"
        } else if rule.is_some_and(|rule| rule.block_on_rejected) && rejected() {
            "requested_changes"
        } else if rule.is_some_and(|rule| rule.status_check) && !self.checks_pass(issue, pull) {
            "ci_must_pass"
        } else if self.wants_all_of_the_base(issue, pull) && pull.check.behind > 0 {
            "need_rebase"
        } else {
            "mergeable"
        }
    }

    /// By its way of merging, or because the branch is protected so on another of the protocols.
    fn wants_all_of_the_base(&self, issue: &Issue, pull: &Pull) -> bool {
        let by_method = self.world.repos.get(issue.repo).is_some_and(|repo| repo.lab.merge_method == "ff");
        by_method || self.world.protection_of(issue.repo, &pull.base).is_some_and(|rule| rule.block_on_outdated)
    }

    fn checks_pass(&self, issue: &Issue, pull: &Pull) -> bool {
        let latest = self.world.latest_statuses(issue.repo, &pull.head_sha);
        let rule = self.world.protection_of(issue.repo, &pull.base);
        let good = |name: &String| latest.iter().any(|status| status.context == *name && status.state == "success");
        rule.is_none_or(|rule| rule.contexts.iter().all(good))
    }

    /// Who has approved and not taken it back, in the order they did.
    pub fn approvers(&self, issue: i64) -> Vec<&Review> {
        self.world.reviews_of(issue).filter(|review| stands(review, Verdict::Approve)).collect()
    }

    /// The reviewers: who is asked, and who has given a verdict.
    pub fn reviewers(&self, issue: i64) -> Vec<(i64, Said)> {
        let mut all: Vec<(i64, Said)> = Vec::new();
        // A request stays in the events when a review has answered it.
        for event in self.world.events.all().filter(|event| event.issue == issue) {
            if let EventKind::ReviewRequest { user, added } = event.kind {
                all.retain(|(reviewer, _)| *reviewer != user);
                all.extend(added.then_some((user, Said::Nothing)));
            }
        }
        for review in self.world.reviews_of(issue) {
            let said = match review.verdict {
                Verdict::Approve if review.dismissed => Said::TakenBack,
                Verdict::Approve if !review.official => Said::Comments,
                Verdict::Approve => Said::Approved,
                Verdict::Reject if review.dismissed => Said::Comments,
                Verdict::Reject => Said::ChangesRequested,
                Verdict::Comment => Said::Comments,
                Verdict::Requested => Said::Nothing,
                Verdict::Pending => continue,
            };
            match all.iter_mut().find(|(user, _)| *user == review.author) {
                // A comment says nothing about a verdict that stands.
                Some((_, standing)) if said == Said::Comments && matches!(standing, Said::Approved | Said::ChangesRequested) => {}
                Some((_, standing)) => *standing = said,
                None if review.verdict == Verdict::Comment => {}
                None => all.push((review.author, said)),
            }
        }
        all
    }

    /// The commits that a diff is between.
    pub fn diff_refs(pull: &Pull) -> Value {
        json!({"base_sha": pull.check.merge_base, "head_sha": pull.head_sha, "start_sha": pull.check.merge_base})
    }

    /// A merge request.
    pub fn pull(&self, issue: &Issue, pull: &Pull, whole_labels: bool) -> Value {
        let word = self.merge_status(issue, pull);
        let merge_status = match word {
            "checking" => "checking",
            "conflict" => "cannot_be_merged",
            _ => "can_be_merged",
        };
        let reviewers: Vec<Value> = self.reviewers(issue.id).into_iter().map(|(user, _)| self.user(user)).collect();
        let merged = pull.merged.as_ref();
        let merger = merged.map(|merged| self.user(merged.by));
        let draft = is_draft(&issue.title);
        let more = json!({
            "id": pull.id, "title": draft::shown(&issue.title), "state": Self::state(issue), "draft": draft, "work_in_progress": draft,
            "merged_by": merger, "merge_user": merger, "merged_at": merged.map(|merged| time(merged.at)),
            "closed_at": issue.closed.filter(|_| merged.is_none()).map(time), "target_branch": pull.base, "source_branch": pull.head,
            "source_project_id": issue.repo, "target_project_id": issue.repo, "reviewers": reviewers, "sha": pull.head_sha,
            "merge_commit_sha": merged.filter(|merged| merged.sha != pull.squashed && merged.sha != pull.head_sha).map(|merged| &merged.sha),
            "squash_commit_sha": Some(&pull.squashed).filter(|sha| !sha.is_empty()), "merge_status": merge_status,
            "detailed_merge_status": word, "has_conflicts": pull.check.conflicts,
        });
        let rest = json!({
            "blocking_discussions_resolved": true, "squash": pull.squash, "squash_on_merge": pull.squash, "merge_when_pipeline_succeeds": false,
            "should_remove_source_branch": null, "force_remove_source_branch": pull.remove_source, "prepared_at": time(issue.created),
            "reference": format!("!{}", issue.iid), "changes_count": pull.check.files.to_string(), "subscribed": false, "rebase_in_progress": false,
            "diff_refs": Self::diff_refs(pull), "diverged_commits_count": pull.check.behind, "merge_error": null, "first_contribution": false,
            "latest_build_started_at": null, "first_deployed_to_production_at": null, "allow_collaboration": false,
            "head_pipeline": self.pipeline(issue.repo, &pull.head_sha), "pipeline": self.pipeline(issue.repo, &pull.head_sha),
            "user": {"can_merge": self.viewer.is_some_and(|user| self.world.repos.get(issue.repo).is_some_and(|repo| {
                self.world.grant(repo, Some(user)) >= crate::sandbox::state::Grant::Write
            }))},
        });
        joined(joined(self.common(issue, whole_labels), more), rest)
    }

    /// What `/approvals` shows.
    pub fn approvals(&self, issue: &Issue, pull: &Pull) -> Value {
        let given = self.approvers(issue.id);
        let required = self.world.protection_of(issue.repo, &pull.base).map_or(0, |rule| rule.required_approvals);
        let left = (required - i64::try_from(given.len()).unwrap_or(0)).max(0);
        let own = self.viewer.is_some_and(|user| given.iter().any(|review| review.author == user));
        let writes = self.viewer.is_some_and(|user| {
            self.world.repos.get(issue.repo).is_some_and(|repo| self.world.grant(repo, Some(user)) >= crate::sandbox::state::Grant::Write)
        });
        let by: Vec<Value> =
            given.iter().map(|review| json!({"user": self.user(review.author), "approved_at": time(review.submitted)})).collect();
        json!({
            "id": pull.id, "iid": issue.iid, "project_id": issue.repo, "title": draft::shown(&issue.title), "description": issue.body,
            "state": Self::state(issue), "created_at": time(issue.created), "updated_at": time(issue.updated),
            "merge_status": if pull.check.conflicts { "cannot_be_merged" } else { "can_be_merged" }, "approved": left == 0,
            "approvals_required": required, "approvals_left": left, "require_password_to_approve": false, "approved_by": by,
            "suggested_approvers": [], "approvers": [], "approver_groups": [], "user_has_approved": own,
            "user_can_approve": writes && !own && self.viewer != Some(issue.author), "approval_rules_left": [], "has_approval_rules": false,
            "merge_request_approvers_available": false, "multiple_approval_rules_available": false, "invalid_approvers_rules": [],
        })
    }
}
