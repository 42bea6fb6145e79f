//! Pull requests and their reviews.

use super::*;

pub(super) fn pull(mut delivery: Delivered) -> Converted<Parsed> {
    let pull = delivery.pull_request.as_ref();
    let merged = pull.is_some_and(|pull| pull.merged || !pull.merged_at.is_empty());
    let action = match delivery.action.as_str() {
        "opened" => PullAction::Opened,
        // A draft no more, or again: the pull request itself says which.
        "edited" | "ready_for_review" | "converted_to_draft" => PullAction::Edited,
        "closed" if merged => PullAction::Merged,
        "closed" => PullAction::Closed,
        "reopened" => PullAction::Reopened,
        "synchronize" => PullAction::Synchronized,
        "labeled" | "unlabeled" => PullAction::Labeled,
        "assigned" | "unassigned" => PullAction::Assigned,
        "milestoned" | "demilestoned" => PullAction::Milestoned,
        "review_requested" => PullAction::ReviewRequested,
        "review_request_removed" => PullAction::ReviewRequestRemoved,
        other => return other_action("a pull request", other),
    };
    let pull = the_pull(&mut delivery)?;
    finish(delivery, EventKind::Pull { action, pull })
}

fn the_pull(delivery: &mut Delivered) -> Converted<Pull> {
    let mut pull = delivery.pull_request.take().ok_or("the delivery holds no pull request")?;
    pull.number = if pull.number > 0 { pull.number } else { delivery.number };
    convert::pull(pull)
}

pub(super) fn review(mut delivery: Delivered) -> Converted<Parsed> {
    let dismissed = match delivery.action.as_str() {
        "submitted" | "edited" => false,
        "dismissed" => true,
        other => return other_action("a review", other),
    };
    let said: wire::HookReview = delivery.review.take().ok_or("the delivery holds no review")?;
    if said.id <= 0 {
        return Err("a review has no id".to_owned());
    }
    let verdict = match convert::verdict(&said.state) {
        // What it was is not told; it counts for nothing either way.
        _ if dismissed => Verdict::Approved,
        Verdict::Pending => return ignored(format!("no use for a review in the state `{}`", clip(&said.state, 60))),
        verdict => verdict,
    };
    let pull = the_pull(&mut delivery)?;
    let reviewer = convert::actor(said.user);
    finish(delivery, EventKind::Review { pull, reviewer, verdict, body: said.body, review: Some(said.id), dismissed })
}
