//! Pull requests: opening them and the rules of merging. The Git side is done by the caller, who brings the result of the check.

use super::{Act, IssuePatch, NewIssue, lacking, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Check, EventKind, Grant, Merged, Protection, Pull, Verdict};
use crate::sandbox::told::What;

/// A pull request to open.
#[derive(Clone, Debug, Default)]
pub struct NewPull {
    pub issue: NewIssue,
    pub head: String,
    pub base: String,
    pub head_sha: String,
    pub check: Check,
    /// How many questions are answered with "still checking".
    pub busy: u32,
}

/// True when the title says that the work is not finished.
pub fn is_draft(title: &str) -> bool {
    let title = title.trim_start();
    ["WIP:", "[WIP]"].iter().any(|mark| title.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark)))
}

/// The title without the mark of a draft, for protocols that know drafts otherwise. The title of an issue stays as it is.
pub fn bare_title(title: &str, is_pull: bool) -> &str {
    if !is_pull || !is_draft(title) {
        return title;
    }
    let start = title.trim_start();
    let mark = if start.starts_with('[') { "[WIP]".len() } else { "WIP:".len() };
    start.get(mark..).unwrap_or_default().trim_start()
}

/// The title as the forge keeps it: that of a draft begins with a mark.
pub fn draft_title(bare: &str, draft: bool) -> String {
    if draft { format!("WIP: {bare}") } else { bare.to_owned() }
}

