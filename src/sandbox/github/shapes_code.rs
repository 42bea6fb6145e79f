//! The objects of GitHub's API around code: pull requests, reviews, commits, statuses, hooks, protections.

use serde_json::{Value, json};

use super::shapes::{View, joined, or_null, state, time};
use crate::sandbox::act::pulls::{bare_title, is_draft};
use crate::sandbox::git_ops::{CommitRow, Signature};
use crate::sandbox::state::{Hook, Issue, LineComment, Protection, Pull, Repo, Review, Status, Verdict};

impl View<'_> {
    /// A pull request as lists and reviews show it: without what has to be computed.
    pub fn simple_pull(&self, issue: &Issue, pull: &Pull) -> Value {
        let (api, html) = (self.api(issue.repo), self.html(issue));
        let (url, of_issue) = (format!("{api}/pulls/{}", issue.number), format!("{api}/issues/{}", issue.number));
        let repo = self.world.repos.get(issue.repo);
        let shown = repo.map_or(Value::Null, |repo| self.repo(repo));
        let owner = repo.map_or(0, |repo| repo.owner);
        let base_sha = repo.and_then(|repo| repo.branch(&pull.base)).unwrap_or(&pull.check.merge_base);
        let end = |name: &str, sha: &str| json!({"label": format!("{}:{name}", self.world.login(owner)), "ref": name, "sha": sha, "user": self.user(owner), "repo": shown});
        let statuses = format!("{api}/statuses/{}", pull.head_sha);
        let requested = self.world.reviews_of(issue.id).filter(|review| review.verdict == Verdict::Requested);
        let assignees: Vec<Value> = issue.assignees.iter().map(|id| self.user(*id)).collect();
        let shape = json!({
            "url": url, "id": pull.id, "node_id": format!("PR_{}", issue.id), "html_url": html, "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"), "issue_url": of_issue, "number": issue.number, "state": state(issue.closed), "locked": false,
            "title": bare_title(&issue.title, true), "user": self.user(issue.author), "body": or_null(&issue.body),
            "created_at": time(issue.created), "updated_at": time(issue.updated), "closed_at": issue.closed.map(time),
            "merged_at": pull.merged.as_ref().map(|merged| time(merged.at)),
            "merge_commit_sha": pull.merged.as_ref().map(|merged| &merged.sha), "assignee": assignees.first(), "assignees": assignees,
            "requested_reviewers": requested.map(|review| self.user(review.author)).collect::<Vec<_>>(), "requested_teams": [],
            "labels": self.labels(issue), "milestone": self.milestone_of(issue), "draft": is_draft(&issue.title),
        });
        let rest = json!({
            "commits_url": format!("{url}/commits"), "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{api}/pulls/comments{{/number}}"), "comments_url": format!("{of_issue}/comments"),
            "statuses_url": statuses, "head": end(&pull.head, &pull.head_sha), "base": end(&pull.base, base_sha),
            "_links": {
                "self": {"href": url}, "html": {"href": html}, "issue": {"href": of_issue}, "comments": {"href": format!("{of_issue}/comments")},
                "review_comments": {"href": format!("{url}/comments")}, "review_comment": {"href": format!("{api}/pulls/comments{{/number}}")},
                "commits": {"href": format!("{url}/commits")}, "statuses": {"href": statuses},
            },
            "author_association": self.association(issue.repo, issue.author), "auto_merge": null, "active_lock_reason": null,
        });
        joined(shape, rest)
    }

    /// A pull request with everything.
    pub fn pull(&self, issue: &Issue, pull: &Pull) -> Value {
        let open = issue.closed.is_none();
        let mergeable = (open && pull.busy == 0).then_some(!pull.check.conflicts);
        let more = json!({
            "merged": pull.merged.is_some(), "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": self.merge_state(issue, pull),
            "merged_by": pull.merged.as_ref().map(|merged| self.user(merged.by)), "comments": self.world.comments_on(issue.id).count(),
            "review_comments": self.world.reviews_of(issue.id).map(|review| review.lines.len()).sum::<usize>(),
            "maintainer_can_modify": false, "commits": pull.check.ahead, "additions": pull.check.additions, "deletions": pull.check.deletions,
            "changed_files": pull.check.files,
        });
        joined(self.simple_pull(issue, pull), more)
    }

    /// `unknown`, `dirty`, `draft`, `blocked`, `behind`, `unstable` or `clean`.
    fn merge_state(&self, issue: &Issue, pull: &Pull) -> &'static str {
        if issue.closed.is_some() || pull.busy > 0 {
            return "unknown";
        }
        if pull.check.conflicts {
            return "dirty";
        }
        if is_draft(&issue.title) {
            return "draft";
        }
        let latest = self.world.latest_statuses(issue.repo, &pull.head_sha);
        if let Some(rule) = self.world.protection_of(issue.repo, &pull.base) {
            let standing = |verdict: Verdict| {
                self.world.reviews_of(issue.id).filter(|review| review.verdict == verdict && review.official && !review.dismissed).count()
            };
            let good = |context: &String| latest.iter().any(|status| status.context == *context && status.state == "success");
            let lacks = i64::try_from(standing(Verdict::Approve)).unwrap_or(i64::MAX) < rule.required_approvals;
            if lacks || (rule.status_check && !rule.contexts.iter().all(good)) || (rule.block_on_rejected && standing(Verdict::Reject) > 0)
            {
                return "blocked";
            }
            if rule.block_on_outdated && pull.check.behind > 0 {
                return "behind";
            }
        }
        if latest.iter().all(|status| matches!(status.state.as_str(), "success" | "skipped")) { "clean" } else { "unstable" }
    }

    /// A review; `words` are the lower-case ones of web hooks.
    pub fn review(&self, review: &Review, of_hook: bool) -> Value {
        let issue = self.world.issues.get(review.issue);
        let (repo, number) = issue.map_or((0, 0), |issue| (issue.repo, issue.number));
        let html = format!("{}#pullrequestreview-{}", issue.map(|issue| self.html(issue)).unwrap_or_default(), review.id);
        let pull = format!("{}/pulls/{number}", self.api(repo));
        let word = verdict(review);
        let mut shape = json!({
            "id": review.id, "node_id": format!("PRR_{}", review.id), "user": self.user(review.author), "body": review.body,
            "state": if of_hook { word.to_ascii_lowercase() } else { word.to_owned() }, "html_url": html, "pull_request_url": pull,
            "author_association": self.association(repo, review.author), "_links": {"html": {"href": html}, "pull_request": {"href": pull}},
            "commit_id": review.commit,
        });
        if of_hook {
            shape["body"] = or_null(&review.body);
        }
        if review.verdict != Verdict::Pending {
            shape["submitted_at"] = time(review.submitted).into();
        }
        shape
    }

    /// A comment of a review on a line of the diff.
    pub fn line(&self, review: &Review, line: &LineComment) -> Value {
        let issue = self.world.issues.get(review.issue);
        let (repo, number) = issue.map_or((0, 0), |issue| (issue.repo, issue.number));
        let html = format!("{}#discussion_r{}", issue.map(|issue| self.html(issue)).unwrap_or_default(), line.id);
        let (url, pull) = (format!("{}/pulls/comments/{}", self.api(repo), line.id), format!("{}/pulls/{number}", self.api(repo)));
        let (side, at) = if line.new_line > 0 { ("RIGHT", line.new_line) } else { ("LEFT", line.old_line) };
        json!({
            "url": url, "pull_request_review_id": review.id, "id": line.id, "node_id": format!("PRRC_{}", line.id),
            "diff_hunk": format!("@@ -{at} +{at} @@"), "path": line.path, "position": at, "original_position": at, "commit_id": review.commit,
            "original_commit_id": review.commit, "user": self.user(review.author), "body": line.body, "created_at": time(review.submitted),
            "updated_at": time(review.updated), "html_url": html, "pull_request_url": pull,
            "author_association": self.association(repo, review.author),
            "_links": {"self": {"href": url}, "html": {"href": html}, "pull_request": {"href": pull}}, "start_line": null,
            "original_start_line": null, "start_side": null, "line": at, "original_line": at, "side": side, "subject_type": "line",
        })
    }

    /// A commit status.
    pub fn status(&self, status: &Status) -> Value {
        joined(self.simple_status(status), json!({"creator": self.user(status.creator)}))
    }

    /// A commit status as the combined one lists it.
    pub fn simple_status(&self, status: &Status) -> Value {
        json!({
            "url": format!("{}/statuses/{}", self.api(status.repo), status.sha), "avatar_url": format!("{}/avatars/u/{}?", self.root, status.creator),
            "id": status.id, "node_id": format!("SC_{}", status.id), "state": status_word(&status.state), "description": or_null(&status.description),
            "target_url": or_null(&status.url), "context": status.context, "created_at": time(status.at), "updated_at": time(status.at),
        })
    }

    /// A hook; the secret is never shown.
    pub fn hook(&self, hook: &Hook) -> Value {
        let url = format!("{}/hooks/{}", hook.repo.map(|repo| self.api(repo)).unwrap_or_default(), hook.id);
        let mut config = json!({"content_type": if hook.form { "form" } else { "json" }, "insecure_ssl": "0", "url": hook.url});
        if !hook.secret.is_empty() {
            config["secret"] = "********".into();
        }
        json!({
            "type": "Repository", "id": hook.id, "name": "web", "active": hook.active, "events": hook.events, "config": config,
            "updated_at": time(hook.updated), "created_at": time(hook.created), "url": url, "test_url": format!("{url}/test"),
            "ping_url": format!("{url}/pings"), "deliveries_url": format!("{url}/deliveries"),
            "last_response": {"code": null, "status": "unused", "message": null},
        })
    }

    /// The protection of a branch.
    pub fn protection(&self, rule: &Protection, branch: &str) -> Value {
        let url = format!("{}/branches/{branch}/protection", self.api(rule.repo));
        let mut shape = json!({
            "url": url, "enforce_admins": {"url": format!("{url}/enforce_admins"), "enabled": rule.block_admin_override},
            "required_linear_history": {"enabled": false}, "allow_force_pushes": {"enabled": false}, "allow_deletions": {"enabled": false},
            "block_creations": {"enabled": false}, "required_conversation_resolution": {"enabled": false}, "lock_branch": {"enabled": false},
            "allow_fork_syncing": {"enabled": false}, "required_signatures": {"url": format!("{url}/required_signatures"), "enabled": false},
        });
        if !rule.allow_push || rule.required_approvals > 0 {
            shape["required_pull_request_reviews"] = json!({
                "url": format!("{url}/required_pull_request_reviews"), "dismiss_stale_reviews": rule.dismiss_stale,
                "require_code_owner_reviews": false, "require_last_push_approval": rule.ignore_stale,
                "required_approving_review_count": rule.required_approvals,
            });
        }
        if rule.status_check {
            let checks: Vec<Value> = rule.contexts.iter().map(|context| json!({"context": context, "app_id": null})).collect();
            shape["required_status_checks"] = json!({
                "url": format!("{url}/required_status_checks"), "strict": rule.block_on_outdated, "contexts": rule.contexts, "checks": checks,
            });
        }
        shape
    }

    fn account_of(&self, who: &Signature) -> Value {
        self.world.user_with_email(&who.email).map_or(Value::Null, |user| self.user(user.id))
    }

    /// A commit as lists of commits show it.
    pub fn commit(&self, repo: &Repo, commit: &CommitRow) -> Value {
        let (api, html) = (self.api(repo.id), self.html_of(repo.id));
        let parents: Vec<Value> = (commit.parents.iter())
            .map(|sha| json!({"sha": sha, "url": format!("{api}/commits/{sha}"), "html_url": format!("{html}/commit/{sha}")}))
            .collect();
        json!({
            "sha": commit.sha, "node_id": format!("C_{}", commit.sha), "commit": self.git_commit(repo, commit),
            "url": format!("{api}/commits/{}", commit.sha), "html_url": format!("{html}/commit/{}", commit.sha),
            "comments_url": format!("{api}/commits/{}/comments", commit.sha), "author": self.account_of(&commit.author),
            "committer": self.account_of(&commit.committer), "parents": parents,
        })
    }

    /// What Git itself knows of a commit.
    pub fn git_commit(&self, repo: &Repo, commit: &CommitRow) -> Value {
        let api = self.api(repo.id);
        let who = |who: &Signature| json!({"name": who.name, "email": who.email, "date": utc(&who.date)});
        json!({
            "author": who(&commit.author), "committer": who(&commit.committer), "message": commit.message.trim_end(),
            "tree": {"sha": commit.tree, "url": format!("{api}/git/trees/{}", commit.tree)},
            "url": format!("{api}/git/commits/{}", commit.sha), "comment_count": 0,
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
        })
    }

    /// A commit as the message about a push lists it.
    pub fn pushed_commit(&self, repo: &Repo, commit: &CommitRow) -> Value {
        let who = |who: &Signature| {
            let mut shape = json!({"name": who.name, "email": who.email});
            if let Some(user) = self.world.user_with_email(&who.email) {
                shape["username"] = user.login.as_str().into();
            }
            shape
        };
        json!({
            "id": commit.sha, "tree_id": commit.tree, "distinct": true, "message": commit.message.trim_end(), "timestamp": commit.committer.date,
            "url": format!("{}/commit/{}", self.html_of(repo.id), commit.sha), "author": who(&commit.author), "committer": who(&commit.committer),
            "added": commit.added, "removed": commit.removed, "modified": commit.modified,
        })
    }
}

fn utc(date: &str) -> String {
    crate::base::Time::parse(date).map_or_else(|| date.to_owned(), time)
}

fn verdict(review: &Review) -> &'static str {
    match review.verdict {
        Verdict::Approve | Verdict::Reject if review.dismissed && !review.superseded => "DISMISSED",
        Verdict::Approve => "APPROVED",
        Verdict::Reject => "CHANGES_REQUESTED",
        Verdict::Comment => "COMMENTED",
        Verdict::Pending | Verdict::Requested => "PENDING",
    }
}

/// The nearest of GitHub's four words for the state of a status.
pub fn status_word(state: &str) -> &'static str {
    match state {
        "success" | "skipped" => "success",
        "failure" | "warning" => "failure",
        "error" | "canceled" => "error",
        _ => "pending",
    }
}
