//! Pull requests and their reviews.

use super::*;

pub(super) fn pull(mut delivery: Delivery) -> Converted<Parsed> {
    if delivery.action == "reviewed" {
        return review(delivery);
    }
    let merged = delivery.pull_request.as_ref().is_some_and(|pull| pull.merged);
    let action = match delivery.action.as_str() {
        "opened" => PullAction::Opened,
        "edited" => PullAction::Edited,
        "closed" if merged => PullAction::Merged,
        "closed" => PullAction::Closed,
        "reopened" => PullAction::Reopened,
        "deleted" => PullAction::Deleted,
        "synchronized" => PullAction::Synchronized,
        "label_updated" | "label_cleared" => PullAction::Labeled,
        "assigned" | "unassigned" => PullAction::Assigned,
        "milestoned" | "demilestoned" => PullAction::Milestoned,
        "review_requested" => PullAction::ReviewRequested,
        "review_request_removed" => PullAction::ReviewRequestRemoved,
        other => return other_action("a pull request", other),
    };
    let pull = the_pull(&mut delivery)?;
    finish(delivery, EventKind::Pull { action, pull })
}

/// The pull request of a delivery. Old servers name its number only beside it and leave out the state, which then follows from the action.
fn the_pull(delivery: &mut Delivery) -> Converted<Pull> {
    let mut pull = delivery.pull_request.take().ok_or("the delivery holds no pull request")?;
    pull.number = if pull.number > 0 { pull.number } else { delivery.number };
    if pull.state.is_empty() {
        pull.state = if delivery.action == "closed" { "closed" } else { "open" }.to_owned();
    }
    convert::pull(pull)
}

pub(super) fn review(mut delivery: Delivery) -> Converted<Parsed> {
    let said = delivery.review.take().ok_or("the delivery holds no review")?;
    let verdict = match said.kind.as_str() {
        "pull_request_review_approved" => Verdict::Approved,
        "pull_request_review_rejected" => Verdict::ChangesRequested,
        "pull_request_review_comment" | "pull_request_comment" => Verdict::Commented,
        other => return ignored(format!("no use for a review of the kind `{}`", clip(other, 60))),
    };
    let pull = the_pull(&mut delivery)?;
    // The sender is the reviewer; older versions name nobody else.
    let reviewer = convert::actor(delivery.sender.clone());
    finish(delivery, EventKind::Review { pull, reviewer, verdict, body: said.content, review: None, dismissed: false })
}
