//! The sentences that people read on the forge. Each says what happened, why, and what to type next. Texts of models pass `speech` first. Only people who
//! are asked to act are named with an `@`; everybody else stands in code, which pings nobody.

mod ask;
mod base;
mod guard;
mod pull;
mod tell;
mod work;

pub use ask::{
    ask_close, ask_merge, ask_plan, ask_push, ask_spend, effect_failed, gave_up, human_pushed, nothing_changed, pull_closed, question,
    rounds_used_up, unmet,
};
pub use base::{base_asks_first, base_comes_in, base_merged, base_needs_a_person, base_tried_enough, base_up_to_date};
pub use guard::{begins_stopped, halted, limited, taken_for_a_program};
pub use pull::{answers, draft_body, pull_body, pull_title, review};
pub use tell::{branch_deleted, cancelled, put_back, report, vote_does_not_count};
pub use work::{
    accepted, ci_still_red, head_tested, next_branch, queued, retargeted, review_again, text_queued, vote_before_resume, vote_of_old_head,
};

use std::collections::BTreeSet;

use crate::domain::forge::User;
use crate::domain::refusal::Refusal;
use crate::domain::speech::{Manners, code_line, quote_safe};

/// Longest part of a model's text on the forge, in bytes.
const MODEL_TEXT: usize = 12_000;

/// A model's text, fit to be posted.
fn safe(text: &str, max: usize) -> String {
    quote_safe(text, &Manners { max, links: &[] }).trim_end().to_owned()
}

/// The same on one line, fit for a list.
pub(super) fn one_line(text: &str) -> String {
    safe(text, 500).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A full sentence: a capital at the start, a stop at the end.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let capital: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if text.is_empty() || text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{capital}{}{stop}", chars.as_str())
}

/// A number with its noun: `1 finding`, `2 findings`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The answers to one comment, as one comment.
pub fn reply(answers: &[String]) -> String {
    answers.join("\n\n---\n\n")
}

/// A refusal with its way out.
pub fn refused(refusal: &Refusal) -> String {
    format!("**Not done:** {refusal}")
}

/// A login in code, so that nobody is pinged by being named.
fn plain(user: &User) -> String {
    format!("`{}`", user.login)
}

/// The start of a request to this person, who is pinged by it.
fn to(user: Option<&User>) -> String {
    user.map_or_else(String::new, |user| format!("@{}: ", user.login))
}

/// Somebody in code, or the word for nobody known.
fn somebody(user: Option<&User>) -> String {
    user.map_or_else(|| "Somebody".to_owned(), plain)
}

/// Paths in code, the first thirty of them.
fn code_list(paths: &[String]) -> String {
    let mut shown: Vec<String> = paths.iter().take(30).map(|path| code_line(path)).collect();
    if paths.len() > shown.len() {
        shown.push(format!("and {} more", paths.len() - shown.len()));
    }
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

/// The story's branch: number and a slug of the title, frozen from here on, with a counter when taken.
pub fn branch_name(number: i64, title: &str, taken: &BTreeSet<String>) -> String {
    let mut slug = String::new();
    for c in title.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
        if slug.len() >= 40 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    let base = if slug.is_empty() { format!("syndarix/{number}") } else { format!("syndarix/{number}-{slug}") };
    let counted = (2..).map(|n| format!("{base}-{n}"));
    std::iter::once(base.clone()).chain(counted).find(|name| !taken.contains(name)).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_are_short_plain_and_free() {
        let taken = BTreeSet::from(["syndarix/7-add-csv".to_owned(), "syndarix/7-add-csv-2".to_owned()]);
        let rows = [
            (7, "Add CSV!", "syndarix/7-add-csv-3"),
            (8, "Ünïcode: ärger", "syndarix/8-n-code-rger"),
            (9, "日本語", "syndarix/9"),
            (10, "../../main; rm", "syndarix/10-main-rm"),
        ];
        for (number, title, name) in rows {
            assert_eq!(branch_name(number, title, &taken), name);
        }
        assert!(branch_name(1, &"long ".repeat(50), &taken).len() < 60);
    }

    #[test]
    fn sentences_are_whole() {
        for (part, whole) in [
            ("nothing is paused", "Nothing is paused."),
            ("`plan` is here.", "`plan` is here."),
            ("Why?", "Why?"),
            ("", ""),
            ("élan", "Élan."),
        ] {
            assert_eq!(sentence(part), whole);
        }
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([count(0, "commit"), count(1, "commit"), count(2, "commit")], ["0 commits", "1 commit", "2 commits"]);
    }
}
