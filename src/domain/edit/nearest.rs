//! Refusals that show what the file really has, so that the next try can be right.

use similar::TextDiff;

use super::fold::typo_key;
use super::page::Page;
use super::reading::Reading;
use super::{EditError, Why};
use crate::base::text::visible;

/// Lines with their numbers, the first being `from`, as read_file shows them.
pub fn numbered<'a>(from: usize, lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (i, line) in lines.enumerate() {
        let shown = visible(line).replace('\n', " ");
        text.push_str(&format!("{:>5}|{}\n", from + i, clip(&shown)));
    }
    text.pop();
    text
}

fn clip(line: &str) -> String {
    if line.chars().count() <= 200 {
        return line.to_owned();
    }
    line.chars().take(200).chain(['…']).collect()
}

const SHOWN: usize = 12;

/// The old text fits several places.
pub(super) fn ambiguous(page: &Page, length: usize, places: &[usize]) -> EditError {
    let mut lines: Vec<String> = places.iter().take(5).map(|at| (at + 1).to_string()).collect();
    if places.len() > 5 {
        lines.push("…".to_owned());
    }
    let at = places.first().copied().unwrap_or(0);
    let from = at.saturating_sub(2);
    let shown = numbered(from + 1, page.lines[from..].iter().take((length + 4).min(SHOWN)).copied());
    EditError::new(
        Why::Ambiguous,
        format!(
            "The old text fits more than one place (lines {}), so nothing was changed. Quote more of the lines around the place you mean, until it is the only one. Around line {}:\n{shown}",
            lines.join(", "),
            at + 1
        ),
    )
}

/// The old text is nowhere; the most similar lines are shown.
pub(super) fn not_found(page: &Page, reading: &Reading) -> EditError {
    if contains(page, &reading.new) {
        return EditError::new(
            Why::NoChange,
            "The old text is not in the file, but the new text already is: the edit seems to have been made. Read the file if you are not sure.",
        );
    }
    let shown = nearest(page, &reading.old).map_or_else(
        || "Nothing in the file is similar to it. Read the file before the next edit.".to_owned(),
        |at| {
            let from = at.saturating_sub(1);
            let lines = page.lines[from..].iter().take((reading.old.len() + 2).min(SHOWN)).copied();
            format!("The most similar lines are:\n{}", numbered(from + 1, lines))
        },
    );
    EditError::new(
        Why::NotFound,
        format!("The old text is not in the file, so nothing was changed. Copy the lines to change exactly as they are now. {shown}"),
    )
}

/// True when the lines, which say something, stand in the file one after the other.
pub(super) fn contains(page: &Page, lines: &[String]) -> bool {
    let keys: Vec<String> = lines.iter().map(|line| typo_key(line)).collect();
    let telling = keys.iter().map(|key| key.chars().filter(|c| c.is_alphanumeric()).count()).sum::<usize>() >= 8;
    if !telling || keys.len() > 400 || keys.len() > page.lines.len() {
        return false;
    }
    (0..=page.lines.len() - keys.len()).any(|at| (0..keys.len()).all(|i| typo_key(page.lines[at + i]) == keys[i]))
}

/// Most lines of the file that are compared letter by letter.
const MOST_COMPARED: usize = 3_000;

/// Where the most similar lines begin: where most quoted lines are found in place, or where the longest one has its nearest kin.
fn nearest(page: &Page, old: &[String]) -> Option<usize> {
    let keys: Vec<String> = old.iter().take(60).map(|line| typo_key(line)).collect();
    let mut votes: std::collections::HashMap<usize, usize> = std::collections::HashMap::new();
    for (at, line) in page.lines.iter().enumerate().take(100_000) {
        let key = typo_key(line);
        if key.len() < 4 {
            continue;
        }
        for (i, _) in keys.iter().enumerate().filter(|(_, wanted)| **wanted == key) {
            *votes.entry(at.saturating_sub(i)).or_default() += 1;
        }
    }
    let most = votes.into_iter().max_by_key(|(at, votes)| (*votes, std::cmp::Reverse(*at)));
    most.map(|(at, _)| at).or_else(|| kin(page, &keys))
}

fn kin(page: &Page, keys: &[String]) -> Option<usize> {
    let (offset, wanted) = keys.iter().enumerate().max_by_key(|(_, key)| key.len())?;
    if wanted.len() > 400 || wanted.len() < 4 {
        return None;
    }
    let mut best = (0.5, None);
    for (at, line) in page.lines.iter().enumerate().take(MOST_COMPARED) {
        let key = typo_key(line);
        if key.len() * 2 < wanted.len() || wanted.len() * 2 < key.len() {
            continue;
        }
        let ratio = TextDiff::from_chars(wanted.as_str(), key.as_str()).ratio();
        if ratio > best.0 {
            best = (ratio, Some(at.saturating_sub(offset)));
        }
    }
    best.1
}
