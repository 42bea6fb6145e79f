//! What people do on the forge besides typing commands: remarks, reviews, closing and reopening the issue; and what CI says.

use serde_json::json;

use crate::domain::access;
use crate::domain::agent::Purpose;
use crate::domain::approval::{GateFacts, Person, plan_vote, standing_word};
use crate::domain::forge::{Review, Role, Sha, Verdict};
use crate::domain::guard::What;

use super::super::effect::Effect;
use super::super::event::{Checkpoint, StoryEvent};
use super::super::facts::Asked;
use super::super::intent::Place;
use super::super::label::{Flag, Stage};
use super::super::say;
use super::pull::{is_ours, is_shut};
use super::turn::Turn;
use super::{checkpoint, commands};

/// A plain comment answers an open question when a writer or the requester gives it after the question could be read.
pub(super) fn remark(turn: &mut Turn<'_>, place: Place, comment: i64) {
    super::guard::say_taken_for_a_program(turn, place.number);
    let (Some(run), Some(person)) = (turn.story.question, turn.facts.actor.clone()) else {
        return;
    };
    if person.is_bot || !access::may_answer(&commands::actor(turn)) {
        return;
    }
    match turn.facts.asked {
        // Written before the question stood there: it cannot mean it.
        Asked::As(question) if comment < question => return,
        Asked::Pending => {
            turn.decision.wait = Some("the question is still on its way to the forge");
            return;
        }
        Asked::As(_) | Asked::Unknown => {}
    }
    if let Some(until) = turn.facts.guard.answers_until {
        let (per_hour, login) = (turn.facts.policy.limits.of_person(What::Answers), person.user.login.clone());
        let body = say::limited(&login, What::Answers, per_hour, until);
        return turn.effect(Effect::Comment { number: place.number, key: format!("limited.{}", person.user.id), body });
    }
    turn.event(StoryEvent::QuestionAnswered { by: person.user, comment });
    turn.lower(Flag::Waiting);
    match turn.story.active.as_ref() {
        Some(active) if active.run == run => turn.effect(Effect::AnswerRun { run, number: place.number, comment }),
        _ => turn.start(Purpose::Analyse),
    }
}

pub(super) fn issue_closed(turn: &mut Turn<'_>) {
    // Somebody's closing keyword may close the issue at the merge; that is an early end, not a cancel.
    let merged = turn.facts.pull.as_ref().is_some_and(|pull| pull.merged);
    if turn.story.stage.is_before_merge() && !merged {
        return end(turn, "the issue was closed");
    }
    if !turn.story.stage.is_active() || turn.story.loops.closed {
        return;
    }
    if turn.story.stage == Stage::Testing && turn.story.loops.unmet > 0 && turn.story.active.is_none() {
        return accept(turn);
    }
    turn.event(StoryEvent::IssueState { open: false, by: turn.actor().cloned() });
}

/// A person closes the issue although criteria are not met: good enough.
fn accept(turn: &mut Turn<'_>) {
    let issue = turn.story.issue;
    let report = say::accepted(&turn.story, turn.facts, turn.actor());
    turn.event(StoryEvent::Done);
    turn.say(issue, "report", report);
}

