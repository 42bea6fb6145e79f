//! Where two branches do not go together by themselves: what stands against each other, who can resolve it, and how it is seen that it was.

use serde::{Deserialize, Serialize};

/// Shortest run of characters that makes a conflict marker.
pub const MARKER: u16 = 7;

/// Longest run that is used for one. A file whose lines begin with longer runs is left to a person.
const LONGEST: u16 = 100;

/// A path on which two branches do not go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// As Git names it; may not be a path that an agent can use.
    pub path: String,
    pub kind: ConflictKind,
    /// Length of the conflict markers in the file; `None` when it holds none.
    #[serde(default)]
    pub marker: Option<u16>,
}

/// What stands against each other. *Here* is the story's branch, *there* the base branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// Both changed the same lines.
    Lines,
    /// Both added a file of this name.
    BothAdded,
    /// Deleted on the story's branch, changed on the base branch.
    DeletedHere,
    /// Changed on the story's branch, deleted on the base branch.
    DeletedThere,
    /// Renamed differently on both.
    Renamed,
    /// Not text.
    Binary,
    /// A symbolic link is among what stands against each other.
    Link,
    Submodule,
    /// A file on one branch, a directory on the other.
    FileAndDirectory,
    /// Too large to be shown with markers.
    TooLarge,
    /// Its name cannot be used by agents.
    BadName,
    /// Protected: agents may not change it.
    Protected,
}

impl ConflictKind {
    /// True when an agent can resolve it with its tools.
    pub fn is_for_agent(self) -> bool {
        use ConflictKind::*;
        matches!(self, Lines | BothAdded | DeletedHere | DeletedThere | Renamed)
    }

    /// What stands against each other, to be put behind the path.
    pub fn words(self) -> &'static str {
        match self {
            ConflictKind::Lines => "both branches changed the same lines",
            ConflictKind::BothAdded => "both branches added a file of this name",
            ConflictKind::DeletedHere => "deleted on this branch, changed on the base branch",
            ConflictKind::DeletedThere => "changed on this branch, deleted on the base branch",
            ConflictKind::Renamed => "renamed differently on the two branches",
            ConflictKind::Binary => "both branches changed it, and it is not text",
            ConflictKind::Link => "a symbolic link that both branches changed",
            ConflictKind::Submodule => "a submodule that both branches changed",
            ConflictKind::FileAndDirectory => "a file on one branch and a directory on the other",
            ConflictKind::TooLarge => "both branches changed it, and it is too large to be shown",
            ConflictKind::BadName => "its name cannot be used by agents",
            ConflictKind::Protected => "both branches changed it, and agents may not change protected files",
        }
    }
}

/// How long the markers must be so that no line of these texts can be taken for one. `None`: longer than is sensible.
pub fn marker_size<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Option<u16> {
    let longest = texts.into_iter().flat_map(|text| text.split(|&byte| byte == b'\n')).map(run).max().unwrap_or(0);
    let size = u16::try_from(longest).ok()?.checked_add(1)?.max(MARKER);
    (size <= LONGEST).then_some(size)
}

/// The first line, from 1, on which a conflict marker of this length is left.
pub fn leftover(text: &[u8], size: u16) -> Option<usize> {
    text.split(|&byte| byte == b'\n').position(|line| is_marker(line, usize::from(size))).map(|at| at + 1)
}

/// A marker stands at the start of its line, followed by a space and a name or by nothing.
fn is_marker(line: &[u8], size: usize) -> bool {
    run(line) == size && matches!(line.get(size), None | Some(b' ' | b'\r'))
}

/// How often the first character of the line repeats, when it is one that markers are made of.
fn run(line: &[u8]) -> usize {
    match line.first() {
        Some(first @ (b'<' | b'|' | b'=' | b'>')) => line.iter().take_while(|byte| *byte == first).count(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_longer_than_anything_in_the_text() {
        for (text, size) in [("a\nb", 7), ("Title\n=====\n", 7), ("Title\n==========\n", 11), ("x <<<<<<<<<<<< y", 7), ("<<<<<<<< x", 9)] {
            assert_eq!(marker_size([text.as_bytes()]), Some(size), "{text}");
            assert_eq!(leftover(text.as_bytes(), size), None, "{text}");
        }
        assert_eq!(marker_size(["=".repeat(100).as_bytes()]), None);
    }

    #[test]
    fn what_is_left_of_a_conflict_is_found() {
        let whole = "a\n<<<<<<< here\nb\n||||||| before\nc\n=======\nd\n>>>>>>> there\n";
        assert_eq!(leftover(whole.as_bytes(), 7), Some(2));
        for rest in ["x\n=======\n", "x\n>>>>>>> there", "||||||| before\r\n"] {
            assert!(leftover(rest.as_bytes(), 7).is_some(), "{rest}");
            assert_eq!(leftover(rest.as_bytes(), 8), None, "{rest}");
        }
        for fine in ["a\nb\n", "  <<<<<<< quoted\n", "========\n", "<<<<<<<x\n", ""] {
            assert_eq!(leftover(fine.as_bytes(), 7), None, "{fine}");
        }
    }

    #[test]
    fn kinds_say_what_stands_against_each_other() {
        use ConflictKind::*;
        let all =
            [Lines, BothAdded, DeletedHere, DeletedThere, Renamed, Binary, Link, Submodule, FileAndDirectory, TooLarge, BadName, Protected];
        assert_eq!(all.iter().filter(|kind| kind.is_for_agent()).count(), 5);
        let words: std::collections::BTreeSet<_> = all.iter().map(|kind| kind.words()).collect();
        assert_eq!(words.len(), all.len());
    }
}
