//! Edits that have no certain meaning: twins, near twins, wrong views. Each is refused, or done as the one right result says.

use syndarix::domain::edit::{Edits, Pair};

use crate::make::{Change, change, indent_of, occurrences};
use crate::rng::Rng;

/// An edit that may be applied only if it gives `truth`.
pub struct Doubtful {
    pub path: String,
    pub file: String,
    pub truth: Option<String>,
    pub edits: Edits,
}

type Make = fn(&mut Rng, &str, &str) -> Option<Doubtful>;

pub const KINDS: &[(&str, Make)] = &[
    ("twin blocks", twins),
    ("twin blocks, dedented", twins_dedented),
    ("near twins, stale context", near_twins),
    ("near twins, a line missing", near_twins_missing),
    ("diff at the line of a twin", twin_diff),
    ("the changed line differs", changed_differs),
    ("another file's lines", foreign),
    ("another file's name", other_name),
    ("cut off in the middle", cut_off),
    ("left out on one side only", lost_lines),
    ("placeholder in the new text", placeholder),
    ("already done", already),
    ("no change", no_change),
    ("inside a longer word", inside_word),
    ("short common line", common_line),
    ("two overlapping parts", overlapping),
    ("insertion between strangers", strangers),
];

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn pairs(old: &[String], new: &[String]) -> Edits {
    Edits::Pairs(vec![Pair { old: joined(old), new: joined(new) }])
}

fn block(old: &[String], new: &[String]) -> Edits {
    Edits::Text(format!("<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n", joined(old), joined(new)))
}

fn made(rng: &mut Rng, path: &str, text: &str) -> Option<Change> {
    change(rng, path, text, (2, 4)).filter(|made| !made.core.is_empty())
}

fn doubtful(path: &str, file: String, truth: Option<String>, edits: Edits) -> Option<Doubtful> {
    Some(Doubtful { path: path.to_owned(), file, truth, edits })
}

/// The same text twice, with something between.
fn doubled(text: &str) -> String {
    format!("{text}\nsomething else\n{text}")
}

fn twins(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let edits = if rng.chance(50) { pairs(&made.old, &made.new) } else { block(&made.old, &made.new) };
    doubtful(path, doubled(text), None, edits)
}

fn twins_dedented(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let dedent = |lines: &[String]| {
        lines.iter().map(|line| line.strip_prefix(indent_of(&made.old[0])).unwrap_or(line).to_owned()).collect::<Vec<_>>()
    };
    doubtful(path, doubled(text), None, block(&dedent(&made.old), &dedent(&made.new)))
}

/// The file with a second copy in which `line` of the block reads differently.
fn with_near_twin(made: &Change, line: usize) -> (String, String) {
    let mut copy = made.lines.clone();
    copy[made.start + line].push_str(" // twin");
    (format!("{}\nsomething else\n{}", made.file(), joined(&copy)), format!("{}\nsomething else\n{}", made.truth(), joined(&copy)))
}

/// The line that tells the copies apart is quoted in a third way.
fn near_twins(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let line = *rng.pick(&made.context());
    let (file, _) = with_near_twin(&made, line);
    let (mut old, mut new) = (made.old.clone(), made.new.clone());
    let in_new = if line < made.core.start { line } else { line + new.len() - old.len().min(new.len() + line) };
    let stale = format!("{} // third", made.old[line]);
    old[line].clone_from(&stale);
    *new.get_mut(in_new)? = stale;
    doubtful(path, file, None, block(&old, &new))
}

/// The line that tells the copies apart is right, another one is missing.
fn near_twins_missing(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let (file, truth) = with_near_twin(&made, 0);
    let (mut old, mut new) = (made.old.clone(), made.new.clone());
    if made.core.start < 2 {
        return None;
    }
    old.remove(made.core.start - 1);
    new.remove(made.core.start - 1);
    doubtful(path, file, Some(truth), block(&old, &new))
}

/// Numbers in a diff are not believed, so they cannot choose between twins.
fn twin_diff(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let mut diff = format!("--- a/{path}\n+++ b/{path}\n@@ -{},9 +{},9 @@\n", made.start + 1, made.start + 1);
    let (before, after) = (made.core.start, made.old.len() - made.core.end);
    made.old[..before].iter().for_each(|line| diff.push_str(&format!(" {line}\n")));
    made.old[made.core.clone()].iter().for_each(|line| diff.push_str(&format!("-{line}\n")));
    made.new[before..made.new.len() - after].iter().for_each(|line| diff.push_str(&format!("+{line}\n")));
    made.old[made.core.end..].iter().for_each(|line| diff.push_str(&format!(" {line}\n")));
    doubtful(path, doubled(text), None, Edits::Text(diff))
}

