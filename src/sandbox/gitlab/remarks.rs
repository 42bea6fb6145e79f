//! Notes: everything that stands in a conversation, in one row. Comments, texts of reviews, comments on lines, and what the forge notes itself.

use serde_json::{Value, json};

use super::draft;
use super::look::{Look, digest, time};
use crate::base::Time;
use crate::sandbox::state::{Comment, Event, EventKind, Issue, LineComment, Review, Verdict};
use crate::sandbox::world::World;

/// The text of a review that says nothing but its verdict; it makes no note.
pub const SILENT: &str = "requested changes";
/// Added to the number of a review for the forge's own note about it: a review with a text gives two notes.
const OF_REVIEW: i64 = 1 << 40;

/// One note.
pub struct Remark<'a> {
    pub id: i64,
    pub author: i64,
    pub body: String,
    pub created: Time,
    pub updated: Time,
    pub system: bool,
    pub internal: bool,
    /// The first note of its discussion; itself when it is that.
    pub thread: i64,
    /// Where it stands in the diff, and in which review.
    pub line: Option<(&'a Review, &'a LineComment)>,
}

/// All notes of an issue or merge request, oldest first.
pub fn all<'a>(world: &'a World, issue: &Issue) -> Vec<Remark<'a>> {
    let mut notes: Vec<Remark> = world.comments_on(issue.id).map(of_comment).collect();
    for review in world.reviews_of(issue.id).filter(|review| !matches!(review.verdict, Verdict::Requested | Verdict::Pending)) {
        notes.extend(review.lines.iter().map(|line| of_line(review, line)));
        if !review.body.trim().is_empty() && review.body != SILENT {
            notes.push(plain(review.id, review.author, review.body.clone(), review.submitted));
        }
        let verdict = match review.verdict {
            Verdict::Approve => "approved this merge request",
            Verdict::Reject => "requested changes",
            _ => continue,
        };
        notes.push(Remark { system: true, ..plain(OF_REVIEW + review.id, review.author, verdict.to_owned(), review.submitted) });
    }
    let events = world.events.all().filter(|event| event.issue == issue.id);
    notes.extend(events.filter_map(|event| Some(Remark { system: true, ..plain(event.id, event.actor, words(world, event)?, event.at) })));
    notes.sort_by_key(|note| (note.created, note.id));
    notes
}

fn plain<'a>(id: i64, author: i64, body: String, at: Time) -> Remark<'a> {
    Remark { id, author, body, created: at, updated: at, system: false, internal: false, thread: id, line: None }
}

/// The note that a comment is.
pub fn of_comment(comment: &Comment) -> Remark<'_> {
    let thread = if comment.thread == 0 { comment.id } else { comment.thread };
    let note = plain(comment.id, comment.author, comment.body.clone(), comment.created);
    Remark { updated: comment.updated, thread, internal: comment.internal, ..note }
}

/// The note that a comment on a line is.
pub fn of_line<'a>(review: &'a Review, line: &'a LineComment) -> Remark<'a> {
    let note = plain(line.id, review.author, line.body.clone(), review.submitted);
    Remark { updated: review.updated, line: Some((review, line)), ..note }
}

/// What the forge writes down about an event; `None` where GitLab is silent.
fn words(world: &World, event: &Event) -> Option<String> {
    let title = |id: &Option<i64>| id.and_then(|id| world.milestones.get(id)).map(|row| row.title.clone());
    Some(match &event.kind {
        EventKind::Label { name, added, .. } => format!("{} ~\"{name}\" label", if *added { "added" } else { "removed" }),
        EventKind::Title { from, to } => format!("changed title from **{}** to **{}**", draft::shown(from), draft::shown(to)),
        EventKind::Closed => "closed".to_owned(),
        EventKind::Reopened => "reopened".to_owned(),
        EventKind::Merged { .. } => "merged".to_owned(),
        EventKind::Assigned { user, added: true } => format!("assigned to @{}", world.login(*user)),
        EventKind::Assigned { user, added: false } => format!("unassigned @{}", world.login(*user)),
        EventKind::Milestone { to, .. } => {
            title(to).map_or_else(|| "removed milestone".to_owned(), |title| format!("changed milestone to %{title}"))
        }
        EventKind::Base { from, to } => format!("changed target branch from `{from}` to `{to}`"),
        EventKind::Pushed { after, .. } => format!("added 1 commit\n\n* {}", after.get(..8).unwrap_or_default()),
        EventKind::ReviewRequest { user, added: true } => format!("requested review from @{}", world.login(*user)),
        EventKind::ReviewRequest { user, added: false } => format!("removed review request for @{}", world.login(*user)),
        EventKind::Dismissed { .. } => "unapproved this merge request".to_owned(),
        _ => return None,
    })
}

