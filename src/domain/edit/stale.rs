//! Quotes of an older view: the lines to change are there, some of the lines around them are not.

use similar::DiffOp;

use super::locate::{Ids, UNKNOWN};
use super::merge::{self, Place};
use super::page::Page;
use super::reading::Reading;
use super::{EditError, How, nearest};

/// Longest quote for which this is tried.
const MOST_OLD: usize = 400;
/// Weight of a line that says something.
const FULL: u32 = 10;
/// Least share of the quote's weight that must be found, in percent.
const LEAST: u32 = 60;
/// By how much of the quote's weight the best place must be ahead of the next, in percent.
const AHEAD: u32 = 25;

/// A way to lay the quote over the file.
struct Laid {
    map: Vec<Option<usize>>,
    weight: u32,
}

/// The only place where all changed lines stand among enough of their neighbours.
pub(super) fn find(page: &Page, ids: &Ids, reading: &Reading) -> Result<Option<Place>, EditError> {
    let old = &reading.old;
    if old.len() < 2 || old.len() > MOST_OLD || *old == reading.new {
        return Ok(None);
    }
    let wanted = ids.of(old);
    let weights: Vec<u32> = old.iter().map(|line| weight(line)).collect();
    let mut laid: Vec<Laid> = Vec::new();
    let ops = merge::changes(old, &reading.new);
    for anchor in anchors(&ops, &wanted, &weights) {
        for at in ids.places(&wanted[anchor.clone()]) {
            let candidate = lay(&wanted, &weights, &ids.lines, anchor.clone(), at);
            if holds(&ops, &candidate.map) && !laid.iter().any(|other| other.map == candidate.map) {
                laid.push(candidate);
            }
        }
        if !laid.is_empty() {
            break;
        }
    }
    laid.sort_by_key(|laid| std::cmp::Reverse(laid.weight));
    let total: u32 = weights.iter().sum();
    let enough = |laid: &&Laid| laid.weight * 100 >= total * LEAST && laid.weight >= 2 * FULL;
    let Some(best) = laid.first().filter(enough) else { return Ok(None) };
    if let Some(next) = laid.get(1)
        && (best.weight - next.weight) * 100 < total * AHEAD
    {
        let starts: Vec<usize> = [best, next].iter().filter_map(|laid| laid.map.iter().flatten().next().copied()).collect();
        return Err(nearest::ambiguous(page, old.len(), &starts));
    }
    merge::merge(page, reading, &best.map, How::Stale).map(Some)
}

/// Brackets and blank lines stand everywhere and prove little.
fn weight(line: &str) -> u32 {
    match line.chars().filter(|c| c.is_alphanumeric()).count() {
        0 if line.trim().is_empty() => 1,
        0..=2 => 2,
        _ => FULL,
    }
}

/// The runs of old lines that must be in the file, the weightiest first: changed lines, or the neighbours of an insertion.
fn anchors(ops: &[DiffOp], wanted: &[u32], weights: &[u32]) -> Vec<std::ops::Range<usize>> {
    let changed = |op: &DiffOp| matches!(op, DiffOp::Delete { .. } | DiffOp::Replace { .. });
    let mut runs: Vec<std::ops::Range<usize>> = ops.iter().filter(|op| changed(op)).map(DiffOp::old_range).collect();
    let must = !runs.is_empty();
    if !must {
        for index in ops.iter().filter(|op| matches!(op, DiffOp::Insert { .. })).map(|op| op.old_range().start) {
            let (from, to) = (index.saturating_sub(1), (index + 1).min(wanted.len()));
            runs.push(from..to);
            runs.extend((from..to).map(|i| i..i + 1));
        }
    }
    runs.retain(|run| !run.is_empty() && (must || !wanted[run.clone()].contains(&UNKNOWN)));
    runs.sort_by_key(|run| std::cmp::Reverse(weights[run.clone()].iter().sum::<u32>()));
    if must {
        runs.truncate(1);
    }
    runs
}

/// Lays the quote so that `anchor` is at line `at`, and as much as possible of the rest near it, in order.
fn lay(wanted: &[u32], weights: &[u32], lines: &[u32], anchor: std::ops::Range<usize>, at: usize) -> Laid {
    let mut map: Vec<Option<usize>> = vec![None; wanted.len()];
    for (i, old) in anchor.clone().enumerate() {
        map[old] = Some(at + i);
    }
    let slack = |length: usize| length + 3.max(length / 2);
    let before = anchor.start;
    let above: Vec<usize> = (at.saturating_sub(slack(before))..at).rev().collect();
    let old_above: Vec<usize> = (0..before).rev().collect();
    let end = at + anchor.len();
    let after = wanted.len() - anchor.end;
    let below: Vec<usize> = (end..(end + slack(after)).min(lines.len())).collect();
    let old_below: Vec<usize> = (anchor.end..wanted.len()).collect();
    for (old, file) in [(old_above, above), (old_below, below)] {
        for (i, j) in pair_up(&old, &file, |i, j| if wanted[i] == lines[j] { weights[i] } else { 0 }) {
            map[i] = Some(j);
        }
    }
    let weight = map.iter().zip(weights).filter(|(place, _)| place.is_some()).map(|(_, weight)| weight).sum();
    Laid { map, weight }
}

/// The heaviest pairing of two sequences in order; among equals, the one nearest to their beginning.
fn pair_up(old: &[usize], file: &[usize], gain: impl Fn(usize, usize) -> u32) -> Vec<(usize, usize)> {
    let width = file.len() + 1;
    let mut best = vec![0u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..file.len()).rev() {
            let skip = best[(i + 1) * width + j].max(best[i * width + j + 1]);
            let gain = gain(old[i], file[j]);
            let take = if gain > 0 { gain + best[(i + 1) * width + j + 1] } else { 0 };
            best[i * width + j] = skip.max(take);
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < file.len() {
        let here = best[i * width + j];
        let gain = gain(old[i], file[j]);
        if gain > 0 && here == gain + best[(i + 1) * width + j + 1] {
            pairs.push((old[i], file[j]));
            i += 1;
            j += 1;
        } else if here == best[i * width + j + 1] {
            j += 1;
        } else {
            i += 1;
        }
    }
    pairs
}

/// Every changed line is in the file, and changed lines that follow each other do so there.
fn holds(ops: &[DiffOp], map: &[Option<usize>]) -> bool {
    ops.iter().filter(|op| matches!(op, DiffOp::Delete { .. } | DiffOp::Replace { .. })).all(|op| {
        let places: Option<Vec<usize>> = map[op.old_range()].iter().copied().collect();
        places.is_some_and(|places| places.windows(2).all(|pair| pair[1] == pair[0] + 1))
    })
}
