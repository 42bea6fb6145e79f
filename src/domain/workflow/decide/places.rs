//! Places: how many stories of a project are at work at once. A story whose plan is passed waits where none is free, and begins by itself later.

use crate::domain::refusal::Refusal;

use super::super::event::StoryEvent;
use super::super::label::Stage;
use super::super::loops::Standing;
use super::super::say;
use super::commands::{Said, refuse};
use super::turn::Turn;

/// The plan is passed: the engineer begins, or the story queues up.
pub(super) fn begin(turn: &mut Turn<'_>) {
    if turn.story.standing() == Standing::Held || turn.facts.places.is_free() {
        return turn.start(turn.story.build_purpose());
    }
    turn.event(StoryEvent::Queued { at: turn.facts.now });
    let (desk, key) = (turn.desk(), format!("queued.{}", turn.story.version));
    turn.say(desk, key, say::queued(&turn.facts.places));
}

/// A place may have become free.
pub(super) fn look(turn: &mut Turn<'_>) {
    let waits = turn.story.loops.queued.is_some() && turn.story.stage == Stage::Implementation;
    if waits && turn.story.may_run() && turn.story.foreign_head.is_none() && turn.facts.places.is_free() {
        turn.start(turn.story.build_purpose());
    }
}

/// A person wants it now: the count is not asked.
pub(super) fn jump(turn: &mut Turn<'_>) {
    turn.decision.jumps_queue = true;
}

/// `start`: begins what waits for a place, and says of everything else why there is nothing to begin.
pub(super) fn start(turn: &mut Turn<'_>) -> Result<Said, Refusal> {
    let story = &turn.story;
    if story.loops.queued.is_some() && story.stage == Stage::Implementation {
        if !story.may_run() {
            return refuse("paused", "the story is paused", "type `/syndarix resume` first, then `/syndarix start`");
        }
        jump(turn);
        turn.start(turn.story.build_purpose());
        return Ok(Said::Begun);
    }
    let (words, way_out) = why_not(turn);
    refuse("nothing-waits", words, way_out)
}

fn why_not(turn: &Turn<'_>) -> (String, &'static str) {
    let story = &turn.story;
    let status = "`/syndarix status` shows where it is";
    match story.stage {
        Stage::None => ("there is no story here that could be started".into(), "plan one with `/syndarix plan`"),
        Stage::Done => ("the story is done".into(), "plan another one with `/syndarix plan`, after reopening the issue"),
        Stage::Cancelled => ("the story is cancelled".into(), "plan it anew with `/syndarix plan`"),
        _ if !story.may_run() => ("the story is paused".into(), "type `/syndarix resume` to go on"),
        Stage::Analysis | Stage::Design if story.checkpoint.is_some() => {
            ("the plan is not approved yet".into(), "type `/syndarix approve` on the plan; the work then begins by itself")
        }
        Stage::Analysis | Stage::Design => ("the plan is not written yet".into(), status),
        _ => match &story.active {
            Some(active) => (format!("the story is started already: {} ({}) is at work", active.name, active.agent), status),
            None => (format!("the story is started already and is in {}", story.stage.word()), status),
        },
    }
}
