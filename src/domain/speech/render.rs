//! Markdown in, Markdown out: the text is parsed and written anew from what was understood, so that nothing reaches the forge that this file did not write.

use pulldown_cmark::{Alignment, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream};

use super::escape::{escape, escape_start, language, level_of, rule, without_comments};
use super::words::{is_allowed, speaks_of_closing, word};
use super::{Manners, code_span, longest_run};

/// Blocks within blocks beyond this depth are written as if they stood at it.
const DEPTH: usize = 8;

pub(super) fn safe(text: &str, manners: &Manners<'_>) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events: Vec<Event<'_>> = TextMergeStream::new(Parser::new_ext(text, options)).collect();
    let references = speaks_of_closing(&flat(&events, "")) || speaks_of_closing(&flat(&events, " "));
    let mut writer = Writer { references, ..Writer::new(manners) };
    for event in events {
        writer.event(event);
    }
    // Only code can still hold this, and whoever looks for the bot's markers does not read Markdown.
    writer.out.trim_end().replace("<!-- syndarix", "<!-- (syndarix")
}

/// The running text without any markup, with `between` where markup stood inside a line. Markup inside a word must not hide the word, nor join two.
fn flat(events: &[Event<'_>], between: &str) -> String {
    let mut out = String::new();
    for event in events {
        match event {
            Event::Text(text) => out.push_str(text),
            Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => out.extend([between, text, between]),
            Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. })
            | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image) => out.push_str(between),
            _ => out.push(' '),
        }
    }
    out
}

struct Writer<'a> {
    manners: &'a Manners<'a>,
    /// References to issues are shown as code, because a verb before one would act on it.
    references: bool,
    out: String,
    /// What stands before each line of the open quotes and list items.
    prefix: Vec<String>,
    /// Number of the next item per open list; `None`: bullets.
    lists: Vec<Option<u64>>,
    /// Blocks that were too deep to be written.
    skipped: Vec<bool>,
    /// The text of the code or HTML block that is being read, with the language.
    block: Option<(String, String)>,
    /// Per open link: the address, when it may stay a link (`true`) or is shown (`false`); `None`: the text is the address.
    links: Vec<Option<(String, bool)>>,
    columns: Vec<Alignment>,
    in_table: bool,
    images: usize,
    /// At the start of a line or block, where some characters have a meaning.
    line_start: bool,
    /// Nothing was written since the list item's marker.
    after_marker: bool,
    /// The next item is the first of its list.
    first_item: bool,
    /// Line ends owed before the next thing is written: one for a new line, two for a new block.
    owed: usize,
}

impl<'a> Writer<'a> {
    fn new(manners: &'a Manners<'a>) -> Writer<'a> {
        Writer {
            manners,
            references: true,
            out: String::new(),
            prefix: Vec::new(),
            lists: Vec::new(),
            skipped: Vec::new(),
            block: None,
            links: Vec::new(),
            columns: Vec::new(),
            in_table: false,
            images: 0,
            line_start: true,
            after_marker: false,
            first_item: false,
            owed: 0,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        if let Some((_, text)) = &mut self.block {
            match event {
                Event::Text(more) | Event::Html(more) => text.push_str(&more),
                Event::End(TagEnd::CodeBlock | TagEnd::HtmlBlock) => self.end_block(),
                _ => {}
            }
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.code(&code),
            Event::InlineHtml(html) | Event::Html(html) => self.inline_html(&html),
            Event::SoftBreak => self.line_break(),
            Event::HardBreak => {
                if !self.in_table && !self.line_start {
                    self.push("\\");
                }
                self.line_break();
            }
            Event::Rule => {
                self.new_block();
                self.push("* * *");
                self.new_block();
            }
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => self.code(&text),
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.new_block(),
            Tag::Heading { level, .. } => {
                self.new_block();
                let hashes = "#".repeat(level_of(level));
                self.push(&format!("{hashes} "));
                self.line_start = true;
            }
            Tag::BlockQuote(_) => {
                self.new_block();
                self.flush();
                let open = self.open("> ".to_owned());
                if open {
                    self.out.push_str("> ");
                    self.fresh();
                }
            }
            Tag::CodeBlock(kind) => self.block = Some((language(&kind), String::new())),
            Tag::HtmlBlock => self.block = Some(("html".to_owned(), String::new())),
            Tag::List(first) => {
                // Within an item a list may follow its line at once, unless its number would keep it from being read as a list.
                if self.lists.is_empty() || first.is_some_and(|number| number != 1) {
                    self.new_block();
                }
                self.lists.push(first);
                self.first_item = true;
            }
            Tag::Item => self.item(),
            Tag::Table(columns) => {
                self.new_block();
                self.columns = columns;
            }
            Tag::TableHead => self.in_table = true,
            Tag::TableRow => {
                self.in_table = true;
                self.new_line();
            }
            Tag::TableCell => {
                self.push("| ");
                self.line_start = true;
            }
            Tag::Emphasis => self.push("*"),
            Tag::Strong => self.push("**"),
            // Two tildes too many at the start of a line would open a code block.
            Tag::Strikethrough => self.push("(struck out: "),
            Tag::Link { link_type, dest_url, .. } => self.link(link_type, &dest_url),
            Tag::Image { .. } => self.images += 1,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::BlockQuote(_) | TagEnd::Item => {
                self.close();
                self.new_block();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.new_block();
            }
            TagEnd::Paragraph | TagEnd::Heading(_) => self.new_block(),
            TagEnd::TableHead => {
                self.push("|");
                self.new_line();
                let rules: Vec<&str> = self.columns.iter().map(rule).collect();
                self.push(&format!("|{}|", rules.join("|")));
            }
            TagEnd::TableRow => self.push("|"),
            TagEnd::TableCell => self.push(" "),
            TagEnd::Table => {
                self.in_table = false;
                self.new_block();
            }
            TagEnd::Emphasis => self.push("*"),
            TagEnd::Strong => self.push("**"),
            TagEnd::Strikethrough => self.push(")"),
            TagEnd::Link => match self.links.pop().flatten() {
                Some((address, true)) => self.push(&format!("](<{address}>)")),
                Some((address, false)) => {
                    self.push(" (");
                    self.code(&address);
                    self.push(")");
                }
                None => {}
            },
            TagEnd::Image => {
                self.images = self.images.saturating_sub(1);
                self.push(" (image left out)");
            }
            _ => {}
        }
    }

