//! What people do on the forge besides typing commands: remarks, reviews, pushes, merges, closing and reopening.

use crate::domain::agent::Purpose;
use crate::domain::approval::plan_vote;
use crate::domain::forge::{CiState, Role, Sha, Verdict};

use super::super::effect::Effect;
use super::super::event::{Checkpoint, StoryEvent};
use super::super::intent::Place;
use super::super::label::{Flag, Stage};
use super::super::say;
use super::checkpoint;
use super::turn::Turn;

/// A plain comment answers an open question when a writer or the requester gives it.
pub(super) fn remark(turn: &mut Turn<'_>, _place: Place, comment: i64) {
    let (Some(run), Some(person)) = (turn.story.question, turn.facts.actor.clone()) else {
        return;
    };
    let is_requester = turn.story.requester.as_ref().is_some_and(|requester| requester.id == person.user.id);
    let may_answer = is_requester || person.role.is_some_and(|role| role >= Role::Writer);
    if person.is_bot || !may_answer {
        return;
    }
    turn.event(StoryEvent::QuestionAnswered { by: person.user, comment });
    turn.lower(Flag::Waiting);
    match turn.story.active.as_ref() {
        Some(active) if active.run == run => turn.effect(Effect::AnswerRun { run, comment }),
        _ => turn.start(Purpose::Analyse),
    }
}

pub(super) fn issue_closed(turn: &mut Turn<'_>) {
    // Somebody's closing keyword may close the issue at the merge; that is an early end, not a cancel.
    let merged = turn.facts.pull.as_ref().is_some_and(|pull| pull.merged);
    if turn.story.stage.is_before_merge() && !merged {
        end(turn, "the issue was closed");
    }
}

/// Nobody can be told on a page that is gone; the pull request says it where there is one.
pub(super) fn issue_deleted(turn: &mut Turn<'_>) {
    if !turn.story.stage.is_active() {
        return;
    }
    turn.stop_active();
    let why = "the issue was deleted";
    let body = say::cancelled(&turn.story, None, why);
    let pull = turn.story.pull.clone().filter(|pull| pull.open);
    turn.event(StoryEvent::Cancelled { by: None, why: why.to_owned() });
    if let Some(pull) = pull {
        turn.say(pull.number, "cancelled", body);
        turn.effect(Effect::ClosePull { number: pull.number });
    }
}

/// Ends the story before its merge: agents stop, an open pull request is closed, the branch stays.
pub(super) fn end(turn: &mut Turn<'_>, why: &str) {
    turn.stop_active();
    let by = turn.actor().cloned();
    let pull = turn.story.pull.clone().filter(|pull| pull.open);
    let body = say::cancelled(&turn.story, by.as_ref(), why);
    let issue = turn.story.issue;
    turn.event(StoryEvent::Cancelled { by, why: why.to_owned() });
    turn.say(issue, "cancelled", body);
    if let Some(pull) = pull {
        turn.effect(Effect::ClosePull { number: pull.number });
    }
}

fn is_ours(turn: &Turn<'_>, number: i64) -> bool {
    turn.story.pull.as_ref().is_some_and(|pull| pull.number == number)
}

pub(super) fn pull_closed(turn: &mut Turn<'_>, number: i64) {
    // The event may be old: what counts is whether it is closed now.
    let still = turn.facts.pull.as_ref().is_some_and(|pull| pull.state == crate::domain::forge::State::Closed && !pull.merged);
    if !is_ours(turn, number) || !turn.story.stage.is_before_merge() || !still {
        return;
    }
    turn.stop_active();
    let by = turn.actor().cloned();
    let body = say::pull_closed(by.as_ref());
    turn.event(StoryEvent::PullClosed { by });
    turn.raise(Flag::Blocked, "the pull request was closed without being merged");
    turn.say(number, format!("pull-closed.{}", turn.story.version), body);
}

pub(super) fn pull_reopened(turn: &mut Turn<'_>, number: i64) {
    let open = turn.story.pull.as_ref().is_some_and(|pull| pull.open);
    if !is_ours(turn, number) || open || !turn.story.stage.is_before_merge() {
        return;
    }
    turn.event(StoryEvent::PullReopened { by: turn.actor().cloned() });
    turn.lower(Flag::Blocked);
    checkpoint::look_at_gate(turn);
}

/// The pull request is merged, by whomever. When a person did it past the gate, the record says so.
pub(super) fn pull_merged(turn: &mut Turn<'_>, number: i64, sha: Option<Sha>) {
    if !is_ours(turn, number) || !turn.story.stage.is_before_merge() {
        return;
    }
    let ordered = turn.story.merging.is_some();
    let by = turn.facts.pull.as_ref().and_then(|pull| pull.merged_by.clone()).or_else(|| turn.actor().cloned());
    let by_bot = by.as_ref().is_some_and(|user| user.id == turn.facts.bot.id);
    turn.stop_active();
    turn.event(StoryEvent::Merged { sha, by, gate_held: ordered && by_bot });
    turn.lower(Flag::Waiting);
    turn.lower(Flag::Blocked);
    turn.start(Purpose::Test);
}

