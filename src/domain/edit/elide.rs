//! Quotes with lines left out: `...`, `// ... existing code ...`, on both sides alike.

use std::sync::LazyLock;

use regex::Regex;

use super::locate::Ids;
use super::merge::{self, Place};
use super::page::Page;
use super::reading::Reading;
use super::{EditError, How, Why, nearest};

static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "existing|unchanged|rest|remaining|remainder|same|other|previous|omitted|truncated|snip|elided|more|keep|code|lines";
    Regex::new(&format!(
        r"(?i)^(?:(?:\.{{3,}}|…|\[(?:\.{{3}}|…)\])|(?:\.{{3,}}|…)\s*\(?[^=;{{}}]*\b(?:{words})\b[^=;{{}}]*|[^=;{{}}]*\b(?:{words})\b[^=;{{}}]*(?:\.{{3,}}|…)\)?|<snip>|\[(?:snip|omitted)\])$"
    ))
    .ok()
});

const LEADERS: [&str; 9] = ["//", "#", "--", "/*", "<!--", "{/*", "*", ";;", "%"];

/// The text of a line without the marks of a comment, and whether it had any.
fn uncommented(line: &str) -> (&str, bool) {
    let line = line.trim();
    let inner = LEADERS.iter().find_map(|leader| line.strip_prefix(leader)).unwrap_or(line);
    let inner = inner.trim_end_matches("-->").trim_end_matches("*/}").trim_end_matches("*/");
    (inner.trim(), inner.len() != line.len())
}

/// True for a line that stands for others.
pub(super) fn is_mark(line: &str) -> bool {
    let (inner, comment) = uncommented(line);
    let bare = matches!(inner, "..." | "…" | "[...]" | "[…]");
    MARK.as_ref().is_some_and(|mark| mark.is_match(inner)) && (bare || comment || inner.starts_with("...") || inner.starts_with('…'))
}

/// True for a mark that cannot be meant as text. A bare `...` below a line that opens a block is a statement in Python.
fn is_certain_mark(lines: &[String], at: usize) -> bool {
    let statement = lines[at].trim() == "..." && (at == 0 || lines[at - 1].trim_end().ends_with([':', '[', '{', '(']));
    is_mark(&lines[at]) && !statement
}

/// Refuses new lines with a mark that the old lines do not have: it would end up in the file in place of what it stands for.
pub(super) fn check_new(page: &Page, reading: &Reading) -> Result<(), EditError> {
    let known = |line: &String| reading.old.contains(line) || page.lines.iter().any(|old| old.trim() == line.trim());
    let lost = (0..reading.new.len()).find(|&at| is_certain_mark(&reading.new, at) && !known(&reading.new[at])).map(|at| &reading.new[at]);
    lost.map_or(Ok(()), |line| {
        let message = format!("The new text holds `{}`, which would be written into the file as it stands. Send all lines, or leave out the same lines on both sides.", line.trim());
        Err(EditError::new(Why::Doubtful, message))
    })
}

/// The only placement of the pieces between the marks, in order.
pub(super) fn find(page: &Page, ids: &Ids, reading: &Reading) -> Result<Option<Place>, EditError> {
    if !reading.old.iter().any(|line| is_mark(line)) {
        return Ok(None);
    }
    let (old, new) = (pieces(&reading.old), pieces(&reading.new));
    if old.len() != new.len() {
        let message = "Lines are left out of the old text but not in the same places of the new text, so it is not certain what becomes of them. Leave out the same lines on both sides, or send only the lines that change.";
        return Err(EditError::new(Why::Doubtful, message));
    }
    let wanted: Vec<Vec<u32>> = old.iter().map(|piece| ids.of(&reading.old[piece.clone()])).collect();
    let Some(placed) = place(page, ids, &wanted) else { return Ok(None) };
    let mut place =
        Place { how: How::Elided, splices: Vec::new(), quoted: 0..0, notes: vec!["The lines that were left out were kept.".to_owned()] };
    for (i, spots) in placed.iter().enumerate() {
        let part = Reading { old: reading.old[old[i].clone()].to_vec(), new: reading.new[new[i].clone()].to_vec(), ..reading.clone() };
        if part.old == part.new {
            continue;
        }
        match spots.as_slice() {
            [] => {
                let message = "New lines stand next to a place where lines are left out, so it is not certain where they belong. Quote the line next to them.";
                return Err(EditError::new(Why::Doubtful, message));
            }
            [at] => {
                let map: Vec<Option<usize>> = (*at..at + part.old.len()).map(Some).collect();
                let found = merge::merge(page, &part, &map, How::Typography)?;
                place.splices.extend(found.splices);
                place.quoted = if place.quoted.is_empty() { found.quoted } else { place.quoted.start..found.quoted.end };
                place.notes.extend(found.notes);
            }
            many => return Err(nearest::ambiguous(page, part.old.len(), many)),
        }
    }
    Ok(Some(place))
}

/// The ranges between the marks; blank lines at their ends belong to what is left out.
fn pieces(lines: &[String]) -> Vec<std::ops::Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for at in (0..=lines.len()).filter(|&at| at == lines.len() || is_mark(&lines[at])) {
        let (mut from, mut to) = (start, at);
        while from < to && lines[from].trim().is_empty() {
            from += 1;
        }
        while from < to && lines[to - 1].trim().is_empty() {
            to -= 1;
        }
        pieces.push(from..to);
        start = at + 1;
    }
    pieces
}

/// For each piece, the places it can have when all pieces stand in order; empty pieces have none. `None` when they cannot.
fn place(page: &Page, ids: &Ids, wanted: &[Vec<u32>]) -> Option<Vec<Vec<usize>>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut end = 0;
    for piece in wanted {
        let mut spots = ids.places(piece);
        spots.retain(|at| *at >= end);
        match spots.first() {
            Some(first) => end = first + piece.len(),
            None if piece.is_empty() => {}
            None => return None,
        }
        all.push(spots);
    }
    let mut limit = page.lines.len();
    for (spots, piece) in all.iter_mut().zip(wanted).rev() {
        spots.retain(|at| at + piece.len() <= limit);
        limit = spots.last().copied().unwrap_or(limit);
    }
    Some(all)
}
