//! Commit messages: the words may come from a model, the trailers that disclose it never do.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::base::ids::RunId;
use crate::base::text::visible;
use crate::domain::forge::Sha;

/// Longest subject line, in characters.
const SUBJECT: usize = 72;

/// Longest body, in bytes.
const BODY: usize = 8_000;

/// Who made a commit and why, for its trailers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// The instance's name, such as `Dave`.
    pub agent: String,
    /// The agent type, such as `engineer`.
    pub role: String,
    pub run: RunId,
    /// Number of the issue.
    pub issue: i64,
}

/// A whole commit message: subject, body and trailers. The words are taken as untrusted: see [`neutral`]. The first line that is not empty becomes the
/// subject; what does not fit into it opens the body.
pub fn commit_message(words: &str, by: &Disclosure) -> String {
    let clean = neutral(words);
    let clean = clean.trim();
    let (first, rest) = clean.split_once('\n').unwrap_or((clean, ""));
    let (subject, overflow) = split_subject(first.trim());
    let body = [overflow.as_str(), rest.trim()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n");
    let body = crate::base::text::clip(&body, BODY);
    let line = |text: &str| visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut message = subject;
    if !body.is_empty() {
        message.push_str("\n\n");
        message.push_str(&body);
    }
    message.push_str(&format!(
        "\n\nSyndarix-Agent: {} ({})\nSyndarix-Run: {}\nRefs: #{}\n",
        line(&by.agent),
        line(&by.role),
        by.run,
        by.issue
    ));
    message
}

/// The message of a merge that Syndarix makes without an agent. The same merge always gets the same message.
pub fn merge_message(base_branch: &str, branch: &str, base: &Sha, issue: i64) -> String {
    let subject = neutral(&format!("Merge branch '{base_branch}' into {branch}"));
    format!("{}\n\nSyndarix-Merge: {base}\nRefs: #{issue}\n", subject.lines().next().unwrap_or("Merge the base branch"))
}

fn split_subject(first: &str) -> (String, String) {
    if first.is_empty() {
        return ("Change without a description".to_owned(), String::new());
    }
    if first.chars().count() <= SUBJECT {
        return (first.to_owned(), String::new());
    }
    let at = first.char_indices().nth(SUBJECT - 1).map_or(first.len(), |(at, _)| at);
    let at = first[..at].rfind(' ').filter(|&space| space > at / 2).unwrap_or(at);
    (format!("{}…", first[..at].trim_end()), format!("…{}", first[at..].trim_start()))
}

/// Text of a model or a person, made safe to stand in a commit message: only visible characters, no line that reads as a trailer,
/// no keyword that closes an issue at merge (`fixes #3` becomes `fixes 3`), no mark that makes CI skip the commit.
pub fn neutral(text: &str) -> String {
    let mut text = visible(text);
    // Once is not enough: `fixes #1#2` has a second reference behind the first.
    while CLOSING.is_match(&text) {
        text = CLOSING.replace_all(&text, without_reference).into_owned();
    }
    let text = SKIP_CI.replace_all(&text, "($words)");
    let lines = text.lines().map(|line| if TRAILER.is_match(line) { format!("> {}", line.trim()) } else { line.trim_end().to_owned() });
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
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

/// Key and value of each line of a message's last paragraph, when there is a subject before it and every line of it is a trailer.
pub fn trailers(message: &str) -> Vec<(String, String)> {
    let message = message.trim_end();
    let Some((_, last)) = message.rsplit_once("\n\n") else { return Vec::new() };
    let parsed: Option<Vec<_>> = last.lines().map(trailer).collect();
    parsed.unwrap_or_default()
}

fn trailer(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once(": ")?;
    let sound = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    sound.then(|| (key.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dave() -> Disclosure {
        Disclosure { agent: "Dave".to_owned(), role: "engineer".to_owned(), run: RunId::named("r"), issue: 42 }
    }

    #[test]
    fn trailers_disclose_the_agent() {
        let message = commit_message("Add a login page\n\nWith a form.", &dave());
        let run = RunId::named("r").to_string();
        assert_eq!(
            message,
            format!("Add a login page\n\nWith a form.\n\nSyndarix-Agent: Dave (engineer)\nSyndarix-Run: {run}\nRefs: #42\n")
        );
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(trailers(&message), [pair("Syndarix-Agent", "Dave (engineer)"), pair("Syndarix-Run", &run), pair("Refs", "#42")]);
        assert_eq!(trailers("Subject: like a trailer"), []);
        assert_eq!(trailers("Subject\n\nRefs: #1\nand prose"), []);
    }

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
            ("see #3, prefix #4", "see #3, prefix #4"),
            ("fix the 3 tests", "fix the 3 tests"),
            ("work [skip ci]", "work (skip ci)"),
            ("work [CI skip] ***NO_CI***", "work (CI skip) (NO_CI)"),
            ("a\nSigned-off-by: Eve <e@x>", "a\n> Signed-off-by: Eve <e@x>"),
            ("a\n  Co-authored-by: Eve <e@x>", "a\n> Co-authored-by: Eve <e@x>"),
            ("a\nSyndarix-Agent: Eve", "a\n> Syndarix-Agent: Eve"),
            ("a\r\nRefs: #1", "a\n> Refs: #1"),
            ("skip-checks: true", "> skip-checks: true"),
            ("Note: this stays", "Note: this stays"),
        ];
        for (given, wanted) in rows {
            assert_eq!(neutral(given), wanted, "{given:?}");
        }
    }

    #[test]
    fn subjects_are_one_short_visible_line() {
        let long = format!("Rework {}", "the shopping cart ".repeat(9));
        let message = commit_message(&long, &dave());
        let (subject, rest) = message.split_once("\n\n").unwrap();
        assert!(subject.chars().count() <= 72 && subject.ends_with('…'), "{subject}");
        assert!(rest.starts_with('…'));
        assert!(commit_message(" \n\u{202e} ", &dave()).starts_with("Change without a description\n\nSyndarix-Agent: "));
        assert!(commit_message(&"ü".repeat(500), &dave()).lines().next().unwrap().chars().count() <= 72);
    }

    proptest! {
        #[test]
        fn the_trailers_are_always_ours_alone(words in "\\PC{0,200}|[\\x00-\\x{10ffff}]{0,200}|([A-Za-z-]{1,9}: [a-z#0-9 ]{0,9}\n){0,5}") {
            let message = commit_message(&words, &dave());
            let keys: Vec<_> = trailers(&message).into_iter().map(|(key, _)| key).collect();
            prop_assert_eq!(keys, ["Syndarix-Agent", "Syndarix-Run", "Refs"]);
            prop_assert!(message.lines().next().unwrap().chars().count() <= 72);
            prop_assert_eq!(neutral(&neutral(&words)), neutral(&words));
        }
    }
}
