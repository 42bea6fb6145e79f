//! What goes wrong between a correct change and what arrives.
#![expect(clippy::ptr_arg, reason = "all harms have one type; some add and remove lines")]

use syndarix::domain::edit::{Edits, Pair};

use crate::make::{Change, change, indent_of, occurrences, unit};
use crate::rng::Rng;

/// An edit as it arrives, and the only right result.
pub struct Case {
    pub path: String,
    pub file: String,
    pub truth: String,
    pub edits: Edits,
}

/// A change of the lines on both sides, alike; `false` when this change cannot suffer it.
type Harm = fn(&mut Rng, &str, &mut Change, &mut Vec<String>, &mut Vec<String>) -> bool;

/// How an edit is wrapped.
type Wrap = fn(&mut Rng, &str, &Change, &[String], &[String]) -> Edits;

/// The harms of a kind, one after the other, and its wrapping.
#[derive(Clone, Copy)]
pub struct Kind {
    harms: &'static [Harm],
    wrap: Wrap,
    /// Lines of context on each side, at least and at most.
    context: (usize, usize),
    windows: bool,
    open_end: bool,
}

const PLAIN: Kind = Kind { harms: &[], wrap: pair, context: (0, 5), windows: false, open_end: false };
const WIDE: Kind = Kind { context: (3, 6), ..PLAIN };

pub const KINDS: &[(&str, Kind)] = &[
    ("exact pair", PLAIN),
    ("exact block", Kind { wrap: block, ..PLAIN }),
    ("fenced block, named file", Kind { wrap: fenced_block, ..PLAIN }),
    ("fences inside the block", Kind { wrap: inner_fences, ..PLAIN }),
    ("file name inside the block", Kind { wrap: inner_name, ..PLAIN }),
    ("search and replace tags", Kind { wrap: tags, ..PLAIN }),
    ("prose with two fences", Kind { wrap: prose, context: (1, 5), ..PLAIN }),
    ("dedented", Kind { harms: &[dedent], wrap: block, context: (1, 5), ..PLAIN }),
    ("shifted right", Kind { harms: &[shift], wrap: block, context: (1, 5), ..PLAIN }),
    ("tabs and spaces swapped", Kind { harms: &[swap_tabs], ..PLAIN }),
    ("swapped and dedented", Kind { harms: &[dedent, swap_tabs], context: (1, 5), ..PLAIN }),
    ("trailing blanks", Kind { harms: &[trailing], wrap: block, ..PLAIN }),
    ("sent with CRLF", Kind { wrap: crlf_pair, ..PLAIN }),
    ("file with CRLF", Kind { wrap: block, windows: true, ..PLAIN }),
    ("file with CRLF, dedented", Kind { harms: &[dedent], wrap: block, windows: true, context: (1, 5), ..PLAIN }),
    ("smart quotes", Kind { harms: &[smart], wrap: block, context: (1, 5), ..PLAIN }),
    ("smart quotes, fenced, dedented", Kind { harms: &[smart, dedent], wrap: fenced_block, context: (1, 5), ..PLAIN }),
    ("no-break spaces", Kind { harms: &[no_break], ..PLAIN }),
    ("zero-width characters", Kind { harms: &[zero_width], ..PLAIN }),
    ("lines left out", Kind { harms: &[elide], wrap: block, context: (4, 8), ..PLAIN }),
    ("lines left out, dedented", Kind { harms: &[dedent, elide], context: (4, 8), ..PLAIN }),
    ("line numbers", Kind { harms: &[line_numbers], ..PLAIN }),
    ("line numbers, also on new", Kind { harms: &[line_numbers_both], wrap: block, ..PLAIN }),
    ("stale context", Kind { harms: &[stale], wrap: block, ..WIDE }),
    ("stale context, dedented", Kind { harms: &[stale, dedent], wrap: block, ..WIDE }),
    ("context lines missing", Kind { harms: &[missing], wrap: block, ..WIDE }),
    ("blank lines around", Kind { harms: &[blank_edges], wrap: block, ..PLAIN }),
    ("no newline at the end of file", Kind { harms: &[at_end], wrap: block, open_end: true, ..PLAIN }),
    ("unified diff", Kind { wrap: diff_right, context: (2, 4), ..PLAIN }),
    ("diff with wrong numbers", Kind { wrap: diff_wrong, context: (2, 4), ..PLAIN }),
    ("diff without numbers, fenced", Kind { wrap: diff_bare, context: (2, 4), ..PLAIN }),
    ("diff with unmarked context", Kind { wrap: diff_unmarked, context: (2, 4), ..PLAIN }),
    ("diff of a CRLF file", Kind { wrap: diff_wrong, context: (2, 4), windows: true, ..PLAIN }),
    ("diff with smart quotes", Kind { harms: &[smart], wrap: diff_wrong, context: (2, 4), ..PLAIN }),
    ("diff with stale context", Kind { harms: &[stale], wrap: diff_wrong, ..WIDE }),
    ("patch without numbers", Kind { wrap: patch, context: (2, 4), ..PLAIN }),
];

