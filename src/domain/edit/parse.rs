//! From what was sent to hunks: search/replace blocks, tags, fenced pairs and structured pairs. Diffs are read in [`super::diff`].

use super::page::sent_lines;
use super::{EditError, EditRequest, Edits, Why, diff};

/// One change: lines to find, and lines to put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    /// The ways in which the form itself can be read, best first.
    pub texts: Vec<Sides>,
    /// True when the old text may be a part of a line.
    pub inline: bool,
}

/// The lines on both sides of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sides {
    pub old: Vec<String>,
    pub new: Vec<String>,
}

pub(super) const FORMS: &str = "Send either `old` and `new`, or in `edit` one or more blocks of this form:\n<<<<<<< SEARCH\nlines as they are\n=======\nlines as they should become\n>>>>>>> REPLACE";

/// The hunks of a request, at least one.
pub(super) fn parse(request: &EditRequest) -> Result<Vec<Hunk>, EditError> {
    let path = request.path.as_deref();
    let hunks = match &request.edits {
        Edits::Pairs(pairs) => pairs.iter().map(|pair| pair_hunk(&pair.old, &pair.new, true)).collect(),
        Edits::Text(text) => parse_text(&text.replace("\r\n", "\n"), path)?,
    };
    if hunks.is_empty() {
        return Err(EditError::new(Why::NotUnderstood, format!("The edit is empty. {FORMS}")));
    }
    Ok(hunks)
}

fn parse_text(text: &str, path: Option<&str>) -> Result<Vec<Hunk>, EditError> {
    let lines: Vec<&str> = text.split('\n').collect();
    if lines.iter().any(|line| opening(line).is_some()) {
        return blocks(&lines, path);
    }
    if let Some(hunks) = tagged(text)? {
        return Ok(hunks);
    }
    if diff::looks_like_diff(&lines) {
        return diff::hunks(&lines, path);
    }
    if let Some(hunk) = two_fences(&lines) {
        return Ok(vec![hunk]);
    }
    let hint = "To replace a whole file, use create_file with `overwrite`.";
    Err(EditError::new(Why::NotUnderstood, format!("The edit holds no search/replace block and no diff. {FORMS}\n{hint}")))
}

/// When only one side ends in a line end, that one counts as it stands if the file has it so, and as a slip otherwise.
fn pair_hunk(old: &str, new: &str, inline: bool) -> Hunk {
    let (old, new) = (old.replace("\r\n", "\n"), new.replace("\r\n", "\n"));
    let mut texts = vec![Sides { old: sent_lines(&old), new: sent_lines(&new) }];
    if old.ends_with('\n') != new.ends_with('\n') && !old.is_empty() && !new.is_empty() {
        let own = |text: &str| text.split('\n').map(str::to_owned).collect();
        texts.insert(0, Sides { old: own(&old), new: own(&new) });
    }
    Hunk { texts, inline }
}

/// The length of the run of `mark` a line begins with, if it is at least five, and what follows it.
fn run(line: &str, mark: char) -> Option<(usize, &str)> {
    let rest = line.trim_start().trim_start_matches(mark);
    let length = line.trim_start().len() - rest.len();
    (length >= 5).then_some((length, rest.trim()))
}

fn opening(line: &str) -> Option<usize> {
    let (length, word) = run(line, '<')?;
    let words = ["", "search", "original", "old", "head", "find", "before"];
    words.contains(&word.trim_end_matches(':').to_lowercase().as_str()).then_some(length)
}

fn closing(line: &str) -> bool {
    let words = ["", "replace", "updated", "new", "replacement", "after", "modified"];
    run(line, '>').is_some_and(|(_, word)| words.contains(&word.trim_end_matches(':').to_lowercase().as_str()))
}

fn divider(line: &str) -> Option<usize> {
    run(line, '=').filter(|(_, rest)| rest.is_empty()).map(|(length, _)| length)
}

fn blocks(lines: &[&str], path: Option<&str>) -> Result<Vec<Hunk>, EditError> {
    let mut hunks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(length) = opening(lines[at]) else {
            at += 1;
            continue;
        };
        check_file(named_before(&lines[..at]), path)?;
        let body = at + 1;
        let end = (body..lines.len()).find(|&i| closing(lines[i]) || opening(lines[i]).is_some());
        let end = end.filter(|&i| closing(lines[i])).ok_or_else(|| {
            let message = format!("The block that begins at line {} of the edit is not closed by `>>>>>>> REPLACE`. {FORMS}", at + 1);
            EditError::new(Why::NotUnderstood, message)
        })?;
        let middle = middle(&lines[body..end], length).ok_or_else(|| {
            let message = format!(
                "The block that begins at line {} of the edit needs exactly one line `=======`. If the text itself holds such a line, send `old` and `new` instead.",
                at + 1
            );
            EditError::new(Why::NotUnderstood, message)
        })?;
        let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let sides = Sides { old: own(&lines[body..body + middle]), new: own(&lines[body + middle + 1..end]) };
        hunks.push(Hunk { texts: vec![sides], inline: false });
        at = end + 1;
    }
    Ok(hunks)
}