/// The file has something in the changed line that the model has not seen.
fn changed_differs(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let mut lines = made.lines.clone();
    let changed: Vec<usize> = made.core.clone().filter(|&i| !made.new.contains(&made.old[i])).collect();
    if changed.is_empty() {
        return None;
    }
    let at = made.start + *rng.pick(&changed);
    lines[at] = format!("{}{} && also_this", indent_of(&lines[at]), lines[at].trim());
    doubtful(path, joined(&lines), None, block(&made.old, &made.new))
}

fn foreign(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let (other_path, other) = crate::make::SOURCES.iter().find(|(other, _)| *other != path && rng.chance(40))?;
    let made = change(rng, other_path, other, (2, 4))?;
    doubtful(path, text.to_owned(), None, pairs(&made.old, &made.new))
}

fn other_name(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let Edits::Text(edit) = block(&made.old, &made.new) else { return None };
    doubtful(path, text.to_owned(), None, Edits::Text(format!("other/place.rs\n```\n{edit}```\n")))
}

fn cut_off(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let Edits::Text(edit) = block(&made.old, &made.new) else { return None };
    let keep = edit.len() - ">>>>>>> REPLACE\n".len() - rng.from(0, 20);
    let end = (0..=keep).rev().find(|&at| edit.is_char_boundary(at))?;
    doubtful(path, text.to_owned(), None, Edits::Text(edit[..end].to_owned()))
}

fn lost_lines(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = change(rng, path, text, (3, 5)).filter(|made| made.old.len() >= 5)?;
    let mut old = made.old.clone();
    old.splice(1..3, ["// ... existing code ...".to_owned()]);
    doubtful(path, text.to_owned(), None, block(&old, &made.new[made.core.start..]))
}

fn placeholder(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let mut new = made.new.clone();
    new.splice(0..2, ["// ... existing code ...".to_owned()]);
    doubtful(path, text.to_owned(), None, pairs(&made.old, &new))
}

fn already(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text).filter(|made| made.new.len() >= made.old.len())?;
    doubtful(path, made.truth(), None, pairs(&made.old, &made.new))
}

fn no_change(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    doubtful(path, text.to_owned(), None, block(&made.old, &made.old))
}

/// A word without its last letters is not that word.
fn inside_word(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 5).collect();
    let word = rng.pick(&words);
    let part = &word[..word.len() - 2];
    let whole = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|other| other == part);
    let edits = Edits::Pairs(vec![Pair { old: part.to_owned(), new: "other".to_owned() }]);
    if whole { None } else { doubtful(path, text.to_owned(), None, edits) }
}

/// A line that stands in the file several times, whatever its indentation.
fn common_line(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let common: Vec<&&str> = lines.iter().filter(|line| lines.iter().filter(|other| other == line).count() > 1).collect();
    if common.is_empty() {
        return None;
    }
    let line = **rng.pick(&common);
    // Unless one place is meant exactly, by its indentation.
    if text.lines().filter(|other| *other == line).count() == 1 {
        return None;
    }
    doubtful(path, text.to_owned(), None, pairs(&[line.to_owned()], &["changed".to_owned()]))
}

fn overlapping(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let mut other = made.new.clone();
    other[made.core.start.min(made.new.len() - 1)].push_str(" and this");
    let pair = |new: &[String]| Pair { old: joined(&made.old), new: joined(new) };
    doubtful(path, text.to_owned(), None, Edits::Pairs(vec![pair(&made.new), pair(&other)]))
}

/// New lines between two lines that do not stand next to each other in the file.
fn strangers(rng: &mut Rng, path: &str, text: &str) -> Option<Doubtful> {
    let made = made(rng, path, text)?;
    let (a, b) = (made.old[0].clone(), made.old[made.old.len() - 1].clone());
    let joined_somewhere = occurrences(&made.lines, &[a.clone(), b.clone()]) > 0;
    if a.trim().is_empty() || b.trim().is_empty() || joined_somewhere {
        return None;
    }
    doubtful(path, text.to_owned(), None, block(&[a.clone(), b.clone()], &[a, "brand new line".to_owned(), b]))
}