/// One case of a kind; `None` when the file has no place for it.
pub fn case(rng: &mut Rng, path: &str, text: &str, kind: Kind) -> Option<Case> {
    for _ in 0..40 {
        let mut made = change(rng, path, text, kind.context)?;
        let (mut old, mut new) = (made.old.clone(), made.new.clone());
        if !kind.harms.iter().all(|harm| harm(rng, path, &mut made, &mut old, &mut new)) {
            continue;
        }
        let edits = (kind.wrap)(rng, path, &made, &old, &new);
        let (mut file, mut truth) = (made.file(), made.truth());
        if kind.open_end {
            file.pop();
            truth.pop();
        }
        if kind.windows {
            file = file.replace('\n', "\r\n");
            truth = truth.replace('\n', "\r\n");
        }
        return Some(Case { path: path.to_owned(), file, truth, edits });
    }
    None
}

fn both(old: &mut [String], new: &mut [String], mut f: impl FnMut(&str) -> String) {
    for line in old.iter_mut().chain(new) {
        *line = f(line);
    }
}

/// All indentation that the lines share goes.
fn dedent(_: &mut Rng, _: &str, _: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let filled: Vec<&String> = old.iter().chain(new.iter()).filter(|line| !line.trim().is_empty()).collect();
    let Some(common) = filled.iter().map(|line| indent_of(line).len()).min() else { return false };
    // A single old line says nothing about how the others are to be indented.
    if common == 0 || old.iter().filter(|line| !line.trim().is_empty()).count() < 2 {
        return false;
    }
    both(old, new, |line| line.get(common..).unwrap_or("").to_owned());
    true
}

fn shift(rng: &mut Rng, path: &str, _: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    if old.iter().filter(|line| !line.trim().is_empty()).count() < 2 {
        return false;
    }
    let more = unit(path).repeat(rng.from(1, 2));
    both(old, new, |line| if line.trim().is_empty() { line.to_owned() } else { format!("{more}{line}") });
    true
}

/// Tabs become four blanks, and the file's unit of blanks becomes a tab.
fn swap_tabs(_: &mut Rng, path: &str, _: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    if !old.iter().any(|line| !indent_of(line).is_empty()) || path.ends_with(".md") {
        return false;
    }
    let unit = unit(path);
    both(old, new, |line| {
        let (indent, rest) = (indent_of(line), line.trim_start());
        if unit == "\t" {
            return format!("{}{rest}", indent.replace('\t', "    "));
        }
        format!("{}{}{rest}", "\t".repeat(indent.len() / unit.len()), " ".repeat(indent.len() % unit.len()))
    });
    true
}

fn trailing(rng: &mut Rng, _: &str, _: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let blanks = ["  ", " ", "\t"][rng.from(0, 2)];
    both(old, new, |line| format!("{line}{blanks}"));
    true
}