pub(super) fn issue_reopened(turn: &mut Turn<'_>) {
    if turn.story.stage.is_active() && turn.story.loops.closed {
        turn.event(StoryEvent::IssueState { open: true, by: turn.actor().cloned() });
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

/// A review came in: it may pass the plan, object, or open the gate.
pub(super) fn reviewed(turn: &mut Turn<'_>, number: i64) {
    let (Some(person), Some(facts)) = (turn.facts.actor.clone(), turn.facts.gate.clone()) else {
        return;
    };
    if !is_ours(turn, number) || person.is_bot {
        return;
    }
    word_of(turn, &person, &facts.reviews);
}

/// What somebody's reviews come to, as the forge lists them now. Only the newest word of a person counts.
pub(super) fn word_of(turn: &mut Turn<'_>, person: &Person, reviews: &[Review]) {
    let Some(newest) = standing_word(person.user.id, reviews) else {
        // What was said was dismissed: what is left may open the gate, or not hold any more.
        return checkpoint::look_at_gate(turn);
    };
    // Heard when it is opened again.
    if is_shut(turn) {
        return;
    }
    let writer = person.role.is_some_and(|role| role >= Role::Writer);
    match newest.verdict {
        Verdict::ChangesRequested if writer => changes_requested(turn, newest.id, newest.commit.clone()),
        Verdict::Approved if at_plan(turn) => {
            let open = turn.story.checkpoint.clone();
            if let Some(open) = open
                && plan_vote(person).is_ok()
                && newest.commit == turn.story.head
            {
                checkpoint::pass(turn, Checkpoint::Plan, open.version, Some(person.user.clone()));
            }
        }
        Verdict::Approved => {
            explain_vote(turn, &person.user, newest);
            checkpoint::look_at_gate(turn);
        }
        _ => {}
    }
}

fn at_plan(turn: &Turn<'_>) -> bool {
    turn.story.checkpoint.as_ref().is_some_and(|open| open.checkpoint == Checkpoint::Plan)
}

/// A person whose approval does not count, or not yet, is told why, once per head.
fn explain_vote(turn: &mut Turn<'_>, user: &crate::domain::forge::User, review: &Review) {
    let (Some(facts), Some(head), Stage::Review) = (&turn.facts.gate, turn.story.head.clone(), turn.story.stage) else {
        return;
    };
    let mut facts = facts.clone();
    let foreign = turn.story.foreign_head.clone();
    // After a person's push the approval may count as soon as `resume` accepts that head.
    facts.head = foreign.clone().unwrap_or_else(|| head.clone());
    let fault = fault_of(user, &facts).or_else(|| {
        // A push that is not heard yet: the forge shows its head already.
        let moved = foreign.is_none() && facts.pull.head.sha != facts.head;
        facts.head = if moved { facts.pull.head.sha.clone() } else { return None };
        fault_of(user, &facts)
    });
    let (desk, key) = (turn.desk(), format!("vote.{}.{}", user.id, facts.head.short()));
    match (fault, foreign) {
        (Some(why), None) => turn.say(desk, key, say::vote_does_not_count(&why)),
        (Some(_), Some(foreign)) if review.commit.as_ref() != Some(&foreign) => {
            turn.say(desk, format!("{key}.old"), say::vote_of_old_head(&foreign));
        }
        (Some(why), Some(_)) => turn.say(desk, key, say::vote_does_not_count(&why)),
        (None, Some(foreign)) => turn.say(desk, format!("{key}.early"), say::vote_before_resume(&foreign)),
        (None, None) => {}
    }
}

fn fault_of(user: &crate::domain::forge::User, facts: &GateFacts) -> Option<String> {
    crate::domain::approval::votes(facts).into_iter().find(|vote| vote.user.id == user.id).and_then(|vote| vote.counts.err())
}

fn changes_requested(turn: &mut Turn<'_>, review: i64, commit: Option<Sha>) {
    let Some(by) = turn.actor().cloned() else {
        return;
    };
    let again = match turn.story.stage {
        Stage::Design if at_plan(turn) => Purpose::Design,
        Stage::Review if turn.story.foreign_head.is_none() => Purpose::Fix,
        // Taken up once somebody can act on it: see `loops`.
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

/// CI spoke about a commit of ours. What counts is what it says about the head now: red starts the engineer, green may open the gate.
pub(super) fn ci_changed(turn: &mut Turn<'_>, sha: &Sha) {
    if turn.story.head.as_ref() != Some(sha) {
        let head = turn.story.head.as_ref().map_or("none", |head| head.0.as_str());
        return turn.note("ci-ignored", json!({"commit": sha.0, "head": head, "why": "the result is about an older head"}));
    }
    checkpoint::look_at_gate(turn);
}
