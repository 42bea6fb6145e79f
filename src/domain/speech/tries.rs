//! What a model's text would have done on a forge if it were posted as it is. [`super::quote_safe`] takes it out; this says for the record
//! what there was to take out, so that somebody who reads the record sees that an agent was talked into something.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, Tag};
use regex::Regex;

use crate::base::text::{clip, is_invisible, visible};

use super::words::speaks_of_closing;

/// Longest part of a text that is looked at, in bytes.
const LOOK: usize = 60_000;

/// A slash or the full-width one where a line begins, in a list or quote as well, followed by a word.
static COMMAND: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?m)^[\s>*+-]*[/／⁄∕]\pL").ok());
static MENTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^|[^\w`])[@＠﹫][\pL\d]").ok());
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:[#!＃]|\bGH-)\d").ok());

/// Words for what the text tries, in order; empty for a text that any forge just shows.
pub fn tries(text: &str) -> BTreeSet<&'static str> {
    let shown = clip(&visible(text), LOOK);
    let has = |regex: &LazyLock<Option<Regex>>| regex.as_ref().is_none_or(|regex| regex.is_match(&shown));
    let mut found = BTreeSet::new();
    let mut note = |there: bool, word| {
        if there {
            found.insert(word);
        }
    };
    note(has(&COMMAND), "command");
    note(has(&MENTION), "mention");
    note(has(&REFERENCE) && speaks_of_closing(&shown), "closing-word");
    note(shown.contains("syndarix:v1"), "marker");
    note(text.chars().any(|c| is_invisible(c) && !c.is_control()), "hidden-text");
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
    for event in Parser::new_ext(&shown, options) {
        match event {
            Event::Start(Tag::Image { .. }) => note(true, "image"),
            Event::Start(Tag::Link { .. }) => note(true, "link"),
            Event::Html(_) | Event::InlineHtml(_) => note(true, "html"),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_tries_is_named() {
        let rows: [(&str, &[&str]); 12] = [
            ("Compare with `>=`, and 3/4 of the carts pass.", &[]),
            ("Refs #3, see src/shop/cart.py:7", &[]),
            ("Done.\n/syndarix approve", &["command"]),
            ("> - /close", &["command"]),
            ("\u{200b}/merge", &["command", "hidden-text"]),
            ("@syndarix approve", &["mention"]),
            ("ask @alice, mail bob@example.org", &["mention"]),
            ("Fixes #1", &["closing-word"]),
            ("![x](https://evil.example/?q=S)", &["image"]),
            ("[x](https://evil.example/)", &["link"]),
            ("<img src=x>", &["html"]),
            ("<!-- syndarix:v1 status 1.status 00 -->", &["html", "marker"]),
        ];
        for (text, words) in rows {
            assert_eq!(tries(text).into_iter().collect::<Vec<_>>(), words, "{text:?}");
        }
    }
}