/// Quotes and dashes as word processors set them. At least one old line must show it, or nobody could know.
fn smart(_: &mut Rng, _: &str, _: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let before = old.clone();
    let curl = |line: &str| {
        let mut open = true;
        let text = line.replace(" - ", " \u{2013} ").replace(" -- ", " \u{2014} ");
        text.chars()
            .map(|c| match c {
                '"' => {
                    open = !open;
                    if open { '\u{201d}' } else { '\u{201c}' }
                }
                '\'' => '\u{2019}',
                c => c,
            })
            .collect::<String>()
    };
    both(old, new, curl);
    let changed = |of: char| old.iter().any(|line| line.contains(of));
    let shown = |sent: &str| {
        sent.chars().filter(|c| !c.is_ascii()).all(|c| match c {
            '\u{201c}' | '\u{201d}' => changed('\u{201c}') || changed('\u{201d}'),
            c => changed(c),
        })
    };
    *old != before && new.iter().all(|line| shown(line))
}

fn no_break(rng: &mut Rng, _: &str, _: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let blank = ["\u{a0}", "\u{202f}", "\u{2003}"][rng.from(0, 2)];
    both(old, new, |line| format!("{}{}", indent_of(line), line.trim_start().replace(' ', blank)));
    true
}

fn zero_width(rng: &mut Rng, _: &str, _: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let hidden = *rng.pick(&['\u{200b}', '\u{feff}', '\u{2060}', '\u{ad}']);
    both(old, new, |line| match line.char_indices().nth(line.chars().count() / 2) {
        Some((at, _)) => format!("{}{hidden}{}", &line[..at], &line[at..]),
        None => line.to_owned(),
    });
    true
}

/// Two or more lines between the outermost context and the core become a mark, on both sides.
fn elide(rng: &mut Rng, path: &str, made: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let (before, after) = (made.core.start, made.old.len() - made.core.end);
    let mark = match path.rsplit('.').next() {
        Some("py" | "yaml") => *rng.pick(&["# ... existing code ...", "...", "# ... (rest unchanged)"]),
        Some("md") => *rng.pick(&["...", "<!-- ... -->"]),
        _ => *rng.pick(&["// ... existing code ...", "...", "/* ... */", "// ... rest of the code ..."]),
    };
    let top = rng.chance(50);
    let count = if top { before } else { after };
    let shape = |sides: &mut Vec<String>| {
        let range = if top { 1..count - 1 } else { sides.len() - count + 1..sides.len() - 1 };
        let indent = indent_of(&sides[range.start]).to_owned();
        sides.splice(range, [format!("{indent}{mark}")]);
    };
    if count < 4 {
        return false;
    }
    // The part with the core must be known by itself, for what is left out could stand anywhere.
    let near = if top { made.old[count - 1..].to_vec() } else { made.old[..made.old.len() - count + 1].to_vec() };
    let far = if top { &made.old[0] } else { &made.old[made.old.len() - 1] };
    if occurrences(&made.lines, &near) != 1 || occurrences(&made.lines, std::slice::from_ref(far)) != 1 || far.trim().is_empty() {
        return false;
    }
    if near.first().is_none_or(|l| l.trim().is_empty()) || near.last().is_none_or(|l| l.trim().is_empty()) {
        return false;
    }
    shape(old);
    shape(new);
    true
}

fn numbered(rng: &mut Rng, lines: &mut [String], start: usize) -> &'static str {
    let style = *rng.pick(&["|", "| ", "\t", ": ", " | ", "→"]);
    for (i, line) in lines.iter_mut().enumerate() {
        *line = format!("{:>5}{style}{line}", start + i + 1);
    }
    style
}

fn line_numbers(rng: &mut Rng, _: &str, made: &mut Change, old: &mut Vec<String>, _: &mut Vec<String>) -> bool {
    numbered(rng, old, made.start);
    true
}

fn line_numbers_both(rng: &mut Rng, _: &str, made: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let style = numbered(rng, old, made.start);
    for (i, line) in new.iter_mut().enumerate() {
        *line = format!("{:>5}{style}{line}", made.start + i + 1);
    }
    true
}

/// Lines next to a pure insertion say where it goes; when one of them is wrong the other must do.
fn far_context(made: &Change) -> Vec<usize> {
    made.context().into_iter().filter(|&i| i + 1 < made.core.start || i > made.core.end).collect()
}

