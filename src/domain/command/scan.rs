//! Which lines of a comment could be commands at all. Markdown is parsed first, so that text shown as code, as a quote or as a link is never obeyed.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use super::html::Elements;

/// A block that Markdown joins a line to although the line does not look like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    Quote,
    List,
    Footnote,
    Heading,
    Table,
    Html,
}

/// A line that begins with plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Where the line's text lies in the body, without leading white space and line end.
    pub range: Range<usize>,
    /// Bytes from the start of the line that are plain text: no code, link or HTML begins before that.
    pub plain: usize,
    /// `None`: an ordinary paragraph. Otherwise the block that swallowed the line.
    pub block: Option<Block>,
}

/// The part of the body its author wrote: everything before a mail signature or an unquoted original message. Lines end with `\n`.
pub(super) fn written_part(body: &str) -> String {
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let cuts = mail_cuts(&body);
    if cuts.is_empty() {
        return body;
    }
    let code = code_ranges(&body);
    let cut = cuts.into_iter().find(|at| {
        let after = code.partition_point(|range| range.start <= *at);
        after == 0 || code[after - 1].end <= *at
    });
    match cut {
        Some(at) => body[..at].to_owned(),
        None => body,
    }
}

/// Starts of lines at which mail programs put what the author did not write.
fn mail_cuts(body: &str) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let text = line.trim_end_matches('\n');
        let original = text.starts_with("-----") && text.to_ascii_lowercase().contains("original message");
        let next = body[at + line.len()..].lines().next().unwrap_or_default();
        let header = text.starts_with("From: ") && (next.starts_with("Sent: ") || next.starts_with("Date: "));
        if text == "-- " || text == "--" || original || header {
            cuts.push(at);
        }
        at += line.len();
    }
    cuts
}

fn parser(body: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS;
    TextMergeWithOffset::new(Parser::new_ext(body, options).into_offset_iter())
}

/// Code and HTML blocks, in order and not overlapping.
fn code_ranges(body: &str) -> Vec<Range<usize>> {
    let blocks = parser(body).filter(|(event, _)| matches!(event, Event::Start(Tag::CodeBlock(_) | Tag::HtmlBlock)));
    blocks.map(|(_, range)| range).collect()
}

/// Every line that begins with plain text, in order. Lines in code, links, images, struck text, HTML elements and HTML comments are left out.
pub(super) fn candidates(body: &str) -> Vec<Candidate> {
    let mut walk = Walk::default();
    let mut found = Vec::new();
    for (event, range) in parser(body) {
        match event {
            Event::Start(tag) => walk.enter(&tag),
            Event::End(tag) => walk.leave(tag),
            Event::Text(_) if walk.is_open() && starts_line(body, range.start) => found.push(candidate(body, range, walk.block())),
            Event::Html(html) => {
                let start = range.start + html.len() - html.trim_start().len();
                // An empty line inside a block of HTML is an event of its own; the line after it is the next.
                let empty = start >= range.end;
                if !empty && walk.is_open() && starts_line(body, start) && !html.trim_start().starts_with('<') {
                    found.push(candidate(body, start..range.end, Some(Block::Html)));
                }
                walk.html.feed(&html);
            }
            Event::InlineHtml(html) => walk.html.feed(&html),
            _ => {}
        }
    }
    found
}

fn candidate(body: &str, text: Range<usize>, block: Option<Block>) -> Candidate {
    let end = body[text.start..].find('\n').map_or(body.len(), |length| text.start + length);
    let end = text.start + body[text.start..end].trim_end().len();
    Candidate { plain: text.end.min(end) - text.start, range: text.start..end, block }
}

fn starts_line(body: &str, at: usize) -> bool {
    let before = body[..at].trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with('\n')
}

/// Where in the document the reader stands: how many blocks of each kind are open.
#[derive(Default)]
struct Walk {
    quotes: usize,
    lists: usize,
    footnotes: usize,
    headings: usize,
    tables: usize,
    /// Code blocks, links, images and struck text.
    closed: usize,
    html: Elements,
}

impl Walk {
    fn enter(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::BlockQuote(_) => self.quotes += 1,
            Tag::List(_) => self.lists += 1,
            Tag::FootnoteDefinition(_) => self.footnotes += 1,
            Tag::Heading { .. } => self.headings += 1,
            Tag::Table(_) => self.tables += 1,
            Tag::CodeBlock(_) | Tag::Link { .. } | Tag::Image { .. } | Tag::Strikethrough => self.closed += 1,
            _ => {}
        }
    }

    fn leave(&mut self, tag: TagEnd) {
        let open = match tag {
            TagEnd::BlockQuote(_) => &mut self.quotes,
            TagEnd::List(_) => &mut self.lists,
            TagEnd::FootnoteDefinition => &mut self.footnotes,
            TagEnd::Heading(_) => &mut self.headings,
            TagEnd::Table => &mut self.tables,
            TagEnd::CodeBlock | TagEnd::Link | TagEnd::Image | TagEnd::Strikethrough => &mut self.closed,
            TagEnd::Paragraph => return self.html.end_paragraph(),
            _ => return,
        };
        *open = open.saturating_sub(1);
    }

    fn is_open(&self) -> bool {
        self.closed == 0 && !self.html.inside()
    }

    fn block(&self) -> Option<Block> {
        let open = [
            (self.tables, Block::Table),
            (self.headings, Block::Heading),
            (self.footnotes, Block::Footnote),
            (self.quotes, Block::Quote),
            (self.lists, Block::List),
        ];
        open.into_iter().find(|(count, _)| *count > 0).map(|(_, block)| block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_lines_are_candidates() {
        type Row<'a> = (&'a str, &'a [(&'a str, Option<Block>)]);
        let rows: &[Row<'_>] = &[
            ("one\n  two \nthree", &[("one", None), ("two", None), ("three", None)]),
            ("    code\n\n```\nfence\n```\n`span\nspan`", &[]),
            ("> quote\nlazy", &[("lazy", Some(Block::Quote))]),
            ("- item\nlazy\n\n  second", &[("lazy", Some(Block::List)), ("second", Some(Block::List))]),
            ("# head\n", &[]),
            ("under\n---\n", &[("under", Some(Block::Heading))]),
            ("| a |\n|---|\nrow", &[("row", Some(Block::Table))]),
            ("<details>\n\nhidden\n\n</details>\nswallowed\n\nfree", &[("swallowed", Some(Block::Html)), ("free", None)]),
            ("<!--\n\nhidden\n-->\n\nfree", &[("free", None)]),
            ("<!ave\n\nswallowed\n", &[("swallowed", Some(Block::Html))]),
            ("[a\nb](http://x) c", &[]),
            ("~~a\nb~~", &[]),
        ];
        for (body, expected) in rows {
            let found: Vec<_> = candidates(body).into_iter().map(|c| (&body[c.range], c.block)).collect();
            assert_eq!(&found, expected, "{body}");
        }
    }

    #[test]
    fn mail_furniture_is_cut_but_not_in_code() {
        assert_eq!(written_part("a\r\n-- \r\nAlice"), "a\n");
        assert_eq!(written_part("a\n-----Original Message-----\nb"), "a\n");
        assert_eq!(written_part("a\nFrom: Bob\nSent: today\n\nb"), "a\n");
        let code = "```\n--\n```\na\n";
        assert_eq!(written_part(code), code);
        assert_eq!(written_part(&format!("{code}--\nb")), code);
    }
}
