//! What follows from effects that the story waited for.

use crate::domain::agent::Purpose;
use crate::domain::forge::Sha;

use super::super::effect::Effect;
use super::super::event::{Checkpoint, StoryEvent};
use super::super::intent::Receipt;
use super::super::label::{Flag, Stage};
use super::super::say;
use super::turn::Turn;
use super::{base, branch, checkpoint, loops, opened, pull};

pub(super) fn done(turn: &mut Turn<'_>, receipt: &Receipt) {
    match receipt {
        Receipt::Pushed { head } => pushed(turn, head.clone()),
        Receipt::Moved { head } => match head {
            Some(head) if turn.story.stage.is_before_merge() => branch::human_pushed(turn, head.clone()),
            Some(_) => {}
            None => {
                let name = turn.story.branch.clone();
                branch::deleted(turn, &name);
            }
        },
        Receipt::PullOpened { number, head } => opened::bound(turn, *number, head),
        Receipt::BaseLooked { head, base, found, comment } => base::looked(turn, head, base, found, *comment),
        Receipt::BaseNeeded { head, base, conflicts } => base::needed(turn, head, base, *conflicts),
        Receipt::Shown { head } if turn.story.head.as_ref() == Some(head) => checkpoint::look_at_gate(turn),
        Receipt::Shown { .. } => {}
        Receipt::Merged { number, sha } => pull::merged(turn, *number, sha.clone()),
        Receipt::MergeHeldBack { .. } => {
            if let Some(head) = turn.story.merging.clone() {
                turn.event(StoryEvent::GateLost { head });
                checkpoint::look_at_gate(turn);
            }
        }
    }
}

fn pushed(turn: &mut Turn<'_>, head: Sha) {
    let stands = turn.story.unpushed.is_none() && turn.story.head.as_ref() == Some(&head) && turn.story.stage.is_before_merge();
    if turn.story.loops.branch_gone && stands {
        return branch::restored(turn, head);
    }
    // A cancelled or restarted story has nothing unpushed; the late receipt of its push changes nothing.
    if turn.story.unpushed.as_ref() != Some(&head) {
        return;
    }
    if turn.story.base.merge_at(&head).is_some() {
        return base::pushed(turn, head);
    }
    turn.event(StoryEvent::BranchPushed { head: head.clone() });
    match (turn.story.stage, turn.story.pull.clone()) {
        (Stage::Design, Some(_)) => plan_shown(turn),
        (_, None) => pull::order(turn),
        (_, Some(pull)) => {
            let (body, draft) = (say::pull_body(&turn.story, turn.facts), pull::ready(turn));
            turn.effect(Effect::EditPull { number: pull.number, title: None, body: Some(body), draft });
            if !loops::texts(turn) {
                turn.start(Purpose::Review);
            }
        }
    }
}

/// The plan stands on the pull request: it can be let through now.
pub(super) fn plan_shown(turn: &mut Turn<'_>) {
    if let Some(plan) = turn.story.plan.clone() {
        let ask = say::ask_plan(&turn.story, &plan);
        checkpoint::arrive(turn, Checkpoint::Plan, plan.hash, ask);
    }
}

/// An effect failed for good: the story stands still and a person is told what to do.
pub(super) fn failed(turn: &mut Turn<'_>, what: &str, error: &str) {
    if !turn.story.stage.is_active() {
        return;
    }
    if what == "merge" && turn.story.merging.is_some() {
        let head = turn.story.merging.clone().unwrap_or(Sha(String::new()));
        turn.event(StoryEvent::GateLost { head });
    }
    if what == "reopen-pull" && turn.story.head.is_some() {
        return pull::replace(turn);
    }
    let deed = deed(what);
    turn.raise(Flag::Blocked, format!("Syndarix could not {deed}"));
    let desk = turn.desk();
    let ask = say::effect_failed(turn.story.requester.as_ref(), &deed, error);
    turn.say(desk, format!("failed.{what}.{}", turn.story.version), ask);
}

/// What was to be done, in words that fit behind "could not".
fn deed(what: &str) -> String {
    match what {
        "push" => "push to the branch",
        "open-pull" => "open the pull request",
        "edit-pull" => "update the pull request",
        "post-review" => "post the review",
        "merge" => "merge the pull request",
        "close-issue" => "close the issue",
        "close-pull" => "close the pull request",
        "reopen-pull" => "reopen the pull request",
        "labels" => "set the labels",
        "merge-base" => "merge the base branch in",
        "look-again" => "see the new head on the pull request",
        other => return format!("do `{other}`"),
    }
    .to_owned()
}
