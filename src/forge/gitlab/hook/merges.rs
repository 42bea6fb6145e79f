//! Merge requests and their approvals.

use super::wire::Title;
use super::*;
use crate::forge::gitlab::wire as rest;

pub(super) fn merge(mut delivery: Delivery) -> Converted<Parsed> {
    let at = attributes(&mut delivery, "merge request")?;
    let changes = delivery.changes.clone().unwrap_or_default();
    let actor = actor(&delivery);
    let labels = if delivery.labels.is_empty() { at.labels.clone() } else { delivery.labels.clone() };
    let objecting = |changes: &super::wire::Changes| {
        let reviewers = changes.reviewers.iter().flat_map(|delta| delta.current.iter());
        let mut objecting = reviewers.filter(|reviewer| reviewer.state == "requested_changes");
        // The one who asks for changes is the one who did it.
        objecting.find(|reviewer| actor.as_ref().is_some_and(|actor| actor.id == reviewer.id)).cloned()
    };
    let action = match at.action.as_str() {
        "open" => PullAction::Opened,
        "close" => PullAction::Closed,
        "reopen" => PullAction::Reopened,
        "merge" => PullAction::Merged,
        "approval" | "approved" => {
            let pull = pull(at, &labels, actor.as_ref())?;
            let (reviewer, verdict) = (actor.clone(), Verdict::Approved);
            return finish(
                &delivery,
                actor,
                EventKind::Review { pull, reviewer, verdict, body: String::new(), review: None, dismissed: false },
            );
        }
        "unapproval" | "unapproved"
            if at.system || delivery.system || !at.system_action.is_empty() || !delivery.system_action.is_empty() =>
        {
            return ignored("the approvals fell with a push, which is told by an event of its own".to_owned());
        }
        "unapproval" | "unapproved" => {
            // What holds now is read from the forge; this says only that somebody's word has changed.
            let pull = pull(at, &labels, actor.as_ref())?;
            let (reviewer, verdict) = (actor.clone(), Verdict::Commented);
            return finish(
                &delivery,
                actor,
                EventKind::Review { pull, reviewer, verdict, body: String::new(), review: None, dismissed: true },
            );
        }
        "update" if !at.oldrev.is_empty() => PullAction::Synchronized,
        "update" if changes.labels.is_some() => PullAction::Labeled,
        "update" if objecting(&changes).is_some() => {
            let pull = pull(at, &labels, actor.as_ref())?;
            let (reviewer, verdict) = (actor.clone(), Verdict::ChangesRequested);
            return finish(
                &delivery,
                actor,
                EventKind::Review { pull, reviewer, verdict, body: String::new(), review: None, dismissed: false },
            );
        }
        "update"
            if changes.title.is_some() || changes.description.is_some() || changes.draft.is_some() || changes.target_branch.is_some() =>
        {
            PullAction::Edited
        }
        "update" if changes.reviewers.is_some() => match changes.reviewers.as_ref().is_some_and(|delta| delta.current.is_empty()) {
            true => PullAction::ReviewRequestRemoved,
            false => PullAction::ReviewRequested,
        },
        "update" if changes.assignees.is_some() => PullAction::Assigned,
        "update" if changes.milestone_id.is_some() => PullAction::Milestoned,
        "update" => return ignored("an update of a merge request that changes nothing a story needs".to_owned()),
        "" => return ignored("a test delivery: it says nothing that happened".to_owned()),
        other => return other_action("a merge request", other),
    };
    let pull = pull(at, &labels, actor.as_ref())?;
    finish(&delivery, actor, EventKind::Pull { action, pull })
}

/// The merge request of a delivery, which holds no base commit and names its author by number alone.
pub(super) fn pull(at: Attributes, labels: &[Title], actor: Option<&User>) -> Converted<Pull> {
    let author = named(at.author_id, actor);
    let names = if labels.is_empty() { &at.labels } else { labels };
    convert::pull(rest::Merge {
        iid: at.iid,
        labels: names.iter().map(|label| label.title.clone()).collect(),
        title: at.title,
        description: at.description,
        state: at.state,
        draft: at.draft,
        work_in_progress: at.work_in_progress,
        author: Some(rest::User { id: author.id, username: author.login }),
        merge_user: actor.filter(|_| at.action == "merge").map(|user| rest::User { id: user.id, username: user.login.clone() }),
        sha: at.last_commit.map(|commit| commit.id).unwrap_or_default(),
        merge_commit_sha: at.merge_commit_sha,
        source_branch: at.source_branch,
        target_branch: at.target_branch,
        source_project_id: at.source_project_id,
        target_project_id: at.target_project_id,
        detailed_merge_status: at.detailed_merge_status,
        merge_status: at.merge_status,
        created_at: at.created_at,
        updated_at: at.updated_at,
        ..Default::default()
    })
}
