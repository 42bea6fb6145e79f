//! Carrying the indentation of a quote over to the file's own.

use super::page::{Page, split_indent};

/// The indentation a line was quoted with, and the one it has in the file.
pub(super) type Pair<'a> = (&'a str, &'a str);

/// One step of indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Tab,
    Spaces(usize),
}

/// How new lines are indented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// As they were sent.
    Verbatim,
    /// With `to` in place of `from` at the beginning; one of them is empty.
    Prefix { from: String, to: String },
    /// Only the first line of the new text lost its indentation.
    First(String),
    /// Step by step, from one unit to another.
    Scale { quoted: Unit, file: Unit, offset: i64 },
}

impl Plan {
    /// The line as it belongs in the file; `None` when the plan does not fit it. `first`: the first line of the new text.
    pub fn apply(&self, line: &str, first: bool) -> Option<String> {
        let (indent, rest) = split_indent(line);
        if rest.is_empty() {
            return Some(String::new());
        }
        match self {
            Plan::Verbatim => Some(line.to_owned()),
            Plan::First(to) if first && indent.is_empty() => Some(format!("{to}{rest}")),
            Plan::First(_) => Some(line.to_owned()),
            Plan::Prefix { from, to } => indent.strip_prefix(from.as_str()).map(|indent| format!("{to}{indent}{rest}")),
            Plan::Scale { quoted, file, offset } => {
                let (level, extra) = steps(indent, *quoted)?;
                let level = usize::try_from(level + offset).ok()?;
                Some(format!("{}{}{rest}", write(*file, level), " ".repeat(extra)))
            }
        }
    }
}

/// A plan under which every quoted indentation becomes the file's, and that all `new` lines can follow. Among several, the one
/// that keeps to the file's own steps. `None` when nothing explains what was quoted.
pub(super) fn plan(page: &Page, pairs: &[Pair], new: &[&str], quoted: &[&str]) -> Option<Plan> {
    let style = style(&page.lines);
    let plans = candidates(pairs, style, quoted);
    let fitting = plans
        .into_iter()
        .filter(|plan| pairs.iter().enumerate().all(|(i, (from, to))| plan.apply(&format!("{from}x"), i == 0) == Some(format!("{to}x"))));
    let placed = |plan: &Plan| new.iter().enumerate().map(|(i, line)| plan.apply(line, i == 0)).collect::<Option<Vec<_>>>();
    let offences = |lines: &[String]| lines.iter().map(|line| offence(style, line)).sum::<usize>();
    // The first of several that are equally good.
    fitting
        .filter_map(|plan| placed(&plan).map(|lines| (offences(&lines), plan)))
        .min_by_key(|(offences, _)| *offences)
        .map(|(_, plan)| plan)
}

fn candidates(pairs: &[Pair], style: Option<Unit>, quoted: &[&str]) -> Vec<Plan> {
    let mut plans = vec![Plan::Verbatim];
    // A single blank aligns, it does not indent.
    let proof = pairs.iter().any(|(from, to)| from == to && !matches!(*from, "" | " "));
    if let Some((from, to)) = pairs.iter().find(|(from, to)| from != to) {
        if let Some(added) = to.strip_suffix(from) {
            plans.push(Plan::Prefix { from: String::new(), to: added.to_owned() });
        }
        if let Some(removed) = from.strip_suffix(to) {
            plans.push(Plan::Prefix { from: removed.to_owned(), to: String::new() });
        }
    } else if proof {
        // The quote is indented as the file is: what differs in the new lines is meant.
        return plans;
    }
    if let Some(file) = style {
        for quoted in units(quoted) {
            let offset = pairs.first().map_or(Some(0), |(from, to)| Some(steps(to, file)?.0 - steps(from, quoted)?.0));
            plans.extend(offset.map(|offset| Plan::Scale { quoted, file, offset }));
        }
    }
    if let Some((("", to), rest)) = pairs.split_first()
        && !rest.is_empty()
        && !to.is_empty()
    {
        plans.push(Plan::First((*to).to_owned()));
    }
    plans
}

