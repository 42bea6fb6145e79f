//! I7: whatever the bot did follows from something that somebody was allowed to want.

use std::collections::BTreeSet;

use crate::base::ids::EffectId;
use crate::domain::forge::Sha;
use crate::domain::workflow::label::Autonomy;
use crate::domain::workflow::{Story, StoryEvent};
use crate::store::SubjectRow;

use super::super::perform::EFFECTS;
use super::super::turn::SUBJECT;
use super::books::{Books, Seen};
use super::commands::MOST_EFFECTS;
use super::{Invariant, Violation};

/// Effects that change code, pull requests or issues.
const DEEDS: [&str; 8] = ["push", "open-pull", "edit-pull", "post-review", "merge", "close-issue", "close-pull", "reopen-pull"];

fn unasked(sentence: String) -> Violation {
    Violation::new(Invariant::NothingUnasked, sentence)
}

pub(super) fn check(books: &Books, seen: &Seen, bot: i64) -> Vec<Violation> {
    let intents: BTreeSet<String> = books.intents.iter().map(|intent| intent.id.to_string()).collect();
    let mut violations = Vec::new();
    for event in books.stream(SUBJECT) {
        if event.causation.as_ref().is_none_or(|cause| !intents.contains(cause)) {
            violations.push(unasked(format!("the event {} ({}) follows from no intent", event.id, event.kind)));
        }
    }
    let names =
        books.intents.iter().flat_map(|intent| (0..MOST_EFFECTS).map(move |index| EffectId::named(&format!("{}:{index}", intent.id))));
    let ordered: BTreeSet<EffectId> = names.collect();
    for effect in books.effects.iter().filter(|effect| DEEDS.contains(&effect.kind.as_str()) && !ordered.contains(&effect.id)) {
        violations.push(unasked(format!("the effect {} ({}) was ordered by no intent", effect.id, effect.kind)));
    }
    for (subject, _) in &books.stories {
        violations.extend(story(books, subject).into_iter().map(unasked));
    }
    violations.extend(on_the_forge(books, seen, bot).into_iter().map(unasked));
    violations
}

/// Walks through a story and asks of each step who let it happen.
fn story(books: &Books, subject: &SubjectRow) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut story = Story::of(subject.number);
    let mut heads: BTreeSet<Sha> = BTreeSet::new();
    for (row, event) in books.story_events(subject.id) {
        match &event {
            StoryEvent::Started { .. } => {
                let by = books.intents.iter().find(|intent| Some(intent.id.to_string()) == row.causation);
                if by.is_none_or(|intent| intent.kind != "forge") {
                    wrong.push(format!("the story of #{} was begun by nothing that came from the forge", subject.number));
                }
            }
            StoryEvent::GateHeld { head, approvers } => {
                heads.insert(head.clone());
                if approvers.is_empty() && story.autonomy != Autonomy::Autonomous {
                    wrong.push(format!("#{}: the merge gate held at {} without an approval", subject.number, head.short()));
                }
            }
            _ => {}
        }
        story = story.evolve(&event);
    }
    let merges = books.stream(EFFECTS).filter(|event| event.stream_id == subject.id.0 && event.kind == "merge.done");
    for merge in merges.filter(|event| event.payload.get("held_back").is_none()) {
        let head = merge.payload["head"].as_str().unwrap_or_default();
        if !heads.contains(&Sha(head.to_owned())) {
            wrong.push(format!("#{}: {head} was merged, and the gate never held on it", subject.number));
        }
    }
    wrong
}

/// What stands on the forge in the bot's name has an entry in the books.
fn on_the_forge(books: &Books, seen: &Seen, bot: i64) -> Vec<String> {
    let mut wrong = Vec::new();
    let known: BTreeSet<&str> = books.comments.iter().map(|row| row.key.as_str()).collect();
    for (number, _, object) in seen.said.iter().filter(|(_, kind, object)| *kind == "comment" && !known.contains(object.as_str())) {
        wrong.push(format!("a comment of the bot on #{number} (`{object}`) is in no book"));
    }
    let runs: BTreeSet<String> = books.runs.iter().map(|run| run.id.to_string()).collect();
    for (number, _, object) in seen.said.iter().filter(|(_, kind, object)| *kind == "review" && !runs.contains(object)) {
        wrong.push(format!("a review of the bot on #{number} (`{object}`) belongs to no run"));
    }
    let by_bot = |pull: &&crate::domain::forge::Pull| pull.merged_by.as_ref().is_some_and(|user| user.id == bot);
    for pull in seen.pulls.values().filter(|pull| pull.merged).filter(by_bot) {
        let told = books.stream(EFFECTS).any(|event| event.kind == "merge.done" && event.payload["pull"] == pull.number);
        if !told {
            wrong.push(format!(
                "{} was merged by the bot's account, and the record tells of no merge",
                crate::domain::forge::mention(pull.number)
            ));
        }
    }
    wrong
}
