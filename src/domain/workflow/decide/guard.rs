//! What the guard rails decide about a story: halting it, and who may let it go on.

use serde_json::json;

use crate::domain::guard::{Hold, QUICK_ANSWERS, Stop, Trip, WHOLE_PROJECT};
use crate::domain::refusal::Refusal;

use super::super::effect::Effect;
use super::super::event::StoryEvent;
use super::super::label::Flag;
use super::super::say;
use super::turn::Turn;

/// A limit was crossed, here or in another story of the project. The flag goes up, the agent stops, and where it happened one comment
/// says why.
pub(super) fn halt(turn: &mut Turn<'_>, trip: &Trip, told_in: Option<i64>) {
    if !turn.story.stage.is_active() || turn.story.flags.contains(&Flag::Halted) {
        return;
    }
    // The stop was lifted before this was heard.
    if trip.is_of_project() && turn.facts.guard.hold.as_ref().is_none_or(|hold| hold.stop != Stop::Halted) {
        return;
    }
    turn.note("limit", json!({"limit": trip.limit, "allowed": trip.allowed, "reached": trip.reached}));
    let mut why = trip.rule();
    if trip.is_of_project() {
        why.push_str(&format!(", so this story stopped {WHOLE_PROJECT}"));
    }
    turn.event(StoryEvent::FlagRaised { flag: Flag::Halted, why });
    if let Some(active) = turn.story.active.clone() {
        turn.effect(Effect::HoldRun { run: active.run });
    }
    if told_in.is_some() {
        return;
    }
    let body = say::halted(&turn.story, trip, &turn.facts.guard.recent);
    let (desk, version) = (turn.desk(), turn.story.version);
    turn.say(desk, format!("halted.{version}"), body);
    if trip.is_of_project() {
        turn.effect(Effect::HaltProject { trip: trip.clone(), story: turn.story.issue });
    }
}

/// Why a story of a stopped project cannot go on alone.
pub(super) fn whole_project(hold: &Hold) -> Refusal {
    let why = match (hold.stop, &hold.by) {
        (Stop::Paused, Some(by)) => format!("`{by}` paused all stories of this repository, so this one cannot go on alone."),
        _ => format!("All stories of this repository are halted: {}. So this one cannot go on alone.", hold.why),
    };
    Refusal::new("project-stopped", why, "A maintainer can let all of them go on with `/syndarix resume --all`.")
}

/// The reason that a story carries which begins while the project is stopped.
pub(super) fn stopped_from_the_start(hold: &Hold) -> (Flag, String) {
    match (hold.stop, &hold.by) {
        (Stop::Paused, Some(by)) => (Flag::Paused, format!("stopped by `{by}`, {WHOLE_PROJECT}")),
        (Stop::Paused, None) => (Flag::Paused, format!("stopped, {WHOLE_PROJECT}")),
        (Stop::Halted, _) => (Flag::Halted, format!("{}, so this story stopped {WHOLE_PROJECT}", hold.why)),
    }
}

/// Whoever is taken for a program is told so once, and how that is undone.
pub(super) fn say_taken_for_a_program(turn: &mut Turn<'_>, number: i64) {
    let (Some(true), Some(person)) = (turn.facts.guard.suspect, turn.facts.actor.as_ref()) else {
        return;
    };
    let (user, limit) = (person.user.clone(), turn.facts.policy.limits.get(QUICK_ANSWERS));
    turn.note("taken-for-a-program", json!({"user": user.id, "in_a_row": limit}));
    let body = say::taken_for_a_program(&user.login, limit);
    turn.effect(Effect::Comment { number, key: format!("program.{}", user.id), body });
}
