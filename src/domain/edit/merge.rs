//! Turning a found place into splices: only what the edit changes is changed, and it takes on the file's manner.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::fold::{self, Unfold};
use super::indent::{self, Plan};
use super::page::{Page, Splice, split_indent};
use super::reading::Reading;
use super::{EditError, How, Why, nearest};

/// A hunk's place in the file, as changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub how: How,
    pub splices: Vec<Splice>,
    /// The lines of the file from the first to the last that is quoted.
    pub quoted: Range<usize>,
    pub notes: Vec<String>,
}

/// Longest side of a hunk, in lines.
pub(super) const MOST_LINES: usize = 20_000;

/// What the edit itself changes, as operations from its old to its new lines.
pub(super) fn changes(old: &[String], new: &[String]) -> Vec<DiffOp> {
    capture_diff_slices(Algorithm::Myers, old, new)
}

/// `map` says which line of the file each old line is; it counts up, and is `None` for a line the file does not have.
pub(super) fn merge(page: &Page, reading: &Reading, map: &[Option<usize>], how: How) -> Result<Place, EditError> {
    let (old, new) = (&reading.old, &reading.new);
    if old.len() > MOST_LINES || new.len() > MOST_LINES {
        return Err(EditError::new(Why::TooBig, format!("One part of the edit has more than {MOST_LINES} lines. Send smaller parts.")));
    }
    let mut splices = Vec::new();
    for op in changes(old, new) {
        let (lines_from, lines_to) = (op.new_range().start, op.new_range().end);
        let (at, remove) = match op {
            DiffOp::Equal { .. } => continue,
            DiffOp::Insert { old_index, .. } => (gap(page, old, map, old_index)?, 0),
            DiffOp::Delete { old_index, old_len, .. } | DiffOp::Replace { old_index, old_len, .. } => {
                (run(page, &map[old_index..old_index + old_len])?, old_len)
            }
        };
        splices.push((Splice { at, remove, lines: Vec::new() }, lines_from, lines_to));
    }
    let dress = Dress::new(page, reading, map, how, &splices)?;
    let mut done = Vec::new();
    for (mut splice, from, to) in splices {
        splice.lines = dress.lines(from, to)?;
        let unchanged = splice.lines.len() == splice.remove && (0..splice.remove).all(|i| page.lines[splice.at + i] == splice.lines[i]);
        if !unchanged {
            done.push(splice);
        }
    }
    let places = || map.iter().flatten().copied();
    let quoted = places().min().unwrap_or(0)..places().max().map_or(0, |last| last + 1);
    Ok(Place { how, splices: done, quoted, notes: dress.notes(how) })
}

/// Where the changed lines stand; all of them must be there, without a gap.
fn run(page: &Page, map: &[Option<usize>]) -> Result<usize, EditError> {
    let places: Option<Vec<usize>> = map.iter().copied().collect();
    match places {
        Some(places) if places.windows(2).all(|pair| pair[1] == pair[0] + 1) => Ok(places[0]),
        _ => {
            Err(uncertain(page, map.iter().flatten().copied().next(), "The lines to change do not stand in the file one after the other."))
        }
    }
}

/// Where lines are inserted before old line `index`.
fn gap(page: &Page, old: &[String], map: &[Option<usize>], index: usize) -> Result<usize, EditError> {
    let before = index.checked_sub(1).and_then(|i| map[i]);
    let after = map.get(index).copied().flatten();
    let telling = |i: usize| old[i].chars().filter(|c| c.is_alphanumeric()).count() >= 3;
    match (before, after) {
        (Some(before), Some(after)) if after == before + 1 => Ok(after),
        (Some(before), None) if index == map.len() || telling(index - 1) => Ok(before + 1),
        (None, Some(after)) if index == 0 || telling(index) => Ok(after),
        (near, other) => Err(uncertain(page, near.or(other), "It is not certain between which lines the new lines belong.")),
    }
}

fn uncertain(page: &Page, line: Option<usize>, what: &str) -> EditError {
    let shown = line.map_or(String::new(), |line| {
        let from = line.saturating_sub(3);
        format!(" The file has there:\n{}", nearest::numbered(from + 1, page.lines[from..].iter().take(8).copied()))
    });
    EditError::new(Why::Doubtful, format!("{what} Copy the lines as they are now and send the edit again.{shown}"))
}

/// How new lines are made to fit in: indentation, characters, trailing blanks.
struct Dress<'a> {
    page: &'a Page<'a>,
    new: &'a [String],
    plan: Plan,
    unfold: Unfold,
    trim: Trim,
}

/// What happens to white space at the end of new lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trim {
    Keep,
    /// The file has none: it goes, but for the two blanks that break a line in Markdown.
    AllButTwo,
    /// The quote had blanks that the file does not have.
    All,
}

