//! Quotes of an older view: the lines to change are there, some of the lines around them are not.

use std::ops::Range;

use similar::DiffOp;

use super::locate::{Ids, UNKNOWN};
use super::merge::{self, Place};
use super::page::{Page, split_indent};
use super::reading::Reading;
use super::{EditError, How, nearest};

/// Longest quote for which this is tried.
const MOST_OLD: usize = 400;
/// Weight of a line that says something.
const FULL: u32 = 10;
/// Least share of the quote's weight that must be found, in percent.
const LEAST: u32 = 60;
/// Share from which a change may stand next to a line that differs, in percent.
const NEARLY_ALL: u32 = 80;
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
            let fits = depth(page, old, anchor.start, at);
            let gain = |i: usize, j: usize| match wanted[i] == ids.lines[j] && (weights[i] == FULL || fits(i, j)) {
                true => weights[i],
                false => 0,
            };
            let candidate = lay(&weights, ids.lines.len(), anchor.clone(), at, &gain);
            if ops.iter().all(|op| holds(op, &candidate.map, &weights)) && !laid.iter().any(|other| other.map == candidate.map) {
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
    // Without its direct neighbours a change needs nearly everything else.
    let sure = |laid: &&Laid| closed(&ops, laid) || laid.weight * 100 >= total * NEARLY_ALL;
    let Some(best) = laid.first().filter(enough).filter(sure) else { return Ok(None) };
    if nearest::contains(page, &reading.new) {
        return Ok(None);
    }
    if let Some(next) = laid.get(1)
        && (best.weight - next.weight) * 100 < total * AHEAD
        && !(overlap(best, next) && best.weight > next.weight && closed(&ops, best) && !closed(&ops, next))
    {
        let changed = ops.iter().find(|op| !matches!(op, DiffOp::Equal { .. })).map_or(0, |op| op.old_range().start);
        let line = |laid: &&Laid| laid.map[changed..].iter().chain(&laid.map).flatten().next().copied();
        let lines: Vec<usize> = [best, next].iter().filter_map(line).collect();
        return Err(nearest::ambiguous(page, old.len(), &lines));
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
fn anchors(ops: &[DiffOp], wanted: &[u32], weights: &[u32]) -> Vec<Range<usize>> {
    let changed = |op: &DiffOp| matches!(op, DiffOp::Delete { .. } | DiffOp::Replace { .. });
    let mut runs: Vec<Range<usize>> = ops.iter().filter(|op| changed(op)).map(DiffOp::old_range).collect();
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

/// Whether a line that says little stands as deep in the file as the quote has it, measured by the anchor.
fn depth<'a>(page: &'a Page, old: &'a [String], anchor: usize, at: usize) -> impl Fn(usize, usize) -> bool + 'a {
    let (from, to) = (split_indent(&old[anchor]).0, split_indent(page.lines[at]).0);
    move |i, j| {
        let (quoted, there) = (split_indent(&old[i]).0, split_indent(page.lines[j]).0);
        old[i].trim().is_empty()
            || match (to.strip_suffix(from), from.strip_suffix(to)) {
                (Some(added), _) => there.strip_suffix(quoted) == Some(added),
                (_, Some(removed)) => quoted.strip_suffix(there) == Some(removed),
                _ => true,
            }
    }
}

/// Lays the quote so that `anchor` is at line `at`, and as much as possible of the rest near it, in order.
fn lay(weights: &[u32], lines: usize, anchor: Range<usize>, at: usize, gain: &dyn Fn(usize, usize) -> u32) -> Laid {
    let mut map: Vec<Option<usize>> = vec![None; weights.len()];
    for (i, old) in anchor.clone().enumerate() {
        map[old] = Some(at + i);
    }
    let slack = |length: usize| length + 3.max(length / 2);
    let before = anchor.start;
    let above: Vec<usize> = (at.saturating_sub(slack(before))..at).rev().collect();
    let old_above: Vec<usize> = (0..before).rev().collect();
    let end = at + anchor.len();
    let after = weights.len() - anchor.end;
    let below: Vec<usize> = (end..(end + slack(after)).min(lines)).collect();
    let old_below: Vec<usize> = (anchor.end..weights.len()).collect();
    for (old, file) in [(old_above, above), (old_below, below)] {
        for (i, j) in pair_up(&old, &file, gain) {
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

/// Whether a change stands where the quote has it: its lines are there without a gap, and what is quoted next to them is next to them.
fn holds(op: &DiffOp, map: &[Option<usize>], weights: &[u32]) -> bool {
    let Range { start, end } = op.old_range();
    match op {
        DiffOp::Equal { .. } => true,
        DiffOp::Insert { .. } => {
            let (above, below) = (above(map, weights, start), below(map, weights, start));
            let joined = start > 0 && start < map.len() && follows(map[start - 1], map[start]);
            if joined { above + below >= FULL } else { above.max(below) >= 2 * FULL }
        }
        DiffOp::Delete { .. } | DiffOp::Replace { .. } => {
            let whole = map[start].is_some() && (start + 1..end).all(|i| follows(map[i - 1], map[i]));
            let (left, right) = (start == 0 || follows(map[start - 1], map[start]), end == map.len() || follows(map[end - 1], map[end]));
            let near = if left && start > 0 { above(map, weights, start) } else { 0 } + if right { below(map, weights, end) } else { 0 };
            let telling = weights[start..end].contains(&FULL);
            whole && near >= FULL && (telling || left && right)
        }
    }
}

fn follows(a: Option<usize>, b: Option<usize>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if b == a + 1)
}

/// Weight of the lines that stand without a gap right above old line `index`.
fn above(map: &[Option<usize>], weights: &[u32], index: usize) -> u32 {
    let mut sum = 0;
    for i in (0..index).rev().take_while(|&i| map[i].is_some()) {
        sum += weights[i];
        if i == 0 || !follows(map[i - 1], map[i]) {
            break;
        }
    }
    sum
}

/// Weight of the lines that stand without a gap from old line `index` on.
fn below(map: &[Option<usize>], weights: &[u32], index: usize) -> u32 {
    let mut sum = 0;
    for i in (index..map.len()).take_while(|&i| map[i].is_some()) {
        sum += weights[i];
        if i + 1 == map.len() || !follows(map[i], map[i + 1]) {
            break;
        }
    }
    sum
}

fn overlap(a: &Laid, b: &Laid) -> bool {
    a.map.iter().flatten().any(|line| b.map.contains(&Some(*line)))
}

/// Whether every change touches its quoted neighbours on both sides.
fn closed(ops: &[DiffOp], laid: &Laid) -> bool {
    ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).all(|op| {
        let Range { start, end } = op.old_range();
        let joined = |i: usize| i == 0 || i >= laid.map.len() || follows(laid.map[i - 1], laid.map[i]);
        joined(start) && joined(end)
    })
}