/// One or two lines away from the core are of an older view.
fn stale(rng: &mut Rng, _: &str, made: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let shift = new.len() as isize - old.len() as isize;
    let candidates: Vec<usize> =
        far_context(made).into_iter().filter(|&i| made.old[i].chars().filter(|c| c.is_alphanumeric()).count() >= 4).collect();
    if candidates.is_empty() || !decided(made) {
        return false;
    }
    for _ in 0..rng.from(1, 2) {
        let at = *rng.pick(&candidates);
        let line = format!("{}{} older", indent_of(&made.old[at]), made.old[at].trim().replace(['a', 'e'], "o"));
        let in_new = if at < made.core.start { at } else { at.wrapping_add_signed(shift) };
        old[at].clone_from(&line);
        new[in_new] = line;
    }
    enough(made, old)
}

/// A line away from the core is missing on both sides.
fn missing(rng: &mut Rng, _: &str, made: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let shift = new.len() as isize - old.len() as isize;
    let candidates: Vec<usize> = far_context(made).into_iter().filter(|&i| i > 0 && i + 1 < made.old.len()).collect();
    if candidates.is_empty() || !decided(made) {
        return false;
    }
    let at = *rng.pick(&candidates);
    let in_new = if at < made.core.start { at } else { at.wrapping_add_signed(shift) };
    old.remove(at);
    new.remove(in_new);
    enough(made, old)
}

/// The core with its neighbours is the only one of its kind.
fn decided(made: &Change) -> bool {
    let near = made.core.start - 1..made.core.end + 1;
    let telling = |line: &String| line.chars().filter(|c| c.is_alphanumeric()).count() >= 3;
    let core = if made.core.is_empty() { &made.old[near.clone()] } else { &made.old[made.core.clone()] };
    occurrences(&made.lines, &made.old[near]) == 1 && occurrences(&made.lines, core) == 1 && core.iter().any(telling)
}

/// Most of what is quoted is still in the file.
fn enough(made: &Change, old: &[String]) -> bool {
    let telling: Vec<&String> = old.iter().filter(|line| line.chars().filter(|c| c.is_alphanumeric()).count() >= 3).collect();
    let known = telling.iter().filter(|line| made.old.contains(line)).count();
    known >= 3 && known * 10 >= telling.len() * 7
}

fn blank_edges(_: &mut Rng, _: &str, made: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    // With a blank line really there, the quote would be right as it is.
    let around = [made.start.checked_sub(1), Some(made.start + made.old.len())];
    if around.iter().flatten().any(|i| made.lines.get(*i).is_none_or(|line| line.trim().is_empty())) || made.new.is_empty() {
        return false;
    }
    let edge = |line: Option<&String>| line.is_none_or(|line| line.trim().is_empty());
    if [&*old, &*new].iter().any(|side| edge(side.first()) || edge(side.last())) {
        return false;
    }
    for side in [old, new] {
        side.insert(0, String::new());
        side.push(String::new());
    }
    true
}

