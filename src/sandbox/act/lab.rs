//! What GitLab's way of working needs beside the other acts: threads that are settled, approvals taken back, reactions by number.

use super::comments::On;
use super::{Act, lacking, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{EventKind, Grant, Thread, Verdict};
use crate::sandbox::told::What;

impl Act<'_> {
    /// Makes a comment the first of a thread, which others can answer in.
    pub fn begin_thread(&mut self, comment: i64) -> Result<(), Problem> {
        let issue = self.visible_comment(comment)?.issue;
        self.world.threads.put(comment, Thread { id: comment, issue, resolved: None });
        Ok(())
    }

    /// Calls a thread of a pull request settled, or open again; writers and the author of the pull request may.
    pub fn resolve(&mut self, issue: i64, thread: i64, resolved: bool) -> Result<(), Problem> {
        if !self.may_change(self.pull(issue)?.0, false) {
            return Err(lacking(Grant::Write));
        }
        let by = resolved.then_some((self.actor, self.at));
        let standing = self.world.threads.get(thread).and_then(|row| row.resolved);
        if standing.is_some() != resolved {
            self.world.threads.put(thread, Thread { id: thread, issue, resolved: by });
        }
        Ok(())
    }

    /// Takes the actor's own approval back.
    pub fn unapprove(&mut self, issue: i64) -> Result<(), Problem> {
        self.pull(issue)?;
        let (actor, at) = (self.actor, self.at);
        let stands =
            |review: &&crate::sandbox::state::Review| review.author == actor && review.verdict == Verdict::Approve && !review.dismissed;
        let own: Vec<i64> = self.world.reviews_of(issue).filter(stands).map(|review| review.id).collect();
        if own.is_empty() {
            return Err(no_such());
        }
        for review in own {
            let row = self.world.reviews.edit(review).ok_or_else(no_such)?;
            (row.dismissed, row.official, row.updated) = (true, false, at);
            self.note(issue, EventKind::Dismissed { review, message: String::new() })?;
        }
        self.tell_of(issue, What::Unapproved { issue, user: Some(actor) })
    }

    /// Takes a reaction back by its number; only one's own.
    pub fn unreact_by_id(&mut self, on: On, id: i64) -> Result<(), Problem> {
        let found = self.reactions(on)?.iter().find(|reaction| reaction.id == id).cloned().ok_or_else(no_such)?;
        if found.user != self.actor {
            return Err(lacking(Grant::Admin));
        }
        self.unreact(on, &found.content)
    }

    /// Changes the text of a comment on a line; its author and administrators may.
    pub fn edit_line(&mut self, review: i64, line: i64, body: &str) -> Result<(), Problem> {
        self.may_edit_line(review, line)?;
        if body.trim().is_empty() {
            return Err(Problem::invalid("[Body]: Required"));
        }
        let at = self.at;
        let row = self.world.reviews.edit(review).ok_or_else(no_such)?;
        row.updated = at;
        let issue = row.issue;
        let found = row.lines.iter_mut().find(|found| found.id == line).ok_or_else(no_such)?;
        if found.body == body {
            return Ok(());
        }
        found.body = body.to_owned();
        self.tell_of(issue, What::LineEdited { review, line })
    }

    /// Removes a comment on a line; its author and administrators may.
    pub fn delete_line(&mut self, review: i64, line: i64) -> Result<(), Problem> {
        self.may_edit_line(review, line)?;
        let row = self.world.reviews.edit(review).ok_or_else(no_such)?;
        row.lines.retain(|found| found.id != line);
        Ok(())
    }

    fn may_edit_line(&self, review: i64, line: i64) -> Result<(), Problem> {
        let issue = self.line(review, line)?.0;
        let own = self.world.reviews.get(review).is_some_and(|review| review.author == self.actor);
        let repo = self.issue(issue)?.repo;
        if own { Ok(()) } else { self.repo(repo, Grant::Admin).map(drop) }
    }

    /// Hides an issue from everybody but members, or shows it again; writers and its author may.
    pub fn set_confidential(&mut self, issue: i64, confidential: bool) -> Result<(), Problem> {
        if !self.may_change(self.issue(issue)?, false) {
            return Err(lacking(Grant::Write));
        }
        self.edit_issue(issue)?.confidential = confidential;
        Ok(())
    }

    /// What was wished of a merge when the pull request was opened.
    pub fn wish_of_merge(&mut self, issue: i64, squash: Option<bool>, remove_source: Option<bool>) -> Result<(), Problem> {
        if !self.may_change(self.issue(issue)?, false) {
            return Err(lacking(Grant::Write));
        }
        let pull = self.edit_pull(issue)?;
        pull.squash = squash.unwrap_or(pull.squash);
        pull.remove_source = remove_source.unwrap_or(pull.remove_source);
        Ok(())
    }
}
