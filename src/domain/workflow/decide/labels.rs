//! Labels moved by people. The change is what the forge shows now, less what the bot last confirmed; who made it is in the timeline.

use std::collections::BTreeSet;

use crate::domain::agent::Purpose;
use crate::domain::approval::Person;
use crate::domain::forge::Role;

use super::super::event::StoryEvent;
use super::super::facts::LabelFacts;
use super::super::label::{Autonomy, Flag, Label, Stage};
use super::super::say;
use super::turn::Turn;
use super::{commands, hold, work};

/// The tightest of the configured level and the levels that the labels name: a label may tighten, never loosen.
pub(super) fn tightest(configured: Autonomy, labels: &[String]) -> Autonomy {
    labels
        .iter()
        .filter_map(|name| match Label::parse(name) {
            Some(Label::Autonomy(level)) => Some(level),
            _ => None,
        })
        .fold(configured, Autonomy::min)
}

pub(super) fn decide(turn: &mut Turn<'_>, number: i64) {
    let Some(facts) = turn.facts.labels.get(&number).cloned() else {
        return;
    };
    // Labels of other people's making mean nothing here, whatever of ours is under way.
    if facts.now.symmetric_difference(&facts.confirmed).all(|name| Label::parse(name).is_none()) && turn.facts.labels_pending {
        return;
    }
    if turn.facts.labels_pending {
        turn.decision.wait = Some("a change of labels by the bot is still under way");
        return;
    }
    if facts.now == facts.confirmed {
        return;
    }
    for name in facts.now.difference(&facts.confirmed).cloned().collect::<Vec<_>>() {
        if let (Some(label), person) = (Label::parse(&name), who(&facts, &name, true)) {
            turn.mover = person.as_ref().map(|person| person.user.clone());
            added(turn, number, label, person);
        }
    }
    for name in facts.confirmed.difference(&facts.now).cloned().collect::<Vec<_>>() {
        if let (Some(label), person) = (Label::parse(&name), who(&facts, &name, false)) {
            turn.mover = person.as_ref().map(|person| person.user.clone());
            removed(turn, number, &facts, label, person);
        }
    }
    turn.mover = None;
    // Whatever was accepted or refused: afterwards the labels say what the story is.
    let wanted: BTreeSet<String> = turn.story.labels_of(number);
    let is_kept = |name: &&String| wanted.contains(*name) || Label::parse(name).is_some_and(Label::is_kept_by_bot);
    let kept: BTreeSet<String> = facts.now.iter().filter(is_kept).cloned().collect();
    turn.labels_off |= wanted != kept;
}

/// Who made this change, as the timeline tells it. `None`: nobody known, or the bot itself.
fn who(facts: &LabelFacts, name: &str, added: bool) -> Option<Person> {
    let change = facts.changes.iter().find(|change| change.label == name && change.added == added)?;
    facts.people.iter().find(|person| person.user.id == change.actor.id).cloned()
}

fn added(turn: &mut Turn<'_>, number: i64, label: Label, person: Option<Person>) {
    let Some(person) = person.filter(|person| person.user.id != turn.facts.bot.id) else {
        return;
    };
    let writer = !person.is_bot && person.role.is_some_and(|role| role >= Role::Writer);
    match label {
        _ if !writer => {
            put_back(turn, number, label, &format!("`{}` needs write permission to move a story by its labels", person.user.login))
        }
        Label::Flag(Flag::Paused) => {
            let _ = hold::pause(turn, false);
        }
        Label::Flag(_) => put_back(turn, number, label, "this flag is raised by Syndarix itself; `/syndarix pause` stops a story"),
        Label::Autonomy(level) => autonomy(turn, number, level, &person),
        Label::Story(stage) => story(turn, number, stage, person),
        Label::Pull(_) => {
            put_back(turn, number, label, "the labels of a pull request follow its reviews; an approving review says more than a label")
        }
    }
}

