//! Paths inside a repository: the only form in which a model may name a file.

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
    if stem == ".git" || stem.starts_with("git~") {
        return Err("Git's own files are off limits");
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
