//! A model's words where there is no Markdown: commit messages and titles.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::base::text::visible;

use super::words::speaks_of_closing;

/// Most lines of a commit message.
const LINES: usize = 200;

/// Text of a model or a person, made safe to stand in a commit message: only visible characters, no line that reads as a trailer,
/// no keyword that closes an issue at merge (`fixes #3` becomes `fixes 3`), no mark that makes CI skip the commit, no name that notifies somebody, no command
/// at the start of a line. At most 200 lines.
pub fn neutral(text: &str) -> String {
    let mut text = visible(text);
    // Once is not enough: `fixes #1#2` has a second reference behind the first.
    while CLOSING.is_match(&text) {
        text = CLOSING.replace_all(&text, without_reference).into_owned();
    }
    let text = unlinked(&text);
    let text = SKIP_CI.replace_all(&text, "($words)");
    let text = MENTION.replace_all(&text, "$before$at $name");
    text.lines().take(LINES).map(spoken).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// Without references into other repositories, which leave a trace there, and without any where a verb in whatever language may close.
fn unlinked(text: &str) -> String {
    let closing = speaks_of_closing(text);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let refers = matches!(c, '#' | '!' | '＃') && next.is_numeric();
        let foreign = refers && out.rsplit(char::is_whitespace).next().is_some_and(|word| word.contains('/'));
        out.push(c);
        if foreign || refers && closing {
            out.push(' ');
        }
    }
    out
}

/// A line that Git, a forge or a bot would take for more than words is shown as a quotation.
fn spoken(line: &str) -> String {
    if TRAILER.is_match(line) || line.starts_with(['/', '#']) {
        return format!("> {}", line.trim());
    }
    line.trim_end().to_owned()
}

/// The keyword and what it referred to, apart from each other.
fn without_reference(found: &Captures<'_>) -> String {
    let words = format!("{}{}", &found["keyword"], found["gap"].trim_end());
    let place = found.name("place").map_or("", |place| place.as_str());
    match (found.name("number"), found.name("link")) {
        (Some(number), _) if place.is_empty() => format!("{words} {}", number.as_str()),
        (Some(number), _) => format!("{words} {place} {}", number.as_str()),
        (None, link) => format!("{words} the issue at {}", link.map_or("", |link| link.as_str())),
    }
}

/// Keywords by which the supported forges close or reopen an issue, before a reference in any of their forms.
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    let keyword =
        r"(?P<keyword>\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?|reopen(?:s|ed|ing)?))";
    let reference = r"(?:(?P<place>[\w./-]*)(?:[#!]|\bGH-)(?P<number>[\w-]*\d+)|(?P<link>https?://\S+))";
    constant(&format!(r"(?i){keyword}(?P<gap>\s*:?\s*(?:issues?\s+)?){reference}"))
});

/// A name that a forge notifies; an address of mail is none.
static MENTION: LazyLock<Regex> = LazyLock::new(|| constant(r"(?P<before>^|[^\w.+-])(?P<at>[@＠﹫])(?P<name>[\w-])"));

/// Marks by which a commit message switches CI off on GitHub, GitLab, Gitea and others.
static SKIP_CI: LazyLock<Regex> =
    LazyLock::new(|| constant(r"(?i)[\[*]+\s*(?P<words>(?:skip|no)[ _-]?(?:ci|actions?|cd|checks?)|(?:ci|actions?)[ _-]?skip)\s*[\]*]+"));

/// Lines that Git or a forge reads as a statement about the commit, wherever they stand.
static TRAILER: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?i)^[ \t]*(?:syndarix-[\w-]*|refs|[\w-]+-by|co-author[\w-]*|cc|change-id|cherry-picked-from|skip-checks|changelog)[ \t]*[:：]",
    )
});

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns of this file are constants that its tests compile")
}

/// A title of one line and at most 120 characters, without the prefixes by which forges mark drafts.
pub fn title(text: &str) -> String {
    let text = visible(text);
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(rest) = without_draft_prefix(&line) {
        line = rest;
    }
    let line = neutral(&line);
    let mut short: String = line.chars().take(119).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

fn without_draft_prefix(line: &str) -> Option<String> {
    let prefixes = ["wip:", "[wip]", "draft:", "[draft]", "(draft)", "fixup!", "squash!", "amend!"];
    prefixes.iter().find_map(|prefix| {
        let head = line.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| line[prefix.len()..].trim_start().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_forge_trailers_close_issues_or_skip_ci() {
        let rows = [
            ("fixes #3", "fixes 3"),
            ("Fixes: #3 and closes #4", "Fixes: 3 and closes 4"),
            ("resolves acme/shop#12", "resolves acme/shop 12"),
            ("closes GH-7", "closes 7"),
            ("Closes issue #7", "Closes issue 7"),
            ("implements !9", "implements 9"),
            ("fix\n#3", "fix 3"),
            ("Close https://x.test/a/b/issues/3", "Close the issue at https://x.test/a/b/issues/3"),
            ("close\u{200b}s #\u{200b}3", "closes 3"),
            ("fixes #1#2", "fixes 1 2"),
            ("see #3, refs #4", "see #3, refs #4"),
            ("fix the 3 tests", "fix the 3 tests"),
            ("work [skip ci]", "work (skip ci)"),
            ("work [CI skip] ***NO_CI***", "work (CI skip) (NO_CI)"),
            ("a\nSigned-off-by: Eve <e@x>", "a\n> Signed-off-by: Eve <e@x>"),
            ("a\n  Co-authored-by: Eve <e@x>", "a\n> Co-authored-by: Eve <e@x>"),
            ("a\nSyndarix-Agent: Eve", "a\n> Syndarix-Agent: Eve"),
            ("a\r\nRefs: #1", "a\n> Refs: #1"),
            ("skip-checks: true", "> skip-checks: true"),
            ("Note: this stays", "Note: this stays"),
            ("as in acme/shop#4 and evil/x!5", "as in acme/shop# 4 and evil/x! 5"),
            ("schließt #3", "schließt # 3"),
            ("thanks @alice and @acme/team", "thanks @ alice and @ acme/team"),
            ("(@bob)", "(@ bob)"),
            ("mail bob@example.org", "mail bob@example.org"),
            ("x\n/close\n# no comment", "x\n> /close\n> # no comment"),
            ("closes https://forge.example/acme/shop/issues/4", "closes the issue at https://forge.example/acme/shop/issues/4"),
            ("pl\u{200b}an", "plan"),
        ];
        for (given, wanted) in rows {
            assert_eq!(neutral(given), wanted, "{given:?}");
            assert_eq!(neutral(wanted), wanted, "twice: {given:?}");
        }
    }

    #[test]
    fn titles_are_one_plain_line() {
        assert_eq!(title("WIP: Draft: Cart\n rounds up "), "Cart rounds up");
        assert_eq!(title("Fix #3 for @bob"), "Fix 3 for @ bob");
        assert_eq!(title(&"x".repeat(300)).chars().count(), 120);
    }
}
