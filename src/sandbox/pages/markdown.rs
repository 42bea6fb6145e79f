//! Markdown as HTML that cannot do anything: raw HTML is shown as text except for comments, which are left out, and folds (`<details>`). Links lead to
//! http(s) or stay here, images become links.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::html::escape;

/// The text as safe HTML.
pub fn render(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut out = String::new();
    let mut in_head = false;
    let mut html: Option<String> = None;
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::TableHead) => {
                in_head = true;
                out.push_str("<tr>");
            }
            Event::End(TagEnd::TableHead) => {
                in_head = false;
                out.push_str("</tr>");
            }
            Event::Start(Tag::TableCell) => out.push_str(if in_head { "<th>" } else { "<td>" }),
            Event::End(TagEnd::TableCell) => out.push_str(if in_head { "</th>" } else { "</td>" }),
            Event::Start(Tag::HtmlBlock) => html = Some(String::new()),
            Event::End(TagEnd::HtmlBlock) => out.push_str(&block(&html.take().unwrap_or_default())),
            Event::Start(tag) => open(&tag, &mut out),
            Event::End(tag) => close(tag, &mut out),
            Event::Html(text) if html.is_some() => html = html.map(|block| block + &text),
            Event::Text(text) if html.is_some() => html = html.map(|block| block + &text),
            Event::InlineHtml(text) if is_comment(&text) => {}
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => out.push_str(&escape(&text)),
            Event::Code(code) => out.push_str(&format!("<code>{}</code>", escape(&code))),
            Event::SoftBreak => out.push('\n'),
            Event::HardBreak => out.push_str("<br>"),
            Event::Rule => out.push_str("<hr>"),
            Event::TaskListMarker(done) => {
                out.push_str(if done { "<input type=checkbox disabled checked> " } else { "<input type=checkbox disabled> " })
            }
            Event::FootnoteReference(name) => out.push_str(&escape(&format!("[^{name}]"))),
            Event::InlineMath(text) | Event::DisplayMath(text) => out.push_str(&escape(&text)),
        }
    }
    out
}

/// A block of HTML: nothing of a comment, the two lines of a fold as they are, everything else as text.
fn block(html: &str) -> String {
    let html = html.trim();
    if is_comment(html) {
        return String::new();
    }
    if html == "</details>" {
        return html.to_owned();
    }
    let summary = html.strip_prefix("<details><summary>").and_then(|rest| rest.strip_suffix("</summary>"));
    match summary {
        Some(summary) => format!("<details><summary>{}</summary>", escape(summary)),
        None => format!("<pre><code>{}</code></pre>", escape(html)),
    }
}

fn is_comment(html: &str) -> bool {
    html.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")).is_some_and(|inside| !inside.contains("-->"))
}

/// An address that a link may have; others lead nowhere.
fn address(target: &str) -> String {
    let lower = target.trim().to_ascii_lowercase();
    let safe = ["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme))
        || lower.starts_with('/') && !lower.starts_with("//")
        || lower.starts_with('#');
    if safe { escape(target.trim()) } else { "#".to_owned() }
}

fn level(level: HeadingLevel) -> u8 {
    // Titles inside a comment stand below the title of the page.
    (level as u8 + 2).min(6)
}

fn open(tag: &Tag, out: &mut String) {
    match tag {
        Tag::Paragraph => out.push_str("<p>"),
        Tag::Heading { level: heading, .. } => out.push_str(&format!("<h{}>", level(*heading))),
        Tag::BlockQuote(_) => out.push_str("<blockquote>"),
        Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => out.push_str("<pre><code>"),
        Tag::List(None) => out.push_str("<ul>"),
        Tag::List(Some(start)) => out.push_str(&format!("<ol start={start}>")),
        Tag::Item => out.push_str("<li>"),
        Tag::Table(_) => out.push_str("<table>"),
        Tag::TableRow => out.push_str("<tr>"),
        Tag::Emphasis => out.push_str("<em>"),
        Tag::Strong => out.push_str("<strong>"),
        Tag::Strikethrough => out.push_str("<del>"),
        Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
            out.push_str(&format!("<a rel=\"nofollow noopener\" href=\"{}\">", address(dest_url)));
        }
        _ => {}
    }
}

fn close(tag: TagEnd, out: &mut String) {
    match tag {
        TagEnd::Paragraph => out.push_str("</p>"),
        TagEnd::Heading(heading) => out.push_str(&format!("</h{}>", level(heading))),
        TagEnd::BlockQuote(_) => out.push_str("</blockquote>"),
        TagEnd::CodeBlock => out.push_str("</code></pre>"),
        TagEnd::List(true) => out.push_str("</ol>"),
        TagEnd::List(false) => out.push_str("</ul>"),
        TagEnd::Item => out.push_str("</li>"),
        TagEnd::Table => out.push_str("</table>"),
        TagEnd::TableRow => out.push_str("</tr>"),
        TagEnd::Emphasis => out.push_str("</em>"),
        TagEnd::Strong => out.push_str("</strong>"),
        TagEnd::Strikethrough => out.push_str("</del>"),
        TagEnd::Link | TagEnd::Image => out.push_str("</a>"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn markdown_is_shown_and_markup_is_not_obeyed() {
        let rows = [
            ("**a** `b`", "<p><strong>a</strong> <code>b</code></p>"),
            ("<script>x</script>", "<pre><code>&lt;script&gt;x&lt;/script&gt;</code></pre>"),
            ("a <img src=x onerror=y>", "<p>a &lt;img src=x onerror=y&gt;</p>"),
            ("[a](javascript:alert(1))", "<p><a rel=\"nofollow noopener\" href=\"#\">a</a></p>"),
            ("[a](//evil.example)", "<p><a rel=\"nofollow noopener\" href=\"#\">a</a></p>"),
            ("![a](https://x.example/\"y)", "<p><a rel=\"nofollow noopener\" href=\"https://x.example/&quot;y\">a</a></p>"),
            ("a\n\n<!-- marker x -->", "<p>a</p>"),
            ("a <!-- b --> c", "<p>a  c</p>"),
            ("<!-- a --><b>x</b><!-- c -->", "<pre><code>&lt;!-- a --&gt;&lt;b&gt;x&lt;/b&gt;&lt;!-- c --&gt;</code></pre>"),
            (
                "<details><summary>The <b> change</summary>\n\nx\n\n</details>",
                "<details><summary>The &lt;b&gt; change</summary><p>x</p></details>",
            ),
            ("# Top", "<h3>Top</h3>"),
            ("- [x] done", "<ul><li><input type=checkbox disabled checked> done</li></ul>"),
            ("|a|\n|-|\n|b|", "<table><tr><th>a</th></tr><tr><td>b</td></tr></table>"),
        ];
        for (text, want) in rows {
            assert_eq!(render(text), want, "{text}");
        }
    }
}
