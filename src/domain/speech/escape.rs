//! The small print of writing Markdown: what has to be escaped where, and what a code block may call itself.

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, HeadingLevel};

/// Languages a code block may name. Forges draw diagrams from others, and diagrams can link.
const LANGUAGES: &[&str] = &[
    "bash",
    "c",
    "cpp",
    "csharp",
    "css",
    "diff",
    "dockerfile",
    "elixir",
    "go",
    "haskell",
    "html",
    "ini",
    "java",
    "javascript",
    "js",
    "json",
    "kotlin",
    "lua",
    "makefile",
    "php",
    "py",
    "python",
    "rb",
    "rs",
    "ruby",
    "rust",
    "sh",
    "shell",
    "sql",
    "swift",
    "text",
    "toml",
    "ts",
    "tsx",
    "typescript",
    "xml",
    "yaml",
    "yml",
    "zig",
];

pub(super) fn level_of(level: HeadingLevel) -> usize {
    level as usize
}

pub(super) fn rule(alignment: &Alignment) -> &'static str {
    match alignment {
        Alignment::None => "---",
        Alignment::Left => ":--",
        Alignment::Center => ":-:",
        Alignment::Right => "--:",
    }
}

pub(super) fn language(kind: &CodeBlockKind<'_>) -> String {
    let CodeBlockKind::Fenced(info) = kind else { return String::new() };
    let info: &CowStr<'_> = info;
    let name = info.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
    if LANGUAGES.contains(&name.as_str()) && name != "html" { name } else { String::new() }
}

pub(super) fn without_comments(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

/// Ordinary text with every character escaped that Markdown could read as markup.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '&' | '|' | '~' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// At the start of a line some more characters make a heading, a list, a rule or a command, also in the guise of other scripts.
pub(super) fn escape_start(text: String) -> String {
    let Some(first) = text.chars().next() else { return text };
    let rest = &text[first.len_utf8()..];
    if matches!(first, '#' | '+' | '-' | '=' | '/' | '@' | ':' | '!' | '%' | '{') {
        return format!("\\{text}");
    }
    if matches!(first, '／' | '⁄' | '∕' | '╱' | '⟋' | '⧸' | '᜵' | '〳' | 'Ⳇ' | '丿') {
        return format!("\\/{rest}");
    }
    if matches!(first, '＠' | '﹫') {
        return format!("\\@{rest}");
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits > 0 && text[digits..].starts_with(['.', ')']) {
        return format!("{}\\{}", &text[..digits], &text[digits..]);
    }
    text
}
