//! Reading unified diffs, and the patch form without numbers. Line numbers and counts are never believed: models invent them.

use super::page::split_indent;
use super::parse::{Hunk, Sides, check_file, is_fence};
use super::{EditError, Why};

/// True when a line is a hunk's header, or two lines are a file's.
pub(super) fn looks_like_diff(lines: &[&str]) -> bool {
    let header = |i: usize| lines[i].starts_with("--- ") && lines.get(i + 1).is_some_and(|next| next.starts_with("+++ "));
    (0..lines.len()).any(|i| lines[i].starts_with("@@") || lines[i].starts_with("*** Begin Patch") || header(i))
}

/// The hunks of a diff of one file.
pub(super) fn hunks(lines: &[&str], path: Option<&str>) -> Result<Vec<Hunk>, EditError> {
    let lines = inside(lines);
    let mut bodies: Vec<Vec<&str>> = Vec::new();
    let mut files: Vec<&str> = Vec::new();
    let mut open = false;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if line.starts_with("--- ") && lines.get(at + 1).is_some_and(|next| next.starts_with("+++ ")) {
            files.push(file_name(&lines[at + 1][4..], &line[4..]));
            // A diff without any `@@` begins right below its header.
            bodies.push(Vec::new());
            open = true;
            at += 2;
            continue;
        }
        if let Some(name) = line.strip_prefix("*** ") {
            open = false;
            if let Some(name) = name.strip_prefix("Update File: ") {
                files.push(name.trim());
                bodies.push(Vec::new());
                open = true;
            } else if name.starts_with("Add File") || name.starts_with("Delete File") {
                return Err(EditError::new(
                    Why::NotUnderstood,
                    "The patch adds or deletes a file. Use create_file or delete_file for that.",
                ));
            }
        } else if line.starts_with("@@") {
            bodies.push(Vec::new());
            open = true;
        } else if line.starts_with("diff --git") || line.starts_with("index ") {
            open = false;
        } else if let Some(body) = bodies.last_mut().filter(|_| open) {
            body.push(line);
        }
        at += 1;
    }
    files.dedup();
    if files.len() > 1 {
        return Err(EditError::new(Why::OtherFile, "The diff changes several files. Send one call per file, each with its own path."));
    }
    check_file(files.first().copied(), path)?;
    bodies.retain(|body| body.iter().any(|line| line.starts_with(['+', '-'])));
    if bodies.is_empty() {
        return Err(EditError::new(Why::NotUnderstood, "The diff holds no line that begins with `+` or `-`."));
    }
    Ok(bodies.iter().map(|body| hunk(body)).collect())
}

/// What a fence encloses, if the diff stands in one; otherwise everything.
fn inside<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let first = (0..lines.len()).find(|&i| {
        let line = lines[i];
        line.starts_with("@@") || line.starts_with("--- ") || line.starts_with("diff --git") || line.starts_with("*** Begin Patch")
    });
    let first = first.unwrap_or(0);
    let fence = lines[..first].iter().rev().find(|line| !line.trim().is_empty()).filter(|line| is_fence(line));
    // The file may have fences of its own; in a diff they come after a mark.
    let same_place = |line: &str, fence: &str| is_fence(line) && split_indent(line).0 == split_indent(fence).0;
    let end = fence.and_then(|fence| (first..lines.len()).find(|&i| same_place(lines[i], fence)));
    &lines[first..end.unwrap_or(lines.len())]
}

fn file_name<'a>(new: &'a str, old: &'a str) -> &'a str {
    let name = if new.trim() == "/dev/null" { old } else { new };
    name.split('\t').next().unwrap_or(name).trim()
}

/// A hunk's body in the three ways its context can be meant: marked by a space; unmarked; unmarked lines not part of it.
fn hunk(body: &[&str]) -> Hunk {
    let mut body = body;
    // A blank line at the end closes the text of the diff; a blank line of context would only help to find the place.
    while body.last().is_some_and(|line| line.trim().is_empty()) {
        body = &body[..body.len() - 1];
    }
    let marked = sides(body, |line| Some(line.strip_prefix(' ').unwrap_or(line)));
    let unmarked = sides(body, Some);
    let dropped = sides(body, |line| if line.is_empty() { Some(line) } else { line.strip_prefix(' ') });
    let mut texts = vec![marked];
    for other in [unmarked, dropped] {
        if !texts.contains(&other) {
            texts.push(other);
        }
    }
    Hunk { texts, inline: false }
}

fn sides<'a>(body: &[&'a str], context: impl Fn(&'a str) -> Option<&'a str>) -> Sides {
    let mut sides = Sides { old: Vec::new(), new: Vec::new() };
    for line in body {
        if let Some(line) = line.strip_prefix('-') {
            sides.old.push(line.to_owned());
        } else if let Some(line) = line.strip_prefix('+') {
            sides.new.push(line.to_owned());
        } else if line.starts_with("\\ No newline") {
            // Whether the file ends in a line end stays as it is.
        } else if let Some(line) = context(line) {
            sides.old.push(line.to_owned());
            sides.new.push(line.to_owned());
        }
    }
    sides
}
