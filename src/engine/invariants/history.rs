//! I11: the history of a project without what differs from one course to the next: ids, commits, times.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::perform::EFFECTS;
use super::super::turn::SUBJECT;
use super::books::Books;
use super::{Invariant, Violation};

/// What happened to each subject, one line each, in order. Ids and hashes are numbered as they come up.
pub fn history(books: &Books) -> Vec<String> {
    let mut lines = Vec::new();
    let mut names = BTreeMap::new();
    for subject in &books.subjects {
        for stream in [SUBJECT, EFFECTS] {
            for event in books.stream(stream).filter(|event| event.stream_id == subject.id.0) {
                let what = plain(&event.payload, &mut names);
                lines.push(format!("{} #{} {stream} {} {what}", subject.kind, subject.number, event.kind));
            }
        }
    }
    lines
}

/// Where two histories differ.
pub fn differences(one: &[String], other: &[String]) -> Vec<Violation> {
    let longest = one.len().max(other.len());
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_else(|| "nothing".into());
    let differ = (0..longest).filter(|at| one.get(*at) != other.get(*at));
    differ
        .take(5)
        .map(|at| Violation::new(Invariant::SameHistory, format!("entry {at}: {} against {}", line(one, at), line(other, at))))
        .collect()
}

fn plain(value: &Value, names: &mut BTreeMap<String, usize>) -> String {
    match value {
        Value::Object(fields) => {
            // Agents are named after their lane, whose id differs.
            let fields = fields.iter().filter(|(key, _)| *key != "name");
            let fields: Vec<String> = fields.map(|(key, value)| format!("{key}={}", plain(value, names))).collect();
            format!("{{{}}}", fields.join(" "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(|item| plain(item, names)).collect::<Vec<_>>().join(" ")),
        Value::String(text) => {
            let words: Vec<String> =
                text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(|word| plain_word(word, names)).collect();
            words.concat()
        }
        other => other.to_string(),
    }
}

fn plain_word(word: &str, names: &mut BTreeMap<String, usize>) -> String {
    let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let id = bare.rsplit('_').next().unwrap_or(bare);
    let is_id = id.len() >= 10 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.bytes().any(|byte| byte.is_ascii_digit());
    if !is_id {
        return word.to_owned();
    }
    let next = names.len() + 1;
    let number = *names.entry(bare[..bare.len().min(10)].to_owned()).or_insert(next);
    word.replacen(bare, &format!("<{number}>"), 1)
}
