//! The source files, and their code without comments, texts and test modules.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One file of the repository.
pub struct File {
    /// Path from the repository's root.
    pub path: String,
    pub text: String,
}

impl File {
    /// Whether it holds a test module of its own (`mod tests;`).
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

/// Where the repository is.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `src`.
pub fn sources() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    assert!(files.len() > 20, "src is where it is expected");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(directory: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(read(&path));
        }
    }
}

fn read(path: &Path) -> File {
    let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
    File { path: name, text: std::fs::read_to_string(path).expect("UTF-8") }
}

/// Every text file that belongs to the repository, whether committed yet or not. `None` outside of a Git checkout.
pub fn repository_files() -> Option<Vec<File>> {
    let listing =
        Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root()).output().ok()?;
    if !listing.status.success() {
        return None;
    }
    let names = String::from_utf8(listing.stdout).expect("UTF-8 names");
    let text = |name: &str| Some(File { path: name.to_owned(), text: std::fs::read_to_string(root().join(name)).ok()? });
    Some(names.split_terminator('\0').filter_map(text).collect())
}

/// The code alone: comments, the insides of texts and characters, and `#[cfg(test)]` modules are blanked; lines keep their numbers.
pub fn code_of(text: &str) -> String {
    without_test_modules(&without_texts(text))
}

fn without_texts(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at).max(at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment, text or character that begins here ends; `at` itself when none begins here.
fn literal_end(chars: &[char], at: usize) -> usize {
    let ahead = |skip: usize| chars.get(at + skip).copied().unwrap_or('\0');
    let after_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (chars[at], ahead(1)) {
        ('/', '/') => chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| at + length),
        ('/', '*') => block_comment_end(chars, at),
        ('"', _) => text_end(chars, at + 1),
        ('b', '"') if !after_word => text_end(chars, at + 2),
        ('r', '"' | '#') if !after_word => raw_text_end(chars, at + 1),
        ('b', 'r') if !after_word && matches!(ahead(2), '"' | '#') => raw_text_end(chars, at + 2),
        ('\'', '\\') => chars[at + 3..].iter().position(|c| *c == '\'').map_or(chars.len(), |length| at + 3 + length + 1),
        ('\'', _) if ahead(2) == '\'' => at + 3,
        _ => at,
    }
}

fn block_comment_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn text_end(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// `r#name` is not a text: then nothing is skipped but the sign.
fn raw_text_end(chars: &[char], from: usize) -> usize {
    let hashes = chars[from..].iter().take_while(|c| **c == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return from;
    }
    let closes = |at: &usize| chars[*at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    (from + hashes + 1..chars.len()).find(closes).map_or(chars.len(), |at| at + 1 + hashes)
}

fn without_test_modules(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let end = item_end(&out, start);
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// The end of the item that begins at `start`: its closing brace, or the semicolon before any brace.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[start..].char_indices() {
        match c {
            ';' if depth == 0 => return start + at + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return start + at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn code_is_told_from_what_only_looks_like_it() {
    let rows = [
        ("a // crate::x\nb", "a\nb"),
        ("a /* crate::x /* y */ */ b", "a  b"),
        ("f(\"crate::x \\\" y\") b", "f() b"),
        ("f(r#\"crate::\"x\"#) b", "f() b"),
        ("f(b\"crate::x\", '\"', '\\'', 'a') b", "f(, , , ) b"),
        ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("a\n#[cfg(test)]\nmod tests { use crate::x; fn f() {} }\nb", "a\n\n\nb"),
        ("#[cfg(test)]\nuse crate::x;\nb", "\n\nb"),
        ("expr(x) \"t\" b", "expr(x)  b"),
    ];
    let squeezed = |text: &str| text.replace(' ', "");
    for (text, wanted) in rows {
        assert_eq!(squeezed(&code_of(text)), squeezed(wanted), "{text}");
    }
}
