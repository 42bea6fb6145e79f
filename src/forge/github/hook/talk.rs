//! What people do to issues, and what they say under them.

use super::*;

pub(super) fn issue(mut delivery: Delivered) -> Converted<Parsed> {
    let action = match delivery.action.as_str() {
        "opened" => IssueAction::Opened,
        "edited" => IssueAction::Edited,
        "closed" => IssueAction::Closed,
        "reopened" => IssueAction::Reopened,
        // One that was moved is gone from here.
        "deleted" | "transferred" => IssueAction::Deleted,
        // Once for each label.
        "labeled" | "unlabeled" => IssueAction::Labeled,
        "assigned" | "unassigned" => IssueAction::Assigned,
        "milestoned" | "demilestoned" => IssueAction::Milestoned,
        other => return other_action("an issue", other),
    };
    let issue = convert::issue(delivery.issue.take().ok_or("the delivery holds no issue")?)?;
    finish(delivery, EventKind::Issue { action, issue })
}

pub(super) fn comment(mut delivery: Delivered) -> Converted<Parsed> {
    let action = match delivery.action.as_str() {
        "created" => CommentAction::Created,
        "edited" => CommentAction::Edited,
        "deleted" => CommentAction::Deleted,
        other => return other_action("a comment", other),
    };
    let comment = convert::comment(delivery.comment.take().ok_or("the delivery holds no comment")?)?;
    let issue = delivery.issue.take().ok_or("the delivery does not say what the comment stands on")?;
    if issue.number <= 0 {
        return Err("the comment stands on nothing that has a number".to_owned());
    }
    let kind = EventKind::Comment {
        action,
        number: issue.number,
        is_pull: issue.pull_request.is_some(),
        head_branch: None,
        comment,
        previous_body: delivery.changes.take().and_then(|changes| changes.body).map(|body| body.from),
    };
    finish(delivery, kind)
}
