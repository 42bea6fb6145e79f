//! The whole vocabulary of the forge in one place: which neutral event means which intent, for which lane, under which source key.

use crate::base::Time;
use crate::domain::command::{self, ParseContext};
use crate::domain::forge::*;

use super::intent::{Actor, Intent, Place};

/// Which lane an intent belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The lane of an issue; made when missing.
    Issue(i64),
    /// The lane of a pull request: that of its story when the branch is one of ours, else its own; made when missing.
    Pull { number: i64, branch: Option<String> },
    /// Only a lane that already knows one of these names. Nobody else cares about the event.
    Known(Vec<String>),
}

/// The names under which a lane is found again.
pub mod alias {
    use crate::domain::forge::Sha;

    /// An issue's number.
    pub fn issue(number: i64) -> String {
        format!("issue:{number}")
    }
    /// A pull request's number.
    pub fn pull(number: i64) -> String {
        format!("pull:{number}")
    }
    /// A branch of the repository itself.
    pub fn branch(name: &str) -> String {
        format!("branch:{name}")
    }
    /// A commit that was the tip of the story's branch.
    pub fn head(sha: &Sha) -> String {
        format!("head:{sha}")
    }
}

/// An intent on its way to a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub lane: Lane,
    /// Unique within the project: the same source is never acted on twice, whichever way it comes in.
    pub source_key: String,
    pub actor: Actor,
    pub intent: Intent,
}

/// Who we are on this forge.
#[derive(Clone, Copy, Debug)]
pub struct Ears<'a> {
    pub bot: &'a User,
}

/// What an event comes to: intents, or the reason why it comes to nothing.
pub fn interpret(event: &ForgeEvent, ears: Ears<'_>) -> Result<Vec<Draft>, String> {
    let own = event.actor.as_ref().is_some_and(|actor| actor.id == ears.bot.id);
    match &event.kind {
        EventKind::Comment { .. } => comment(event, ears),
        EventKind::Issue { action, issue } => on_issue(event, action, issue, own),
        EventKind::Pull { action, pull } => on_pull(event, action, pull, own),
        EventKind::Review { pull, reviewer, verdict, body, review: id, dismissed } => {
            let mut drafts = review(event, pull, reviewer.as_ref(), *verdict, body, ears)?;
            if let (Some(draft), Some(id)) = (drafts.first_mut(), id) {
                draft.source_key = format!("review:{id}{}", if *dismissed { ":dismissed" } else { "" });
            }
            Ok(drafts)
        }
        EventKind::Push { branch, before, after } => Ok(vec![Draft {
            lane: Lane::Known(vec![alias::branch(branch)]),
            source_key: format!("push:{branch}:{after}"),
            actor: event.actor.clone(),
            intent: Intent::Pushed { branch: branch.clone(), before: before.clone(), after: after.clone() },
        }]),
        EventKind::BranchDeleted { branch } => Ok(vec![Draft {
            lane: Lane::Known(vec![alias::branch(branch)]),
            source_key: format!("branch-deleted:{branch}"),
            actor: event.actor.clone(),
            intent: Intent::BranchDeleted { branch: branch.clone() },
        }]),
        EventKind::Ci { sha, context, state, .. } => Ok(vec![Draft {
            lane: Lane::Known(vec![alias::head(sha)]),
            source_key: format!("ci:{context}:{sha}:{state:?}"),
            actor: event.actor.clone(),
            intent: Intent::CiChanged { sha: sha.clone(), context: context.clone(), state: *state },
        }]),
        EventKind::BranchCreated { .. } => Err("a new branch by itself means nothing to a story".into()),
        EventKind::Repository { action } => Err(format!("repository {action}: nothing follows from it here")),
    }
}

fn comment(event: &ForgeEvent, ears: Ears<'_>) -> Result<Vec<Draft>, String> {
    let EventKind::Comment { action, number, is_pull, head_branch, comment, previous_body } = &event.kind else {
        return Err("not a comment".into());
    };
    if comment.author.id == ears.bot.id {
        return Err("the bot's own comment".into());
    }
    // On an edit only the author speaks; somebody else with the right to edit does not speak in the author's name.
    if event.actor.as_ref().is_some_and(|actor| actor.id != comment.author.id) {
        return Err("the comment was changed by somebody else than its author".into());
    }
    let place = Place { number: *number, is_pull: *is_pull };
    let lane = match is_pull {
        true => Lane::Pull { number: *number, branch: head_branch.clone() },
        false => Lane::Issue(*number),
    };
    let addressed = !command::parse(&comment.body, &ParseContext { bot_login: &ears.bot.login }).plain;
    let draft = |lane, source_key, intent| Draft { lane, source_key, actor: event.actor.clone(), intent };
    match action {
        CommentAction::Deleted => Err("a deleted comment takes nothing back; the word was given".into()),
        _ if addressed => {
            let intent = Intent::Commands {
                place,
                comment: comment.id,
                body: comment.body.clone(),
                previous: previous_body.clone().filter(|_| *action == CommentAction::Edited),
                written_at: if *action == CommentAction::Edited {
                    later(comment.updated_at, comment.created_at)
                } else {
                    comment.created_at
                },
            };
            Ok(vec![draft(lane, format!("comment:{}:{}", comment.id, content_key(&comment.body)), intent)])
        }
        CommentAction::Edited => Err("an edited comment that is not addressed to the bot".into()),
        CommentAction::Created => {
            let names = match is_pull {
                true => [Some(alias::pull(*number)), head_branch.as_deref().map(alias::branch)].into_iter().flatten().collect(),
                false => vec![alias::issue(*number)],
            };
            Ok(vec![draft(Lane::Known(names), format!("remark:{}", comment.id), Intent::Remark { place, comment: comment.id })])
        }
    }
}

