//! Which HTML elements are open at a point of a comment. Text inside an element is not a command: it may be folded away, styled out of sight, or part of a template.

/// Elements that hold blocks; they stay open over empty lines.
const BLOCKS: &[&str] = &[
    "details",
    "summary",
    "blockquote",
    "pre",
    "table",
    "ul",
    "ol",
    "dl",
    "div",
    "section",
    "article",
    "aside",
    "nav",
    "header",
    "footer",
    "main",
    "figure",
    "figcaption",
    "form",
    "fieldset",
    "template",
    "noscript",
    "script",
    "style",
    "textarea",
    "iframe",
    "svg",
    "math",
    "picture",
    "video",
    "audio",
    "object",
    "select",
    "center",
];
/// Elements within a paragraph; they end with it at the latest.
const PHRASES: &[&str] = &[
    "code", "kbd", "samp", "var", "del", "s", "strike", "a", "q", "sup", "sub", "b", "i", "em", "strong", "span", "u", "mark", "small",
    "ins", "cite", "dfn", "font", "label", "button", "tt",
];

/// Counts open elements. Unknown names, such as the `<T>` of a type, are text to every forge and not counted.
#[derive(Debug, Default)]
pub(super) struct Elements {
    blocks: Vec<(&'static str, usize)>,
    phrases: Vec<(&'static str, usize)>,
    in_comment: bool,
}

impl Elements {
    /// True within an element or an HTML comment.
    pub(super) fn inside(&self) -> bool {
        self.in_comment || self.blocks.iter().chain(&self.phrases).any(|(_, open)| *open > 0)
    }

    /// Reads one piece of raw HTML.
    pub(super) fn feed(&mut self, mut html: &str) {
        loop {
            if self.in_comment {
                let Some(end) = html.find("-->") else { return };
                self.in_comment = false;
                html = &html[end + 3..];
            }
            let Some(start) = html.find('<') else { return };
            html = &html[start + 1..];
            if let Some(comment) = html.strip_prefix("!--") {
                self.in_comment = true;
                // `<!-->` and `<!--->` are whole comments.
                html = if comment.starts_with("->") || comment.starts_with('>') { &html[1..] } else { comment };
            } else {
                self.tag(html);
            }
        }
    }

    /// The end of a paragraph closes what was opened within it.
    pub(super) fn end_paragraph(&mut self) {
        self.phrases.clear();
    }

    fn tag(&mut self, after: &str) {
        let (closing, after) = match after.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, after),
        };
        let length = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        let name = after[..length].to_ascii_lowercase();
        let known = |names: &'static [&'static str]| names.iter().copied().find(|known| *known == name);
        let (name, open) = match (known(BLOCKS), known(PHRASES)) {
            (Some(name), _) => (name, &mut self.blocks),
            (None, Some(name)) => (name, &mut self.phrases),
            (None, None) => return,
        };
        match open.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) if closing => *count = count.saturating_sub(1),
            Some((_, count)) => *count += 1,
            None if closing => {}
            None => open.push((name, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_elements_are_counted() {
        let rows = [
            ("<details>", true),
            ("<DETAILS open><summary>x</summary>", true),
            ("<details></details>", false),
            ("</details>", false),
            ("<br><img src=x><hr/>", false),
            ("Vec<T>", false),
            ("<!-- <details> -->", false),
            ("<!-- a", true),
            ("<!-->", false),
            ("<div><div></div>", true),
            ("<", false),
        ];
        for (html, inside) in rows {
            let mut elements = Elements::default();
            elements.feed(html);
            assert_eq!(elements.inside(), inside, "{html}");
        }
    }
}