/// A review came in: it may pass the plan, object, or open the gate.
pub(super) fn reviewed(turn: &mut Turn<'_>, number: i64) {
    let (Some(person), Some(facts)) = (turn.facts.actor.clone(), turn.facts.gate.clone()) else {
        return;
    };
    if !is_ours(turn, number) || person.is_bot {
        return;
    }
    // Only the newest word of this person counts, as the forge lists it now.
    let newest = facts
        .reviews
        .iter()
        .filter(|review| review.author.id == person.user.id && !review.dismissed)
        .filter(|review| matches!(review.verdict, Verdict::Approved | Verdict::ChangesRequested))
        .max_by_key(|review| (review.submitted_at, review.id));
    let Some(newest) = newest else {
        // What was said was dismissed: what is left may open the gate, or not hold any more.
        return checkpoint::look_at_gate(turn);
    };
    let writer = person.role.is_some_and(|role| role >= Role::Writer);
    match newest.verdict {
        Verdict::ChangesRequested if writer => changes_requested(turn, newest.id, newest.commit.clone()),
        Verdict::Approved if at_plan(turn) => {
            let open = turn.story.checkpoint.clone();
            if let Some(open) = open
                && plan_vote(&person).is_ok()
                && newest.commit == turn.story.head
            {
                checkpoint::pass(turn, Checkpoint::Plan, open.version, Some(person.user));
            }
        }
        Verdict::Approved => {
            explain_vote(turn, &person.user);
            checkpoint::look_at_gate(turn);
        }
        _ => {}
    }
}

fn at_plan(turn: &Turn<'_>) -> bool {
    turn.story.checkpoint.as_ref().is_some_and(|open| open.checkpoint == Checkpoint::Plan)
}

/// A person whose approval does not count is told why, once per head.
fn explain_vote(turn: &mut Turn<'_>, user: &crate::domain::forge::User) {
    let (Some(facts), Some(head)) = (&turn.facts.gate, turn.story.head.clone()) else {
        return;
    };
    let fault = crate::domain::approval::votes(facts).into_iter().find(|vote| vote.user.id == user.id).and_then(|vote| vote.counts.err());
    // After a person's push the approval may count as soon as `resume` accepts that head.
    if let Some(why) = fault.filter(|_| turn.story.stage == Stage::Review && turn.story.foreign_head.is_none()) {
        let desk = turn.desk();
        turn.say(desk, format!("vote.{}.{}", user.id, head.short()), say::vote_does_not_count(&why));
    }
}

fn changes_requested(turn: &mut Turn<'_>, review: i64, commit: Option<Sha>) {
    let Some(by) = turn.actor().cloned() else {
        return;
    };
    let again = match turn.story.stage {
        Stage::Design if at_plan(turn) => Purpose::Design,
        Stage::Review => Purpose::Fix,
        _ => return,
    };
    // An objection to an earlier head stands for the gate, but was already given to the engineer.
    let remark = format!("review:{review}");
    if turn.story.heard.contains(&remark) {
        return;
    }
    if again == Purpose::Fix
        && let Some(head) = commit.or_else(|| turn.story.head.clone())
    {
        turn.event(StoryEvent::ChangesRequested { by: by.clone(), head });
    }
    turn.event(StoryEvent::SentBack { by, reason: None, remark: Some(remark) });
    turn.start(again);
}

/// The story's branch moved. Our own pushes are echoes; anything else is a person's work, which is never overwritten.
pub(super) fn pushed(turn: &mut Turn<'_>, branch: &str, after: &Sha) {
    let story = &turn.story;
    let known = story.heads.contains(after) || turn.facts.own_pushes.contains(after) || story.foreign_head.as_ref() == Some(after);
    // An event about a tip that has moved on since says nothing any more.
    let current = turn.facts.pull.as_ref().is_none_or(|pull| pull.head.sha == *after);
    if branch != story.branch || known || !current || !story.stage.is_before_merge() {
        return;
    }
    human_pushed(turn, after.clone());
}

pub(super) fn human_pushed(turn: &mut Turn<'_>, head: Sha) {
    turn.stop_active();
    let by = turn.actor().cloned().filter(|user| user.id != turn.facts.bot.id);
    let body = say::human_pushed(by.as_ref(), &head);
    let desk = turn.desk();
    let key = format!("pushed.{}", head.short());
    turn.event(StoryEvent::HumanPushed { by, head });
    turn.raise(Flag::Waiting, "a person pushed to the branch");
    turn.say(desk, key, body);
}

pub(super) fn branch_deleted(turn: &mut Turn<'_>, branch: &str) {
    if branch != turn.story.branch || !turn.story.stage.is_before_merge() || turn.story.head.is_none() {
        return;
    }
    turn.stop_active();
    turn.raise(Flag::Blocked, "the branch was deleted");
    let issue = turn.story.issue;
    turn.say(issue, format!("branch-deleted.{}", turn.story.version), say::branch_deleted(branch));
}

/// CI spoke about a head of ours. Red starts a bounded fix loop; green may open the gate.
pub(super) fn ci_changed(turn: &mut Turn<'_>, sha: &Sha, context: &str, state: CiState) {
    if turn.story.stage != Stage::Review || turn.story.head.as_ref() != Some(sha) {
        return;
    }
    let red = matches!(state, CiState::Failure | CiState::Error);
    // The event may be late: only what CI says now counts.
    let still =
        turn.facts.gate.as_ref().is_some_and(|facts| facts.ci.iter().any(|status| status.context == context && status.state == state));
    if !red || !still || turn.story.active.is_some() {
        return checkpoint::look_at_gate(turn);
    }
    turn.event(StoryEvent::CiFailed { head: sha.clone(), context: context.to_owned() });
    if turn.story.ci_fixes > turn.facts.policy.max_ci_fixes {
        turn.raise(Flag::Waiting, "CI is still red after the last try");
        let desk = turn.desk();
        let ask = say::ci_still_red(turn.story.requester.as_ref(), context, turn.facts.policy.max_ci_fixes);
        return turn.say(desk, format!("ci.{}", sha.short()), ask);
    }
    turn.start(Purpose::Fix);
}