impl<'a> Dress<'a> {
    fn new(
        page: &'a Page<'a>,
        reading: &'a Reading,
        map: &[Option<usize>],
        how: How,
        splices: &[(Splice, usize, usize)],
    ) -> Result<Dress<'a>, EditError> {
        let mut unfold = Unfold::default();
        let mut trim = if page.lines.iter().any(|line| line.ends_with([' ', '\t'])) { Trim::Keep } else { Trim::AllButTwo };
        for (old, at) in reading.old.iter().zip(map) {
            let Some(line) = at.map(|at| page.lines[at]) else { continue };
            if old != line && !old.is_ascii() && how >= How::Typography {
                unfold.learn(old, line);
            }
            if old.ends_with([' ', '\t']) && !line.ends_with([' ', '\t']) {
                trim = Trim::All;
            }
        }
        let new = &reading.new;
        let placed: Vec<&str> = splices.iter().flat_map(|(_, from, to)| &new[*from..*to]).map(String::as_str).collect();
        let plan = find_plan(page, reading, map, splices, &placed)?;
        Ok(Dress { page, new, plan, unfold, trim })
    }

    fn lines(&self, from: usize, to: usize) -> Result<Vec<String>, EditError> {
        (from..to).map(|i| self.line(&self.new[i], i == 0)).collect()
    }

    fn line(&self, line: &str, first: bool) -> Result<String, EditError> {
        let line = match self.trim {
            Trim::Keep => line,
            Trim::AllButTwo if line.ends_with("  ") && !line.ends_with("   ") && !line.trim().is_empty() => line,
            Trim::AllButTwo | Trim::All => line.trim_end(),
        };
        let unfolded = if self.unfold.is_empty() { fold::straighten(line, self.page) } else { self.unfold.apply(line) };
        // A line of blanks only keeps them where the file does so too.
        if unfolded.trim().is_empty() {
            return Ok(if self.trim == Trim::Keep && self.plan == Plan::Verbatim { unfolded } else { String::new() });
        }
        self.plan.apply(&unfolded, first).ok_or_else(unclear_indent)
    }

    fn notes(&self, how: How) -> Vec<String> {
        let mut notes = Vec::new();
        if self.plan != Plan::Verbatim {
            notes.push("The indentation was adapted to the file's.".to_owned());
        }
        if !self.unfold.is_empty() {
            notes.push("Typographic characters were made plain, as in the file.".to_owned());
        }
        if how == How::Stale {
            notes.push("Some lines around the change differ from what you quoted; they were kept as they are in the file.".to_owned());
        }
        notes
    }
}

fn unclear_indent() -> EditError {
    EditError::new(
        Why::Doubtful,
        "The place was found, but not how the new lines are to be indented. Send the old and the new lines with the indentation they have in the file.",
    )
}

/// The evidence is every quoted line. If that contradicts itself, the lines that are replaced decide, but only where every quoted line
/// says something: a bracket at another depth is another bracket.
fn find_plan(
    page: &Page,
    reading: &Reading,
    map: &[Option<usize>],
    splices: &[(Splice, usize, usize)],
    placed: &[&str],
) -> Result<Plan, EditError> {
    let found = || reading.old.iter().zip(map).filter_map(|(old, at)| at.map(|at| (old, at))).filter(|(old, _)| !old.trim().is_empty());
    let pair = |(old, at): (&String, usize)| (split_indent(old).0.to_owned(), split_indent(page.lines[at]).0.to_owned());
    let all: Vec<(String, String)> = found().map(pair).collect();
    let quoted: Vec<&str> = reading.old.iter().chain(&reading.new).map(String::as_str).collect();
    if let Some(plan) = one_line(page, &all, reading, placed) {
        return plan;
    }
    let plan = |pairs: &[(String, String)]| {
        let pairs: Vec<indent::Pair> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        if pairs.is_empty() { None } else { indent::plan(page, &pairs, placed, &quoted) }
    };
    if let Some(plan) = plan(&all) {
        return Ok(plan);
    }
    if found().any(|(old, _)| old.chars().filter(|c| c.is_alphanumeric()).count() < 3) {
        return Err(unclear_indent());
    }
    if placed.iter().all(|line| line.trim().is_empty()) {
        return Ok(Plan::Verbatim);
    }
    let changed = |at: usize| splices.iter().any(|(s, ..)| (s.at..s.at + s.remove).contains(&at));
    let near: Vec<(String, String)> = found().filter(|(_, at)| changed(*at)).map(pair).collect();
    plan(&near).ok_or_else(unclear_indent)
}

/// A single line quoted without its indentation says nothing about the other new lines: they may be indented as in the file, or
/// relative to the first. Only one of the two makes well-nested lines, or else it stays open.
fn one_line(page: &Page, pairs: &[(String, String)], reading: &Reading, placed: &[&str]) -> Option<Result<Plan, EditError>> {
    let [(from, to)] = pairs else { return None };
    let filled = placed.iter().filter(|line| !line.trim().is_empty()).count();
    if !from.is_empty() || to.is_empty() || filled < 2 || reading.old.len() != 1 || to.contains('\t') {
        return None;
    }
    let plans = [Plan::Prefix { from: String::new(), to: to.clone() }, Plan::First(to.clone())];
    let made = |plan: &Plan| -> Vec<String> { reading.new.iter().enumerate().filter_map(|(i, line)| plan.apply(line, i == 0)).collect() };
    let [relative, first] = [made(&plans[0]), made(&plans[1])];
    // Lines left of the first one cannot be meant as they stand.
    let outside = first.iter().any(|line| !line.trim().is_empty() && split_indent(line).0.len() < to.len());
    let [relative_plan, first_plan] = plans;
    match (indent::well_nested(page, &relative), indent::well_nested(page, &first) && !outside) {
        (true, false) => Some(Ok(relative_plan)),
        (false, true) => Some(Ok(first_plan)),
        (false, false) if outside => Some(Ok(relative_plan)),
        _ if relative == first => Some(Ok(relative_plan)),
        _ => Some(Err(unclear_indent())),
    }
}
