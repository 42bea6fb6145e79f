//! What the bot says on a forge in words that are not its own. A model's text must not ping anybody, close an issue, give a command, load an image from
//! elsewhere, link out or pass for one of the bot's own markers; a person's text that is echoed in a sentence must not do so either.

mod commit;
mod escape;
mod render;
mod tries;
mod words;

pub use commit::{neutral, title};
pub use tries::tries;

use crate::base::text::{clip, visible};

/// What a text of a model may contain when it is posted.
#[derive(Clone, Debug)]
pub struct Manners<'a> {
    /// Addresses that links may point to or below, such as the project's own page `https://forge.example/acme/shop`. A host alone is not enough: the forge
    /// itself holds other people's repositories.
    pub links: &'a [String],
    /// The longest text in bytes, after all escaping.
    pub max: usize,
}

/// A model's Markdown made safe to post: the structure stays (headings, lists, tables, code, emphasis), and everything that a forge would act on is escaped or
/// shown as code. Images become their description, links to elsewhere show their address as code, HTML is shown and HTML comments are dropped. A text that is
/// too long is cut with a mark.
pub fn quote_safe(text: &str, manners: &Manners<'_>) -> String {
    let text = visible(text);
    let mut limit = manners.max;
    loop {
        let safe = render::safe(&clip(&text, limit), manners);
        if safe.len() <= manners.max || limit == 0 {
            return safe;
        }
        // Escaping made it longer than allowed: cut the source, because cutting the result could leave a code block open.
        limit = limit.min(text.len()) * manners.max / (safe.len() + safe.len() / 16 + 64);
    }
}

/// A short text of somebody else as a code span: one line, at most 80 characters, no invisible characters, nothing that a forge reacts to.
pub fn code(text: &str) -> String {
    let line: String = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(80).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    code_span(&short)
}

/// A line of somebody else as a code span, such as a path: no invisible characters and at most 300 of the others.
pub fn code_line(text: &str) -> String {
    let line: String = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    code_span(&line.chars().take(300).collect::<String>())
}

/// A code span that holds exactly this line, whatever backticks are in it.
pub(super) fn code_span(line: &str) -> String {
    let fence = "`".repeat(longest_run(line, '`') + 1);
    let padded = line.starts_with('`') || line.ends_with('`') || line.trim().is_empty();
    if padded { format!("{fence} {line} {fence}") } else { format!("{fence}{line}{fence}") }
}

/// The longest run of a character.
pub(super) fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests;
