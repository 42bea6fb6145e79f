//! A model's words where there is no Markdown: commit messages and titles.

use std::sync::LazyLock;

use regex::Regex;

use crate::base::text::visible;

use super::words::speaks_of_closing;

/// Markers by which CI systems skip a commit, and lines that vouch for somebody.
static SKIP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\[\s*(skip[ -](ci|actions|checks|tests?)|(ci|actions|no)[ -](skip|ci))\s*\]|^skip-checks\s*:").ok());
static TRAILER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*((signed-off|co-authored|reviewed|acked|approved|tested|reported|merged)-by|syndarix-[a-z-]+|change-id)\s*:").ok()
});

/// A commit message that notifies nobody, closes nothing, skips no CI and carries no trailers: those are the engine's to add. At most 200 lines.
pub fn commit_message(text: &str) -> String {
    let text = visible(text);
    let closing = speaks_of_closing(&text);
    let lines: Vec<String> = text.trim().lines().take(200).map(|line| plain(line.trim_end(), closing)).collect();
    lines.join("\n").trim().to_owned()
}

/// A title of one line and at most 120 characters, without the prefixes by which forges mark drafts.
pub fn title(text: &str) -> String {
    let text = visible(text);
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(rest) = without_draft_prefix(&line) {
        line = rest;
    }
    let closing = speaks_of_closing(&line);
    let line = plain(&line, closing);
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

fn plain(line: &str, closing: bool) -> String {
    let line = match SKIP.as_ref() {
        Some(skip) => skip.replace_all(line, "(CI marker removed)").into_owned(),
        None => line.replace('[', "("),
    };
    let mut out = String::new();
    if TRAILER.as_ref().is_none_or(|trailer| trailer.is_match(&line)) || line.starts_with(['/', '#']) {
        out.push_str("> ");
    }
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        let next = chars.peek().copied().unwrap_or(' ');
        let mention = matches!(c, '@' | '＠' | '﹫') && (next.is_alphanumeric() || next == '_' || next == '-');
        // `owner/name#1` leaves a trace in somebody else's repository.
        let foreign =
            matches!(c, '#' | '!') && next.is_numeric() && out.trim_end_matches(['#', '!']).ends_with(is_name) && reaches_out(&out);
        let reference = closing && matches!(c, '#' | '!' | '＃') && next.is_numeric();
        let address = closing && c == ':' && next == '/';
        if mention || reference || foreign || address {
            out.push(' ');
        }
    }
    if closing { out.replace("GH-", "GH ").replace("gh-", "gh ") } else { out }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The last word is a path of a repository.
fn reaches_out(text: &str) -> bool {
    text.rsplit(char::is_whitespace).next().is_some_and(|word| word.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_messages_only_say_things() {
        let rows = [
            ("cart: round up", "cart: round up"),
            ("Fixes #3, closes acme/shop#4", "Fixes # 3, closes acme/shop# 4"),
            ("Refs #3", "Refs #3"),
            ("as in acme/shop#4 and evil/x!5", "as in acme/shop# 4 and evil/x! 5"),
            ("schließt #3", "schließt # 3"),
            ("thanks @alice and @acme/team", "thanks @ alice and @ acme/team"),
            ("x [skip ci] y [CI SKIP]", "x (CI marker removed) y (CI marker removed)"),
            ("x\n\nskip-checks: true", "x\n\n(CI marker removed) true"),
            ("x\n\nSigned-off-by: Bob <bob@example.org>", "x\n\n> Signed-off-by: Bob <bob@ example.org>"),
            ("x\nSyndarix-Run: forged", "x\n> Syndarix-Run: forged"),
            ("closes https://forge.example/acme/shop/issues/4", "closes https: //forge.example/acme/shop/issues/4"),
            ("/close", "> /close"),
            ("pl\u{200b}an", "plan"),
        ];
        for (text, expected) in rows {
            assert_eq!(commit_message(text), expected, "{text}");
            assert_eq!(commit_message(expected), *expected, "twice: {text}");
        }
    }

    #[test]
    fn titles_are_one_plain_line() {
        assert_eq!(title("WIP: Draft: Cart\n rounds up "), "Cart rounds up");
        assert_eq!(title("Fix #3 for @bob"), "Fix # 3 for @ bob");
        assert_eq!(title(&"x".repeat(300)).chars().count(), 120);
    }
}