    fn link(&mut self, kind: LinkType, address: &str) {
        let own_text = matches!(kind, LinkType::Autolink | LinkType::Email) || self.images > 0 || !self.links.is_empty();
        if own_text {
            self.links.push(None);
            return;
        }
        let stays = is_allowed(address, self.manners.links);
        if stays {
            // An exclamation mark before it would make it an image.
            self.push(if self.out.ends_with('!') { " [" } else { "[" });
        }
        self.links.push(Some((address.to_owned(), stays)));
    }

    fn item(&mut self) {
        if !self.after_marker {
            if !std::mem::take(&mut self.first_item) {
                self.owed = 0;
            }
            self.new_line();
            self.flush();
        }
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "- ".to_owned(),
        };
        let open = self.open(" ".repeat(marker.len()));
        if open {
            self.out.push_str(&marker);
            self.fresh();
        }
    }

    fn open(&mut self, prefix: String) -> bool {
        let fits = self.prefix.len() < DEPTH;
        self.skipped.push(!fits);
        if fits {
            self.prefix.push(prefix);
        }
        fits
    }

    fn close(&mut self) {
        if self.skipped.pop() == Some(false) {
            self.prefix.pop();
        }
        self.after_marker = false;
    }

    fn fresh(&mut self) {
        self.after_marker = true;
        self.line_start = true;
    }

    fn end_block(&mut self) {
        let Some((language, text)) = self.block.take() else { return };
        let text = if language == "html" { without_comments(&text) } else { text };
        if language == "html" && text.trim().is_empty() {
            return;
        }
        self.new_block();
        let fence = "`".repeat((longest_run(&text, '`') + 1).max(3));
        self.push(&format!("{fence}{language}"));
        for line in text.trim_end_matches('\n').split('\n') {
            self.new_line();
            self.push(line);
        }
        self.new_line();
        self.push(&fence);
        self.new_block();
    }

    fn inline_html(&mut self, html: &str) {
        let name = html.trim_matches(['<', '>', '/', ' ']).to_ascii_lowercase();
        if name == "br" {
            self.space();
        } else if !html.starts_with("<!--") {
            self.code(html);
        }
    }

    fn code(&mut self, code: &str) {
        self.span(code_span(&code.replace('\n', " ")));
    }

    /// A code span, kept apart from what stands before it: a dollar sign there starts a formula on some forges.
    fn span(&mut self, span: String) {
        self.flush();
        let span = if !self.in_table {
            span
        } else if span.contains('\\') {
            span.replace('|', "¦")
        } else {
            span.replace('|', "\\|")
        };
        let space = if self.out.ends_with(['$', '`']) { " " } else { "" };
        self.push(&format!("{space}{span}"));
    }

    fn text(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.line_break();
            }
            let mut rest = line;
            while !rest.is_empty() {
                let space = rest.len() - rest.trim_start().len();
                if space > 0 {
                    self.space();
                    rest = &rest[space..];
                    continue;
                }
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                self.word(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }

    /// One plain space between words. Every kind of white space becomes this: some forges take others for line ends.
    fn space(&mut self) {
        if !self.line_start && self.owed == 0 && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
    }

    fn word(&mut self, text: &str) {
        self.flush();
        let safe = word(text, self.references, self.manners.links, escape);
        if safe.contains('`') && !safe.contains("\\`") {
            return self.span(safe);
        }
        let safe = if self.line_start { escape_start(safe) } else { safe };
        self.push(&safe);
    }

    fn push(&mut self, text: &str) {
        self.flush();
        self.out.push_str(text);
        self.line_start = false;
        self.after_marker = false;
    }

    fn line_break(&mut self) {
        if self.in_table {
            self.space();
        } else {
            self.new_line();
        }
    }

    /// The next thing starts a line.
    fn new_line(&mut self) {
        self.owed += usize::from(self.owed == 0);
    }

    /// The next thing starts a block, with an empty line before it, except right after a list item's marker.
    fn new_block(&mut self) {
        if !self.after_marker {
            self.owed = 2;
        }
    }

    /// Writes the line ends that are owed.
    fn flush(&mut self) {
        let owed = std::mem::take(&mut self.owed);
        if owed == 0 {
            return;
        }
        self.line_start = true;
        self.after_marker = false;
        if self.out.is_empty() {
            return;
        }
        for _ in 0..owed {
            self.out.truncate(self.out.trim_end_matches(' ').len());
            self.out.push('\n');
            self.out.push_str(&self.prefix.concat());
        }
    }
}
