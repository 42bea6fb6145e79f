//! The objects of the Gitea API, field for field.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use crate::base::Time;
use crate::sandbox::act::pulls::is_draft;
use crate::sandbox::git_ops::{CommitRow, Signature};
use crate::sandbox::state::{
    Comment, Event, EventKind, Grant, Hook, Issue, Label, Milestone, Protection, Pull, Reaction, Repo, Review, Status, Verdict,
};
use crate::sandbox::world::World;

/// The state seen by somebody, with the address it is served at.
pub struct View<'a> {
    pub world: &'a World,
    pub root: &'a str,
    pub viewer: Option<i64>,
}

/// RFC 3339 in whole seconds, the resolution of Gitea.
pub fn time(at: Time) -> String {
    DateTime::from_timestamp(at.seconds(), 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl View<'_> {
    /// The address of a repository in the API or for people.
    fn at(&self, api: bool, repo: &Repo) -> String {
        format!("{}{}{}", self.root, if api { "/api/v1/repos/" } else { "/" }, self.world.path_of(repo))
    }

    fn at_id(&self, api: bool, repo: i64) -> String {
        self.world.repos.get(repo).map(|repo| self.at(api, repo)).unwrap_or_default()
    }

    /// A user by id; one who is gone is the ghost.
    pub fn user(&self, id: i64) -> Value {
        let Some(user) = self.world.users.get(id) else {
            return json!({"id": -1, "login": "Ghost", "username": "Ghost", "full_name": "", "email": "", "avatar_url": "", "is_admin": false});
        };
        json!({
            "id": user.id, "login": user.login, "login_name": "", "source_id": 0, "full_name": user.full_name, "email": user.email(),
            "avatar_url": format!("{}/avatars/{}", self.root, user.id), "html_url": format!("{}/{}", self.root, user.login),
            "language": "", "is_admin": user.admin, "last_login": "0001-01-01T00:00:00Z", "created": time(user.created),
            "restricted": false, "active": false, "prohibit_login": false, "location": "", "website": "", "description": "",
            "visibility": "public", "followers_count": 0, "following_count": 0, "starred_repos_count": 0, "username": user.login,
        })
    }

    /// A repository, with the permissions of the viewer.
    pub fn repo(&self, repo: &Repo) -> Value {
        let grant = self.world.grant(repo, self.viewer);
        let (path, html) = (self.world.path_of(repo), self.at(false, repo));
        let open = |pulls: bool| {
            let wanted = |issue: &&Issue| issue.repo == repo.id && issue.closed.is_none() && issue.pull.is_some() == pulls;
            self.world.issues.all().filter(wanted).count()
        };
        let shape = json!({
            "id": repo.id, "owner": self.user(repo.owner), "name": repo.name, "full_name": path, "description": "",
            "empty": repo.refs.is_empty(), "private": repo.private, "fork": false, "template": false, "mirror": false, "size": 0,
            "language": "", "html_url": html, "url": self.at(true, repo), "link": "", "ssh_url": format!("git@localhost:{path}.git"),
            "clone_url": format!("{html}.git"), "original_url": "", "website": "", "stars_count": 0, "forks_count": 0, "watchers_count": 0,
            "open_issues_count": open(false), "open_pr_counter": open(true), "release_counter": 0, "default_branch": repo.default_branch,
            "archived": repo.archived, "created_at": time(repo.created), "updated_at": time(repo.updated),
        });
        let rest = json!({
            "permissions": {"admin": grant >= Grant::Admin, "push": grant >= Grant::Write, "pull": grant >= Grant::Read},
            "has_code": true, "has_issues": true, "has_wiki": false, "has_pull_requests": true, "has_projects": false, "has_releases": true,
            "has_packages": false, "has_actions": false, "ignore_whitespace_conflicts": false, "allow_merge_commits": true,
            "allow_rebase": true, "allow_rebase_explicit": true, "allow_squash_merge": true, "allow_fast_forward_only_merge": true,
            "allow_rebase_update": true, "allow_manual_merge": false, "autodetect_manual_merge": false,
            "default_delete_branch_after_merge": false, "default_merge_style": "merge", "default_allow_maintainer_edit": false,
            "avatar_url": "", "internal": false, "mirror_interval": "", "object_format_name": "sha1", "topics": [], "licenses": null,
        });
        joined(shape, rest)
    }

    pub fn label(&self, label: &Label) -> Value {
        json!({
            "id": label.id, "name": label.name, "exclusive": label.exclusive, "is_archived": false, "color": label.color,
            "description": label.description, "url": format!("{}/labels/{}", self.at_id(true, label.repo), label.id),
        })
    }

    /// The labels of an issue by name.
    pub fn labels(&self, issue: &Issue) -> Vec<Value> {
        self.world.labels_on(issue).into_iter().map(|label| self.label(label)).collect()
    }

    pub fn milestone(&self, row: &Milestone) -> Value {
        let of = |closed: bool| {
            self.world.issues.all().filter(|issue| issue.milestone == Some(row.id) && issue.closed.is_some() == closed).count()
        };
        json!({
            "id": row.id, "title": row.title, "description": row.description, "state": state(row.closed), "open_issues": of(false),
            "closed_issues": of(true), "created_at": time(row.created), "updated_at": time(row.updated), "closed_at": row.closed.map(time),
            "due_on": row.due.map(time),
        })
    }

    fn milestone_of(&self, issue: &Issue) -> Value {
        let found = issue.milestone.and_then(|id| self.world.milestones.get(id));
        found.map_or(Value::Null, |row| self.milestone(row))
    }

    fn comment_count(&self, issue: &Issue) -> usize {
        self.world.comments_on(issue.id).count()
    }

    /// The address of an issue or pull request for people.
    pub fn html(&self, issue: &Issue) -> String {
        let kind = if issue.pull.is_some() { "pulls" } else { "issues" };
        format!("{}/{kind}/{}", self.at_id(false, issue.repo), issue.number)
    }

    /// An issue, or the issue half of a pull request.
    pub fn issue(&self, issue: &Issue) -> Value {
        let repo = self.world.repos.get(issue.repo);
        let path = repo.map(|repo| self.world.path_of(repo)).unwrap_or_default();
        let assignees = self.assignees(issue);
        let half = issue.pull.as_ref().map(|pull| {
            json!({
                "merged": pull.merged.is_some(), "merged_at": pull.merged.as_ref().map(|merged| time(merged.at)),
                "draft": is_draft(&issue.title), "html_url": self.html(issue),
            })
        });
        json!({
            "id": issue.id, "url": format!("{}/issues/{}", self.at_id(true, issue.repo), issue.number), "html_url": self.html(issue),
            "number": issue.number, "user": self.user(issue.author), "original_author": "", "original_author_id": 0,
            "title": issue.title, "body": issue.body, "ref": "", "assets": [], "labels": self.labels(issue),
            "milestone": self.milestone_of(issue), "projects": null, "assignee": assignees.get(0), "assignees": assignees,
            "state": state(issue.closed), "is_locked": false, "comments": self.comment_count(issue),
            "created_at": time(issue.created), "updated_at": time(issue.updated), "closed_at": issue.closed.map(time),
            "due_date": null, "time_estimate": 0, "pull_request": half,
            "repository": {"id": issue.repo, "name": repo.map(|repo| repo.name.as_str()), "owner": repo.map(|repo| self.world.login(repo.owner)), "full_name": path},
            "pin_order": 0, "content_version": issue.version,
        })
    }

    fn assignees(&self, issue: &Issue) -> Value {
        if issue.assignees.is_empty() { Value::Null } else { issue.assignees.iter().map(|id| self.user(*id)).collect() }
    }

    /// A pull request. `url` is the address for people here.
    pub fn pull(&self, issue: &Issue, pull: &Pull) -> Value {
        let repo = self.world.repos.get(issue.repo);
        let shown = repo.map_or(Value::Null, |repo| self.repo(repo));
        let base_sha = repo.and_then(|repo| repo.branch(&pull.base)).unwrap_or(&pull.check.merge_base);
        let head_ref = if pull.head_gone { format!("refs/pull/{}/head", issue.number) } else { pull.head.clone() };
        let html = self.html(issue);
        let assignees = self.assignees(issue);
        let lines = |review: &Review| review.lines.len();
        let mergeable = issue.closed.is_none() && pull.busy == 0 && !pull.check.conflicts;
        let requested = self.world.reviews_of(issue.id).filter(|review| review.verdict == Verdict::Requested);
        let shape = json!({
            "id": pull.id, "url": html, "number": issue.number, "user": self.user(issue.author), "title": issue.title, "body": issue.body,
            "labels": self.labels(issue), "milestone": self.milestone_of(issue), "assignee": assignees.get(0), "assignees": assignees,
            "requested_reviewers": requested.map(|review| self.user(review.author)).collect::<Vec<_>>(), "requested_reviewers_teams": [],
            "state": state(issue.closed), "draft": is_draft(&issue.title), "is_locked": false, "comments": self.comment_count(issue),
            "review_comments": self.world.reviews_of(issue.id).map(lines).sum::<usize>(), "additions": pull.check.additions,
            "deletions": pull.check.deletions, "changed_files": pull.check.files, "html_url": html, "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"), "mergeable": mergeable, "merged": pull.merged.is_some(),
        });
        let rest = json!({
            "merged_at": pull.merged.as_ref().map(|merged| time(merged.at)), "merge_commit_sha": pull.merged.as_ref().map(|merged| &merged.sha),
            "merged_by": pull.merged.as_ref().map(|merged| self.user(merged.by)), "allow_maintainer_edit": false,
            "base": {"label": pull.base, "ref": pull.base, "sha": base_sha, "repo_id": issue.repo, "repo": shown},
            "head": {"label": pull.head, "ref": head_ref, "sha": pull.head_sha, "repo_id": issue.repo, "repo": shown},
            "merge_base": pull.check.merge_base, "due_date": null, "created_at": time(issue.created), "updated_at": time(issue.updated),
            "closed_at": issue.closed.map(time), "pin_order": 0, "content_version": issue.version,
        });
        joined(shape, rest)
    }

    pub fn comment(&self, comment: &Comment) -> Value {
        let issue = self.world.issues.get(comment.issue);
        let html = issue.map(|issue| self.html(issue)).unwrap_or_default();
        let on_pull = issue.is_some_and(|issue| issue.pull.is_some());
        let (pull_url, issue_url) = if on_pull { (html.as_str(), "") } else { ("", html.as_str()) };
        json!({
            "id": comment.id, "html_url": format!("{html}#issuecomment-{}", comment.id), "pull_request_url": pull_url, "issue_url": issue_url,
            "user": self.user(comment.author), "original_author": "", "original_author_id": 0, "body": comment.body, "assets": [],
            "created_at": time(comment.created), "updated_at": time(comment.updated),
        })
    }

    pub fn reaction(&self, reaction: &Reaction) -> Value {
        json!({"user": self.user(reaction.user), "content": reaction.content, "created_at": time(reaction.at)})
    }

    pub fn review(&self, review: &Review) -> Value {
        let html = self.world.issues.get(review.issue).map(|issue| self.html(issue)).unwrap_or_default();
        json!({
            "id": review.id, "user": self.user(review.author), "team": null, "state": verdict(review.verdict), "body": review.body,
            "commit_id": review.commit, "stale": review.stale, "official": review.official, "dismissed": review.dismissed,
            "comments_count": review.lines.len(), "submitted_at": time(review.submitted), "updated_at": time(review.updated),
            "html_url": format!("{html}#issuecomment-{}", review.id), "pull_request_url": html,
        })
    }

    /// The comments of a review on lines of the diff.
    pub fn review_lines(&self, review: &Review) -> Vec<Value> {
        let html = self.world.issues.get(review.issue).map(|issue| self.html(issue)).unwrap_or_default();
        let one = |line: &crate::sandbox::state::LineComment| {
            json!({
                "id": line.id, "body": line.body, "user": self.user(review.author), "resolver": null, "pull_request_review_id": review.id,
                "created_at": time(review.submitted), "updated_at": time(review.submitted), "path": line.path, "commit_id": review.commit,
                "original_commit_id": review.commit, "diff_hunk": "", "position": line.new_line, "original_position": line.old_line,
                "html_url": format!("{html}#issuecomment-{}", line.id), "pull_request_url": html,
            })
        };
        review.lines.iter().map(one).collect()
    }

    /// A status; its state is called `status` here.
    pub fn status(&self, status: &Status) -> Value {
        json!({
            "id": status.id, "status": known_state(&status.state), "target_url": status.url, "description": status.description,
            "url": format!("{}/statuses/{}", self.at_id(true, status.repo), status.sha), "context": status.context,
            "creator": self.user(status.creator), "created_at": time(status.at), "updated_at": time(status.at),
        })
    }

    /// A hook; the secret is never shown.
    pub fn hook(&self, hook: &Hook) -> Value {
        // Reviews of all kinds are one word in the list.
        let is_review = |event: &&String| event.starts_with("pull_request_review_") && event.as_str() != "pull_request_review_request";
        let reviews = hook.events.iter().any(|event| is_review(&event)).then(|| "pull_request_review".to_owned());
        let events: Vec<String> = hook.events.iter().filter(|event| !is_review(event)).cloned().chain(reviews).collect();
        json!({
            "id": hook.id, "type": "gitea", "branch_filter": hook.branches, "config": {"content_type": "json", "url": hook.url},
            "events": events, "authorization_header": hook.authorization, "active": hook.active,
            "updated_at": time(hook.updated), "created_at": time(hook.created),
        })
    }

    pub fn protection(&self, rule: &Protection) -> Value {
        json!({
            "rule_name": rule.rule, "branch_name": rule.rule, "priority": rule.id, "enable_push": rule.allow_push,
            "required_approvals": rule.required_approvals, "dismiss_stale_approvals": rule.dismiss_stale,
            "ignore_stale_approvals": rule.ignore_stale, "block_on_rejected_reviews": rule.block_on_rejected,
            "block_on_outdated_branch": rule.block_on_outdated, "block_admin_merge_override": rule.block_admin_override,
            "enable_status_check": rule.status_check, "status_check_contexts": rule.contexts, "enable_approvals_whitelist": false,
            "enable_merge_whitelist": !rule.mergers.is_empty(), "merge_whitelist_usernames": rule.mergers,
            "created_at": time(rule.created), "updated_at": time(rule.created),
        })
    }

    fn account_of(&self, who: &Signature) -> Value {
        self.world.user_with_email(&who.email).map_or(Value::Null, |user| self.user(user.id))
    }

    /// A commit as the API shows it.
    pub fn commit(&self, repo: &Repo, commit: &CommitRow) -> Value {
        let url = format!("{}/git/commits/{}", self.at(true, repo), commit.sha);
        let parents = commit
            .parents
            .iter()
            .map(|sha| json!({"sha": sha, "url": format!("{}/git/commits/{sha}", self.at(true, repo)), "created": "0001-01-01T00:00:00Z"}));
        json!({
            "url": url, "sha": commit.sha, "created": commit.committer.date, "html_url": format!("{}/commit/{}", self.at(false, repo), commit.sha),
            "commit": {
                "url": url, "author": commit.author.shape(), "committer": commit.committer.shape(), "message": commit.message,
                "tree": {"url": format!("{}/git/trees/{}", self.at(true, repo), commit.tree), "sha": commit.tree, "created": commit.committer.date},
                "verification": null,
            },
            "author": self.account_of(&commit.author), "committer": self.account_of(&commit.committer),
            "parents": parents.collect::<Vec<_>>(), "files": null, "stats": null,
        })
    }

    /// A commit as web hooks show it.
    pub fn payload_commit(&self, repo: &Repo, commit: &CommitRow) -> Value {
        let who = |who: &Signature| {
            let login = self.world.user_with_email(&who.email).map_or("", |user| user.login.as_str());
            json!({"name": who.name, "email": who.email, "username": login})
        };
        json!({
            "id": commit.sha, "message": commit.message, "url": format!("{}/commit/{}", self.at(false, repo), commit.sha),
            "author": who(&commit.author), "committer": who(&commit.committer), "verification": null, "timestamp": commit.committer.date,
            "added": commit.added, "removed": commit.removed, "modified": commit.modified,
        })
    }

    /// An event of the timeline.
    pub fn event(&self, event: &Event) -> Value {
        let issue = self.world.issues.get(event.issue);
        let mut shape = self.timeline_base(event.id, issue, event.actor, event.at);
        let milestone = |id: &Option<i64>| id.and_then(|id| self.world.milestones.get(id)).map(|row| self.milestone(row));
        let (kind, more) = match &event.kind {
            EventKind::Label { label, name, added } => {
                let shown = self.world.labels.get(*label).map_or_else(|| json!({"id": label, "name": name}), |label| self.label(label));
                ("label", json!({"label": shown, "body": if *added { "1" } else { "" }}))
            }
            EventKind::Title { from, to } => ("change_title", json!({"old_title": from, "new_title": to})),
            EventKind::Closed => ("close", json!({})),
            EventKind::Reopened => ("reopen", json!({})),
            EventKind::Merged { sha } => ("merge_pull", json!({"ref_commit_sha": sha})),
            EventKind::Assigned { user, added } => ("assignees", json!({"assignee": self.user(*user), "removed_assignee": !added})),
            EventKind::Milestone { from, to } => ("milestone", json!({"old_milestone": milestone(from), "milestone": milestone(to)})),
            EventKind::Base { from, to } => ("change_target_branch", json!({"old_ref": from, "new_ref": to})),
            EventKind::Pushed { before, after } => {
                let body = json!({"is_force_push": false, "commit_ids": [before, after]});
                ("pull_push", json!({"body": body.to_string()}))
            }
            EventKind::ReviewRequest { user, added } => {
                ("review_request", json!({"assignee": self.user(*user), "removed_assignee": !added}))
            }
            EventKind::Dismissed { review, message } => ("dismiss_review", json!({"review_id": review, "body": message})),
            EventKind::BranchDeleted { name } => ("delete_branch", json!({"old_ref": name})),
        };
        shape["type"] = kind.into();
        joined(shape, more)
    }

    fn timeline_base(&self, id: i64, issue: Option<&Issue>, actor: i64, at: Time) -> Value {
        let html = issue.map(|issue| self.html(issue)).unwrap_or_default();
        let on_pull = issue.is_some_and(|issue| issue.pull.is_some());
        json!({
            "id": id, "type": "", "html_url": format!("{html}#event-{id}"), "pull_request_url": if on_pull { html.as_str() } else { "" },
            "issue_url": if on_pull { "" } else { html.as_str() }, "user": self.user(actor), "body": "", "created_at": time(at),
            "updated_at": time(at), "old_project_id": 0, "project_id": 0, "old_milestone": null, "milestone": null, "tracked_time": null,
            "old_title": "", "new_title": "", "old_ref": "", "new_ref": "", "ref_issue": null, "ref_comment": null, "ref_action": "",
            "ref_commit_sha": "", "review_id": 0, "label": null, "assignee": null, "assignee_team": null, "removed_assignee": false,
            "resolve_doer": null, "dependent_issue": null,
        })
    }

    /// A comment or review as it stands in the timeline.
    pub fn timeline_text(&self, kind: &str, id: i64, issue: i64, author: i64, body: &str, at: (Time, Time)) -> Value {
        let mut shape = self.timeline_base(id, self.world.issues.get(issue), author, at.0);
        shape["type"] = kind.into();
        shape["body"] = body.into();
        shape["updated_at"] = time(at.1).into();
        if kind == "review" {
            shape["review_id"] = id.into();
        }
        shape
    }
}

impl Signature {
    fn shape(&self) -> Value {
        json!({"name": self.name, "email": self.email, "date": self.date})
    }
}

/// One object with the fields of both; the second wins.
fn joined(mut shape: Value, more: Value) -> Value {
    if let (Value::Object(shape), Value::Object(more)) = (&mut shape, more) {
        shape.extend(more);
    }
    shape
}

/// `open` or `closed`.
pub fn state(closed: Option<Time>) -> &'static str {
    if closed.is_some() { "closed" } else { "open" }
}

/// The nearest of Gitea's words for the state of a status.
pub fn known_state(state: &str) -> &str {
    match state {
        "running" => "pending",
        "canceled" => "error",
        known => known,
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "APPROVED",
        Verdict::Reject => "REQUEST_CHANGES",
        Verdict::Comment => "COMMENT",
        Verdict::Pending => "PENDING",
        Verdict::Requested => "REQUEST_REVIEW",
    }
}
