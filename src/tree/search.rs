//! Searching in the files' text.

use regex::Regex;

use super::list::Kind;
use super::{TreeError, WorkTree};
use crate::domain::path::RepoPath;

/// Bounds of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// Most hits returned.
    pub hits: usize,
    /// Most bytes of text returned, over all hits.
    pub bytes: usize,
    /// Most bytes of one line returned.
    pub line_bytes: usize,
    /// Files larger than this are passed over.
    pub file_bytes: u64,
    /// Most bytes read over all files.
    pub total_bytes: u64,
    /// Lines shown before and after a hit.
    pub context: usize,
}

impl Default for SearchLimits {
    fn default() -> SearchLimits {
        SearchLimits { hits: 200, bytes: 24_000, line_bytes: 400, file_bytes: 2 << 20, total_bytes: 256 << 20, context: 0 }
    }
}

/// A line that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub path: RepoPath,
    /// Line number, from 1.
    pub line: usize,
    /// The lines shown, with their numbers; the hit and its context.
    pub lines: Vec<(usize, String)>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// True when a limit ended the search early.
    pub truncated: bool,
    /// Text files that were searched.
    pub files: usize,
    /// Files passed over: binary, too big, or not plain files.
    pub passed_over: usize,
}

impl WorkTree {
    /// Searches the files at or below `prefix` that `filter` accepts, line by line.
    pub fn search(
        &self,
        regex: &Regex,
        prefix: Option<&RepoPath>,
        filter: &dyn Fn(&RepoPath) -> bool,
        limits: SearchLimits,
    ) -> Result<Found, TreeError> {
        let mut found = Found::default();
        let mut left = Left { bytes: limits.bytes, read: limits.total_bytes };
        let (_, complete) = self.visit(prefix, 40, &mut |entry, dir, name| {
            if !filter(&entry.path) {
                return true;
            }
            if entry.kind != Kind::File || entry.size > limits.file_bytes {
                found.passed_over += 1;
                return true;
            }
            if entry.size > left.read {
                return false;
            }
            let bytes = self.read_at(dir, name, &entry.path, limits.file_bytes.min(left.read));
            let Some(text) = bytes.ok().and_then(text_of) else {
                found.passed_over += 1;
                return true;
            };
            left.read -= text.len() as u64;
            found.files += 1;
            search_text(&text, &entry.path, regex, limits, &mut left, &mut found.hits)
        })?;
        found.truncated = !complete;
        Ok(found)
    }
}

struct Left {
    bytes: usize,
    read: u64,
}

/// `None` for binary content: a NUL byte, or not UTF-8.
fn text_of(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\u{0}'))
}

/// Adds the hits of one file; false when a limit is reached.
fn search_text(text: &str, path: &RepoPath, regex: &Regex, limits: SearchLimits, left: &mut Left, hits: &mut Vec<Hit>) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    for at in 0..lines.len() {
        if !regex.is_match(lines[at]) {
            continue;
        }
        let shown = at.saturating_sub(limits.context)..(at + limits.context + 1).min(lines.len());
        let shown: Vec<(usize, String)> = shown.map(|i| (i + 1, shorten(lines[i], limits.line_bytes))).collect();
        let size = path.as_str().len() + shown.iter().map(|(_, line)| line.len() + 8).sum::<usize>();
        if hits.len() >= limits.hits || size > left.bytes {
            return false;
        }
        left.bytes -= size;
        hits.push(Hit { path: path.clone(), line: at + 1, lines: shown });
    }
    true
}

fn shorten(line: &str, max: usize) -> String {
    if line.len() <= max {
        return line.to_owned();
    }
    let end = (0..=max).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &line[..end])
}
