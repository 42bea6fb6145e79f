//! A correct change of a real-looking file.

use crate::rng::Rng;

/// Files in eight languages.
pub const SOURCES: &[(&str, &str)] = &[
    ("src/basket.rs", include_str!("sources/basket.rs")),
    ("app/rooms.py", include_str!("sources/rooms.py")),
    ("queue/queue.go", include_str!("sources/queue.go")),
    ("web/search.ts", include_str!("sources/search.ts")),
    ("ledger/Ledger.java", include_str!("sources/Ledger.java")),
    ("lib/ring.c", include_str!("sources/ring.c")),
    ("ops/deploy.yaml", include_str!("sources/deploy.yaml")),
    ("docs/GUIDE.md", include_str!("sources/GUIDE.md")),
];

/// Lines `start..start + old.len()` of the file become `new`. `core` is what differs: the old lines, counted from the block's first.
#[derive(Clone, Debug)]
pub struct Change {
    pub lines: Vec<String>,
    pub start: usize,
    pub old: Vec<String>,
    pub new: Vec<String>,
    pub core: std::ops::Range<usize>,
}

impl Change {
    /// The file after the change.
    pub fn truth(&self) -> String {
        let mut lines = self.lines[..self.start].to_vec();
        lines.extend(self.new.iter().cloned());
        lines.extend(self.lines[self.start + self.old.len()..].iter().cloned());
        lines.join("\n") + "\n"
    }

    pub fn file(&self) -> String {
        self.lines.join("\n") + "\n"
    }

    /// Lines above and below the core.
    pub fn context(&self) -> Vec<usize> {
        (0..self.core.start).chain(self.core.end..self.old.len()).collect()
    }
}

/// A line without what corruption touches: white space, and the kind of quotes and dashes.
pub fn bare(line: &str) -> String {
    line.chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

/// How often a run of lines stands in the file, whatever its white space.
pub fn occurrences(lines: &[String], block: &[String]) -> usize {
    let block: Vec<String> = block.iter().map(|line| bare(line)).collect();
    let lines: Vec<String> = lines.iter().map(|line| bare(line)).collect();
    lines.windows(block.len()).filter(|window| *window == block.as_slice()).count()
}

pub fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// One step of indentation of a file.
pub fn unit(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("go" | "c") => "\t",
        Some("ts" | "yaml") => "  ",
        _ => "    ",
    }
}

/// A change of one to three lines within `context` lines on both sides.
pub fn change(rng: &mut Rng, path: &str, text: &str, context: (usize, usize)) -> Option<Change> {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..200 {
        let (before, after) = (rng.from(context.0, context.1), rng.from(context.0, context.1));
        let core_length = rng.from(0, 3);
        let length = before + core_length + after;
        if length < 2 || length > lines.len() {
            continue;
        }
        let start = rng.from(0, lines.len() - length);
        let old = lines[start..start + length].to_vec();
        let core = before..before + core_length;
        let telling = |line: &String| line.chars().filter(|c| c.is_alphanumeric()).count() >= 4;
        // A place is only known to be right when it is the only one.
        if occurrences(&lines, &old) != 1 || !old.iter().any(telling) || old[core.clone()].iter().any(|line| line.trim().is_empty()) {
            continue;
        }
        let made = new_core(rng, path, &old, &core)?;
        let mut new = old[..before].to_vec();
        new.extend(made);
        new.extend_from_slice(&old[core.end..]);
        if new.iter().map(|l| bare(l)).eq(old.iter().map(|l| bare(l))) {
            continue;
        }
        return Some(Change { lines, start, old, new, core });
    }
    None
}

/// What stands in place of the core: renamed and renumbered lines, nothing, or more lines.
fn new_core(rng: &mut Rng, path: &str, old: &[String], core: &std::ops::Range<usize>) -> Option<Vec<String>> {
    let mut made: Vec<String> = old[core.clone()].to_vec();
    let near = old
        .get(core.start)
        .filter(|line| !line.trim().is_empty())
        .or_else(|| old[..core.start].iter().rev().find(|line| !line.trim().is_empty()))?;
    let indent = indent_of(near).to_owned();
    let number = rng.from(10, 999);
    match rng.from(0, 4) {
        0 if !made.is_empty() => made.clear(),
        1 | 2 if !made.is_empty() => {
            for line in &mut made {
                *line = renamed(line, number);
            }
        }
        _ => {
            if let Some(line) = made.last_mut() {
                *line = renamed(line, number);
            }
            made.extend(added(path, &indent, number));
        }
    }
    Some(made)
}

/// The last word of a line, changed.
fn renamed(line: &str, number: usize) -> String {
    let end = line.rfind(|c: char| c.is_ascii_alphanumeric()).map(|at| at + 1);
    match end {
        Some(end) => format!("{}{number}{}", &line[..end], &line[end..]),
        None => format!("{line} {number}"),
    }
}

fn added(path: &str, indent: &str, number: usize) -> Vec<String> {
    let unit = unit(path);
    let lines: Vec<String> = match path.rsplit('.').next() {
        Some("rs") => vec![format!("if limit > {number} {{"), format!("{unit}log(\"too many: {number}\");"), "}".to_owned()],
        Some("py") => vec![format!("if limit > {number}:"), format!("{unit}log.info(\"limit - {number}\")")],
        Some("go") => vec![format!("if limit > {number} {{"), format!("{unit}log.Printf(\"limit %d\", {number})"), "}".to_owned()],
        Some("ts") => vec![format!("if (limit > {number}) {{"), format!("{unit}console.log(\"limit {number}\");"), "}".to_owned()],
        Some("java" | "c") => vec![format!("if (limit > {number}) {{"), format!("{unit}report(\"limit\", {number});"), "}".to_owned()],
        Some("yaml") => vec![format!("extra{number}:"), format!("{unit}value: \"{number}\"")],
        _ => vec![format!("A new line, number {number}."), format!("It's \"here\" - for {number} reasons.")],
    };
    lines.into_iter().map(|line| format!("{indent}{line}")).collect()
}
