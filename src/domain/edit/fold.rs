//! Characters that word processors, chat windows and tokenizers put in place of plain ones.

use std::collections::BTreeMap;

use super::page::Page;
use crate::base::text::is_invisible;

/// A line with its white space made uniform: none at the ends, single blanks inside.
pub(super) fn space_key(line: &str) -> String {
    let mut key = String::with_capacity(line.len());
    for word in line.split_whitespace() {
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(word);
    }
    key
}

/// [`space_key`] with typographic characters folded to plain ones, and runs of dashes to one dash.
pub(super) fn typo_key(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    for c in line.chars() {
        match plain_forms(c).first() {
            Some(form) => plain.push_str(form),
            None if is_invisible(c) => {}
            None => plain.push(c),
        }
    }
    let mut key = space_key(&plain);
    while key.contains("--") {
        key = key.replace("--", "-");
    }
    key
}

/// The plain texts a typographic character may stand for; empty for all others.
fn plain_forms(c: char) -> &'static [&'static str] {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{2bc}' => &["'", "`"],
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' => &["\""],
        '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}' | '\u{2014}' | '\u{2015}' | '\u{2212}' => &["-", "--", "---"],
        '\u{2026}' => &["..."],
        _ => &[],
    }
}

fn class(c: char) -> &'static str {
    plain_forms(c).first().copied().unwrap_or("")
}

/// Removes characters nobody sees and makes odd blanks plain, unless the file itself uses them.
pub(super) fn clean(line: &str, page: &Page) -> String {
    if line.is_ascii() {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        let odd_blank = matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}');
        // Emoji are made of several characters joined by these two.
        let hidden = is_invisible(c) && !matches!(c, '\u{fe0f}' | '\u{200d}');
        if (odd_blank || hidden) && !page.text.contains(c) {
            if odd_blank {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// What the typographic characters of a quote stand for, learnt from the lines they were quoted from.
#[derive(Default, Debug)]
pub(super) struct Unfold {
    forms: BTreeMap<char, String>,
    /// Characters that stand for themselves.
    own: Vec<char>,
}

impl Unfold {
    /// Learns from a quoted line and the file's line, which have the same [`typo_key`].
    pub fn learn(&mut self, quoted: &str, line: &str) {
        let mut rest = line.trim_start();
        for c in quoted.trim().chars() {
            if c.is_whitespace() || is_invisible(c) {
                rest = rest.trim_start();
                continue;
            }
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || is_invisible(c));
            let forms = plain_forms(c);
            if rest.starts_with(c) {
                if !forms.is_empty() && !self.own.contains(&c) {
                    self.own.push(c);
                }
                rest = &rest[c.len_utf8()..];
            } else if let Some(form) = forms.iter().rev().find(|form| rest.starts_with(**form)) {
                self.forms.insert(c, (*form).to_owned());
                rest = &rest[form.len()..];
            } else {
                // The file has the typographic form and the quote the plain one, or a run of dashes differs: step over it.
                rest = rest.trim_start_matches('-');
                let mut chars = rest.chars();
                if c != '-' && chars.next().is_some() {
                    rest = chars.as_str();
                }
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The line with what was learnt undone; a character not seen is undone when one of its kind was.
    pub fn apply(&self, line: &str) -> String {
        if self.forms.is_empty() {
            return line.to_owned();
        }
        let mut out = String::with_capacity(line.len());
        for c in line.chars() {
            let seen = self.forms.get(&c).map(String::as_str);
            let kin = || self.forms.keys().any(|known| class(*known) == class(c)).then(|| class(c));
            match seen.or_else(|| if class(c).is_empty() { None } else { kin() }) {
                Some(form) if !self.own.contains(&c) => out.push_str(form),
                _ => out.push(c),
            }
        }
        out
    }
}

/// Curly quotes where code has plain ones: right after `=`, `(`, `[`, `{` or `,`, in a file that has plain quotes and no curly ones.
pub(super) fn straighten(line: &str, page: &Page) -> String {
    let curly = |c: char| matches!(class(c), "'" | "\"");
    if line.is_ascii() || !line.chars().any(curly) || line.contains(['"', '\'']) || page.text.chars().any(curly) || !page.text.contains('"')
    {
        return line.to_owned();
    }
    let first = line.find(curly).unwrap_or(0);
    if !line[..first].trim_end().ends_with(['=', '(', '[', '{', ',']) {
        return line.to_owned();
    }
    line.chars().map(|c| if curly(c) { class(c).to_owned() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_are_equal() {
        assert_eq!(typo_key("  let\u{a0}s = \u{201c}a\u{201d}; // it\u{2019}s \u{2014} ok"), typo_key("let s = \"a\";  // it's -- ok"));
        assert_ne!(typo_key("a = 1"), typo_key("a = 2"));
    }

    #[test]
    fn what_is_learnt_is_undone() {
        let mut unfold = Unfold::default();
        unfold.learn("print(\u{201c}a\u{201d}) \u{2014}x", "  print(\"a\") --x");
        assert_eq!(unfold.apply("say(\u{201c}b\u{201d}, \u{2014}y)"), "say(\"b\", --y)");
        assert_eq!(unfold.apply("it\u{2019}s"), "it\u{2019}s");
    }
}
