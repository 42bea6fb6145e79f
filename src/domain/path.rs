//! Paths inside a repository: the only form in which a model may name a file.

pub mod glob;

use std::fmt;

use serde::{Deserialize, Serialize};

/// A path that stays inside the tree and outside Git's own files. Made only by [`RepoPath::parse`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

/// Why a text is not a path inside the repository; a sentence for the model that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` cannot be used: {reason}")]
pub struct BadPath {
    path: String,
    reason: &'static str,
}

impl RepoPath {
    /// Accepts a relative path with `/` between its parts. A leading `./` is dropped; nothing else is repaired.
    pub fn parse(text: &str) -> Result<RepoPath, BadPath> {
        let bad = |reason| BadPath { path: text.chars().take(200).collect(), reason };
        let path = text.strip_prefix("./").unwrap_or(text);
        if path.is_empty() {
            return Err(bad("it is empty"));
        }
        if path.len() > 1024 {
            return Err(bad("it is longer than 1,024 bytes"));
        }
        if path.starts_with('/') || path.starts_with('~') {
            return Err(bad("it is not relative to the repository's root"));
        }
        if path.chars().any(|c| c.is_control() || c == '\\' || crate::base::text::is_invisible(c)) {
            return Err(bad("it holds a backslash, a control character or an invisible character"));
        }
        for part in path.split('/') {
            check_part(part).map_err(bad)?;
        }
        Ok(RepoPath(path.to_owned()))
    }

    /// Whether a *new* file may get this name: it can then be checked out on every common system. Files that are already
    /// there keep the names they have.
    pub fn portable(&self) -> Result<(), BadPath> {
        for part in self.parts() {
            portable_part(part).map_err(|reason| BadPath { path: self.0.chars().take(200).collect(), reason })?;
        }
        Ok(())
    }

    /// The path of `name` inside this directory.
    pub fn join(&self, name: &str) -> Result<RepoPath, BadPath> {
        RepoPath::parse(&format!("{}/{name}", self.0))
    }

    /// The path as text, with `/` between its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts, from the root.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

/// Git itself, Windows and macOS file systems take several spellings for `.git`; all of them are refused.
fn check_part(part: &str) -> Result<(), &'static str> {
    if part.is_empty() || part == "." || part == ".." {
        return Err("it has an empty, `.` or `..` part");
    }
    if part.len() > 255 {
        return Err("one part is longer than 255 bytes");
    }
    if part.ends_with('.') || part.ends_with(' ') || part.contains(':') {
        return Err("a part ends in a dot or space, or holds a colon, which some file systems read differently");
    }
    let lower = part.to_lowercase();
    let stem = lower.trim_end_matches(['.', ' ']);
    if stem == ".git" || SHORT_NAMES.iter().any(|short| stem.starts_with(short)) {
        return Err("Git's own files are off limits");
    }
    Ok(())
}

/// Beginnings of the 8.3 names by which NTFS also reaches `.git`, `.gitmodules` and `.gitattributes`.
const SHORT_NAMES: [&str; 5] = ["git~", "gitmod~", "gi7eba~", "gitatt~", "gi7d29~"];

/// Names that Windows reads as devices, with any extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Windows refuses devices and wildcards, shells trip over a leading dash, and combining accents look like another file's name.
fn portable_part(part: &str) -> Result<(), &'static str> {
    let lower = part.to_lowercase();
    let stem = lower.split('.').next().unwrap_or("");
    let numbered = |name: &str| stem.strip_prefix(name).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
    if DEVICES.contains(&stem) || numbered("com") || numbered("lpt") {
        return Err("Windows reserves that name for a device");
    }
    if part.starts_with('-') {
        return Err("a part begins with a dash, which command lines take for an option");
    }
    if part.contains(['<', '>', '"', '|', '?', '*']) {
        return Err("it holds one of `<>\"|?*`, which Windows cannot store");
    }
    if part.starts_with(' ') {
        return Err("a part begins with a space");
    }
    if part.chars().any(|c| matches!(c, '\u{300}'..='\u{36f}')) {
        return Err("it holds a combining accent: use the composed letter");
    }
    Ok(())
}

impl TryFrom<String> for RepoPath {
    type Error = BadPath;
    fn try_from(text: String) -> Result<RepoPath, BadPath> {
        RepoPath::parse(&text)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> String {
        path.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One file as it shall be from now on. A sequence of these, applied in order to a base tree, is a patch that can be replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    pub path: RepoPath,
    /// New content, base64 in JSON; `None` deletes the file.
    #[serde(with = "base64_bytes")]
    pub content: Option<Vec<u8>>,
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub fn serialize<S: Serializer>(content: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        content.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map_err(de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_tree_or_touch_git_are_refused() {
        let long_part = "a".repeat(256);
        let long_path = "abc/".repeat(1024) + "x";
        let refused = [
            "../x",
            "a/../../x",
            "..\\x",
            "..\u{0}",
            "/etc/passwd",
            "//etc/passwd",
            "~/.ssh/id_rsa",
            "file:///x",
            "C:\\x",
            "C:x",
            "\\\\srv\\x",
            "./.git/config",
            ".GIT/config",
            ".git./config",
            "git~1/config",
            "GIT~2",
            ".git\u{200c}/config",
            ".git /config",
            "a/.git/hooks/pre-commit",
            ".git::$INDEX_ALLOCATION/x",
            "gitmod~1",
            "GI7EBA~1",
            "gi7d29~4",
            "a\nb",
            "a\u{0}b",
            "a\u{1b}[2Jb",
            "a\u{202e}b",
            "",
            ".",
            "..",
            "./",
            "a//b",
            "a/./b",
            "a/",
            "x.",
            "x ",
            "x../y",
            &long_part,
            &long_path,
        ];
        for path in refused {
            assert!(RepoPath::parse(path).is_err(), "{path:?} was taken");
        }
    }

    #[test]
    fn ordinary_paths_are_taken() {
        for path in [
            "a",
            "src/main.rs",
            ".gitignore",
            ".gitmodules",
            "$HOME/x",
            "%2e%2e/x",
            "a b/c",
            "ünï/cödé",
            "drivers/aux.c",
            "git-hooks/x",
            &"a".repeat(255),
        ] {
            assert_eq!(RepoPath::parse(path).unwrap().as_str(), path);
        }
        assert_eq!(RepoPath::parse("./a/b").unwrap().as_str(), "a/b");
    }

    #[test]
    fn new_names_must_be_portable() {
        for path in ["CON", "a/nul.txt", "com1", "lpt9.rs", "-rf", "a/--upload-pack=x", "*", "a?b", "e\u{301}.md", " a"] {
            assert!(RepoPath::parse(path).unwrap().portable().is_err(), "{path:?} was taken");
        }
        for path in ["console.rs", "community", "{a,b}", "é.md", "a-b", "com10"] {
            assert!(RepoPath::parse(path).unwrap().portable().is_ok(), "{path:?} was refused");
        }
    }
}
