//! The words of a text that a forge reacts to: names to notify, references that close issues, addresses to link.

use std::sync::LazyLock;

use regex::Regex;

use super::code_span;

/// Verbs that close or reopen an issue when a reference follows, on any of the forges.
static CLOSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(clos(e[sd]?|ing)|fix(e[sd]|ing)?|resolv(e[sd]?|ing)|implement(s|ed|ing)?|reopen(s|ed|ing)?)\b").ok()
});

/// A word right before a reference.
static BEFORE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"([\p{L}\p{M}\p{N}_'’-]+)\s*[:：]?\s*(?:[\w.-]+/[\w./-]+)?(?:[#!＃]|\bGH-)\d").ok());

/// Words that stand before a reference without meaning to act on it. Every forge lets its administrator choose the verbs that close an
/// issue, in any language, so the harmless words are listed instead of the others.
const HARMLESS: &[&str] = &[
    "a", "after", "also", "and", "are", "as", "at", "before", "bug", "but", "by", "cf", "comment", "for", "from", "in", "into", "is",
    "issue", "issues", "like", "mr", "number", "of", "on", "or", "pr", "pull", "ref", "refs", "request", "review", "see", "since", "step",
    "story", "task", "than", "that", "the", "this", "ticket", "to", "under", "was", "with",
];

/// True when the text holds a verb that, before a reference, would close or reopen an issue, or any other word before a reference that
/// might be one.
pub(super) fn speaks_of_closing(text: &str) -> bool {
    CLOSING.as_ref().is_none_or(|closing| closing.is_match(text)) || BEFORE.as_ref().is_none_or(|before| acts(before, text))
}

fn acts(before: &Regex, text: &str) -> bool {
    before.captures_iter(text).any(|found| {
        let word = found[1].to_lowercase();
        !HARMLESS.contains(&word.as_str()) && !word.chars().all(|c| c.is_ascii_digit())
    })
}

/// True when the address is one of the allowed ones or lies below it, and is written plainly: nothing that climbs out or hides where it leads.
pub(super) fn is_allowed(address: &str, allowed: &[String]) -> bool {
    let plain = address.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/:._-~?=&#+,;%".contains(&byte));
    let lower = address.to_ascii_lowercase();
    let climbs = lower.contains("/..") || lower.contains("%2e") || lower.contains("%2f") || lower.contains("%5c") || lower.contains("%00");
    let below = |base: &String| {
        let base = base.trim_end_matches('/');
        let rest = address.strip_prefix(base);
        !base.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    };
    let onward = address.split_once("://").is_some_and(|(_, rest)| rest.to_ascii_lowercase().contains("%3a") || rest.contains("//"));
    plain && !climbs && !onward && (address.starts_with("https://") || address.starts_with("http://")) && allowed.iter().any(below)
}

/// What a word of running text is.
enum Kind {
    Ordinary,
    /// A link that may stay one.
    Link,
    /// Something a forge would react to.
    Reactive,
}

/// One white-space-free word with its punctuation, ready to be put into Markdown. `escape` treats ordinary text.
pub(super) fn word(word: &str, references: bool, links: &[String], escape: impl Fn(&str) -> String) -> String {
    if !word.contains(['@', '#', '!', ':', '.', '-', '＠', '＃', '﹫']) {
        return escape(word);
    }
    let start = word.len() - word.trim_start_matches(['(', '"', '\'', ',', ';', '“', '‘']).len();
    let core = word[start..].trim_end_matches([')', '"', '\'', ',', ';', '.', '!', '?', ':', '”', '’']);
    let (before, after) = (&word[..start], &word[start + core.len()..]);
    match kind(core, references, links) {
        Kind::Ordinary => escape(word),
        Kind::Link => format!("{}<{core}>{}", escape(before), escape(after)),
        Kind::Reactive => format!("{}{}{}", escape(before), code_span(core), escape(after)),
    }
}

fn kind(core: &str, references: bool, links: &[String]) -> Kind {
    if is_allowed(core, links) {
        return Kind::Link;
    }
    let lower = core.to_ascii_lowercase();
    let address = core.contains("://")
        || lower.contains("www.")
        || ["mailto:", "xmpp:", "javascript:", "data:", "tel:"].iter().any(|s| lower.contains(s));
    // At the end of a text, the name may follow in a link.
    let mention =
        core.ends_with(['@', '＠', '﹫']) || followed(core, &['@', '＠', '﹫'], |c| c.is_alphanumeric() || c == '_' || c == '-');
    let reference = followed(core, &['#', '!', '＃'], |c| c.is_numeric());
    // `owner/name#1` and `GH-1` reach into other repositories or survive on their own.
    let foreign = reference && core.contains('/');
    let named = lower
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .any(|part| part.strip_prefix("gh-").is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit())));
    if address || mention || foreign || named || (references && reference) { Kind::Reactive } else { Kind::Ordinary }
}

fn followed(core: &str, signs: &[char], by: impl Fn(char) -> bool) -> bool {
    let mut sign = false;
    for c in core.chars() {
        if sign && by(c) {
            return true;
        }
        sign = signs.contains(&c);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_addresses_lie_below_the_project() {
        let allowed = ["https://forge.example/acme/shop".to_owned()];
        let rows = [
            ("https://forge.example/acme/shop", true),
            ("https://forge.example/acme/shop/issues/3#note", true),
            ("https://forge.example/acme/shop?tab=x", true),
            ("https://forge.example/acme/shopping", false),
            ("https://forge.example/acme/shop/../../evil/x", false),
            ("https://forge.example/acme/shop/%2e%2e/evil", false),
            ("https://forge.example/acme/shop/x?to=https://evil", false),
            ("https://forge.example/acme/shop/x?to=https%3A%2F%2Fevil", false),
            ("https://forge.example/evil/repo", false),
            ("https://forge.example.evil/acme/shop", false),
            ("https://forge.example@evil/acme/shop", false),
            ("http://forge.example/acme/shop", false),
            ("//forge.example/acme/shop", false),
            ("javascript:alert(1)", false),
        ];
        for (address, expected) in rows {
            assert_eq!(is_allowed(address, &allowed), expected, "{address}");
        }
        assert!(!is_allowed("https://x", &[String::new()]));
    }

    #[test]
    fn closing_verbs() {
        for text in ["Fixes", "it closes", "RESOLVED", "implements", "reopened"] {
            assert!(speaks_of_closing(text), "{text}");
        }
        for text in ["schließt #3", "修复 #3", "ferme: acme/shop#3", "corrige !4", "Zamyka GH-3"] {
            assert!(speaks_of_closing(text), "{text}");
        }
        for text in ["Refs #3", "see #3 and #4, (#5)", "#6", "in issue #7", "1 #2"] {
            assert!(!speaks_of_closing(text), "{text}");
        }
        for text in ["prefix", "closet", "fixture", ""] {
            assert!(!speaks_of_closing(text), "{text}");
        }
    }
}
