//! I5: reservations, calls, budgets and the record agree, and nobody passed the limit.

use std::collections::BTreeMap;

use crate::base::Nano;
use crate::base::ids::SubjectId;

use super::super::agent_run::RUNS;
use super::books::Books;
use super::{Invariant, Violation};

pub(super) fn check(books: &Books, hard: Nano) -> Vec<Violation> {
    let mut recorded: BTreeMap<String, Nano> = BTreeMap::new();
    for event in books.stream(RUNS).filter(|event| matches!(event.kind.as_str(), "model.called" | "model.failed")) {
        let cost = event.payload["cost_nano_usd"].as_str().and_then(|text| text.parse().ok()).map_or(Nano::ZERO, Nano);
        let subject = event.target["subject"].as_str().unwrap_or_default().to_owned();
        let sum = recorded.entry(subject).or_default();
        *sum += cost;
    }
    let mut violations = Vec::new();
    for (subject, rows, spent) in &books.ledger {
        let number = number_of(books, *subject);
        let mut say = |words: String| violations.push(Violation::new(Invariant::MoneyAddsUp, format!("#{number}: {words}")));
        let settled: Nano = rows.iter().filter_map(|row| row.actual).sum();
        let open: Nano = rows.iter().filter(|row| row.actual.is_none()).map(|row| row.amount).sum();
        if settled != spent.spent {
            say(format!("its calls cost {settled}, its budget says {}", spent.spent));
        }
        if open != spent.reserved {
            say(format!("{open} is reserved by calls, its budget says {}", spent.reserved));
        }
        let recorded = recorded.get(&subject.to_string()).copied().unwrap_or_default();
        if recorded != settled {
            say(format!("its calls cost {settled}, the record says {recorded}"));
        }
        // A limit that was set for the story by command stands in place of the configured one.
        let own = books.stories.iter().find(|(row, _)| row.id == *subject).and_then(|(_, story)| story.caps.hard);
        let limit = own.unwrap_or(hard);
        if spent.spent + spent.reserved > limit {
            say(format!("{} is spent and reserved, and the limit is {limit}", spent.spent + spent.reserved));
        }
    }
    violations
}

fn number_of(books: &Books, subject: SubjectId) -> i64 {
    books.subjects.iter().find(|row| row.id == subject).map_or(0, |row| row.number)
}

/// Calls of models that the record tells of, each try counted, and those whose end was never seen.
pub(super) fn calls(books: &Books) -> u64 {
    let told = books.stream(RUNS).filter(|event| matches!(event.kind.as_str(), "model.called" | "model.failed"));
    let open = books.ledger.iter().flat_map(|(_, rows, _)| rows).filter(|row| row.actual.is_none()).count();
    told.filter_map(|event| event.payload["attempts"].as_u64()).sum::<u64>() + open as u64
}
