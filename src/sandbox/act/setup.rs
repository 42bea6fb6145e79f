//! Milestones, statuses, hooks, protection and the other things that repositories are set up with.

use std::collections::BTreeSet;

use super::{Act, no_such};
use crate::base::Time;
use crate::sandbox::git_ops::CommitRow;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Hook, Milestone, Protection, Status};
use crate::sandbox::told::What;

/// The states a commit status can have.
pub const STATES: [&str; 6] = ["pending", "success", "error", "failure", "warning", "skipped"];

/// States that only GitLab knows.
pub const MORE_STATES: [&str; 2] = ["running", "canceled"];

impl Act<'_> {
    /// Posts a status on a commit that the caller has found.
    pub fn post_status(&mut self, repo: i64, commit: CommitRow, mut status: Status) -> Result<i64, Problem> {
        self.repo(repo, Grant::Write)?;
        if !STATES.contains(&status.state.as_str()) && !MORE_STATES.contains(&status.state.as_str()) {
            return Err(Problem::invalid(format!("unknown status state: {}", status.state)));
        }
        let id = self.world.next_id("status");
        (status.id, status.repo, status.creator, status.at) = (id, repo, self.actor, self.at);
        self.world.statuses.put(id, status.clone());
        self.tell(repo, What::StatusPosted { status: Box::new(status), commit: Box::new(commit) });
        Ok(id)
    }

    /// Makes a milestone.
    pub fn create_milestone(&mut self, repo: i64, title: String, description: String, due: Option<Time>) -> Result<i64, Problem> {
        self.repo(repo, Grant::Write)?;
        if title.trim().is_empty() {
            return Err(Problem::invalid("[Title]: Required"));
        }
        let id = self.world.next_id("milestone");
        let row = Milestone { id, repo, title, description, closed: None, due, created: self.at, updated: self.at };
        self.world.milestones.put(id, row);
        Ok(id)
    }

    /// Opens or closes a milestone and changes its words.
    pub fn edit_milestone(
        &mut self,
        repo: i64,
        id: i64,
        title: Option<String>,
        description: Option<String>,
        closed: Option<bool>,
    ) -> Result<(), Problem> {
        self.repo(repo, Grant::Write)?;
        let at = self.at;
        let row = self.world.milestones.edit(id).filter(|row| row.repo == repo).ok_or_else(no_such)?;
        row.title = title.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| row.title.clone());
        row.description = description.unwrap_or_else(|| row.description.clone());
        row.closed = closed.map_or(row.closed, |closed| closed.then_some(at));
        row.updated = at;
        Ok(())
    }

    /// Adds a hook to a repository, for its administrators.
    pub fn create_hook(&mut self, repo: Option<i64>, mut hook: Hook) -> Result<i64, Problem> {
        if let Some(repo) = repo {
            self.repo(repo, Grant::Admin)?;
        }
        let id = self.world.next_id("hook");
        (hook.id, hook.repo, hook.created, hook.updated) = (id, repo, self.at, self.at);
        self.world.hooks.put(id, hook);
        Ok(id)
    }

    /// The hook of a repository, for its administrators.
    pub fn hook(&self, repo: i64, id: i64) -> Result<&Hook, Problem> {
        self.repo(repo, Grant::Admin)?;
        self.world.hooks.get(id).filter(|hook| hook.repo == Some(repo)).ok_or_else(no_such)
    }

    /// Replaces the events of a hook, clears its branch filter and authorization, and changes address and activity. The secret stays.
    pub fn edit_hook(
        &mut self,
        repo: i64,
        id: i64,
        url: Option<String>,
        events: BTreeSet<String>,
        active: Option<bool>,
    ) -> Result<(), Problem> {
        self.hook(repo, id)?;
        let at = self.at;
        let hook = self.world.hooks.edit(id).ok_or_else(no_such)?;
        hook.url = url.unwrap_or_else(|| hook.url.clone());
        hook.active = active.unwrap_or(hook.active);
        (hook.events, hook.updated) = (events, at);
        hook.branches.clear();
        hook.authorization.clear();
        Ok(())
    }

    /// Removes a hook.
    pub fn delete_hook(&mut self, repo: i64, id: i64) -> Result<(), Problem> {
        self.hook(repo, id)?;
        self.world.hooks.remove(id);
        Ok(())
    }

    /// Adds a protection rule; there is one of each name.
    pub fn protect(&mut self, repo: i64, mut rule: Protection) -> Result<i64, Problem> {
        self.repo(repo, Grant::Admin)?;
        if rule.rule.trim().is_empty() {
            return Err(Problem::invalid("both rule_name and branch_name are empty"));
        }
        if self.world.protections.all().any(|other| other.repo == repo && other.rule == rule.rule) {
            return Err(Problem::denied("Branch protection already exist"));
        }
        let id = self.world.next_id("protection");
        (rule.id, rule.repo, rule.created) = (id, repo, self.at);
        self.world.protections.put(id, rule);
        Ok(id)
    }

    /// Removes a protection rule by name.
    pub fn unprotect(&mut self, repo: i64, name: &str) -> Result<(), Problem> {
        self.repo(repo, Grant::Admin)?;
        let found = self.world.protections.all().find(|rule| rule.repo == repo && rule.rule == name).map(|rule| rule.id);
        found.and_then(|id| self.world.protections.remove(id)).map(drop).ok_or_else(no_such)
    }
}