impl Act<'_> {
    /// Opens a pull request and returns the id of its issue.
    pub fn open_pull(&mut self, repo: i64, new: NewPull) -> Result<i64, Problem> {
        let same = |pull: &Pull| pull.head == new.head && pull.base == new.base;
        if let Some(existing) = self.world.open_pulls(repo, same).first().and_then(|id| self.world.issues.get(*id)) {
            let pull = existing.pull.as_ref().map_or(0, |pull| pull.id);
            let text = format!(
                "pull request already exists for these targets [id: {pull}, issue_id: {}, head_repo_id: {repo}, base_repo_id: {repo}, head_branch: {}, base_branch: {}]",
                existing.id, new.head, new.base
            );
            return Err(Problem::conflict(text));
        }
        let id = self.world.next_id("pull");
        let pull = Pull {
            id,
            head: new.head,
            base: new.base,
            head_sha: new.head_sha,
            head_gone: false,
            check: new.check,
            busy: new.busy,
            merging: None,
            merged: None,
            squash: false,
            remove_source: false,
            squashed: String::new(),
        };
        self.open(repo, new.issue, Some(pull))
    }

    /// Changes title, text, state as of an issue, and the base branch with its new check.
    pub fn edit_pull_request(&mut self, id: i64, patch: IssuePatch, base: Option<(String, Check)>) -> Result<(), Problem> {
        if let Some((to, check)) = base {
            let (issue, pull) = self.pull(id)?;
            if !self.may_change(issue, false) {
                return Err(lacking(Grant::Write));
            }
            if pull.merged.is_some() || issue.closed.is_some() {
                return Err(Problem::conflict("the base branch of a closed pull request cannot be changed"));
            }
            let from = std::mem::replace(&mut self.edit_pull(id)?.base, to.clone());
            self.edit_pull(id)?.check = check;
            self.note(id, EventKind::Base { from: from.clone(), to })?;
            self.tell_of(id, What::Edited { issue: id, title_from: None, body_from: None, base_from: Some(from) })?;
        }
        self.edit(id, patch)
    }

    /// Says whether the pull request may be merged now by the actor, and counts the question. `force` overrides the rule, for administrators.
    pub fn may_merge(&mut self, id: i64, force: bool) -> Result<(), Problem> {
        let (issue, pull) = self.pull(id)?;
        let repo = issue.repo;
        if pull.merged.is_some() {
            return Err(Problem::refused("The PR is already merged"));
        }
        if issue.closed.is_some() {
            return Err(no_such());
        }
        if self.repo(repo, Grant::Write).is_err() {
            return Err(Problem::refused("User not allowed to merge PR"));
        }
        if is_draft(&issue.title) {
            return Err(Problem::refused("Work in progress PRs cannot be merged"));
        }
        if pull.busy > 0 || pull.check.conflicts {
            return Err(Problem::refused("Please try again later"));
        }
        let Some(rule) = self.world.protection_of(repo, &pull.base) else { return Ok(()) };
        if !rule.mergers.is_empty() && !rule.mergers.iter().any(|login| login == self.world.login(self.actor)) {
            return Err(Problem::refused("User not allowed to merge PR"));
        }
        let forced = force && !rule.block_admin_override && self.repo(repo, Grant::Admin).is_ok();
        if forced { Ok(()) } else { self.satisfies(id, rule) }
    }

    /// Whether the rule of the base branch is satisfied.
    fn satisfies(&self, id: i64, rule: &Protection) -> Result<(), Problem> {
        let (issue, pull) = self.pull(id)?;
        let standing = |verdict: Verdict| {
            let counts = |stale: bool| !(stale && rule.ignore_stale && verdict == Verdict::Approve);
            self.world
                .reviews_of(id)
                .filter(|review| review.verdict == verdict && review.official && !review.dismissed && counts(review.stale))
                .count()
        };
        if rule.status_check {
            let latest = self.world.latest_statuses(issue.repo, &pull.head_sha);
            let good = |context: &String| {
                let posted = latest.iter().any(|status| status.context == *context && status.state == "success");
                posted || self.world.check_passed(issue.repo, &pull.head_sha, context)
            };
            if !rule.contexts.iter().all(good) {
                return Err(Problem::refused("Not all required status checks successful"));
            }
        }
        if (standing(Verdict::Approve) as i64) < rule.required_approvals {
            return Err(Problem::refused("Does not have enough approvals"));
        }
        if rule.block_on_rejected && standing(Verdict::Reject) > 0 {
            return Err(Problem::refused("There are requested changes"));
        }
        if rule.block_on_outdated && pull.check.behind > 0 {
            return Err(Problem::refused("The head branch is behind the base branch"));
        }
        Ok(())
    }

    /// One question about mergeability has been answered with "still checking".
    pub fn count_question(&mut self, id: i64) -> Result<(), Problem> {
        if self.pull(id)?.1.busy > 0 {
            self.edit_pull(id)?.busy -= 1;
        }
        Ok(())
    }

    /// Writes down which commit is about to be put on the base branch, before it is.
    pub fn begin_merge(&mut self, id: i64, sha: String) -> Result<(), Problem> {
        let merged = Merged { sha, by: self.actor, at: self.at };
        self.edit_pull(id)?.merging = Some(merged);
        Ok(())
    }

    /// The base branch has not moved after all.
    pub fn forget_merge(&mut self, id: i64) -> Result<(), Problem> {
        self.edit_pull(id)?.merging = None;
        Ok(())
    }

    /// The base branch carries the merge: the pull request is done.
    pub fn finish_merge(&mut self, id: i64) -> Result<(), Problem> {
        let at = self.at;
        let Some(merged) = self.edit_pull(id)?.merging.take() else { return Ok(()) };
        let sha = merged.sha.clone();
        self.edit_pull(id)?.merged = Some(merged);
        self.edit_issue(id)?.closed = Some(at);
        self.note(id, EventKind::Merged { sha })?;
        self.tell_of(id, What::Closed { issue: id })
    }
}

#[cfg(test)]
mod tests {
    use super::{bare_title, draft_title, is_draft};

    #[test]
    fn the_mark_of_a_draft_comes_off_and_on() {
        for (title, want) in [("WIP: a", "a"), ("wip:a", "a"), ("[WIP] a", "a"), (" [wip]a", "a"), ("a", "a"), ("WIPE", "WIPE")] {
            assert_eq!(bare_title(title, true), want, "{title}");
        }
        assert_eq!(bare_title("WIP: an issue", false), "WIP: an issue");
        assert!(is_draft(&draft_title("a", true)) && !is_draft(&draft_title("a", false)));
    }

    #[test]
    fn drafts_by_title() {
        for (title, want) in [("WIP: a", true), ("wip: a", true), ("[WIP] a", true), ("WIPE: a", false), ("a WIP:", false), ("é", false)] {
            assert_eq!(is_draft(title), want, "{title}");
        }
    }
}