/// The units a text may be indented in, most likely first.
fn units(lines: &[&str]) -> Vec<Unit> {
    let indents: Vec<&str> =
        lines.iter().map(|line| split_indent(line)).filter(|(i, rest)| !i.is_empty() && !rest.is_empty()).map(|(i, _)| i).collect();
    if indents.iter().any(|indent| indent.starts_with('\t')) {
        return vec![Unit::Tab];
    }
    let common = indents.iter().map(|indent| indent.len()).filter(|n| n % 2 == 0).fold(0, gcd);
    let mut units: Vec<Unit> = [common, 4, 2, 8, 3].into_iter().filter(|n| (2..=8).contains(n)).map(Unit::Spaces).collect();
    let mut seen = Vec::new();
    units.retain(|unit| {
        !seen.contains(unit) && {
            seen.push(*unit);
            true
        }
    });
    units
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// How many steps an indentation has, and how many blanks are left over.
fn steps(indent: &str, unit: Unit) -> Option<(i64, usize)> {
    let tabs = indent.chars().take_while(|c| *c == '\t').count();
    let blanks = &indent[tabs..];
    if blanks.contains(|c| c != ' ') {
        return None;
    }
    match unit {
        Unit::Tab => Some((i64::try_from(tabs).ok()?, blanks.len())),
        Unit::Spaces(_) if tabs > 0 => None,
        Unit::Spaces(n) => Some((i64::try_from(blanks.len() / n).ok()?, blanks.len() % n)),
    }
}

fn write(unit: Unit, level: usize) -> String {
    match unit {
        Unit::Tab => "\t".repeat(level),
        Unit::Spaces(n) => " ".repeat(n * level),
    }
}

/// The unit nearly all of a file's lines are indented in; `None` when it has too few indented lines, or mixes.
pub(super) fn style(lines: &[&str]) -> Option<Unit> {
    let mut counts = [0usize; 9];
    let (mut tabs, mut spaces, mut before) = (0, 0, 0);
    for line in lines.iter().take(20_000) {
        let (indent, rest) = split_indent(line);
        if rest.is_empty() || rest.starts_with('*') {
            continue;
        }
        tabs += usize::from(indent.starts_with('\t'));
        spaces += usize::from(indent.starts_with("  "));
        if !indent.contains('\t') {
            let step = indent.len().saturating_sub(before);
            if (2..=8).contains(&step) {
                counts[step] += 1;
            }
            before = indent.len();
        }
    }
    if tabs >= 2 && spaces * 10 < tabs {
        return Some(Unit::Tab);
    }
    let best = (2..=8).max_by_key(|n| (counts[*n], 9 - n))?;
    (spaces >= 2 && tabs * 10 < spaces && counts[best] > 0).then_some(Unit::Spaces(best))
}

/// How much a line's indentation offends against the file's style.
fn offence(style: Option<Unit>, line: &str) -> usize {
    let (indent, rest) = split_indent(line);
    match style {
        _ if indent.is_empty() || rest.is_empty() => 0,
        None => 0,
        Some(Unit::Tab) => {
            if indent.starts_with('\t') || indent == " " {
                0
            } else {
                3
            }
        }
        Some(Unit::Spaces(_)) if indent.contains('\t') => 3,
        Some(Unit::Spaces(n)) => usize::from(indent.len() % n != 0 && !rest.starts_with('*')),
    }
}

/// Whether lines step in where a block opens, and nowhere else. Decides between two readings of a text without its own first indentation.
pub(super) fn well_nested(page: &Page, lines: &[String]) -> bool {
    let unit = style(&page.lines);
    let lines: Vec<&String> = lines.iter().filter(|line| !line.trim().is_empty()).collect();
    lines.windows(2).all(|pair| {
        let (a, b) = (split_indent(pair[0]).0.len(), split_indent(pair[1]).0.len());
        let opens = pair[0].trim_end().ends_with([':', '{', '(', '[', '>', '=', ',', '\\', '|'])
            || pair[1].trim_start().starts_with(['.', '&', '|', '?', '+', '-']);
        let must = pair[0].trim_end().ends_with([':', '{', '(', '[']) && !pair[1].trim_start().starts_with(['}', ')', ']']);
        let one_step = match unit {
            Some(Unit::Spaces(n)) if must => b == a + n,
            _ => true,
        };
        if b > a { opens && one_step } else { b < a || !must }
    })
}
