//! What people do to issues, and what they say under them.

use super::*;

pub(super) fn issue(mut delivery: Delivery) -> Converted<Parsed> {
    let action = match delivery.action.as_str() {
        "opened" => IssueAction::Opened,
        "edited" => IssueAction::Edited,
        "closed" => IssueAction::Closed,
        "reopened" => IssueAction::Reopened,
        "deleted" => IssueAction::Deleted,
        "label_updated" | "label_cleared" => IssueAction::Labeled,
        "assigned" | "unassigned" => IssueAction::Assigned,
        "milestoned" | "demilestoned" => IssueAction::Milestoned,
        other => return other_action("an issue", other),
    };
    let mut issue = delivery.issue.take().ok_or("the delivery holds no issue")?;
    issue.number = if issue.number > 0 { issue.number } else { delivery.number };
    let issue = convert::issue(issue)?;
    finish(delivery, EventKind::Issue { action, issue })
}

pub(super) fn comment(mut delivery: Delivery) -> Converted<Parsed> {
    let action = match delivery.action.as_str() {
        "created" => CommentAction::Created,
        "edited" => CommentAction::Edited,
        "deleted" => CommentAction::Deleted,
        other => return other_action("a comment", other),
    };
    let comment = convert::comment(delivery.comment.take().ok_or("the delivery holds no comment")?)?;
    let issue = delivery.issue.take();
    let pull = delivery.pull_request.take().map(convert::pull).transpose()?;
    let number = issue.as_ref().map(|issue| issue.number).or(pull.as_ref().map(|pull| pull.number)).filter(|&number| number > 0);
    let kind = EventKind::Comment {
        action,
        number: number.ok_or("the comment stands on nothing that has a number")?,
        is_pull: delivery.is_pull || pull.is_some() || issue.is_some_and(|issue| issue.pull_request.is_some()),
        head_branch: pull.map(|pull| pull.head.branch).filter(|branch| !branch.is_empty()),
        comment,
        previous_body: delivery.changes.take().and_then(|changes| changes.body).map(|body| body.from),
    };
    finish(delivery, kind)
}