fn at_end(_: &mut Rng, _: &str, made: &mut Change, old: &mut Vec<String>, new: &mut Vec<String>) -> bool {
    let from = made.lines.len() - 3.min(made.lines.len());
    let tail = made.lines[from..].to_vec();
    made.start = from;
    made.old.clone_from(&tail);
    made.core = 2..2;
    made.new = tail.clone();
    made.new.push("the very last line".to_owned());
    (*old, *new) = (tail, made.new.clone());
    true
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn pair(rng: &mut Rng, _: &str, _: &Change, old: &[String], new: &[String]) -> Edits {
    let (mut old, mut new) = (joined(old), joined(new));
    if rng.chance(50) && new.len() > 1 {
        old.pop();
        new.pop();
    }
    Edits::Pairs(vec![Pair { old, new }])
}

fn crlf_pair(_: &mut Rng, _: &str, _: &Change, old: &[String], new: &[String]) -> Edits {
    Edits::Pairs(vec![Pair { old: joined(old).replace('\n', "\r\n"), new: joined(new).replace('\n', "\r\n") }])
}

fn block_text(old: &[String], new: &[String]) -> String {
    format!("<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n", joined(old), joined(new))
}

fn block(_: &mut Rng, _: &str, _: &Change, old: &[String], new: &[String]) -> Edits {
    Edits::Text(block_text(old, new))
}

fn fenced_block(rng: &mut Rng, path: &str, _: &Change, old: &[String], new: &[String]) -> Edits {
    let name = rng.pick(&["", "**", "`"]);
    Edits::Text(format!("Here is the change.\n\n{name}{path}{name}\n```\n{}```\nThat is all.\n", block_text(old, new)))
}

fn inner_fences(_: &mut Rng, _: &str, _: &Change, old: &[String], new: &[String]) -> Edits {
    let fenced = |lines: &[String]| format!("```text\n{}```\n", joined(lines));
    Edits::Text(format!("<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE", fenced(old), fenced(new)))
}

fn inner_name(_: &mut Rng, path: &str, _: &Change, old: &[String], new: &[String]) -> Edits {
    Edits::Text(format!("<<<<<<< SEARCH\n// {path}\n{}=======\n// {path}\n{}>>>>>>> REPLACE", joined(old), joined(new)))
}

fn tags(_: &mut Rng, _: &str, _: &Change, old: &[String], new: &[String]) -> Edits {
    Edits::Text(format!("<search>\n{}</search>\n<replace>\n{}</replace>\n", joined(old), joined(new)))
}

fn prose(_: &mut Rng, _: &str, _: &Change, old: &[String], new: &[String]) -> Edits {
    if old.iter().chain(new).any(|line| line.contains("```")) {
        return Edits::Text(block_text(old, new));
    }
    Edits::Text(format!("Replace this:\n```\n{}```\nwith this:\n```\n{}```\n", joined(old), joined(new)))
}

/// The body of a hunk: the core's old lines marked `-`, its new ones `+`.
fn body(made: &Change, old: &[String], new: &[String], context: &str) -> String {
    let (before, after) = (made.core.start, made.old.len() - made.core.end);
    let mut text = String::new();
    let mut add = |mark: &str, lines: &[String]| lines.iter().for_each(|line| text.push_str(&format!("{mark}{line}\n")));
    add(context, &old[..before]);
    add("-", &old[before..old.len() - after]);
    add("+", &new[before..new.len() - after]);
    add(context, &old[old.len() - after..]);
    text
}

fn header(path: &str) -> String {
    format!("--- a/{path}\n+++ b/{path}\n")
}

fn diff_right(_: &mut Rng, path: &str, made: &Change, old: &[String], new: &[String]) -> Edits {
    let at = made.start + 1;
    Edits::Text(format!("{}@@ -{at},{} +{at},{} @@\n{}", header(path), old.len(), new.len(), body(made, old, new, " ")))
}

fn diff_wrong(rng: &mut Rng, path: &str, made: &Change, old: &[String], new: &[String]) -> Edits {
    let (a, b) = (rng.from(1, 90), rng.from(1, 20));
    Edits::Text(format!("```diff\n{}@@ -{a},{b} +{a},{b} @@ something()\n{}```\n", header(path), body(made, old, new, " ")))
}

fn diff_bare(_: &mut Rng, _: &str, made: &Change, old: &[String], new: &[String]) -> Edits {
    Edits::Text(format!("```diff\n@@ ... @@\n{}```\n", body(made, old, new, " ")))
}

fn diff_unmarked(_: &mut Rng, path: &str, made: &Change, old: &[String], new: &[String]) -> Edits {
    let marked = made.context().iter().any(|&i| old[i].starts_with(['-', '+', '@', '\\']));
    Edits::Text(format!("{}@@ -1 +1 @@\n{}", header(path), body(made, old, new, if marked { " " } else { "" })))
}

fn patch(_: &mut Rng, path: &str, made: &Change, old: &[String], new: &[String]) -> Edits {
    Edits::Text(format!("*** Begin Patch\n*** Update File: {path}\n@@\n{}*** End Patch\n", body(made, old, new, " ")))
}
