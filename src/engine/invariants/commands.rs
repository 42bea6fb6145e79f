//! I1 and I10: nobody is ignored.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ids::EffectId;
use crate::domain::workflow::Intent;
use crate::store::{EffectRow, EffectState, IntentRow, IntentState, RunState};

use super::super::turn::NOTES;
use super::books::Books;
use super::{Invariant, Violation};

/// More effects than one decision has.
pub(super) const MOST_EFFECTS: usize = 64;

pub(super) fn check(books: &Books) -> Vec<Violation> {
    let effects: BTreeMap<EffectId, &EffectRow> = books.effects.iter().map(|effect| (effect.id, effect)).collect();
    let noted: BTreeSet<&str> = books.stream(NOTES).filter_map(|event| event.causation.as_deref()).collect();
    let ends =
        books.intents.iter().filter_map(|row| unanswered(row, &effects, &noted)).map(|words| Violation::new(Invariant::CommandsEnd, words));
    // What a stopped story has ordered waits until somebody lets it go on.
    let stopped: BTreeSet<_> = books.stories.iter().filter(|(_, story)| !story.may_run()).map(|(row, _)| row.id).collect();
    let left = books.effects.iter().filter(|effect| matches!(effect.state, EffectState::Pending | EffectState::Performing));
    let left = left.filter(|effect| !stopped.contains(&effect.lane));
    let left = left
        .map(|effect| Violation::new(Invariant::CommandsEnd, format!("the effect {} ({}) was never performed", effect.id, effect.kind)));
    ends.chain(left).chain(standing_still(books)).collect()
}

/// What is wrong with how an intent ended, if anything is.
fn unanswered(row: &IntentRow, effects: &BTreeMap<EffectId, &EffectRow>, noted: &BTreeSet<&str>) -> Option<String> {
    let name = format!("the intent {} from {}", row.id, row.source_key);
    if row.state == IntentState::Pending {
        return Some(format!("{name} was never decided"));
    }
    let Ok(Intent::Commands { previous, .. }) = serde_json::from_value(row.payload.clone()) else { return None };
    let own = |suffix: String| effects.get(&EffectId::named(&format!("{}:{suffix}", row.id)));
    let answers =
        (0..MOST_EFFECTS).filter_map(|index| own(index.to_string())).any(|effect| matches!(effect.kind.as_str(), "react" | "comment"));
    match row.state {
        IntentState::Done if !answers => Some(format!("{name} is a command that was carried out without an answer")),
        IntentState::Parked if own("parked".into()).is_none() => Some(format!("{name} is a command that was set aside without a word")),
        // Other bots get no answer, and an edit that adds no command asks for nothing.
        IntentState::Ignored if !answers && previous.is_none() && !noted.contains(row.id.to_string().as_str()) => {
            Some(format!("{name} is a command that nobody answered"))
        }
        _ => None,
    }
}

/// A story that is under way is worked on, or waits for somebody and says so.
fn standing_still(books: &Books) -> Vec<Violation> {
    let open = |id| books.runs.iter().any(|run| run.id == id && matches!(run.state, RunState::Pending | RunState::Running));
    let mut violations = Vec::new();
    for (subject, story) in books.stories.iter().filter(|(_, story)| story.stage.is_active()) {
        let queued = story.loops.queued.is_some();
        let says_why = !story.flags.is_empty() || story.checkpoint.is_some() || story.question.is_some() || queued;
        if !says_why {
            let run = story
                .active
                .as_ref()
                .map_or("no run".to_owned(), |active| format!("{} ({})", active.run, if open(active.run) { "not ended" } else { "ended" }));
            let sentence = format!(
                "the story of #{} stands still in {} and says nothing of what it waits for; {run}",
                subject.number,
                story.stage.word()
            );
            violations.push(Violation::new(Invariant::NobodyIgnored, sentence));
        }
    }
    violations
}
