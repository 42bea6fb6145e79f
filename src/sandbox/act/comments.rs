//! Comments and reactions.

use super::{Act, lacking, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Comment, Grant, LineComment, Reaction};
use crate::sandbox::told::{Done, What};

/// The reactions that the forge knows.
pub const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

/// What a reaction stands on.
#[derive(Clone, Copy, Debug)]
pub enum On {
    Issue(i64),
    Comment(i64),
    /// A comment on a line: the review and the comment.
    Line(i64, i64),
}

impl Act<'_> {
    /// Adds a comment and returns its id; everybody who may read may comment.
    pub fn comment(&mut self, issue: i64, body: String) -> Result<i64, Problem> {
        self.comment_in(issue, body, 0, false)
    }

    /// The same as an answer in a thread, or for members only.
    pub fn comment_in(&mut self, issue: i64, body: String, thread: i64, internal: bool) -> Result<i64, Problem> {
        self.issue(issue)?;
        if body.trim().is_empty() {
            return Err(Problem::invalid("[Body]: Required"));
        }
        let id = self.world.next_id("comment");
        let (author, at) = (self.actor, self.at);
        let comment = Comment { id, issue, author, body, reactions: Vec::new(), created: at, updated: at, thread, internal };
        self.world.comments.put(id, comment.clone());
        self.edit_issue(issue)?;
        self.tell_of(issue, What::Commented { done: Done::Created, comment: Box::new(comment), body_from: None })?;
        Ok(id)
    }

    /// The comment, if the actor may see it.
    pub fn visible_comment(&self, id: i64) -> Result<&Comment, Problem> {
        let comment = self.world.comments.get(id).ok_or_else(no_such)?;
        self.issue(comment.issue)?;
        Ok(comment)
    }

    fn own_comment(&self, id: i64) -> Result<&Comment, Problem> {
        let comment = self.visible_comment(id)?;
        let repo = self.issue(comment.issue)?.repo;
        if comment.author != self.actor && self.repo(repo, Grant::Admin).is_err() {
            return Err(lacking(Grant::Admin));
        }
        Ok(comment)
    }

    /// Changes the text of a comment. The issue does not count as updated.
    pub fn edit_comment(&mut self, id: i64, body: String) -> Result<(), Problem> {
        let from = self.own_comment(id)?.body.clone();
        if body.trim().is_empty() {
            return Err(Problem::invalid("[Body]: Required"));
        }
        if from == body {
            return Ok(());
        }
        let at = self.at;
        let comment = self.world.comments.edit(id).ok_or_else(no_such)?;
        comment.body = body;
        comment.updated = at;
        let comment = comment.clone();
        self.tell_of(comment.issue, What::Commented { done: Done::Edited, comment: Box::new(comment), body_from: Some(from) })
    }

    /// Removes a comment.
    pub fn delete_comment(&mut self, id: i64) -> Result<(), Problem> {
        self.own_comment(id)?;
        let comment = self.world.comments.remove(id).ok_or_else(no_such)?;
        self.tell_of(comment.issue, What::Commented { done: Done::Deleted, comment: Box::new(comment), body_from: None })
    }

    /// The reactions on something the actor may see.
    pub fn reactions(&self, on: On) -> Result<&[Reaction], Problem> {
        match on {
            On::Issue(id) => self.issue(id).map(|issue| issue.reactions.as_slice()),
            On::Comment(id) => self.visible_comment(id).map(|comment| comment.reactions.as_slice()),
            On::Line(review, line) => self.line(review, line).map(|(_, line)| line.reactions.as_slice()),
        }
    }

    /// A comment on a line, with the issue half of its pull request, if the actor may see it.
    pub fn line(&self, review: i64, line: i64) -> Result<(i64, &LineComment), Problem> {
        let review = self.world.reviews.get(review).ok_or_else(no_such)?;
        self.issue(review.issue)?;
        let found = review.lines.iter().find(|found| found.id == line).ok_or_else(no_such)?;
        Ok((review.issue, found))
    }

    fn edit_reactions(&mut self, on: On) -> Result<&mut Vec<Reaction>, Problem> {
        match on {
            On::Issue(id) => self.world.issues.edit(id).map(|issue| &mut issue.reactions),
            On::Comment(id) => self.world.comments.edit(id).map(|comment| &mut comment.reactions),
            On::Line(review, id) => {
                let lines = self.world.reviews.edit(review).map(|review| review.lines.iter_mut());
                lines.and_then(|mut lines| lines.find(|line| line.id == id)).map(|line| &mut line.reactions)
            }
        }
        .ok_or_else(no_such)
    }

    /// Adds a reaction; false when it was there already.
    pub fn react(&mut self, on: On, content: &str) -> Result<bool, Problem> {
        if !REACTIONS.contains(&content) {
            return Err(Problem::denied(format!("'{content}' is not an allowed reaction")));
        }
        self.react_with(on, content)
    }

    /// The same with any word, for protocols that know more of them.
    pub fn react_with(&mut self, on: On, content: &str) -> Result<bool, Problem> {
        let (user, at) = (self.actor, self.at);
        if self.reactions(on)?.iter().any(|reaction| reaction.user == user && reaction.content == content) {
            return Ok(false);
        }
        let reaction = Reaction { user, content: content.to_owned(), at, id: self.world.next_id("reaction") };
        self.edit_reactions(on)?.push(reaction.clone());
        self.tell_reaction(on, reaction, true)?;
        Ok(true)
    }

    /// Takes the actor's reaction back.
    pub fn unreact(&mut self, on: On, content: &str) -> Result<(), Problem> {
        let user = self.actor;
        let own = |reaction: &&Reaction| reaction.user == user && reaction.content == content;
        let Some(gone) = self.reactions(on)?.iter().find(own).cloned() else { return Ok(()) };
        self.edit_reactions(on)?.retain(|reaction| reaction.user != user || reaction.content != content);
        self.tell_reaction(on, gone, false)
    }

    fn tell_reaction(&mut self, on: On, reaction: Reaction, added: bool) -> Result<(), Problem> {
        let (issue, comment) = match on {
            On::Issue(id) => (id, None),
            On::Comment(id) => (self.visible_comment(id)?.issue, Some(id)),
            On::Line(review, line) => (self.line(review, line)?.0, Some(line)),
        };
        self.tell_of(issue, What::Reacted { issue, comment, reaction, added })
    }
}
