//! The commands that make agents work: `fix`, `review` and `test`.

use crate::domain::agent::Purpose;
use crate::domain::forge::{Sha, User};
use crate::domain::refusal::Refusal;

use super::super::event::{Checkpoint, StoryEvent};
use super::super::interpret::alias;
use super::super::label::Stage;
use super::super::say;
use super::commands::{Said, Source, refuse};
use super::turn::Turn;
use super::{branch, loops, opened, places};

/// The engineer acts on what is open, or on a text.
pub(super) fn fix(turn: &mut Turn<'_>, text: Option<&str>, source: &Source<'_>) -> Result<Said, Refusal> {
    let Some(by) = turn.actor().cloned() else {
        return refuse("unknown-actor", "the forge did not say who wants this", "type the command in a comment");
    };
    let order = Order { by, text: text.map(str::trim).filter(|text| !text.is_empty()), remark: source.remark() };
    match turn.story.stage {
        Stage::Analysis | Stage::Design => {
            let words = format!("the story is in {}, and nothing is coded yet that could be mended", turn.story.stage.word());
            refuse("nothing-to-fix", words, "type `/syndarix revise <text>` to change the plan")
        }
        Stage::Implementation => in_implementation(turn, &order),
        Stage::Review => in_review(turn, &order),
        Stage::Testing => after_the_merge(turn, &order),
        Stage::None | Stage::Done | Stage::Cancelled => nothing_runs(),
    }
}

/// Who wants what mended.
struct Order<'a> {
    by: User,
    text: Option<&'a str>,
    remark: String,
}

impl Order<'_> {
    /// Gives the text to the engineer's next run.
    fn send(&self, turn: &mut Turn<'_>) {
        let reason = self.text.map(|text| turn.text(text));
        turn.event(StoryEvent::SentBack { by: self.by.clone(), reason, remark: Some(self.remark.clone()) });
    }

    /// Keeps the text until the work at hand is done.
    fn queue(&self, turn: &mut Turn<'_>) {
        let reason = self.text.map(|text| turn.text(text));
        turn.event(StoryEvent::TextQueued { by: self.by.clone(), reason, remark: self.remark.clone() });
    }
}

fn nothing_runs<T>() -> Result<T, Refusal> {
    refuse("nothing-runs", "no story is under way here", "start one with `/syndarix plan` under the issue")
}

/// What stands in the way of any work on the branch.
pub(super) fn stands_free(turn: &Turn<'_>) -> Result<(), Refusal> {
    let story = &turn.story;
    if let Some(head) = &story.foreign_head {
        let words = format!("a person pushed {} to the branch, and the agents stopped for that", head.short());
        return refuse("foreign-head", words, "type `/syndarix resume` first, so that they go on from there");
    }
    if story.loops.branch_gone {
        let words = format!("the branch `{}` was deleted", story.branch);
        return refuse("branch-gone", words, "type `/syndarix retry` first, which puts it back");
    }
    if story.pull.as_ref().is_some_and(|pull| !pull.open) {
        return refuse("pull-closed", "the pull request is closed", "type `/syndarix retry` first, which opens it again");
    }
    Ok(())
}

/// Commits are on their way to the forge, and nobody has to approve that first.
fn is_pushing(turn: &Turn<'_>) -> bool {
    turn.story.unpushed.is_some() && turn.story.checkpoint.is_none() && turn.story.active.is_none()
}

fn engineer_at_work(turn: &Turn<'_>) -> Option<String> {
    let active = turn.story.active.as_ref().filter(|active| active.purpose.writes())?;
    Some(format!("{} ({})", active.name, active.agent))
}

/// The engineer is busy: a text is kept for the next step, and nothing else can be done.
fn while_busy(turn: &mut Turn<'_>, order: &Order<'_>) -> Option<Result<Said, Refusal>> {
    let busy = match engineer_at_work(turn) {
        Some(name) => format!("{name} is at work"),
        None if is_pushing(turn) => "the newest commits are just being pushed".to_owned(),
        None => return None,
    };
    if order.text.is_none() {
        let words = format!("{busy}, and a review follows by itself");
        return Some(refuse("at-work", words, "type `/syndarix fix <text>` to give the engineer one more thing to do"));
    }
    order.queue(turn);
    Some(Ok(Said::Text(say::text_queued(&busy))))
}

