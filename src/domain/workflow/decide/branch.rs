//! The story's branch on the forge: pushed to by people, deleted, put back.

use crate::domain::forge::Sha;

use super::super::effect::{Effect, PushedWhat};
use super::super::event::StoryEvent;
use super::super::label::{Flag, Stage};
use super::super::say;
use super::turn::Turn;
use super::{checkpoint, work};

/// The story's branch moved. Our own pushes are echoes; anything else is a person's work, which is never overwritten.
pub(super) fn pushed(turn: &mut Turn<'_>, branch: &str, after: &Sha) {
    if branch != turn.story.branch || named(turn, after) {
        return;
    }
    let story = &turn.story;
    // An event about a tip that has moved on since says nothing any more.
    let current = turn.facts.pull.as_ref().is_none_or(|pull| pull.head.sha == *after);
    if !story.stage.is_before_merge() || !current {
        return;
    }
    if story.loops.branch_gone && story.head.as_ref() == Some(after) {
        return restored(turn, after.clone());
    }
    if !story.heads.contains(after) && story.foreign_head.as_ref() != Some(after) {
        human_pushed(turn, after.clone());
    }
}

/// A push that was only seen before has a name now. True when that was all the event had to say.
fn named(turn: &mut Turn<'_>, after: &Sha) -> bool {
    let by = turn.actor().cloned().filter(|user| user.id != turn.facts.bot.id);
    let unnamed = turn.story.loops.unnamed.iter().any(|push| push.to == *after);
    match by {
        Some(by) if unnamed => {
            turn.event(StoryEvent::PusherNamed { head: after.clone(), by });
            true
        }
        _ => false,
    }
}

pub(super) fn human_pushed(turn: &mut Turn<'_>, head: Sha) {
    turn.stop_active();
    let by = turn.actor().cloned().filter(|user| user.id != turn.facts.bot.id);
    let body = say::human_pushed(by.as_ref(), &head);
    let desk = turn.desk();
    let key = format!("pushed.{}", head.short());
    if turn.story.loops.branch_gone {
        turn.event(StoryEvent::BranchRestored { head: head.clone() });
    }
    turn.event(StoryEvent::HumanPushed { by, head });
    turn.raise(Flag::Waiting, "a person pushed to the branch");
    turn.say(desk, key, body);
}

/// The branch is gone. Its commits are kept, so that `retry` can put it back.
pub(super) fn deleted(turn: &mut Turn<'_>, branch: &str) {
    let ours = branch == turn.story.branch && turn.story.head.is_some() && turn.story.stage.is_before_merge();
    // A deletion is told in two ways, and the branch may stand again by now.
    if !ours || turn.story.loops.branch_gone || turn.facts.branches.contains(branch) {
        return;
    }
    turn.stop_active();
    let by = turn.actor().cloned();
    turn.event(StoryEvent::BranchDeleted { by });
    turn.raise(Flag::Blocked, "the branch was deleted");
    let issue = turn.story.issue;
    turn.say(issue, format!("branch-deleted.{}", turn.story.version), say::branch_deleted(branch));
}

/// Pushes what is committed and not on the forge yet.
pub(super) fn push_again(turn: &mut Turn<'_>) {
    let what = if turn.story.stage == Stage::Design { PushedWhat::Plan } else { PushedWhat::Code };
    checkpoint::push(turn, what);
}

/// Orders that the branch stands where the story left it. Where it does, nothing happens; where a person moved it, that is found out.
pub(super) fn put_back(turn: &mut Turn<'_>) {
    if let Some(to) = turn.story.head.clone() {
        let branch = turn.story.branch.clone();
        turn.effect(Effect::Push { branch, expect: None, to, what: PushedWhat::Restored });
    }
}

/// The branch stands again, by our hand or by somebody else's.
pub(super) fn restored(turn: &mut Turn<'_>, head: Sha) {
    turn.event(StoryEvent::BranchRestored { head });
    turn.lower(Flag::Blocked);
    if let Some(number) = turn.story.pull.as_ref().filter(|pull| !pull.open).map(|pull| pull.number) {
        turn.event(StoryEvent::PullReopened { by: None });
        turn.effect(Effect::ReopenPull { number });
    }
    work::go_on(turn);
}
