//! What follows from branches and tags that moved: pull requests get a new head, reviews go stale, listeners are told.

use std::collections::BTreeMap;

use super::{Act, no_such};
use crate::sandbox::git_ops::CommitRow;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Check, EventKind, Repo, Verdict};
use crate::sandbox::told::What;

/// A branch or tag that moved, with the commits to tell about.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Full ref name.
    pub name: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub commits: Vec<CommitRow>,
    pub total: u64,
    /// The commit it stood on is none of the ancestors of the new one.
    pub forced: bool,
}

/// The all-zero commit id.
pub const ZERO: &str = "0000000000000000000000000000000000000000";

/// What differs between the refs the forge remembers and those in the repository.
pub fn differences(repo: &Repo, now: &BTreeMap<String, String>) -> Vec<Moved> {
    let moved = |name: &String, before: Option<&String>, after: Option<&String>| Moved {
        name: name.clone(),
        before: before.cloned(),
        after: after.cloned(),
        commits: Vec::new(),
        total: 0,
        forced: false,
    };
    let gone = repo.refs.iter().filter(|(name, _)| !now.contains_key(*name)).map(|(name, sha)| moved(name, Some(sha), None));
    let changed = now.iter().filter(|(name, sha)| repo.refs.get(*name) != Some(*sha));
    gone.chain(changed.map(|(name, sha)| moved(name, repo.refs.get(name), Some(sha)))).collect()
}

impl Act<'_> {
    /// Takes note of moved refs and tells about them. `checks` holds the new state of each pull request concerned.
    pub fn refs_moved(&mut self, repo: i64, moved: Vec<Moved>, checks: &[(i64, String, Check)], busy: u32) -> Result<(), Problem> {
        for moved in moved {
            let row = self.world.repos.edit(repo).ok_or_else(no_such)?;
            row.updated = self.at;
            match &moved.after {
                Some(sha) => row.refs.insert(moved.name.clone(), sha.clone()),
                None => row.refs.remove(&moved.name),
            };
            self.tell_moved(repo, moved)?;
        }
        for (issue, head, check) in checks {
            self.recheck(*issue, head, check.clone(), busy)?;
        }
        Ok(())
    }

    fn tell_moved(&mut self, repo: i64, moved: Moved) -> Result<(), Problem> {
        let Moved { name, before, after, commits, total, forced } = moved;
        match (before, after) {
            (before, Some(after)) => {
                if before.is_none() {
                    self.tell(repo, What::RefCreated { name: name.clone(), sha: after.clone() });
                }
                let before = before.unwrap_or_else(|| ZERO.to_owned());
                if forced {
                    self.tell(repo, What::Forced { name: name.clone() });
                }
                self.tell(repo, What::Pushed { name, before, after, commits, total });
            }
            (Some(before), None) => {
                if let Some(branch) = name.strip_prefix("refs/heads/").map(str::to_owned) {
                    self.close_pulls_of(repo, &branch)?;
                } else {
                    let before = before.clone();
                    self.tell(repo, What::Pushed { name: name.clone(), before, after: ZERO.to_owned(), commits, total });
                }
                self.tell(repo, What::RefDeleted { name, before });
            }
            (None, None) => {}
        }
        Ok(())
    }

    fn close_pulls_of(&mut self, repo: i64, branch: &str) -> Result<(), Problem> {
        let of_branch: Vec<i64> = (self.world.issues.all())
            .filter(|issue| issue.repo == repo && issue.pull.as_ref().is_some_and(|pull| pull.head == branch || pull.base == branch))
            .map(|issue| issue.id)
            .collect();
        for id in of_branch {
            let (issue, pull) = self.pull(id)?;
            let (open, is_head) = (issue.closed.is_none(), pull.head == branch);
            if is_head && !pull.head_gone {
                self.edit_pull(id)?.head_gone = true;
                self.note(id, EventKind::BranchDeleted { name: branch.to_owned() })?;
            }
            if open {
                let at = self.at;
                self.edit_issue(id)?.closed = Some(at);
                self.note(id, EventKind::Closed)?;
                self.tell_of(id, What::Closed { issue: id })?;
            }
        }
        Ok(())
    }

    /// Gives an open pull request its new head and check; a head that moved makes reviews stale.
    fn recheck(&mut self, id: i64, head: &str, check: Check, busy: u32) -> Result<(), Problem> {
        let (issue, pull) = self.pull(id)?;
        let (repo, base, before) = (issue.repo, pull.base.clone(), pull.head_sha.clone());
        let row = self.edit_pull(id)?;
        row.check = check;
        row.head_gone = false;
        if before == head {
            return Ok(());
        }
        row.head_sha = head.to_owned();
        row.busy = busy;
        let resets = self.world.repos.get(repo).is_some_and(|repo| repo.lab.reset_approvals);
        let dismiss = resets || self.world.protection_of(repo, &base).is_some_and(|rule| rule.dismiss_stale);
        let mut taken_back = Vec::new();
        let reviews: Vec<i64> = self.world.reviews_of(id).map(|review| review.id).collect();
        for review in reviews {
            let Some(review) = self.world.reviews.edit(review) else { continue };
            review.stale = review.commit != head && review.verdict != Verdict::Requested;
            let dismissed = dismiss && review.stale && review.verdict == Verdict::Approve;
            if dismissed && !review.dismissed {
                taken_back.push(review.id);
            }
            review.dismissed |= dismissed;
        }
        self.note(id, EventKind::Pushed { before: before.clone(), after: head.to_owned() })?;
        self.tell_of(id, What::Synchronized { issue: id, before, after: head.to_owned() })?;
        if !taken_back.is_empty() {
            self.tell_of(id, What::Unapproved { issue: id, user: None })?;
        }
        for review in taken_back {
            self.tell_of(id, What::Dismissed { review })?;
        }
        Ok(())
    }
}
