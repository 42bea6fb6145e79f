//! I2 and I3: nothing twice, on the forge and in the books.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::forge::{State, mention};

use super::super::agent_run::RUNS;
use super::super::perform::EFFECTS;
use super::super::turn::{NOTES, SUBJECT};
use super::books::{Books, Seen};
use super::{Invariant, Violation};

pub(super) fn check(books: &Books, seen: &Seen) -> Vec<Violation> {
    let mut violations = on_the_forge(books, seen);
    violations.extend(in_the_books(books));
    violations
}

fn on_the_forge(books: &Books, seen: &Seen) -> Vec<Violation> {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for (number, kind, object) in &seen.said {
        *told.entry(format!("the {kind} `{object}` on {}", mention(*number))).or_default() += 1;
    }
    let mut open: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for pull in seen.pulls.values().filter(|pull| pull.state == State::Open) {
        open.entry(&pull.head.branch).or_default().push(pull.number);
    }
    for (branch, pulls) in open {
        told.insert(format!("a pull request for the branch {branch}"), pulls.len());
    }
    let labels =
        seen.issues.values().map(|issue| (issue.number, &issue.labels)).chain(seen.pulls.values().map(|pull| (pull.number, &pull.labels)));
    for (number, labels) in labels {
        for label in labels {
            *told.entry(format!("the label {label} on {}", mention(number))).or_default() += 1;
        }
    }
    for event in books.stream(EFFECTS).filter(|event| event.kind == "merge.done" && event.payload.get("merged").is_some()) {
        *told
            .entry(format!("the merge of {} at {}", mention(event.payload["pull"].as_i64().unwrap_or_default()), event.payload["head"]))
            .or_default() += 1;
    }
    let doubled = told.into_iter().filter(|(_, count)| *count > 1);
    doubled.map(|(what, count)| Violation::new(Invariant::NoDoubles, format!("{what} is there {count} times"))).collect()
}

/// Whoever loses a lease can write no more, so each thing has one writer: an effect ends once, an intent's events are one block, a step
/// of a run is recorded once.
fn in_the_books(books: &Books) -> Vec<Violation> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in books.stream(EFFECTS) {
        *counts.entry(format!("the effect {} ended", event.target["effect"])).or_default() += 1;
    }
    for event in books.stream(RUNS).filter(|event| matches!(event.kind.as_str(), "model.called" | "tool.called")) {
        *counts.entry(format!("step {} of the run {} was recorded", event.payload["step"], event.target["run"])).or_default() += 1;
    }
    let mut violations: Vec<Violation> = counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(what, count)| Violation::new(Invariant::OneHolder, format!("{what} {count} times")))
        .collect();
    for stream in [SUBJECT, NOTES] {
        violations.extend(torn_blocks(books, stream));
    }
    violations
}

fn torn_blocks(books: &Books, stream: &str) -> Vec<Violation> {
    let mut last: BTreeMap<uuid::Uuid, &str> = BTreeMap::new();
    let mut closed = BTreeSet::new();
    let mut violations = Vec::new();
    for event in books.stream(stream) {
        let Some(cause) = event.causation.as_deref() else { continue };
        let before = last.insert(event.stream_id, cause);
        if before == Some(cause) {
            continue;
        }
        closed.extend(before.map(|before| (event.stream_id, before)));
        if closed.contains(&(event.stream_id, cause)) {
            let sentence =
                format!("the intent {cause} was decided twice: its events stand in two places of the {stream} stream {}", event.stream_id);
            violations.push(Violation::new(Invariant::OneHolder, sentence));
        }
    }
    violations
}
