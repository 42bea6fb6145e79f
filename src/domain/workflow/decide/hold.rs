//! Commands that stop a story and let it go on: `pause`, `resume`, `cancel`, `retry`.

use crate::domain::agent::Purpose;
use crate::domain::forge::User;
use crate::domain::guard::WHOLE_PROJECT;
use crate::domain::refusal::Refusal;

use super::super::effect::Effect;
use super::super::event::StoryEvent;
use super::super::label::{Flag, Stage};
use super::commands::{Said, refuse};
use super::turn::Turn;
use super::{base, branch, checkpoint, people, places, pull, work};

pub(super) fn pause(turn: &mut Turn<'_>, all: bool) -> Result<Said, Refusal> {
    if all {
        spread(turn, true)?;
    } else if !turn.story.stage.is_active() {
        return refuse("nothing-runs", "No story is under way here.", "Start one with `/syndarix plan` under the issue.");
    }
    let by = turn.actor().map_or("somebody".to_owned(), |user| format!("`{}`", user.login));
    stop(turn, &by);
    Ok(Said::Done)
}

fn stop(turn: &mut Turn<'_>, by: &str) {
    if !turn.story.stage.is_active() {
        return;
    }
    turn.raise(Flag::Paused, format!("stopped by {by}"));
    if let Some(active) = turn.story.active.clone() {
        turn.effect(Effect::HoldRun { run: active.run });
    }
}

fn spread(turn: &mut Turn<'_>, hold: bool) -> Result<(), Refusal> {
    let Some(by) = turn.actor().cloned() else {
        return refuse("unknown-actor", "The forge did not say who wants this.", "Type the command in a comment.");
    };
    turn.effect(Effect::SpreadHold { hold, by });
    Ok(())
}

/// Somebody paused or resumed all stories of the project from another one.
pub(super) fn hold_all(turn: &mut Turn<'_>, hold: bool, by: &User) {
    if hold {
        stop(turn, &format!("`{}`, {WHOLE_PROJECT}", by.login));
    } else if resume(turn, false).is_err()
        && turn.story.may_run()
        && let Some(active) = turn.story.active.clone()
    {
        // A story that was not paused has nothing to resume, but its agent may have been held before its lane heard of the pause.
        turn.effect(Effect::ResumeRun { run: active.run });
    }
}

/// Goes on: takes off what stopped the story, accepts commits of a person, and takes up the work where it stood.
pub(super) fn resume(turn: &mut Turn<'_>, all: bool) -> Result<Said, Refusal> {
    // A program that lets itself go on is no brake.
    if turn.facts.actor.as_ref().is_some_and(|person| person.is_bot) {
        return refuse("not-a-person", "only a person may let a stopped story go on", "ask somebody with write permission to type it");
    }
    match turn.facts.guard.hold.clone() {
        _ if all => spread(turn, false)?,
        Some(hold) => return Err(super::guard::whole_project(&hold)),
        None => {}
    }
    let stopped = [Flag::Paused, Flag::Halted].into_iter().any(|flag| turn.story.flags.contains(&flag));
    if !stopped && turn.story.foreign_head.is_none() {
        if all {
            return Ok(Said::Done);
        }
        let words = "nothing is paused here".to_owned();
        return refuse("not-paused", words, "`/syndarix retry` repeats a failed step; `/syndarix status` shows where the story is");
    }
    if turn.story.flags.contains(&Flag::Halted) {
        turn.effect(Effect::LiftLimits);
    }
    turn.lower(Flag::Paused);
    turn.lower(Flag::Halted);
    let adopted = turn.story.foreign_head.clone();
    if let Some(head) = adopted.clone() {
        turn.event(StoryEvent::HeadAdopted { head: head.clone() });
        turn.decision.aliases.push(super::super::interpret::alias::head(&head));
        turn.lower(Flag::Waiting);
        turn.lower(Flag::Blocked);
    }
    match (turn.story.active.clone(), turn.story.stage) {
        (Some(active), _) => turn.effect(Effect::ResumeRun { run: active.run }),
        (None, _) if turn.story.base.asked.is_some() => base::order(turn, None),
        (None, Stage::Implementation) if turn.story.loops.queued.is_some() => places::look(turn),
        (None, Stage::Implementation) if adopted.is_some() => turn.start(turn.story.build_purpose()),
        (None, Stage::Review) if adopted.is_some() => turn.start(Purpose::Review),
        (None, Stage::Review) => checkpoint::look_at_gate(turn),
        (None, _) if adopted.is_some() => work::go_on(turn),
        // The level may have been changed while the story was stopped.
        _ => drop(checkpoint::reconsider(turn)),
    }
    Ok(Said::Done)
}

/// Ends the story.
pub(super) fn cancel(turn: &mut Turn<'_>) -> Result<Said, Refusal> {
    if !turn.story.stage.is_active() {
        return refuse("nothing-runs", "no story is under way here", "start one with `/syndarix plan` under the issue");
    }
    if turn.story.stage == Stage::Testing {
        return refuse(
            "already-merged",
            "the pull request is merged already, so there is nothing to cancel",
            "revert the merge by hand if the change must go",
        );
    }
    people::end(turn, "`/syndarix cancel` was typed");
    Ok(Said::Done)
}

/// Runs what failed once more.
pub(super) fn retry(turn: &mut Turn<'_>) -> Result<Said, Refusal> {
    if let Some(answer) = pull::put_right(turn) {
        return answer;
    }
    if turn.story.loops.queued.is_some() {
        let words = "no step has failed here: the story waits for a free place and begins by itself";
        return refuse("queued", words, "type `/syndarix start` to begin now");
    }
    let merge_failed = turn.story.failed.as_ref().is_some_and(|failed| failed.purpose == Purpose::Merge);
    if turn.story.active.is_none() && (merge_failed || turn.story.base.asked.is_some()) {
        for flag in [Flag::OverBudget, Flag::Blocked, Flag::Waiting] {
            turn.lower(flag);
        }
        // The base branch may have moved since: it is looked at anew.
        let by = turn.actor().cloned();
        base::ask(turn, by, None);
        return Ok(Said::Begun);
    }
    if let Some(failed) = turn.story.failed.clone() {
        work::reset(turn);
        turn.lower(Flag::OverBudget);
        turn.start(failed.purpose);
        return Ok(Said::Begun);
    }
    if turn.story.stage.is_active() && turn.story.active.is_none() {
        work::reset(turn);
        let again = match turn.story.stage {
            _ if turn.story.unpushed.is_some() => {
                turn.lower(Flag::Blocked);
                branch::push_again(turn);
                return Ok(Said::Begun);
            }
            Stage::Analysis => Purpose::Analyse,
            Stage::Design if turn.story.checkpoint.is_none() => Purpose::Design,
            Stage::Implementation => turn.story.build_purpose(),
            Stage::Testing => Purpose::Test,
            _ => {
                turn.lower(Flag::Blocked);
                checkpoint::look_at_gate(turn);
                return Ok(Said::Done);
            }
        };
        turn.start(again);
        return Ok(Said::Begun);
    }
    refuse("nothing-failed", "no step has failed here", "`/syndarix status` shows where the story is")
}
