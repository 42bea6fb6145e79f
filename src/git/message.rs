//! Commit messages: the words may come from a model, the trailers that disclose it never do.

use crate::base::ids::RunId;
use crate::base::text::visible;
use crate::domain::forge::Sha;
use crate::domain::speech::neutral;

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
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{subject}\n\nSyndarix-Merge: {base}\nRefs: #{issue}\n")
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