fn in_implementation(turn: &mut Turn<'_>, order: &Order<'_>) -> Result<Said, Refusal> {
    stands_free(turn)?;
    if let Some(answer) = while_busy(turn, order) {
        return answer;
    }
    if turn.story.loops.queued.is_some() {
        if order.text.is_none() {
            return refuse("queued", "the story waits for a free place, and nothing is coded yet", "type `/syndarix start` to begin now");
        }
        order.queue(turn);
        return Ok(Said::Text(say::text_queued("the story waits for a free place")));
    }
    if order.text.is_none() && turn.story.failed.is_none() {
        let way_out = match &turn.story.checkpoint {
            Some(_) => "answer what the last comment asks, or say what to mend with `/syndarix fix <text>`",
            None => "`/syndarix retry` runs the step again",
        };
        return refuse("nothing-to-fix", "nothing is open that could be mended", way_out);
    }
    reset(turn);
    order.send(turn);
    turn.start(turn.story.build_purpose());
    Ok(Said::Begun)
}

fn in_review(turn: &mut Turn<'_>, order: &Order<'_>) -> Result<Said, Refusal> {
    stands_free(turn)?;
    if let Some(answer) = while_busy(turn, order) {
        return answer;
    }
    let objections = loops::objections(turn);
    let red = !loops::red(turn).is_empty();
    let anything = order.text.is_some() || !objections.is_empty() || red || turn.story.open_findings > 0;
    if !anything {
        return match turn.story.active.as_ref() {
            Some(active) => {
                let words = format!("{} ({}) is at work on this head, and nothing is open yet", active.name, active.agent);
                refuse("nothing-to-fix", words, "what is found starts the engineer by itself; `/syndarix fix <text>` starts it now")
            }
            None => refuse(
                "nothing-to-fix",
                "no finding is open, nobody asks for changes, and no CI check is red on this head",
                "say what to mend with `/syndarix fix <text>`",
            ),
        };
    }
    reset(turn);
    for (review, by) in objections {
        let remark = format!("review:{review}");
        if !turn.story.constraints.contains(&remark) {
            turn.event(StoryEvent::SentBack { by, reason: None, remark: Some(remark) });
        }
    }
    order.send(turn);
    turn.start(Purpose::Fix);
    Ok(Said::Begun)
}

/// Criteria that do not hold on the merged code: a second pull request of the same story.
fn after_the_merge(turn: &mut Turn<'_>, order: &Order<'_>) -> Result<Said, Refusal> {
    if let Some(active) = turn.story.active.as_ref() {
        let words = format!("{} ({}) checks the acceptance criteria just now", active.name, active.agent);
        return refuse("at-work", words, "wait for the result, then type the command again");
    }
    if turn.story.loops.unmet == 0 && order.text.is_none() {
        let words = match turn.story.tested {
            Some(_) => "the pull request is merged and its acceptance criteria are met",
            None => "the pull request is merged and nothing was found missing so far",
        };
        return refuse("nothing-to-fix", words, "say what to mend with `/syndarix fix <text>`, or check with `/syndarix test`");
    }
    let report = turn.story.tested.filter(|_| turn.story.loops.unmet > 0);
    let branch = say::next_branch(&turn.story.branch, &turn.facts.branches);
    turn.stop_active();
    turn.event(StoryEvent::Reworked { by: order.by.clone(), branch: branch.clone(), report });
    turn.decision.aliases.push(alias::branch(&branch));
    if order.text.is_some() {
        order.send(turn);
    }
    turn.labels_off = true;
    places::jump(turn);
    turn.start(turn.story.build_purpose());
    Ok(Said::Begun)
}

/// Whoever says what to mend gives the loops their tries back.
pub(super) fn reset(turn: &mut Turn<'_>) {
    let story = &turn.story;
    if story.ci_fixes > 0 || story.review_rounds > 0 || story.loops.red.is_some() {
        let by = turn.actor().cloned();
        turn.event(StoryEvent::TriesReset { by });
    }
}

/// One more look of the reviewer at the present head.
pub(super) fn review(turn: &mut Turn<'_>) -> Result<Said, Refusal> {
    let head = ready_head(turn, "review")?;
    let seen = turn.story.loops.reviewed.as_ref() == Some(&head);
    if seen && turn.story.loops.again.contains(&head) {
        let words = format!("{} was reviewed twice, and nothing has changed since", head.short());
        return refuse("reviewed-twice", words, "push a change, or say what to mend with `/syndarix fix <text>`");
    }
    let by = turn.actor().cloned();
    if seen {
        turn.event(StoryEvent::ReviewAgain { by, head: head.clone() });
    }
    turn.start(Purpose::Review);
    Ok(match seen {
        true => Said::Text(say::review_again(&head)),
        false => Said::Begun,
    })
}

