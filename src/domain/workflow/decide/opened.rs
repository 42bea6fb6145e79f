//! The pull request is there, and the story learns its number. Between the two anybody may have done anything to it, and what came of that
//! was nothing then, because no story knew the number. So it is read once more here, and whatever was done counts as if it had been done
//! right after.

use crate::domain::approval::standing_word;
use crate::domain::forge::{Sha, State};

use super::super::effect::Effect;
use super::super::event::StoryEvent;
use super::super::interpret::alias;
use super::super::label::{Flag, Stage};
use super::turn::Turn;
use super::{labels, people, pull, receipts};

/// The forge made this pull request for this head.
pub(super) fn bound(turn: &mut Turn<'_>, number: i64, head: &Sha) {
    if !turn.story.is_new_pull(number) {
        return;
    }
    let wanted = turn.story.pull.is_none() && turn.story.stage.is_before_merge() && turn.story.heads.contains(head);
    if !wanted {
        // The story ended, began anew or has another one by now: nobody would look after this one.
        return turn.effect(Effect::ClosePull { number });
    }
    turn.decision.aliases.push(alias::pull(number));
    // A head that a person had us accept meanwhile is the story's now.
    let head = turn.story.head.clone().unwrap_or_else(|| head.clone());
    turn.event(StoryEvent::PullOpened { number, head });
    let facts = turn.facts.pull.as_ref().filter(|pull| pull.number == number);
    if let Some(pull) = facts.filter(|pull| pull.merged) {
        return pull::merged(turn, number, pull.merge_sha.clone());
    }
    go_on(turn);
    labels::decide(turn, number);
    match facts {
        // What was asked for in reviews is heard when it is opened again.
        Some(pull) if pull.state == State::Closed => return pull::closed(turn, number),
        // The draft mark says nothing yet: it is made as a draft.
        Some(pull) => pull::goes_to(turn, number, &pull.base.branch),
        None => {}
    }
    reviews(turn);
}

/// What comes next in a story whose pull request is there, unless a person stopped it on the way.
fn go_on(turn: &mut Turn<'_>) {
    let stopped = turn.story.foreign_head.is_some() || turn.story.loops.branch_gone;
    let reasons: Vec<(Flag, String)> = turn.story.reasons.iter().map(|(flag, why)| (*flag, why.clone())).collect();
    let idle = turn.story.active.is_none() && turn.story.question.is_none() && turn.story.unpushed.is_none();
    match turn.story.stage {
        // Whoever is at work shows it at the end.
        _ if !idle => return,
        Stage::Implementation | Stage::Review => pull::code_shown(turn),
        Stage::Design => receipts::plan_shown(turn),
        _ => return,
    }
    if stopped {
        turn.stop_active();
        for (flag, why) in reasons {
            turn.raise(flag, why);
        }
    }
}

/// The word of everybody who reviewed, in the order in which it was given.
pub(super) fn reviews(turn: &mut Turn<'_>) {
    let Some(gate) = turn.facts.gate.clone() else { return };
    let mover = turn.mover.take();
    let mut words: Vec<_> = gate
        .people
        .iter()
        .filter(|person| !person.is_bot)
        .filter_map(|person| standing_word(person.user.id, &gate.reviews).map(|review| (review.submitted_at, review.id, person)))
        .collect();
    words.sort_by_key(|(at, id, _)| (*at, *id));
    for (_, _, person) in words {
        turn.mover = Some(person.user.clone());
        people::word_of(turn, person, &gate.reviews);
    }
    turn.mover = mover;
}
