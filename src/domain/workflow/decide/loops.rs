//! What starts the engineer by itself while a head is under review, judged from what stands on the forge now: texts that waited, requested changes that
//! nobody acted on, a red CI. Events only say when to look, so one that is late, doubled or lost changes nothing.

use crate::domain::agent::Purpose;
use crate::domain::approval::standing_objections;
use crate::domain::forge::{CiState, CiStatus, Sha, User};

use super::super::event::StoryEvent;
use super::super::label::Flag;
use super::super::say;
use super::turn::Turn;

/// Takes up what is due on the head under review. True when somebody was set to work or asked; the merge is not looked at then.
pub(super) fn take_up(turn: &mut Turn<'_>) -> bool {
    texts(turn) || requested_changes(turn) || red_ci(turn)
}

/// Texts that came while the engineer was at work on something else.
pub(super) fn texts(turn: &mut Turn<'_>) -> bool {
    let due = !turn.story.loops.texts.is_empty();
    if due {
        turn.start(Purpose::Fix);
    }
    due
}

/// Reviews that ask for changes, with who wrote them, as the forge lists them now.
pub(super) fn objections(turn: &Turn<'_>) -> Vec<(i64, User)> {
    let standing = turn.facts.gate.as_ref().map(standing_objections).unwrap_or_default();
    standing.into_iter().map(|review| (review.id, review.author.clone())).collect()
}

/// Requested changes that came when nobody could act on them.
fn requested_changes(turn: &mut Turn<'_>) -> bool {
    let mut new = objections(turn);
    new.retain(|(review, _)| !turn.story.heard.contains(&format!("review:{review}")));
    let Some(head) = turn.story.head.clone().filter(|_| !new.is_empty()) else {
        return false;
    };
    for (review, by) in new {
        turn.event(StoryEvent::ChangesRequested { by: by.clone(), head: head.clone() });
        turn.event(StoryEvent::SentBack { by, reason: None, remark: Some(format!("review:{review}")) });
    }
    turn.start(Purpose::Fix);
    true
}

/// Checks that are red on the story's head now.
pub(super) fn red(turn: &Turn<'_>) -> Vec<CiStatus> {
    let Some(gate) = turn.facts.gate.as_ref().filter(|gate| Some(&gate.pull.head.sha) == turn.story.head.as_ref()) else {
        return Vec::new();
    };
    let is_red = |status: &&CiStatus| matches!(status.state, CiState::Failure | CiState::Error);
    gate.ci.iter().filter(is_red).cloned().collect()
}

/// A red CI is answered once for each head: by a try, or by asking a person when the tries are spent. Turning green and red again changes nothing.
fn red_ci(turn: &mut Turn<'_>) -> bool {
    let red = red(turn);
    let (Some(first), Some(head)) = (red.first(), turn.story.head.clone()) else {
        return false;
    };
    // Where findings stay open a person was asked already.
    if turn.story.loops.red.as_ref() == Some(&head) || turn.story.open_findings > 0 {
        return false;
    }
    turn.event(StoryEvent::CiFailed { head: head.clone(), context: first.context.clone() });
    if turn.story.ci_fixes > turn.facts.policy.max_ci_fixes {
        ask_for_help(turn, &head, &red);
    } else {
        turn.start(Purpose::Fix);
    }
    true
}

fn ask_for_help(turn: &mut Turn<'_>, head: &Sha, red: &[CiStatus]) {
    turn.raise(Flag::Waiting, "CI is still red after the last try");
    let (desk, key) = (turn.desk(), format!("ci.{}.{}", head.short(), turn.story.version));
    let ask = say::ci_still_red(turn.story.requester.as_ref(), red, turn.facts.policy.max_ci_fixes);
    turn.say(desk, key, ask);
}
