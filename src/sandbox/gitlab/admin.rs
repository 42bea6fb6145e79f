//! What only Rust sets of the GitLab side: the plan, expiry of tokens, reviewers who want changes.

use super::remarks::SILENT;
use crate::sandbox::Sandbox;
use crate::sandbox::act::{NewReview, no_such};
use crate::sandbox::admin::repo_id;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Issue, Lab, Verdict};

/// An issue or a merge request, and how it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The number that issues and pull requests share on Gitea and GitHub.
    pub shared: i64,
    /// The number on GitLab, where each kind is counted apart.
    pub own: i64,
    /// A merge request.
    pub is_pull: bool,
}

impl Sandbox {
    /// How all issues and pull requests of a repository are called.
    pub fn numbers(&self, repo: &str) -> Result<Vec<Numbered>, Problem> {
        let repo = self.repo_id(repo)?;
        let of = |issue: &Issue| Numbered { shared: issue.number, own: issue.iid, is_pull: issue.pull.is_some() };
        Ok(self.forge.read(|world| world.issues.all().filter(|issue| issue.repo == repo).map(of).collect()))
    }

    /// Changes what the protocol of GitLab keeps of a repository: a paid plan, approvals that a push takes back, how is merged.
    pub fn set_gitlab(&self, repo: &str, change: impl FnOnce(&mut Lab)) -> Result<(), Problem> {
        self.forge.change(|world| {
            let id = repo_id(world, repo)?;
            change(&mut world.repos.edit(id).ok_or_else(no_such)?.lab);
            Ok(())
        })
    }

    /// Lets a user's token end at the beginning of this day, `2026-08-31`.
    pub fn end_token(&self, login: &str, day: &str) -> Result<(), Problem> {
        let user = self.user_id(login).ok_or_else(|| Problem::missing(format!("there is no account `{login}`")))?;
        self.forge.scopes.set_end(user, day.to_owned());
        Ok(())
    }

    /// A person requests changes of the merge request with this number among the merge requests; a text becomes a note.
    pub fn request_changes(&self, repo: &str, iid: i64, login: &str, text: &str) -> Result<(), Problem> {
        let user = self.user_id(login).ok_or_else(|| Problem::missing(format!("there is no account `{login}`")))?;
        let id = self.number_on_gitlab(repo, iid, true)?.0;
        let body = if text.trim().is_empty() { SILENT } else { text };
        let new = NewReview { verdict: Verdict::Reject, body: body.to_owned(), commit: None, lines: Vec::new() };
        self.forge.act(user, |act| act.review(id, new)).map(drop)
    }

    /// The number that issues and pull requests share, of the issue (or, `pull`, of the merge request) with this number of its own.
    pub fn shared_number(&self, repo: &str, iid: i64, pull: bool) -> Result<i64, Problem> {
        self.number_on_gitlab(repo, iid, pull).map(|(_, number)| number)
    }

    fn number_on_gitlab(&self, repo: &str, iid: i64, pull: bool) -> Result<(i64, i64), Problem> {
        let repo = self.repo_id(repo)?;
        let fits = |issue: &&Issue| issue.repo == repo && issue.iid == iid && issue.pull.is_some() == pull;
        let found = self.forge.read(|world| world.issues.all().find(fits).map(|issue| (issue.id, issue.number)));
        found.ok_or_else(no_such)
    }
}
