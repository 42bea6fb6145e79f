//! Issues. Tasks, incidents and epics come under the same name and are no issues.

use super::*;

pub(super) fn issue(event: &str, mut delivery: Delivery) -> Converted<Parsed> {
    let at = attributes(&mut delivery, "issue")?;
    if !matches!(at.kind.as_str(), "" | "Issue" | "issue") {
        return ignored(format!("a work item of the type `{}` is no issue", clip(&at.kind, 60)));
    }
    if at.confidential || delivery.event_type == "confidential_issue" || event.starts_with("Confidential") {
        return ignored("the issue is confidential: what the bot works on becomes visible in branches and merge requests".to_owned());
    }
    let changes = delivery.changes.clone().unwrap_or_default();
    let action = match at.action.as_str() {
        "open" => IssueAction::Opened,
        "close" => IssueAction::Closed,
        "reopen" => IssueAction::Reopened,
        "update" if changes.labels.is_some() => IssueAction::Labeled,
        "update" if changes.title.is_some() || changes.description.is_some() => IssueAction::Edited,
        "update" if changes.assignees.is_some() => IssueAction::Assigned,
        "update" if changes.milestone_id.is_some() => IssueAction::Milestoned,
        "update" => IssueAction::Edited,
        "" => return ignored("a test delivery: it says nothing that happened".to_owned()),
        other => return other_action("an issue", other),
    };
    if at.iid <= 0 {
        return Err("an issue has no number".to_owned());
    }
    let actor = actor(&delivery);
    let labels = if delivery.labels.is_empty() { &at.labels } else { &delivery.labels };
    let issue = Issue {
        number: at.iid,
        is_pull: false,
        labels: convert::label_names(labels.iter().map(|label| label.title.as_str())),
        state: convert::state(&at.state)?,
        author: named(at.author_id, actor.as_ref()),
        title: at.title,
        body: at.description,
        created_at: convert::time(&at.created_at),
        updated_at: convert::time(&at.updated_at),
        confidential: at.confidential,
    };
    finish(&delivery, actor, EventKind::Issue { action, issue })
}