/// The one divider: of the same length as the opening mark, or else the only one of any length.
fn middle(body: &[&str], length: usize) -> Option<usize> {
    let same: Vec<usize> = (0..body.len()).filter(|&i| divider(body[i]) == Some(length)).collect();
    let any: Vec<usize> = (0..body.len()).filter(|&i| divider(body[i]).is_some()).collect();
    match (same.as_slice(), any.as_slice()) {
        ([only], _) | ([], [only]) => Some(*only),
        _ => None,
    }
}

/// A file name on one of the last lines before a block.
fn named_before<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let last = lines.iter().rev().take(3).find(|line| !line.trim().is_empty() && !is_fence(line))?;
    let name = last.trim().trim_start_matches(['#', '*', '`', ' ']).trim_end_matches(['`', '*', ':', ' ']);
    let name = name.strip_prefix("File: ").or_else(|| name.strip_prefix("file: ")).unwrap_or(name).trim_matches('`');
    looks_like_path(name).then_some(name)
}

pub(super) fn looks_like_path(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let extension = last
        .rsplit_once('.')
        .is_some_and(|(stem, ext)| !stem.is_empty() && (1..=8).contains(&ext.len()) && ext.chars().all(char::is_alphanumeric));
    let plain = !name.is_empty() && name.len() < 300 && name.chars().all(|c| c.is_alphanumeric() || "._-/+@~".contains(c));
    plain && (extension || name.contains('/')) && !name.ends_with('/')
}

/// Refuses an edit that names another file than the one it is applied to.
pub(super) fn check_file(named: Option<&str>, path: Option<&str>) -> Result<(), EditError> {
    let (Some(named), Some(path)) = (named, path) else { return Ok(()) };
    let bare = |name: &'static str| named.strip_prefix(name).unwrap_or(named);
    let names = [named, bare("./"), bare("a/"), bare("b/"), bare("/")];
    let same = |name: &str| name == path || path.ends_with(&format!("/{name}")) || name.ends_with(&format!("/{path}"));
    if names.iter().any(|name| same(name)) {
        return Ok(());
    }
    let message = format!("The edit names the file `{named}`, but `path` is `{path}`. Send one call per file, each with its own path.");
    Err(EditError::new(Why::OtherFile, message))
}

pub(super) fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

const TAGS: [(&str, &str); 6] = [
    ("search", "replace"),
    ("old", "new"),
    ("find", "replace"),
    ("old_string", "new_string"),
    ("original", "updated"),
    ("before", "after"),
];

/// `<search>..</search><replace>..</replace>` and its relatives.
fn tagged(text: &str) -> Result<Option<Vec<Hunk>>, EditError> {
    for (old_tag, new_tag) in TAGS {
        if !text.contains(&format!("<{old_tag}>")) || !text.contains(&format!("<{new_tag}>")) {
            continue;
        }
        let mut hunks = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(&format!("<{old_tag}>")) {
            rest = &rest[start..];
            let (old, after) = between(rest, old_tag)?;
            let (new, after) = between(after.trim_start(), new_tag)?;
            hunks.push(pair_hunk(trim_tag(old), trim_tag(new), true));
            rest = after;
        }
        return Ok(Some(hunks));
    }
    Ok(None)
}

/// The inside of the tag that `text` begins with. The same closing tag twice before the next opening one could end at either.
fn between<'a>(text: &'a str, tag: &str) -> Result<(&'a str, &'a str), EditError> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let unclear = || EditError::new(Why::NotUnderstood, format!("`<{tag}>` and `</{tag}>` do not pair up in the edit. {FORMS}"));
    let inside = text.strip_prefix(open.as_str()).ok_or_else(unclear)?;
    let end = inside.find(&close).ok_or_else(unclear)?;
    let after = &inside[end + close.len()..];
    let until = after.find('<').map_or(after, |at| &after[..at]);
    let next = after.trim_start();
    if inside[..end].contains(&open) || next.starts_with(&close) || !until.trim().is_empty() && until.contains(&close) {
        return Err(unclear());
    }
    Ok((&inside[..end], after))
}

/// Tags usually stand on lines of their own.
fn trim_tag(text: &str) -> &str {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let kept = text.trim_end_matches([' ', '\t']);
    if kept.ends_with('\n') { kept } else { text }
}

/// Two fenced blocks and words between them: the first is replaced by the second.
fn two_fences(lines: &[&str]) -> Option<Hunk> {
    let fences: Vec<usize> = (0..lines.len()).filter(|&i| is_fence(lines[i])).collect();
    let [a, b, c, d] = fences.as_slice() else { return None };
    let between = lines[b + 1..*c].join(" ").to_lowercase();
    let says_so = ["with", "to", "by", "new", "after", "becomes", "replace", "updated"];
    if !between.split(|c: char| !c.is_alphanumeric()).any(|word| says_so.contains(&word)) {
        return None;
    }
    let own = |range: std::ops::Range<usize>| lines[range].iter().map(|line| (*line).to_owned()).collect();
    Some(Hunk { texts: vec![Sides { old: own(a + 1..*b), new: own(c + 1..*d) }], inline: false })
}