/// The tester checks the acceptance criteria: on the merged code, or on the pull request's head without moving the story.
pub(super) fn test(turn: &mut Turn<'_>) -> Result<Said, Refusal> {
    if turn.story.criteria.is_none() && turn.story.stage.is_active() {
        return refuse(
            "no-criteria",
            "there are no acceptance criteria yet that could be checked",
            "`/syndarix status` shows where the story is",
        );
    }
    if turn.story.stage == Stage::Testing {
        if let Some(active) = turn.story.active.as_ref() {
            let words = format!("{} ({}) checks the acceptance criteria just now", active.name, active.agent);
            return refuse("at-work", words, "the result follows as a comment");
        }
        // A close that waits for approval was asked for on the word of the check before.
        if let (Some(by), true) = (turn.actor().cloned(), closes(turn)) {
            turn.event(StoryEvent::SentBack { by, reason: None, remark: None });
        }
        turn.start(Purpose::Test);
        return Ok(Said::Begun);
    }
    ready_head(turn, "test")?;
    turn.start(Purpose::Test);
    Ok(Said::Begun)
}

fn closes(turn: &Turn<'_>) -> bool {
    turn.story.checkpoint.as_ref().is_some_and(|open| open.checkpoint == Checkpoint::Close)
}

/// The head under review, when nobody is at work on it.
fn ready_head(turn: &Turn<'_>, verb: &str) -> Result<Sha, Refusal> {
    let story = &turn.story;
    if !story.stage.is_active() {
        return nothing_runs();
    }
    if let Some(active) = story.active.as_ref().filter(|_| story.stage == Stage::Review || story.stage == Stage::Implementation) {
        let words = format!("{} ({}) is at work", active.name, active.agent);
        let way_out = match active.purpose {
            Purpose::Review if verb == "review" => "the review follows as a comment".to_owned(),
            purpose if purpose.writes() => {
                format!("a review follows by itself; `/syndarix pause` stops the work, and `/syndarix {verb}` runs after it")
            }
            _ => format!("wait until that is done, then type `/syndarix {verb}` again"),
        };
        return refuse("at-work", words, way_out);
    }
    match (story.stage, story.head.clone()) {
        (Stage::Testing, _) => refuse("merged", "the pull request is merged", "`/syndarix test` checks the merged code"),
        (Stage::Review, Some(head)) => {
            stands_free(turn)?;
            if story.unpushed.is_some() {
                let way_out = "wait for the push, or answer what the last comment asks";
                return refuse("unpushed", "the newest commits are not pushed yet", way_out);
            }
            if story.merging.is_some() {
                return refuse("merging", "the merge of this head is under way", "`/syndarix status` shows what comes of it");
            }
            Ok(head)
        }
        (stage, _) => {
            let words = format!("the story is in {}, and there is no code yet", stage.word());
            refuse("no-code", words, "`/syndarix status` shows what it waits for")
        }
    }
}

/// Takes the work up where it stands: after something that stopped it is out of the way.
pub(super) fn go_on(turn: &mut Turn<'_>) {
    let story = &turn.story;
    let idle = story.active.is_none() && story.question.is_none() && story.foreign_head.is_none();
    if !idle || !story.stage.is_active() {
        return;
    }
    let reviewed = story.head.is_some() && story.loops.reviewed == story.head;
    if let (Some(purpose), None, false) = (story.loops.stopped, story.loops.queued, is_pushing(turn)) {
        return turn.start(purpose);
    }
    match story.stage {
        _ if is_pushing(turn) => branch::push_again(turn),
        Stage::Analysis => turn.start(Purpose::Analyse),
        Stage::Design if story.checkpoint.is_none() => turn.start(Purpose::Design),
        // What was said about the plan meanwhile.
        Stage::Design => opened::reviews(turn),
        Stage::Implementation if story.loops.queued.is_some() => places::look(turn),
        Stage::Implementation if story.checkpoint.is_none() => turn.start(turn.story.build_purpose()),
        Stage::Review if story.unpushed.is_none() && !reviewed => turn.start(Purpose::Review),
        Stage::Review => super::checkpoint::look_at_gate(turn),
        Stage::Testing if story.tested.is_none() => turn.start(Purpose::Test),
        _ => {}
    }
}
