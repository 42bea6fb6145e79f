//! I8 and I9: no secret anywhere, and nothing of one project in another.

use std::collections::BTreeSet;

use crate::base::ids::ProjectId;

use super::super::{Engine, Result};
use super::books::{Books, Seen};
use super::{Invariant, Known, Violation};

pub(super) async fn check(engine: &Engine, books: &Books, seen: &Seen, known: &Known) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    let project = &books.project;
    let mut tx = engine.store.begin_read(project.id).await?;
    for (name, secret) in known.secrets.iter().filter(|(_, secret)| !secret.is_empty()) {
        for column in tx.columns_holding(secret).await? {
            violations.push(Violation::new(Invariant::NoSecret, format!("{name} stands in {column} of {}", project.path)));
        }
        let said = seen.comments.iter().flat_map(|(number, list)| list.iter().map(move |one| (*number, one.body.as_str())));
        let reviewed = seen.reviews.iter().flat_map(|(number, list)| list.iter().map(move |one| (*number, one.body.as_str())));
        let described = seen.pulls.values().map(|pull| (pull.number, pull.body.as_str()));
        for (number, _) in said.chain(reviewed).chain(described).filter(|(_, body)| holds(body.as_bytes(), secret)) {
            violations.push(Violation::new(Invariant::NoSecret, format!("{name} stands on #{number} of {}", project.path)));
        }
    }
    for (_, text) in known.own_texts.iter().filter(|(owner, _)| *owner != project.id) {
        for column in
            tx.columns_holding(text).await?.into_iter().filter(|column| !column.starts_with("inbox.") && !column.starts_with("projects."))
        {
            violations.push(Violation::new(
                Invariant::ProjectsApart,
                format!("a text of another project stands in {column} of {}", project.path),
            ));
        }
    }
    tx.rollback().await?;
    violations.extend(strangers(books));
    Ok(violations)
}

/// Entries that name a subject, run or effect which is not this project's.
fn strangers(books: &Books) -> Vec<Violation> {
    let mut own: BTreeSet<String> = books.subjects.iter().map(|subject| subject.id.to_string()).collect();
    own.extend(books.runs.iter().map(|run| run.id.to_string()));
    own.extend(books.effects.iter().map(|effect| effect.id.to_string()));
    let named = books.events.iter().flat_map(|event| ["subject", "run", "effect"].map(|key| (event, event.target[key].as_str())));
    let strange = named.filter_map(|(event, name)| Some((event, name?))).filter(|(_, name)| !own.contains(*name));
    let sentence = |(event, name): (&crate::store::EventRow, &str)| {
        format!("the event {} is about {name}, which is not of {}", event.id, books.project.path)
    };
    strange.map(|pair| Violation::new(Invariant::ProjectsApart, sentence(pair))).collect()
}

/// Texts that the caller brought.
pub(super) fn texts(known: &Known) -> Vec<Violation> {
    let pairs = known.texts.iter().flat_map(|text| known.secrets.iter().map(move |secret| (text, secret)));
    let found = pairs.filter(|((_, text), (_, secret))| !secret.is_empty() && holds(text, secret));
    found.map(|((place, _), (name, _))| Violation::new(Invariant::NoSecret, format!("{name} stands in {place}"))).collect()
}

/// Directories of projects that nobody knows, and work trees of runs that have ended.
pub(super) async fn files(engine: &Engine) -> Result<Vec<Violation>> {
    let projects: BTreeSet<String> = engine.store.projects().await?.iter().map(|project| project.id.to_string()).collect();
    let mut violations = Vec::new();
    for room in ["git", "audit", "record"] {
        for name in names_in(&engine.data.join(room)).await {
            let of = name.trim_end_matches(".git");
            if of.parse::<ProjectId>().is_ok() && !projects.contains(of) {
                violations.push(Violation::new(Invariant::ProjectsApart, format!("{room}/{name} belongs to no project")));
            }
        }
    }
    Ok(violations)
}

async fn names_in(dir: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    let Ok(mut entries) = tokio::fs::read_dir(dir).await else { return names };
    while let Ok(Some(entry)) = entries.next_entry().await {
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
