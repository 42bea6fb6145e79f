//! The story's pull request in people's hands: closed, opened again, merged, marked as a draft, pointed at another branch.

use crate::domain::agent::Purpose;
use crate::domain::approval::{Gate, gate};
use crate::domain::forge::{Sha, State, User};
use crate::domain::refusal::Refusal;

use super::super::effect::Effect;
use super::super::event::StoryEvent;
use super::super::label::{Flag, Stage};
use super::super::say;
use super::commands::{Said, refuse};
use super::turn::Turn;
use super::{branch, checkpoint, work};

pub(super) fn is_ours(turn: &Turn<'_>, number: i64) -> bool {
    turn.story.pull.as_ref().is_some_and(|pull| pull.number == number)
}

/// Why a story stands still whose pull request is closed.
const SHUT: &str = "the pull request was closed without being merged";

/// Nothing can come of the pull request until `retry`: it is closed, or its branch is gone. After the merge it has to be neither.
pub(super) fn is_shut(turn: &Turn<'_>) -> bool {
    let story = &turn.story;
    story.stage.is_before_merge() && (story.loops.branch_gone || story.pull.as_ref().is_some_and(|pull| !pull.open))
}

/// Whatever else was decided about a story whose pull request is closed: it shows that it stands still, and why.
pub(super) fn show_shut(turn: &mut Turn<'_>) {
    let shut = turn.story.pull.as_ref().is_some_and(|pull| !pull.open) && turn.story.stage.is_before_merge();
    if shut && !turn.story.flags.contains(&Flag::Blocked) {
        turn.raise(Flag::Blocked, SHUT);
    }
}

pub(super) fn closed(turn: &mut Turn<'_>, number: i64) {
    // The event may be old: what counts is whether it is closed now.
    let still = turn.facts.pull.as_ref().is_some_and(|pull| pull.state == State::Closed && !pull.merged);
    let open = turn.story.pull.as_ref().is_some_and(|pull| pull.open);
    if !is_ours(turn, number) || !open || !turn.story.stage.is_before_merge() || !still {
        return;
    }
    turn.stop_active();
    let by = turn.actor().cloned();
    let body = say::pull_closed(by.as_ref());
    turn.event(StoryEvent::PullClosed { by });
    // A forge closes the pull requests of a branch that is deleted; that was said.
    if turn.story.loops.branch_gone {
        return;
    }
    turn.raise(Flag::Blocked, SHUT);
    turn.say(number, format!("pull-closed.{}", turn.story.version), body);
}

pub(super) fn reopened(turn: &mut Turn<'_>, number: i64) {
    let open = turn.story.pull.as_ref().is_some_and(|pull| pull.open);
    if !is_ours(turn, number) || open || !turn.story.stage.is_before_merge() {
        return;
    }
    turn.event(StoryEvent::PullReopened { by: turn.actor().cloned() });
    if turn.story.loops.branch_gone {
        return;
    }
    turn.lower(Flag::Blocked);
    work::go_on(turn);
}

/// `retry` where a person's hand stopped the story: what was closed or deleted is put right. `None`: nothing of the kind.
pub(super) fn put_right(turn: &mut Turn<'_>) -> Option<Result<Said, Refusal>> {
    let story = &turn.story;
    if !story.stage.is_before_merge() {
        return None;
    }
    if let Some(head) = &story.foreign_head {
        let words = format!("a person pushed {} to the branch, and the agents stopped for that", head.short());
        return Some(refuse("foreign-head", words, "type `/syndarix resume` to let them go on from there"));
    }
    if story.loops.branch_gone {
        branch::put_back(turn);
        return Some(Ok(Said::Begun));
    }
    if let Some(number) = story.pull.as_ref().filter(|pull| !pull.open).map(|pull| pull.number) {
        turn.event(StoryEvent::PullReopened { by: turn.actor().cloned() });
        turn.lower(Flag::Blocked);
        branch::put_back(turn);
        turn.effect(Effect::ReopenPull { number });
        work::go_on(turn);
        return Some(Ok(Said::Done));
    }
    let has_none = story.pull.is_none() && story.head.is_some() && story.unpushed.is_none() && story.active.is_none();
    has_none.then(|| {
        turn.lower(Flag::Blocked);
        order(turn);
        Ok(Said::Begun)
    })
}

/// Orders a pull request for what stands on the branch.
pub(super) fn order(turn: &mut Turn<'_>) {
    let Some(head) = turn.story.head.clone() else {
        return;
    };
    let title = turn.facts.issue.as_ref().map_or_else(String::new, |issue| issue.title.clone());
    let (branch, base) = (turn.story.branch.clone(), turn.story.base_branch.clone());
    let body = match turn.story.stage {
        Stage::Design => say::draft_body(&turn.story),
        _ => say::pull_body(&turn.story, turn.facts),
    };
    let title = say::pull_title(turn.story.issue, &title);
    turn.effect(Effect::OpenPull { branch, base, head, title, body });
}

