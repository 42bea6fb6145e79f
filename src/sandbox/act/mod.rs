//! What people and bots do, in neutral words: each act checks permission and sense, changes the tables and says what is to be told.
//! Both the wire skins and the pages act through here.

pub mod comments;
mod issues;
mod lab;
mod labels;
pub mod pulls;
pub mod refs;
mod reviews;
mod setup;

pub use issues::{IssuePatch, NewIssue};
pub use labels::LabelPatch;
pub use pulls::NewPull;
pub use reviews::NewReview;
pub use setup::STATES;

use super::problem::Problem;
use super::state::{Event, EventKind, Grant, Issue, Pull, Repo};
use super::told::{Told, What};
use super::world::World;
use crate::base::Time;

/// One act of one user on the tables. What it tells is sent only if the whole act succeeds and is on the disk.
pub struct Act<'a> {
    pub world: &'a mut World,
    pub actor: i64,
    pub at: Time,
    pub told: Vec<Told>,
}

impl Act<'_> {
    /// The repository, if the actor may see it and has this permission.
    pub fn repo(&self, id: i64, least: Grant) -> Result<&Repo, Problem> {
        let repo = self.world.repos.get(id).ok_or_else(no_such)?;
        let grant = self.world.grant(repo, Some(self.actor));
        match grant {
            Grant::None => Err(no_such()),
            grant if grant >= least => Ok(repo),
            _ => Err(lacking(least)),
        }
    }

    /// The issue, if the actor may see it.
    pub fn issue(&self, id: i64) -> Result<&Issue, Problem> {
        let issue = self.world.issues.get(id).ok_or_else(no_such)?;
        self.repo(issue.repo, Grant::Read)?;
        Ok(issue)
    }

    /// The pull request half of an issue that the actor may see.
    pub fn pull(&self, id: i64) -> Result<(&Issue, &Pull), Problem> {
        let issue = self.issue(id)?;
        Ok((issue, issue.pull.as_ref().ok_or_else(no_such)?))
    }

    /// True when the actor may change this issue as a whole: a writer, or (unless `only_writers`) its author.
    fn may_change(&self, issue: &Issue, only_writers: bool) -> bool {
        let writes = self.repo(issue.repo, Grant::Write).is_ok();
        writes || (!only_writers && issue.author == self.actor)
    }

    fn edit_issue(&mut self, id: i64) -> Result<&mut Issue, Problem> {
        let at = self.at;
        let issue = self.world.issues.edit(id).ok_or_else(no_such)?;
        issue.updated = at;
        Ok(issue)
    }

    fn edit_pull(&mut self, id: i64) -> Result<&mut Pull, Problem> {
        self.world.issues.edit(id).and_then(|issue| issue.pull.as_mut()).ok_or_else(no_such)
    }

    /// Adds a line to the timeline of an issue, which counts as an update of the issue.
    fn note(&mut self, issue: i64, kind: EventKind) -> Result<(), Problem> {
        let id = self.world.next_id("comment");
        self.world.events.put(id, Event { id, issue, actor: self.actor, kind, at: self.at });
        self.edit_issue(issue).map(drop)
    }

    /// Puts something on the list of what is told about a repository.
    pub fn tell(&mut self, repo: i64, what: What) {
        self.told.push(Told { repo, actor: self.actor, what });
    }

    fn tell_of(&mut self, issue: i64, what: What) -> Result<(), Problem> {
        let repo = self.world.issues.get(issue).ok_or_else(no_such)?.repo;
        self.tell(repo, what);
        Ok(())
    }
}

/// The answer for what is not there or may not be seen.
pub fn no_such() -> Problem {
    Problem::missing("The target couldn't be found.")
}

/// The answer for a missing permission.
pub fn lacking(least: Grant) -> Problem {
    Problem::denied(match least {
        Grant::Admin | Grant::Owner => "user should be an owner or a collaborator with admin write of a repository",
        _ => "user should have a permission to write to a repo",
    })
}
