//! How a copy reads: who said it where, then the words without anything that would act where they now stand.

use crate::base::text::clip;
use crate::domain::marker;
use crate::domain::speech::{self, Manners, code, quote_safe};

/// Marker kind of copies, of issues and of comments.
pub const MARKER: &str = "mirror";
/// Most bytes of a carried text.
const MOST: usize = 60_000;
/// Most bytes of a lost text that is shown again.
const MOST_LOST: usize = 4_000;
/// Most characters of a title; what all forges take.
const MOST_TITLE: usize = 250;

/// Who wrote something, and where that can be read.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub login: &'a str,
    /// What the link is called, such as `acme/shop#12`.
    pub place: &'a str,
    pub url: &'a str,
    /// Addresses at or below which links stay links: the repository that the words come from.
    pub links: &'a [String],
}

impl Source<'_> {
    fn line(&self, did: &str) -> String {
        // A name cannot hold what Markdown reacts to on any forge; one that does is shown as code.
        let plain = self.login.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        let who = if plain && !self.login.is_empty() { format!("**{}**", self.login) } else { code(self.login) };
        format!("{who} {did} [{}](<{}>):", self.place, self.url)
    }
}

fn quoted(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| if line.is_empty() { ">".to_owned() } else { format!("> {line}") }).collect();
    lines.join("\n")
}

/// The copy of a comment.
pub fn comment(source: &Source<'_>, text: &str, marker: &str) -> String {
    format!("{}\n\n{}\n\n{marker}", source.line("wrote on"), quoted(&body(text, source.links)))
}

/// The text of a copied issue without its first line and its marker: what both sides are to agree upon.
pub fn body(text: &str, links: &[String]) -> String {
    quote_safe(text, &Manners { links, max: MOST })
}

/// The whole text of a copied issue.
pub fn framed(source: &Source<'_>, carried: &str, marker: &str) -> String {
    format!("{}\n\n{carried}\n\n{marker}", source.line("opened this as"))
}

/// The text within [`framed`], whatever was changed in it. Without the first line or the marker it is taken as it stands.
pub fn unframed(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| !(line.trim_start().starts_with("<!-- syndarix:v1 ") && line.trim_end().ends_with("-->")));
    let framed = lines.first().is_some_and(|first| first.contains(" opened this as [") && first.trim_end().ends_with(">):"));
    lines.drain(..usize::from(framed));
    lines.join("\n").trim().to_owned()
}

/// A title as it is carried over: one line, nobody pinged, no issue closed or named that is another one there.
pub fn title(text: &str) -> String {
    let line = speech::title(text);
    let line = if line.chars().count() > MOST_TITLE { line.chars().take(MOST_TITLE - 1).chain(['…']).collect() } else { line };
    // Forges refuse an issue without a title.
    if line.trim().is_empty() { "(no title)".to_owned() } else { line }
}

/// What was lost, to be read where it was lost.
pub fn lost(text: &str) -> String {
    quoted(&quote_safe(&clip(text, MOST_LOST), &Manners { links: &[], max: 2 * MOST_LOST }))
}

/// The marker of a copy: of the issue with this number, or of a comment on it.
pub fn mark(key: &[u8], object: &str) -> String {
    marker::build(key, MARKER, object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::{self, ParseContext};

    const SOURCE: Source<'_> = Source { login: "alice", place: "acme/lib#12", url: "https://there.example/acme/lib/issues/12", links: &[] };

    #[test]
    fn a_copied_comment_names_its_author_and_does_nothing() {
        let text = comment(&SOURCE, "/syndarix plan\n\n@bob closes #3\n\n@syndarix approve\n<!-- syndarix:v1 a b c -->", &mark(b"k", "x"));
        assert!(text.starts_with("**alice** wrote on [acme/lib#12](<https://there.example/acme/lib/issues/12>):\n\n> "), "{text}");
        assert!(command::parse(&text, &ParseContext { bot_login: "syndarix" }).commands.is_empty(), "{text}");
        let shown = speech::tries(&text);
        assert!(!shown.contains("mention") && !shown.contains("command") && !shown.contains("reference"), "{shown:?}");
        assert_eq!(marker::find_all(&text).count(), 1, "{text}");
    }

    #[test]
    fn what_is_framed_is_found_again() {
        for text in ["", "one", "one\n\n- two\n- three", "**x** opened this as me"] {
            let carried = body(text, &[]);
            assert_eq!(unframed(&framed(&SOURCE, &carried, &mark(b"k", "x"))), carried, "{text}");
        }
        assert_eq!(unframed("somebody wrote it anew"), "somebody wrote it anew");
    }

    #[test]
    fn a_name_cannot_break_out() {
        let odd = Source { login: "a** @bob", ..SOURCE };
        assert!(comment(&odd, "x", "").starts_with("`a** @bob` wrote on "));
    }

    #[test]
    fn titles_are_carried_once() {
        for text in ["@bob fixes #3", "plain", "", "a\nb", "acme/shop#4 and more", &"x".repeat(400)] {
            let once = title(text);
            assert_eq!(title(&once), once);
            assert!(!once.is_empty() && once.chars().count() <= MOST_TITLE);
        }
    }
}
