//! I6: labels, pull request and issue show what the books say, and the record ends with it.

use std::collections::BTreeSet;

use crate::domain::forge::State;
use crate::domain::workflow::Story;
use crate::domain::workflow::label::{Label, Stage};
use crate::store::SubjectRow;

use super::super::turn::SUBJECT;
use super::books::{Books, Seen};
use super::{Invariant, Violation};

pub(super) fn check(books: &Books, seen: &Seen) -> Vec<Violation> {
    let stories = books.stories.iter().filter(|(_, story)| story.round > 0);
    let words =
        stories.flat_map(|(subject, story)| shown(story, seen, reopened(books, subject)).into_iter().chain(recorded(books, subject)));
    words.map(|words| Violation::new(Invariant::StateIsShown, words)).collect()
}

/// Whether the forge ever told that the issue was opened again.
fn reopened(books: &Books, subject: &SubjectRow) -> bool {
    books.intents.iter().any(|row| row.subject == subject.id && row.payload["intent"] == "issue-reopened")
}

fn shown(story: &Story, seen: &Seen, reopened: bool) -> Vec<String> {
    let (on_issue, on_pull) = story.labels();
    let mut wrong = Vec::new();
    if let Some(issue) = seen.issues.get(&story.issue) {
        wrong.extend(labels(story.issue, &issue.labels, &on_issue));
        // A person may open it again; the story stays done until somebody asks for a new plan.
        if story.stage == Stage::Done && issue.state == State::Open && !reopened {
            wrong.push(format!("the story of #{} is done and its issue is open", story.issue));
        }
    }
    let Some((of, pull)) = story.pull.as_ref().and_then(|of| Some((of, seen.pulls.get(&of.number)?))) else { return wrong };
    wrong.extend(labels(of.number, &pull.labels, &on_pull));
    if pull.merged != story.merged.is_some() {
        let (books, forge) = (is(story.merged.is_some()), is(pull.merged));
        wrong.push(format!("by the books {} {books} merged, on the forge it {forge}", crate::domain::forge::mention(of.number)));
    }
    if !pull.merged && of.open != (pull.state == State::Open) && story.stage.is_before_merge() {
        wrong.push(format!(
            "by the books {} {} open, on the forge it {}",
            crate::domain::forge::mention(of.number),
            is(of.open),
            is(pull.state == State::Open)
        ));
    }
    wrong
}

fn is(yes: bool) -> &'static str {
    if yes { "is" } else { "is not" }
}

fn labels(number: i64, now: &[String], wanted: &BTreeSet<String>) -> Option<String> {
    let kept = |name: &String| wanted.contains(name) || Label::parse(name).is_some_and(Label::is_kept_by_bot);
    let now: BTreeSet<String> = now.iter().filter(|name| kept(name)).cloned().collect();
    (now != *wanted)
        .then(|| format!("{} carries the labels {}, by the books {}", crate::domain::forge::mention(number), list(&now), list(wanted)))
}

fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "none".into() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}

/// The last entry of the record about a story is the last event it is folded from.
fn recorded(books: &Books, subject: &SubjectRow) -> Option<String> {
    let events = books.by_id();
    let of = |id: &_| events.get(id).is_some_and(|event| event.stream == SUBJECT && event.stream_id == subject.id.0);
    let last = books.chain.iter().rev().find(|row| of(&row.entry)).map(|row| row.entry);
    let due = books.stream(SUBJECT).filter(|event| event.stream_id == subject.id.0).last().map(|event| event.id);
    (last != due).then(|| format!("the record of #{} does not end with the last event of its story", subject.number))
}
