//! Opening, editing, closing issues, and what a pull request shares with them.

use std::collections::BTreeSet;

use super::{Act, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{EventKind, Grant, Issue, Pull};
use crate::sandbox::told::What;

/// A new issue. Labels, assignees and milestone of somebody without write permission are dropped.
#[derive(Clone, Debug, Default)]
pub struct NewIssue {
    pub title: String,
    pub body: String,
    pub labels: Vec<i64>,
    pub assignees: Vec<i64>,
    pub milestone: Option<i64>,
    pub closed: bool,
}

/// What to change in an issue; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct IssuePatch {
    pub title: Option<String>,
    pub body: Option<String>,
    pub closed: Option<bool>,
    pub assignees: Option<Vec<i64>>,
    /// 0 takes the milestone off.
    pub milestone: Option<i64>,
    /// Refuse when the issue has been edited since this version.
    pub version: Option<i64>,
}

impl Act<'_> {
    /// Opens an issue and returns its id.
    pub fn open_issue(&mut self, repo: i64, new: NewIssue) -> Result<i64, Problem> {
        self.open(repo, new, None)
    }

    pub(super) fn open(&mut self, repo_id: i64, mut new: NewIssue, pull: Option<Pull>) -> Result<i64, Problem> {
        if new.title.trim().is_empty() {
            return Err(Problem::invalid("[Title]: Required"));
        }
        if new.title.chars().count() > 255 {
            return Err(Problem::invalid("[Title]: the title is longer than 255 characters"));
        }
        self.repo(repo_id, Grant::Read)?;
        if self.repo(repo_id, Grant::Write).is_err() {
            (new.labels, new.assignees, new.milestone) = (Vec::new(), Vec::new(), None);
        }
        let id = self.world.next_id("issue");
        let repo = self.world.repos.edit(repo_id).ok_or_else(no_such)?;
        repo.last_number += 1;
        let counted = if pull.is_some() { &mut repo.lab.last_pull } else { &mut repo.lab.last_issue };
        *counted += 1;
        let iid = *counted;
        let issue = Issue {
            id,
            repo: repo_id,
            number: repo.last_number,
            author: self.actor,
            title: new.title,
            body: new.body,
            closed: None,
            labels: BTreeSet::new(),
            assignees: Vec::new(),
            milestone: None,
            reactions: Vec::new(),
            created: self.at,
            updated: self.at,
            version: 0,
            pull,
            iid,
            confidential: false,
        };
        self.world.issues.put(id, issue);
        self.tell(repo_id, What::Opened { issue: id });
        if !new.labels.is_empty() {
            self.add_labels(id, &new.labels)?;
        }
        if let Some(milestone) = new.milestone {
            self.set_milestone(id, milestone)?;
        }
        if !new.assignees.is_empty() {
            self.set_assignees(id, new.assignees)?;
        }
        if new.closed {
            self.set_closed(id, true)?;
        }
        Ok(id)
    }

    /// Changes an issue; the author and writers may.
    pub fn edit(&mut self, id: i64, patch: IssuePatch) -> Result<(), Problem> {
        let issue = self.issue(id)?;
        if !self.may_change(issue, false) {
            return Err(super::lacking(Grant::Write));
        }
        if patch.version.is_some_and(|version| version != issue.version) {
            return Err(Problem::conflict("the issue has been edited meanwhile: content_version is out of date"));
        }
        let writes = self.may_change(issue, true);
        if let Some(title) = patch.title {
            self.set_title(id, title)?;
        }
        if let Some(body) = patch.body {
            self.set_body(id, body)?;
        }
        if let Some(assignees) = patch.assignees.filter(|_| writes) {
            self.set_assignees(id, assignees)?;
        }
        if let Some(milestone) = patch.milestone.filter(|_| writes) {
            self.set_milestone(id, milestone)?;
        }
        match patch.closed {
            Some(closed) => self.set_closed(id, closed),
            None => Ok(()),
        }
    }

    fn set_title(&mut self, id: i64, title: String) -> Result<(), Problem> {
        if title.trim().is_empty() || title.chars().count() > 255 {
            return Err(Problem::invalid("[Title]: a title has 1 to 255 characters"));
        }
        let from = self.issue(id)?.title.clone();
        if from == title {
            return Ok(());
        }
        let issue = self.edit_issue(id)?;
        issue.title = title.clone();
        issue.version += 1;
        self.note(id, EventKind::Title { from: from.clone(), to: title })?;
        self.tell_of(id, What::Edited { issue: id, title_from: Some(from), body_from: None, base_from: None })
    }

    fn set_body(&mut self, id: i64, body: String) -> Result<(), Problem> {
        let from = self.issue(id)?.body.clone();
        if from == body {
            return Ok(());
        }
        let issue = self.edit_issue(id)?;
        issue.body = body;
        issue.version += 1;
        self.tell_of(id, What::Edited { issue: id, title_from: None, body_from: Some(from), base_from: None })
    }

    fn set_closed(&mut self, id: i64, closed: bool) -> Result<(), Problem> {
        let issue = self.issue(id)?;
        if issue.pull.as_ref().is_some_and(|pull| pull.merged.is_some()) {
            return Err(Problem::unready("cannot change state of this pull request, it was already merged"));
        }
        if issue.closed.is_some() == closed {
            return Ok(());
        }
        if !closed && issue.pull.as_ref().is_some_and(|pull| pull.head_gone) {
            return Err(Problem::conflict("the head branch is gone; push it again before you reopen the pull request"));
        }
        let at = self.at;
        self.edit_issue(id)?.closed = closed.then_some(at);
        self.note(id, if closed { EventKind::Closed } else { EventKind::Reopened })?;
        self.tell_of(id, if closed { What::Closed { issue: id } } else { What::Reopened { issue: id } })
    }

    fn set_assignees(&mut self, id: i64, mut wanted: Vec<i64>) -> Result<(), Problem> {
        wanted.sort_unstable();
        wanted.dedup();
        let before = self.issue(id)?.assignees.clone();
        let added: Vec<i64> = wanted.iter().filter(|user| !before.contains(user)).copied().collect();
        let removed: Vec<i64> = before.iter().filter(|user| !wanted.contains(user)).copied().collect();
        for (user, added) in added.into_iter().map(|user| (user, true)).chain(removed.into_iter().map(|user| (user, false))) {
            let issue = self.edit_issue(id)?;
            issue.assignees.retain(|assigned| *assigned != user);
            if added {
                issue.assignees.push(user);
            }
            self.note(id, EventKind::Assigned { user, added })?;
            self.tell_of(id, What::Assigned { issue: id, added })?;
        }
        Ok(())
    }

    fn set_milestone(&mut self, id: i64, milestone: i64) -> Result<(), Problem> {
        let repo = self.issue(id)?.repo;
        let to = (milestone != 0).then_some(milestone);
        if to.is_some_and(|to| self.world.milestones.get(to).is_none_or(|found| found.repo != repo)) {
            return Err(Problem::missing("milestone not found"));
        }
        let from = self.issue(id)?.milestone;
        if from == to {
            return Ok(());
        }
        self.edit_issue(id)?.milestone = to;
        self.note(id, EventKind::Milestone { from, to })?;
        self.tell_of(id, What::Milestoned { issue: id, set: to.is_some() })
    }
}
