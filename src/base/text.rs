//! Text hygiene: content hashes, and removal of characters that a person cannot see but a model or a terminal obeys.

use sha2::{Digest, Sha256};

/// SHA-256 of the bytes in lower-case hex: how the record refers to a text it does not hold.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes.as_ref()))
}

/// True for characters that carry no visible meaning in prose but can hide instructions or reorder what is shown:
/// zero-width and bidirectional controls, tag characters, variation selectors, Hangul fillers, soft hyphen, C0/C1 controls but tab and newline.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text without invisible characters and with `\n` line ends. Applying it twice changes nothing.
pub fn visible(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").chars().filter(|&c| !is_invisible(c)).collect()
}

/// At most `max` bytes of the text, cut at a character boundary, with a mark where something was left out.
pub fn clip(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}\n… ({} more bytes left out)", &text[..end], text.len() - end)
}

/// An address or path without what may stand before its host, and without query and fragment: where a login or a token may hide.
pub fn without_login(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let path = path.map_or_else(String::new, |path| format!("/{}", path.split(['?', '#']).next().unwrap_or_default()));
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hidden_instructions_vanish() {
        assert_eq!(visible("pl\u{200b}an\u{e0041}\u{202e}\r\nx\u{0}"), "plan\nx");
        assert_eq!(visible("tab\tand ünïcode stay"), "tab\tand ünïcode stay");
    }

    #[test]
    fn clip_respects_characters() {
        assert_eq!(clip("abc", 3), "abc");
        assert!(clip("aéé", 2).starts_with("a\n"));
    }

    #[test]
    fn addresses_keep_no_login() {
        let rows = [
            ("https://git.example/a/b.git", "https://git.example/a/b.git"),
            ("https://bot:secret@git.example/a/b.git", "https://git.example/a/b.git"),
            ("https://bot:se@cret@git.example", "https://git.example"),
            ("https://git.example/a?token=secret#x", "https://git.example/a"),
            ("ssh://git@git.example:2222/a", "ssh://git.example:2222/a"),
            ("/srv/audit/a@b.git", "/srv/audit/a@b.git"),
        ];
        for (given, shown) in rows {
            assert_eq!(without_login(given), shown);
        }
    }

    proptest! {
        #[test]
        fn visible_is_idempotent_and_clean(text in "\\PC*|[\\x00-\\x{10ffff}]*") {
            let once = visible(&text);
            prop_assert!(!once.chars().any(is_invisible));
            prop_assert_eq!(visible(&once), once);
        }
    }
}
