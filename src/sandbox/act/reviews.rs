//! Reviews: who may give which verdict, and when an older one stops to count.

use super::{Act, lacking, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{EventKind, Grant, LineComment, Review, Verdict};
use crate::sandbox::told::What;

/// A review to submit.
#[derive(Clone, Debug)]
pub struct NewReview {
    pub verdict: Verdict,
    pub body: String,
    /// The commit it is about; the head when left out.
    pub commit: Option<String>,
    /// Path, line in the new file (or 0), line in the old file (or 0), text.
    pub lines: Vec<(String, u64, u64, String)>,
}

impl Act<'_> {
    /// Submits a review and returns its id.
    pub fn review(&mut self, issue: i64, new: NewReview) -> Result<i64, Problem> {
        let (of, pull) = self.pull(issue)?;
        let head = pull.head_sha.clone();
        self.may_review(of.author, of.closed.is_some(), &new)?;
        let official = new.verdict.decides() && self.repo(of.repo, Grant::Write).is_ok();
        let commit = new.commit.filter(|commit| !commit.is_empty()).unwrap_or_else(|| head.clone());
        let id = self.world.next_id("comment");
        let mut lines = Vec::new();
        for (path, new_line, old_line, body) in new.lines {
            lines.push(LineComment { id: self.world.next_id("comment"), path, new_line, old_line, body, reactions: Vec::new() });
        }
        if new.verdict != Verdict::Pending {
            self.settle_older(issue, new.verdict)?;
        }
        let review = Review {
            id,
            issue,
            author: self.actor,
            verdict: new.verdict,
            body: new.body,
            stale: commit != head,
            commit,
            official,
            dismissed: false,
            lines,
            submitted: self.at,
            updated: self.at,
        };
        self.world.reviews.put(id, review);
        if new.verdict != Verdict::Pending {
            self.edit_issue(issue)?;
            self.tell_of(issue, What::Reviewed { review: id })?;
        }
        Ok(id)
    }

    fn may_review(&self, author: i64, closed: bool, new: &NewReview) -> Result<(), Problem> {
        let empty = new.body.trim().is_empty();
        match new.verdict {
            Verdict::Approve if author == self.actor => Err(Problem::invalid("approve your own pull is not allowed")),
            Verdict::Reject if author == self.actor => Err(Problem::invalid("reject your own pull is not allowed")),
            Verdict::Approve | Verdict::Reject if closed => Err(Problem::invalid("a closed pull request cannot be approved or rejected")),
            Verdict::Reject if empty => Err(Problem::invalid("review event REQUEST_CHANGES requires a body")),
            Verdict::Comment if empty && new.lines.is_empty() => Err(Problem::invalid("review event COMMENT requires a body or a comment")),
            Verdict::Requested => Err(Problem::invalid("a request is not a review")),
            _ if new.lines.iter().any(|line| line.3.trim().is_empty()) => Err(Problem::invalid("a comment on a line needs a body")),
            _ => Ok(()),
        }
    }

    /// A new verdict dismisses the older ones of the same user; any review answers a request for one.
    fn settle_older(&mut self, issue: i64, verdict: Verdict) -> Result<(), Problem> {
        let actor = self.actor;
        let own: Vec<(i64, Verdict)> =
            self.world.reviews_of(issue).filter(|review| review.author == actor).map(|review| (review.id, review.verdict)).collect();
        for (id, old) in own {
            if old == Verdict::Requested {
                self.world.reviews.remove(id);
            } else if verdict.decides() && old.decides() {
                let review = self.world.reviews.edit(id).ok_or_else(no_such)?;
                review.dismissed = true;
                review.official = false;
            }
        }
        Ok(())
    }

    /// Dismisses a verdict, or takes the dismissal back; for administrators of the repository. Nobody is told.
    pub fn dismiss(&mut self, issue: i64, review: i64, message: String, dismissed: bool) -> Result<(), Problem> {
        let repo = self.pull(issue)?.0.repo;
        self.repo(repo, Grant::Admin).map_err(|_| lacking(Grant::Admin))?;
        let at = self.at;
        let found = self.world.reviews.edit(review).filter(|found| found.issue == issue).ok_or_else(no_such)?;
        if !found.verdict.decides() {
            return Err(Problem::invalid("not need to dismiss this review because it's type is not Approve or change request"));
        }
        found.dismissed = dismissed;
        found.updated = at;
        if dismissed {
            self.note(issue, EventKind::Dismissed { review, message })?;
        }
        Ok(())
    }

    /// Asks users for a review, or takes the request back. Returns the ids of the requests made.
    pub fn request_reviews(&mut self, issue: i64, users: &[i64], add: bool) -> Result<Vec<i64>, Problem> {
        let (of, pull) = self.pull(issue)?;
        let (author, head) = (of.author, pull.head_sha.clone());
        if !self.may_change(of, false) {
            return Err(lacking(Grant::Write));
        }
        let mut made = Vec::new();
        for &user in users {
            if add && user == author {
                return Err(Problem::invalid("poster of pr can't be reviewer"));
            }
            let asked = |review: &&Review| review.author == user && review.verdict == Verdict::Requested;
            let standing = self.world.reviews_of(issue).find(asked).map(|review| review.id);
            match (add, standing) {
                (true, Some(_)) | (false, None) => continue,
                (false, Some(id)) => drop(self.world.reviews.remove(id)),
                (true, None) => made.push(self.put_request(issue, user, &head)),
            }
            self.note(issue, EventKind::ReviewRequest { user, added: add })?;
            self.tell_of(issue, What::ReviewRequest { issue, reviewer: user, added: add })?;
        }
        Ok(made)
    }

    fn put_request(&mut self, issue: i64, user: i64, head: &str) -> i64 {
        let id = self.world.next_id("comment");
        let review = Review {
            id,
            issue,
            author: user,
            verdict: Verdict::Requested,
            body: String::new(),
            commit: head.to_owned(),
            stale: false,
            official: true,
            dismissed: false,
            lines: Vec::new(),
            submitted: self.at,
            updated: self.at,
        };
        self.world.reviews.put(id, review);
        id
    }

    /// Removes a review; its author and administrators may.
    pub fn delete_review(&mut self, issue: i64, review: i64) -> Result<(), Problem> {
        let repo = self.pull(issue)?.0.repo;
        let found = self.world.reviews.get(review).filter(|found| found.issue == issue).ok_or_else(no_such)?;
        if found.author != self.actor {
            self.repo(repo, Grant::Admin)?;
        }
        self.world.reviews.remove(review);
        Ok(())
    }
}