fn later(a: Time, b: Time) -> Time {
    a.max(b)
}

fn on_issue(event: &ForgeEvent, action: &IssueAction, issue: &Issue, own: bool) -> Result<Vec<Draft>, String> {
    let number = issue.number;
    let place = Place { number, is_pull: issue.is_pull };
    let draft = |lane, source_key: String, intent| Ok(vec![Draft { lane, source_key, actor: event.actor.clone(), intent }]);
    // Updates carry whole seconds, so two quick moves may share a stamp: state and label set are part of the key.
    let stamp = issue.updated_at.0;
    match action {
        IssueAction::Labeled => {
            let lane = if issue.labels.iter().any(|name| super::label::Label::parse(name).is_some()) {
                Lane::Issue(number)
            } else {
                Lane::Known(vec![alias::issue(number)])
            };
            draft(lane, format!("labels:{number}:{stamp}:{}", content_key(&issue.labels.join("\n"))), Intent::LabelsChanged { place })
        }
        IssueAction::Closed if own => Err("closed by the bot itself".into()),
        IssueAction::Closed => draft(Lane::Known(vec![alias::issue(number)]), format!("closed:{number}:{stamp}"), Intent::IssueClosed),
        IssueAction::Reopened => {
            draft(Lane::Known(vec![alias::issue(number)]), format!("reopened:{number}:{stamp}"), Intent::IssueReopened)
        }
        IssueAction::Opened => opened(event, issue),
        IssueAction::Edited => Err("the next run reads the issue afresh".into()),
        IssueAction::Deleted => draft(Lane::Known(vec![alias::issue(number)]), format!("deleted:{number}"), Intent::IssueDeleted),
        IssueAction::Assigned | IssueAction::Milestoned => Err("nothing follows from it for a story".into()),
    }
}

/// Commands count in comments only: the text of an issue is edited for many reasons and has no moment at which it was said.
fn opened(_event: &ForgeEvent, issue: &Issue) -> Result<Vec<Draft>, String> {
    Err(format!("issue #{} was opened; a story begins with a comment or a label", issue.number))
}

fn on_pull(event: &ForgeEvent, action: &PullAction, pull: &Pull, own: bool) -> Result<Vec<Draft>, String> {
    let number = pull.number;
    let names = vec![alias::pull(number), alias::branch(&pull.head.branch)];
    let stamp = pull.updated_at.0;
    let draft =
        |source_key: String, intent| Ok(vec![Draft { lane: Lane::Known(names.clone()), source_key, actor: event.actor.clone(), intent }]);
    match action {
        PullAction::Merged => draft(format!("merged:{number}"), Intent::PullMerged { number, sha: pull.merge_sha.clone() }),
        PullAction::Closed if own => Err("closed by the bot itself".into()),
        PullAction::Closed => draft(format!("pull-closed:{number}:{stamp}"), Intent::PullClosed { number }),
        PullAction::Reopened if own => Err("reopened by the bot itself".into()),
        PullAction::Reopened => draft(format!("pull-reopened:{number}:{stamp}"), Intent::PullReopened { number }),
        PullAction::Labeled => draft(
            format!("labels:{number}:{stamp}:{}", content_key(&pull.labels.join("\n"))),
            Intent::LabelsChanged { place: Place { number, is_pull: true } },
        ),
        // What was only seen names nobody; the push itself may still come and say who it was.
        PullAction::Synchronized => draft(
            format!("{}:{}:{}", if event.actor.is_some() { "push" } else { "push-seen" }, pull.head.branch, pull.head.sha),
            Intent::Pushed { branch: pull.head.branch.clone(), before: Sha(String::new()), after: pull.head.sha.clone() },
        ),
        PullAction::Opened if own => Err("opened by the bot itself".into()),
        PullAction::Edited if own => Err("edited by the bot itself".into()),
        PullAction::Edited => {
            let shown = content_key(&format!("{}\n{}\n{}", pull.draft, pull.base.branch, pull.title));
            draft(format!("pull-edited:{number}:{stamp}:{shown}"), Intent::PullEdited { number })
        }
        other => Err(format!("{other:?}: nothing follows from it for a story")),
    }
}

fn review(
    event: &ForgeEvent,
    pull: &Pull,
    reviewer: Option<&User>,
    verdict: Verdict,
    body: &str,
    ears: Ears<'_>,
) -> Result<Vec<Draft>, String> {
    let who = reviewer.or(event.actor.as_ref());
    if who.is_some_and(|user| user.id == ears.bot.id) {
        return Err("the bot's own review".into());
    }
    // The event names no review and no commit; its key is who said what about which head. What counts is read from the forge.
    let key = format!(
        "review:{}:{}:{verdict:?}:{}:{}",
        pull.number,
        who.map_or(0, |user| user.id),
        pull.head.sha,
        content_key(&format!("{body}\n{}", pull.updated_at.0))
    );
    Ok(vec![Draft {
        lane: Lane::Known(vec![alias::pull(pull.number), alias::branch(&pull.head.branch)]),
        source_key: key,
        actor: who.cloned(),
        intent: Intent::Reviewed { number: pull.number, seen: verdict },
    }])
}
