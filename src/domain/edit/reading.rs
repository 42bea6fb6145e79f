//! The ways in which the lines of a hunk can be read: as they are, or without what was copied or wrapped along with them.

use std::sync::LazyLock;

use regex::Regex;

use super::fold;
use super::page::Page;
use super::parse::{Hunk, Sides, is_fence, looks_like_path};

/// One way to read a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub old: Vec<String>,
    pub new: Vec<String>,
    /// True when the old text may be a part of a line.
    pub inline: bool,
    /// The line number that was copied along with the first line, from 1.
    pub copied_line: Option<usize>,
    /// What was set aside, as a sentence.
    pub note: Option<&'static str>,
}

/// All readings of a hunk, the most literal first.
pub(super) fn readings(hunk: &Hunk, page: &Page) -> Vec<Reading> {
    let mut out: Vec<Reading> = Vec::new();
    let mut add = |reading: Reading| {
        if !out.iter().any(|seen| seen.old == reading.old && seen.new == reading.new) && out.len() < 24 {
            out.push(reading);
        }
    };
    let clean = |lines: &[String]| lines.iter().map(|line| fold::clean(line, page)).collect::<Vec<_>>();
    let mut queue: Vec<Reading> = Vec::new();
    for Sides { old, new } in &hunk.texts {
        queue.push(Reading { old: clean(old), new: clean(new), inline: hunk.inline, copied_line: None, note: None });
    }
    let steps: [fn(&Reading) -> Vec<Reading>; 4] = [without_fences, without_file_name, without_numbers, without_blank_edges];
    for step in steps {
        let more: Vec<Reading> = queue.iter().flat_map(step).collect();
        queue.extend(more);
    }
    queue.into_iter().for_each(&mut add);
    out
}

fn without_fences(reading: &Reading) -> Vec<Reading> {
    let strip = |lines: &[String]| -> Option<Vec<String>> {
        let inner = lines.len() >= 2 && is_fence(&lines[0]) && lines[lines.len() - 1].trim() == "```";
        inner.then(|| lines[1..lines.len() - 1].to_vec())
    };
    let Some(old) = strip(&reading.old) else { return Vec::new() };
    let new = strip(&reading.new).or_else(|| reading.new.is_empty().then(Vec::new));
    new.map(|new| Reading { old, new, note: Some("The fences around the text were left out."), ..reading.clone() }).into_iter().collect()
}

/// A first line that only names the file, on both sides.
fn without_file_name(reading: &Reading) -> Vec<Reading> {
    let (Some(a), Some(b)) = (reading.old.first(), reading.new.first()) else { return Vec::new() };
    let bare = a.trim().trim_start_matches(['/', '#', '-', '*', ' ', '<', '!']).trim_end_matches(['-', '*', '/', '>', ' ', ':']);
    if a.trim() != b.trim() || !looks_like_path(bare) || reading.old.len() < 2 {
        return Vec::new();
    }
    let (old, new) = (reading.old[1..].to_vec(), reading.new[1..].to_vec());
    vec![Reading { old, new, note: Some("The line with the file's name was left out."), ..reading.clone() }]
}

static NUMBERED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\s*(\d{1,6})( ?[|:\t→│]|$)(.*)$").ok());

/// A line's number, the mark after it (empty at the end of a line), and the rest.
fn split_number(line: &str) -> Option<(usize, &str, &str)> {
    let found = NUMBERED.as_ref()?.captures(line)?;
    let number = found.get(1)?.as_str().parse().ok()?;
    Some((number, found.get(2)?.as_str(), found.get(3)?.as_str()))
}

/// Line numbers in front of every line, as they come from read_file and other viewers.
fn without_numbers(reading: &Reading) -> Vec<Reading> {
    let Some((first, last, mark)) = numbers(&reading.old) else { return Vec::new() };
    let range = first.saturating_sub(reading.new.len() + 1)..=last + reading.new.len() + 1;
    let marked = |line: &str| split_number(line).filter(|(n, own, _)| range.contains(n) && (*own == mark || own.is_empty())).is_some();
    // Some viewers put one blank after the mark, which then is not a part of the line.
    let strip = |line: &String, blank: bool| {
        let rest = split_number(line).map_or(line.as_str(), |(_, _, rest)| rest);
        rest.strip_prefix(' ').filter(|_| blank).unwrap_or(rest).to_owned()
    };
    let read = |blank: bool| {
        let old: Vec<String> = reading.old.iter().map(|line| strip(line, blank)).collect();
        // New lines that repeat an old one without its number have no numbers: what looks like one belongs to them.
        let bare = reading.new.iter().any(|line| !line.trim().is_empty() && old.contains(line));
        let new = reading.new.iter().map(|line| if !bare && marked(line) { strip(line, blank) } else { line.clone() }).collect();
        Reading { old, new, copied_line: Some(first), note: Some("The line numbers were left out."), ..reading.clone() }
    };
    vec![read(false), read(true)]
}

/// The first and the last number and the mark after them, if every line has a number, they count up, and the mark is always the same.
fn numbers(lines: &[String]) -> Option<(usize, usize, &str)> {
    let lines = lines.iter().filter(|line| !line.trim().is_empty());
    let split: Vec<(usize, &str, &str)> = lines.map(|line| split_number(line)).collect::<Option<_>>()?;
    let mark = split.iter().map(|(_, mark, _)| *mark).find(|mark| !mark.is_empty())?;
    let same = split.iter().all(|(_, own, _)| *own == mark || own.is_empty());
    (same && split.windows(2).all(|pair| pair[0].0 < pair[1].0)).then(|| (split[0].0, split[split.len() - 1].0, mark))
}

/// Blank lines at both ends, as many as both sides have there.
fn without_blank_edges(reading: &Reading) -> Vec<Reading> {
    let blank = |line: &&String| line.trim().is_empty();
    let head = |lines: &[String]| lines.iter().take_while(blank).count();
    let tail = |lines: &[String]| lines.iter().rev().take_while(blank).count();
    let (old_head, old_tail) = (head(&reading.old), tail(&reading.old));
    if old_head == reading.old.len() || old_head + old_tail == 0 {
        return Vec::new();
    }
    let all_blank = head(&reading.new) == reading.new.len();
    let (new_head, new_tail) =
        if all_blank { (reading.new.len(), 0) } else { (head(&reading.new).min(old_head), tail(&reading.new).min(old_tail)) };
    if !all_blank && (new_head != old_head || new_tail != old_tail) {
        return Vec::new();
    }
    let old = reading.old[old_head..reading.old.len() - old_tail].to_vec();
    let new = reading.new[new_head..reading.new.len() - new_tail].to_vec();
    vec![Reading { old, new, ..reading.clone() }]
}
