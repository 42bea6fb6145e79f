//! I4: the record and the journal are the same entries, without a gap, and each line is what its entry makes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::audit::{ChainId, segment};
use crate::store::GENESIS;

use super::super::seal::link_row;
use super::super::world::Site;
use super::super::{Engine, Result};
use super::books::Books;
use super::{Invariant, Violation};

fn broken(sentence: impl Into<String>) -> Violation {
    Violation::new(Invariant::RecordIsWhole, sentence)
}

pub(super) fn check(books: &Books) -> Vec<Violation> {
    let project = books.project.id;
    let events = books.by_id();
    let mut violations = Vec::new();
    let mut prev = GENESIS.to_owned();
    let mut sealed = BTreeSet::new();
    for (seq, row) in (0_u64..).zip(&books.chain) {
        if row.seq != seq {
            violations.push(broken(format!("{}: entry {seq} of the chain is missing", books.project.path)));
            break;
        }
        if row.prev != prev {
            violations.push(broken(format!("{}: entry {seq} does not follow on the one before", books.project.path)));
        }
        match events.get(&row.entry) {
            None => violations.push(broken(format!("{}: entry {seq} stands for no event of the journal", books.project.path))),
            Some(event) if link_row(project, seq, &row.prev, event) != (row.line.clone(), row.hash.clone()) => {
                violations.push(broken(format!("{}: entry {seq} does not say what its event {} says", books.project.path, event.id)));
            }
            Some(_) => {}
        }
        if !sealed.insert(row.entry) {
            violations.push(broken(format!("{}: entry {seq} stands for an event that was sealed before", books.project.path)));
        }
        prev.clone_from(&row.hash);
    }
    let missing = events.keys().filter(|id| !sealed.contains(id)).count();
    if missing > 0 {
        let waiting = books.unsealed;
        violations
            .push(broken(format!("{}: {missing} events of the journal are not in the chain; {waiting} wait for it", books.project.path)));
    }
    violations.extend(gaps(books));
    violations
}

fn gaps(books: &Books) -> Vec<Violation> {
    let mut next: BTreeMap<(&str, uuid::Uuid), i64> = BTreeMap::new();
    let mut violations = Vec::new();
    for event in &books.events {
        let due = next.entry((&event.stream, event.stream_id)).or_insert(1);
        if event.version != *due {
            let sentence =
                format!("the stream {} {} goes on with version {} where {due} is due", event.stream, event.stream_id, event.version);
            violations.push(broken(sentence));
        }
        *due = event.version + 1;
    }
    violations
}

/// Compares what was pushed to the audit repository with the chain, line by line.
pub(super) async fn published(engine: &Engine, site: &Site<'_>, books: &Books) -> Result<Vec<Violation>> {
    let path = &books.project.path;
    if books.chain.is_empty() {
        return Ok(Vec::new());
    }
    let of = ChainId::Project(books.project.id);
    let mut files = engine.audit_repo(site).await?.read_all().await?;
    files.retain(|(path, _)| segment::parse_path(path).is_some_and(|(chain, _)| chain == of));
    files.sort_by_key(|(path, _)| segment::parse_path(path).map(|(_, first)| first));
    let text = files.into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let differs = lines.iter().zip(&books.chain).position(|(line, row)| *line != row.line);
    Ok(match differs {
        Some(seq) => vec![broken(format!("{path}: entry {seq} reads differently in the audit repository"))],
        None if lines.len() > books.chain.len() => {
            vec![broken(format!("{path}: the audit repository holds entries that the chain does not"))]
        }
        None if (lines.len() as u64) < books.pushed.next_seq => {
            vec![broken(format!(
                "{path}: the audit repository holds {} entries of {} that were pushed",
                lines.len(),
                books.pushed.next_seq
            ))]
        }
        None if lines.len() < books.chain.len() => {
            vec![broken(format!("{path}: {} entries of the chain are not in the audit repository yet", books.chain.len() - lines.len()))]
        }
        None => Vec::new(),
    })
}