impl Look<'_> {
    /// The name of the discussion that begins with this note.
    pub fn discussion_id(&self, first: i64) -> String {
        digest(&format!("{}:{first}", self.world.instance()))
    }

    /// Where a note on a line stands.
    pub fn position(&self, issue: &Issue, review: &Review, line: &LineComment) -> Value {
        let base = issue.pull.as_ref().map_or("", |pull| pull.check.merge_base.as_str());
        let number = |number: u64| Some(number).filter(|number| *number > 0);
        json!({
            "base_sha": base, "start_sha": base, "head_sha": review.commit, "old_path": line.path, "new_path": line.path,
            "position_type": "text", "old_line": number(line.old_line), "new_line": number(line.new_line), "line_range": null,
        })
    }

    /// `null`, `DiscussionNote` or `DiffNote`.
    pub fn note_type(&self, note: &Remark) -> Option<&'static str> {
        let answers_line = || self.world.comments.get(note.thread).is_none();
        match () {
            () if note.line.is_some() || (note.thread != note.id && answers_line()) => Some("DiffNote"),
            () if note.thread != note.id || self.world.threads.get(note.id).is_some() => Some("DiscussionNote"),
            () => None,
        }
    }

    /// A note as the API shows it.
    pub fn note(&self, issue: &Issue, note: &Remark) -> Value {
        let kind = self.note_type(note);
        let resolvable = kind.is_some() && issue.pull.is_some();
        let resolved = self.world.threads.get(note.thread).and_then(|thread| thread.resolved);
        let mut shape = json!({
            "id": note.id, "type": kind, "body": note.body, "attachment": null, "author": self.user(note.author), "created_at": time(note.created),
            "updated_at": time(note.updated), "system": note.system, "noteable_id": noteable(issue), "noteable_type": noteable_type(issue),
            "project_id": issue.repo, "resolvable": resolvable, "confidential": note.internal, "internal": note.internal, "imported": false,
            "imported_from": "none", "noteable_iid": issue.iid, "commands_changes": {},
        });
        if let Some((review, line)) = note.line {
            shape["commit_id"] = Value::Null;
            shape["position"] = self.position(issue, review, line);
        }
        if resolvable {
            shape["resolved"] = resolved.is_some().into();
            shape["resolved_by"] = resolved.map_or(Value::Null, |(by, _)| self.user(by));
            shape["resolved_at"] = resolved.map(|(_, at)| time(at)).into();
        }
        shape
    }

    /// The discussions of an issue or merge request, oldest first, each with the number of its first note.
    pub fn discussions(&self, issue: &Issue) -> Vec<(i64, Value)> {
        let notes = all(self.world, issue);
        let firsts = notes.iter().filter(|note| note.thread == note.id);
        let shape = |first: &Remark| {
            let inside: Vec<Value> = notes.iter().filter(|note| note.thread == first.id).map(|note| self.note(issue, note)).collect();
            let individual = self.note_type(first).is_none() && inside.len() == 1;
            (first.id, json!({"id": self.discussion_id(first.id), "individual_note": individual, "notes": inside}))
        };
        firsts.map(shape).collect()
    }
}

/// The global number of what a note stands on.
pub fn noteable(issue: &Issue) -> i64 {
    issue.pull.as_ref().map_or(issue.id, |pull| pull.id)
}

/// `Issue` or `MergeRequest`.
pub fn noteable_type(issue: &Issue) -> &'static str {
    if issue.pull.is_some() { "MergeRequest" } else { "Issue" }
}
