//! What follows from the end of an agent's run.

use crate::base::ids::RunId;
use crate::base::text::sha256_hex;
use crate::domain::agent::{Outcome, Purpose, Severity};
use crate::domain::forge::Sha;

use super::super::effect::{Effect, PushedWhat};
use super::super::event::{Checkpoint, StoryEvent};
use super::super::facts::{Limit, RunEnd};
use super::super::label::{Flag, Stage};
use super::super::say;
use super::turn::Turn;
use super::{base, checkpoint, loops};

/// A run ended. Runs that were stopped in the meantime are ignored: their word came too late.
pub(super) fn ended(turn: &mut Turn<'_>, run: RunId, purpose: Purpose) {
    let Some(facts) = turn.facts.run.as_ref().filter(|_| turn.story.active.as_ref().is_some_and(|active| active.run == run)) else {
        return;
    };
    match facts.end.clone() {
        RunEnd::Outcome { outcome, head, commits, paths, diff } => {
            turn.event(StoryEvent::RunEnded { run, purpose, ok: true });
            match *outcome {
                Outcome::Analyse(analysis) => analysed(turn, run, analysis.criteria.len(), &analysis.questions),
                Outcome::Design(design) => {
                    let estimate = design.estimate_usd.map(|usd| crate::base::Nano::from_usd(usd).0);
                    designed(turn, run, &design.plan_markdown, estimate, head);
                }
                Outcome::Implement(work) | Outcome::Fix(work) => {
                    coded(turn, run, Coded { answers: &work.answers, head, commits, paths: &paths, diff: diff.as_deref() })
                }
                Outcome::Review(review) => reviewed(turn, run, &review),
                Outcome::Test(test) => tested(turn, run, &test),
                Outcome::Merge(_) => base::resolved(turn, run, head, &paths, diff.as_deref()),
            }
        }
        RunEnd::GaveUp { why, limit: Some(Limit::Estimate) } => {
            turn.event(StoryEvent::RunEnded { run, purpose, ok: false });
            let ask = say::ask_spend(&turn.story, &why);
            checkpoint::arrive(turn, Checkpoint::Spend, run.to_string(), ask);
        }
        RunEnd::GaveUp { why, limit } => {
            let over_budget = limit.is_some();
            turn.event(StoryEvent::RunEnded { run, purpose, ok: false });
            let flag = if over_budget { Flag::OverBudget } else { Flag::Waiting };
            turn.raise(flag, why.clone());
            let desk = turn.desk();
            turn.say(desk, format!("gave-up.{run}"), say::gave_up(&turn.story, &why, over_budget));
        }
        RunEnd::Asks { .. } => asks(turn, run),
    }
}

/// An agent asks a person; the run waits.
pub(super) fn asks(turn: &mut Turn<'_>, run: RunId) {
    let Some(RunEnd::Asks { question }) = turn.facts.run.as_ref().map(|facts| facts.end.clone()) else {
        return;
    };
    let Some(active) = turn.story.active.clone().filter(|active| active.run == run && turn.story.question.is_none()) else {
        return;
    };
    // The same words may be asked twice in one run: each question is a comment of its own.
    let key = format!("question.{run}.{}.{}", &sha256_hex(&question)[..8], turn.story.version);
    let desk = turn.desk();
    turn.event(StoryEvent::QuestionAsked { run, shown: Some(shown(turn, desk, &key)) });
    turn.raise(Flag::Waiting, format!("{} asks a question", active.name));
    turn.say(desk, key, say::question(&active, turn.story.requester.as_ref(), &[question]));
}

/// The name under which the comment with this key is remembered.
fn shown(turn: &Turn<'_>, number: i64, key: &str) -> String {
    format!("{number}.{}.{key}", turn.story.round)
}

fn analysed(turn: &mut Turn<'_>, run: RunId, criteria: usize, questions: &[String]) {
    turn.event(StoryEvent::CriteriaWritten { run, count: u32::try_from(criteria).unwrap_or(u32::MAX) });
    if questions.is_empty() {
        return turn.start(Purpose::Design);
    }
    let asker = turn.before.active.clone();
    let issue = turn.story.issue;
    turn.event(StoryEvent::QuestionAsked { run, shown: Some(shown(turn, issue, &format!("question.{run}"))) });
    turn.raise(Flag::Waiting, "an agent asks a question");
    if let Some(asker) = asker {
        turn.say(issue, format!("question.{run}"), say::question(&asker, turn.story.requester.as_ref(), questions));
    }
}

