//! Notes: comments on issues and merge requests, and on lines.

use super::*;
use crate::forge::gitlab::read::is_asked;

const CONFIDENTIAL: &str =
    "the note is confidential: the bot answers where everybody can read it, so it takes no word from there; write it as a plain comment";
const HIDDEN_ISSUE: &str =
    "the issue is confidential: what the bot works on becomes visible in branches and merge requests, so only commands are answered there";

pub(super) fn note(event: &str, mut delivery: Delivery) -> Converted<Parsed> {
    let at = attributes(&mut delivery, "note")?;
    if at.system {
        return ignored("a system note: what it tells is told by an event of its own".to_owned());
    }
    // GitLab calls a note confidential for itself, and for the issue that it stands on.
    let hidden_issue = delivery.issue.as_ref().is_some_and(|issue| issue.confidential);
    let called = delivery.event_type == "confidential_note" || event.starts_with("Confidential");
    if at.internal || at.confidential || (called && !hidden_issue) {
        return ignored(CONFIDENTIAL.to_owned());
    }
    let action = match at.action.as_str() {
        "" | "create" => CommentAction::Created,
        "update" => CommentAction::Edited,
        other => return other_action("a note", other),
    };
    if at.id <= 0 {
        return Err("a note has no number".to_owned());
    }
    let actor = actor(&delivery);
    let author = named(at.author_id, actor.as_ref());
    let comment = |at: Attributes| Comment {
        id: at.id,
        body: at.note,
        author,
        created_at: convert::time(&at.created_at),
        updated_at: convert::time(&at.updated_at),
    };
    match at.noteable_type.as_str() {
        "Issue" | "WorkItem" => {
            let issue = delivery.issue.take().ok_or("the delivery holds no issue")?;
            let kind = if issue.kind.is_empty() { &issue.issue_type } else { &issue.kind };
            if !matches!(kind.as_str(), "" | "Issue" | "issue") {
                return ignored(format!("a work item of the type `{}` is no issue", clip(kind, 60)));
            }
            // A command is answered there, so that nobody waits; anything else could end up in a branch.
            if issue.confidential && !is_asked(&at.note) {
                return ignored(HIDDEN_ISSUE.to_owned());
            }
            if issue.iid <= 0 {
                return Err("a note stands on an issue without a number".to_owned());
            }
            let comment = comment(at);
            let kind = EventKind::Comment { action, number: issue.iid, is_pull: false, head_branch: None, comment, previous_body: None };
            finish(&delivery, actor, kind)
        }
        "MergeRequest" => {
            let merge = delivery.merge_request.take().ok_or("the delivery holds no merge request")?;
            // A remark on a line is read with its thread; a command there is a command.
            if at.kind == "DiffNote" && action == CommentAction::Created && !is_asked(&at.note) {
                let pull = super::merges::pull(merge, &[], actor.as_ref())?;
                let reviewer = actor.clone();
                let kind = EventKind::Review { pull, reviewer, verdict: Verdict::Commented, body: at.note, review: None, dismissed: false };
                return finish(&delivery, actor, kind);
            }
            if merge.iid <= 0 {
                return Err("a note stands on a merge request without a number".to_owned());
            }
            let comment = comment(at);
            let kind = EventKind::Comment {
                action,
                number: convert::pull_number(merge.iid),
                is_pull: true,
                head_branch: Some(merge.source_branch)
                    .filter(|branch| !branch.is_empty() && merge.source_project_id == merge.target_project_id),
                comment,
                previous_body: None,
            };
            finish(&delivery, actor, kind)
        }
        other => ignored(format!("a note on a `{}` belongs to no issue and no merge request", clip(other, 60))),
    }
}
