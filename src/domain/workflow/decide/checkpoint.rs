//! Checkpoints: what waits for a person, what the autonomy level lets through, and what follows once it is passed.

use crate::domain::approval::{Gate, gate};
use crate::domain::forge::{Sha, User};

use super::super::effect::{Effect, PushedWhat};
use super::super::event::{Checkpoint, StoryEvent};
use super::super::label::{Autonomy, Flag, Stage};
use super::super::say;
use super::turn::Turn;
use super::{loops, places, pull};

/// Whether a person has to pass this at the story's autonomy level.
pub(super) fn waits(autonomy: Autonomy, checkpoint: Checkpoint) -> bool {
    match checkpoint {
        Checkpoint::Plan => autonomy != Autonomy::Autonomous,
        Checkpoint::Merge => true,
        Checkpoint::Push | Checkpoint::Close | Checkpoint::Spend => autonomy == Autonomy::FullControl,
    }
}

/// Arrives at a checkpoint: asks a person, or goes on where the level says so.
pub(super) fn arrive(turn: &mut Turn<'_>, checkpoint: Checkpoint, version: String, ask: String) {
    if !waits(turn.story.autonomy, checkpoint) {
        return pass(turn, checkpoint, version, None);
    }
    // The same version may come up again after it was sent back; then it is asked for anew, in a comment of its own.
    let times = turn.story.rounds.values().sum::<u32>();
    let key = format!("checkpoint.{}.{times}", key_of(checkpoint, &version));
    turn.event(StoryEvent::CheckpointOpened { checkpoint, version });
    turn.raise(Flag::Waiting, format!("approval of {}", checkpoint.words()));
    let desk = turn.desk();
    turn.say(desk, key, ask);
}

/// Marker key of the comment that shows a version; `approve` looks for it.
pub fn key_of(checkpoint: Checkpoint, version: &str) -> String {
    format!("{checkpoint:?}.{}", version.get(..16).unwrap_or(version)).to_lowercase()
}

/// A checkpoint is passed: what comes next happens.
pub(super) fn pass(turn: &mut Turn<'_>, checkpoint: Checkpoint, version: String, by: Option<User>) {
    turn.event(StoryEvent::CheckpointPassed { checkpoint, version, by });
    turn.lower(Flag::Waiting);
    match checkpoint {
        Checkpoint::Plan => places::begin(turn),
        Checkpoint::Push => push(turn, PushedWhat::Code),
        Checkpoint::Close => finish(turn),
        Checkpoint::Spend => {
            if let Some(failed) = turn.story.failed.clone() {
                turn.start(failed.purpose);
            }
        }
        Checkpoint::Merge => {}
    }
}

/// The level changed, or the story goes on after a stop: what the level does not ask a person for any more is passed. Gives what was.
/// While the story is stopped everything stays as it is.
pub(super) fn reconsider(turn: &mut Turn<'_>) -> Option<Checkpoint> {
    let open = turn.story.checkpoint.clone().filter(|_| turn.story.may_run())?;
    if open.checkpoint == Checkpoint::Merge {
        look_at_gate(turn);
        return turn.story.merging.is_some().then_some(Checkpoint::Merge);
    }
    if waits(turn.story.autonomy, open.checkpoint) {
        return None;
    }
    pass(turn, open.checkpoint, open.version, None);
    Some(open.checkpoint)
}

/// Orders the push of what is committed.
pub(super) fn push(turn: &mut Turn<'_>, what: PushedWhat) {
    if let Some(to) = turn.story.unpushed.clone() {
        let expect = turn.story.head.clone().filter(|_| !turn.story.loops.branch_gone);
        turn.decision.aliases.push(super::super::interpret::alias::head(&to));
        let branch = turn.story.branch.clone();
        turn.effect(Effect::Push { branch, expect, to, what });
    }
}

/// Looks whether the merge may happen now; orders it, or asks for what is missing.
pub(super) fn look_at_gate(turn: &mut Turn<'_>) {
    let ready = turn.story.stage == Stage::Review
        && turn.story.active.is_none()
        && turn.story.unpushed.is_none()
        && turn.story.foreign_head.is_none()
        && turn.story.question.is_none()
        && turn.story.base.asked.is_none()
        && turn.story.pull.as_ref().is_some_and(|pull| pull.open);
    let (true, Some(head), Some(facts)) = (ready, turn.story.head.clone(), turn.facts.gate.as_ref()) else {
        return;
    };
    // The gate's facts were gathered for the head of that moment; a decision about another head waits for its own event.
    if facts.head != head || !turn.story.may_run() {
        return;
    }
    pull::unmark(turn);
    if loops::take_up(turn) {
        return;
    }
    // What this very turn has changed is not among the gathered facts: a pause that ends, an approval by command.
    let mut facts = facts.clone();
    facts.stopped = turn.story.flags.contains(&Flag::OverBudget);
    facts.autonomy = turn.story.autonomy;
    facts.commands.clone_from(&turn.story.votes);
    facts.people.extend(turn.facts.actor.clone());
    match gate(&facts) {
        // The forge would refuse once more; people were told what to do.
        Gate::Holds { .. } if turn.story.base.stuck.as_ref() == Some(&(head.clone(), facts.pull.base.sha.clone())) => {}
        Gate::Holds { approvers } => order_merge(turn, head, approvers),
        Gate::Waits { reasons } => {
            if turn.story.merging.is_some() {
                turn.event(StoryEvent::GateLost { head: head.clone() });
            }
            ask_for_merge(turn, head, &reasons);
        }
    }
}

fn order_merge(turn: &mut Turn<'_>, head: Sha, approvers: Vec<User>) {
    if turn.story.merging.as_ref() == Some(&head) {
        return;
    }
    if let Some(open) = turn.story.checkpoint.clone().filter(|open| open.checkpoint == Checkpoint::Merge) {
        turn.event(StoryEvent::CheckpointPassed { checkpoint: Checkpoint::Merge, version: open.version, by: approvers.first().cloned() });
    }
    turn.event(StoryEvent::GateHeld { head: head.clone(), approvers });
    turn.lower(Flag::Waiting);
    turn.lower(Flag::Blocked);
    if let Some(number) = turn.story.pull.as_ref().map(|pull| pull.number) {
        turn.effect(Effect::Merge { number, head });
    }
}

/// Opens the merge checkpoint once per head; later looks only keep the status up to date.
fn ask_for_merge(turn: &mut Turn<'_>, head: Sha, reasons: &[String]) {
    let shown = turn.story.checkpoint.as_ref().is_some_and(|open| open.checkpoint == Checkpoint::Merge && open.version == head.0);
    if !shown {
        let ci = turn.facts.gate.as_ref().map_or(&[][..], |gate| &gate.ci);
        let ask = say::ask_merge(&turn.story, &head, reasons, ci);
        arrive(turn, Checkpoint::Merge, head.0, ask);
    }
    let why = if turn.story.loops.draft { pull::DRAFT.to_owned() } else { format!("approval of {}", Checkpoint::Merge.words()) };
    turn.raise(Flag::Waiting, why);
}

/// Closes the issue with its report.
pub(super) fn finish(turn: &mut Turn<'_>) {
    let issue = turn.story.issue;
    let report = say::report(&turn.story, turn.facts);
    turn.event(StoryEvent::Done);
    turn.say(issue, "report", report);
    turn.effect(Effect::CloseIssue { number: issue });
}