fn designed(turn: &mut Turn<'_>, run: RunId, plan: &str, estimate: Option<i64>, head: Option<Sha>) {
    let Some(head) = head else {
        return turn.raise(Flag::Blocked, "the plan could not be committed");
    };
    turn.event(StoryEvent::PlanWritten { run, head, hash: sha256_hex(plan), estimate });
    // Pushing the plan and opening the draft belong to `plan` at every level.
    checkpoint::push(turn, PushedWhat::Plan);
}

struct Coded<'a> {
    answers: &'a [crate::domain::agent::Answer],
    head: Option<Sha>,
    commits: u32,
    paths: &'a [String],
    diff: Option<&'a str>,
}

fn coded(turn: &mut Turn<'_>, run: RunId, coded: Coded<'_>) {
    let fixing = turn.story.stage == Stage::Review;
    if fixing && !coded.answers.is_empty() {
        let desk = turn.desk();
        let name = turn.before.active.as_ref().map_or("The engineer", |active| active.name.as_str());
        let body = say::answers(name, coded.answers, coded.commits);
        turn.say(desk, format!("answers.{run}"), body);
    }
    match coded.head {
        Some(head) if coded.commits > 0 => {
            turn.event(StoryEvent::CodeWritten { run, head: head.clone(), commits: coded.commits });
            let ask = say::ask_push(&turn.story, &head, coded.paths, coded.diff);
            if checkpoint::waits(turn.story.autonomy, Checkpoint::Push) {
                checkpoint::arrive(turn, Checkpoint::Push, head.0, ask);
            } else {
                checkpoint::push(turn, PushedWhat::Code);
            }
        }
        // Answered with reasons only: the reviewer judges them.
        _ if loops::texts(turn) => {}
        _ if fixing && !coded.answers.is_empty() => turn.start(Purpose::Review),
        _ => {
            turn.raise(Flag::Waiting, "the engineer changed nothing");
            let desk = turn.desk();
            turn.say(desk, format!("nothing.{run}"), say::nothing_changed(turn.story.requester.as_ref()));
        }
    }
}

fn reviewed(turn: &mut Turn<'_>, run: RunId, review: &crate::domain::agent::ReviewResult) {
    let (Some(head), Some(pull)) = (turn.story.head.clone(), turn.story.pull.clone()) else {
        return;
    };
    let blocking = review.findings.iter().filter(|finding| finding.severity >= Severity::Major).count();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    turn.event(StoryEvent::Reviewed { run, head: head.clone(), findings: count(review.findings.len()), blocking: count(blocking) });
    let reviewer = turn.before.active.as_ref().map_or("The reviewer", |active| active.name.as_str());
    let (body, comments) = say::review(reviewer, review, blocking);
    turn.effect(Effect::PostReview { number: pull.number, run, head, body, comments });
    if blocking == 0 {
        return checkpoint::look_at_gate(turn);
    }
    if turn.story.review_rounds >= turn.facts.policy.max_review_rounds {
        turn.raise(Flag::Waiting, "findings are still open after the last review round");
        return turn.say(
            pull.number,
            format!("rounds.{run}"),
            say::rounds_used_up(turn.story.requester.as_ref(), turn.story.review_rounds, blocking),
        );
    }
    turn.start(Purpose::Fix);
}

fn tested(turn: &mut Turn<'_>, run: RunId, test: &crate::domain::agent::TestResult) {
    let unmet = test.results.iter().filter(|result| !result.met).count();
    let met = test.results.len() - unmet;
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    if turn.story.stage.is_before_merge() {
        return head_tested(turn, run, test, (count(met), count(unmet)));
    }
    turn.event(StoryEvent::Tested { run, met: count(met), unmet: count(unmet) });
    if unmet == 0 {
        let ask = say::ask_close(test, &turn.facts.criteria);
        return checkpoint::arrive(turn, Checkpoint::Close, run.to_string(), ask);
    }
    turn.raise(Flag::Blocked, "acceptance criteria are not met");
    let issue = turn.story.issue;
    turn.say(issue, format!("unmet.{run}"), say::unmet(&turn.story, test, &turn.facts.criteria));
}

/// The criteria on the pull request's head, because somebody asked: it is told, and the story stays where it is.
fn head_tested(turn: &mut Turn<'_>, run: RunId, test: &crate::domain::agent::TestResult, (met, unmet): (u32, u32)) {
    let Some(head) = turn.story.head.clone() else {
        return;
    };
    let tester = turn.before.active.as_ref().map_or("The tester", |active| active.name.as_str());
    let body = say::head_tested(tester, &head, test, &turn.facts.criteria);
    turn.event(StoryEvent::HeadTested { run, head, met, unmet });
    let desk = turn.desk();
    turn.say(desk, format!("tested.{run}"), body);
    checkpoint::look_at_gate(turn);
}