/// The pull request could not be opened again: another one of the same branch takes its place.
pub(super) fn replace(turn: &mut Turn<'_>) {
    if let Some(number) = turn.story.pull.as_ref().map(|pull| pull.number).filter(|_| turn.story.stage.is_before_merge()) {
        turn.stop_active();
        turn.event(StoryEvent::PullReplaced { number });
        turn.labels_off = true;
        order(turn);
    }
}

/// The pull request of a branch with code is there: it is ready, and reviewed as far as it was not.
pub(super) fn code_shown(turn: &mut Turn<'_>) {
    if let Some(number) = turn.story.pull.as_ref().map(|pull| pull.number) {
        let body = say::pull_body(&turn.story, turn.facts);
        let draft = ready(turn);
        turn.effect(Effect::EditPull { number, title: None, body: Some(body), draft });
        match turn.story.loops.reviewed == turn.story.head && turn.story.stage == Stage::Review {
            true => work::go_on(turn),
            false => turn.start(Purpose::Review),
        }
    }
}

/// The pull request is merged, by whomever. When a person did it past the gate, the record says so.
pub(super) fn merged(turn: &mut Turn<'_>, number: i64, sha: Option<Sha>) {
    if !is_ours(turn, number) || !turn.story.stage.is_before_merge() {
        return;
    }
    let ordered = turn.story.merging.is_some();
    let by = turn.facts.pull.as_ref().and_then(|pull| pull.merged_by.clone()).or_else(|| turn.actor().cloned());
    let by_bot = by.as_ref().is_some_and(|user| user.id == turn.facts.bot.id);
    let mut gate_held = ordered && by_bot;
    turn.stop_active();
    if let Some(approvers) = approvers_of(turn).filter(|_| !gate_held)
        && let Some(head) = turn.story.head.clone()
    {
        turn.event(StoryEvent::GateHeld { head, approvers });
        gate_held = true;
    }
    turn.event(StoryEvent::Merged { sha, by, gate_held });
    turn.lower(Flag::Waiting);
    turn.lower(Flag::Blocked);
    turn.start(Purpose::Test);
}

/// Who had approved the head that a person merged by hand, if the gate held on it but for the merge itself.
fn approvers_of(turn: &Turn<'_>) -> Option<Vec<User>> {
    let mut facts = turn.facts.gate.clone().filter(|facts| Some(&facts.head) == turn.story.head.as_ref())?;
    (facts.pull.state, facts.pull.draft) = (State::Open, false);
    match gate(&facts) {
        Gate::Holds { approvers } if !approvers.is_empty() => Some(approvers),
        _ => None,
    }
}

/// Title, text or base changed. Only the draft mark and the base mean something.
pub(super) fn edited(turn: &mut Turn<'_>, number: i64) {
    let Some(pull) = turn.facts.pull.clone().filter(|pull| is_ours(turn, number) && pull.state == State::Open) else {
        return;
    };
    if !turn.story.stage.is_before_merge() {
        return;
    }
    let by = turn.actor().cloned();
    if pull.draft != turn.story.loops.draft && (turn.story.stage == Stage::Review || !pull.draft) {
        turn.event(StoryEvent::PullMarked { draft: pull.draft, by });
        if pull.draft {
            turn.raise(Flag::Waiting, DRAFT);
        }
    }
    goes_to(turn, number, &pull.base.branch);
    checkpoint::look_at_gate(turn);
}

/// The pull request goes to this branch, as the forge shows it now.
pub(super) fn goes_to(turn: &mut Turn<'_>, number: i64, branch: &str) {
    let elsewhere = Some(branch.to_owned()).filter(|base| *base != turn.story.base_branch);
    if elsewhere == turn.story.loops.target {
        return;
    }
    let by = turn.actor().cloned();
    turn.event(StoryEvent::Retargeted { base: elsewhere.clone(), by: by.clone() });
    match elsewhere {
        Some(base) => {
            turn.raise(Flag::Blocked, format!("the pull request goes to `{base}` instead of `{}`", turn.story.base_branch));
            let key = format!("retargeted.{}", turn.story.version);
            turn.say(number, key, say::retargeted(by.as_ref(), &base, &turn.story.base_branch));
        }
        None => turn.lower(Flag::Blocked),
    }
}

/// Why an approved pull request is not merged while a person has it marked as a draft.
pub(super) const DRAFT: &str = "the pull request is marked as a draft, and drafts are not merged";

/// Whether code that is pushed makes the pull request ready: not where a person has marked it as a draft.
pub(super) fn ready(turn: &Turn<'_>) -> Option<bool> {
    (!turn.story.loops.draft).then_some(false)
}

/// A mark that is off again without anybody having told.
pub(super) fn unmark(turn: &mut Turn<'_>) {
    if turn.story.loops.draft && turn.facts.pull.as_ref().is_some_and(|pull| !pull.draft) {
        turn.event(StoryEvent::PullMarked { draft: false, by: None });
    }
}