fn removed(turn: &mut Turn<'_>, number: i64, facts: &LabelFacts, label: Label, person: Option<Person>) {
    // One that was exchanged for another of its scope was answered there.
    let exchanged = facts.now.iter().any(|name| matches!(Label::parse(name), Some(Label::Autonomy(_))));
    let of_story = turn.story.tightened && turn.story.stage.is_active() && label == Label::Autonomy(turn.story.autonomy);
    if of_story && !exchanged && number == turn.story.issue && person.as_ref().is_some_and(|person| person.user.id != turn.facts.bot.id) {
        let why = format!(
            "taking it off would loosen the autonomy level, and this story is at {}; a maintainer loosens it with `/syndarix autonomy set <level>`",
            turn.story.autonomy.name()
        );
        return put_back(turn, number, label, &why);
    }
    let writer = person.as_ref().is_some_and(|person| !person.is_bot && person.role.is_some_and(|role| role >= Role::Writer));
    if matches!(label, Label::Flag(Flag::Paused | Flag::Halted)) && writer {
        let lifted = hold::resume(turn, false);
        if let Err(refusal) = lifted
            && turn.facts.guard.hold.is_some()
        {
            put_back(turn, number, label, &refusal.to_string());
        }
    }
}

fn autonomy(turn: &mut Turn<'_>, number: i64, level: Autonomy, person: &Person) {
    if turn.story.round == 0 || level == turn.story.autonomy {
        return;
    }
    if level < turn.story.autonomy {
        turn.event(StoryEvent::AutonomyTightened { autonomy: level, by: Some(person.user.clone()) });
    } else {
        let why = format!(
            "a label may only tighten the autonomy level, and this story is at {}; a maintainer loosens it with `/syndarix autonomy set <level>`",
            turn.story.autonomy.name()
        );
        put_back(turn, number, Label::Autonomy(level), &why);
    }
}

fn story(turn: &mut Turn<'_>, number: i64, stage: Stage, person: Person) {
    if number != turn.story.issue || stage == turn.story.stage {
        return;
    }
    if !turn.story.stage.is_active() {
        let why = match stage {
            Stage::Analysis => match commands::plan(turn, None) {
                Ok(_) => return,
                Err(refusal) => refusal.to_string(),
            },
            _ => "a story begins with `story/analysis` or with `/syndarix plan`".to_owned(),
        };
        return put_back(turn, number, Label::Story(stage), &why);
    }
    let back = stage < turn.story.stage && turn.story.stage.is_before_merge();
    match stage {
        Stage::Analysis | Stage::Design | Stage::Implementation if back => match work::stands_free(turn) {
            Ok(()) => redo_from(turn, stage, person),
            Err(refusal) => put_back(turn, number, Label::Story(stage), &refusal.to_string()),
        },
        _ => {
            let why = format!("the story is in {} and moves on by itself once its work and approvals are there", turn.story.stage.word());
            put_back(turn, number, Label::Story(stage), &why);
        }
    }
}

/// A label moved back: the work is done again from there.
fn redo_from(turn: &mut Turn<'_>, stage: Stage, person: Person) {
    if stage == Stage::Implementation && !turn.story.plan_approved {
        return;
    }
    turn.stop_active();
    turn.event(StoryEvent::StageSet { stage, by: Some(person.user) });
    turn.start(match stage {
        Stage::Analysis => Purpose::Analyse,
        Stage::Design => Purpose::Design,
        _ => turn.story.build_purpose(),
    });
}

/// Answers an illegal move with one sentence per label and round; the label itself is put back by the labels effect.
fn put_back(turn: &mut Turn<'_>, number: i64, label: Label, why: &str) {
    let name = label.name();
    turn.labels_off = true;
    if turn.story.put_back.contains(&name) {
        return;
    }
    turn.event(StoryEvent::MovePutBack { label: name.clone() });
    turn.say(number, format!("put-back.{}", name.replace('/', "-")), say::put_back(&name, why));
}
