//! How a chain is cut into files: `projects/<chain>/<seq of its first line>.jsonl`, each line ended by one line feed.

use super::entry::ChainId;

/// Most lines of one file.
pub const MAX_LINES: usize = 1_000;
/// Most bytes of one file.
pub const MAX_BYTES: usize = 1_000_000;
/// The folder that holds every chain, with its slash.
pub const FOLDER: &str = "projects/";
const ENDING: &str = ".jsonl";
const SEQ_DIGITS: usize = 12;

/// A file of the audit repository as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    pub path: String,
    pub bytes: Vec<u8>,
}

/// The path of the segment that begins with this line.
pub fn path(chain: ChainId, first_seq: u64) -> String {
    format!("{FOLDER}{chain}/{first_seq:0SEQ_DIGITS$}{ENDING}")
}

/// The chain and the first seq that a path names; `None` when it is not the path of a segment.
pub fn parse_path(path: &str) -> Option<(ChainId, u64)> {
    let (folder, name) = path.strip_prefix(FOLDER)?.split_once('/')?;
    let digits = name.strip_suffix(ENDING)?;
    if digits.len() != SEQ_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((folder.parse().ok()?, digits.parse().ok()?))
}

/// The last segment of a chain as it is in the repository.
#[derive(Clone, Copy, Debug)]
pub struct Last<'a> {
    pub first_seq: u64,
    pub bytes: &'a [u8],
}

impl Last<'_> {
    fn lines(&self) -> usize {
        self.bytes.iter().filter(|byte| **byte == b'\n').count()
    }

    /// The seq of the first line that is not in the repository yet.
    pub fn next_seq(&self) -> u64 {
        self.first_seq + self.lines() as u64
    }
}

/// The new lines do not follow what is in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the repository's record goes on at entry {due}, but the new lines begin at entry {given}")]
pub struct Gap {
    pub due: u64,
    pub given: u64,
}

/// The files to write so that the repository also holds `lines`, the first of which has the seq `first_new`.
/// The last segment is filled up first; files that do not change are not named. Lines come without line feed.
pub fn files_to_write<S: AsRef<str>>(chain: ChainId, last: Option<Last>, first_new: u64, lines: &[S]) -> Result<Vec<SegmentFile>, Gap> {
    let due = last.map_or(0, |last| last.next_seq());
    if due != first_new {
        return Err(Gap { due, given: first_new });
    }
    let mut open = last.map(|last| Open { first_seq: last.first_seq, lines: last.lines(), bytes: last.bytes.to_vec(), changed: false });
    let mut files = Vec::new();
    for (seq, line) in (first_new..).zip(lines) {
        let line = line.as_ref();
        if let Some(full) = open.take_if(|open| !open.has_room(line)) {
            files.extend(full.into_file(chain));
        }
        open.get_or_insert_with(|| Open { first_seq: seq, lines: 0, bytes: Vec::new(), changed: false }).push(line);
    }
    files.extend(open.and_then(|open| open.into_file(chain)));
    Ok(files)
}

struct Open {
    first_seq: u64,
    lines: usize,
    bytes: Vec<u8>,
    changed: bool,
}

impl Open {
    fn has_room(&self, line: &str) -> bool {
        self.lines < MAX_LINES && self.bytes.len() + line.len() < MAX_BYTES
    }

    fn push(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
        self.lines += 1;
        self.changed = true;
    }

    fn into_file(self, chain: ChainId) -> Option<SegmentFile> {
        self.changed.then(|| SegmentFile { path: path(chain, self.first_seq), bytes: self.bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ProjectId;

    #[test]
    fn paths_have_one_spelling() {
        let chain = ChainId::Project(ProjectId::named("acme/shop"));
        assert_eq!(path(ChainId::System, 1_000), "projects/system/000000001000.jsonl");
        assert_eq!(parse_path(&path(chain, 42)), Some((chain, 42)));
        let strange = [
            "system/000000000000.jsonl",
            "projects/system/0.jsonl",
            "projects/system/00000000000a.jsonl",
            "projects/system/+00000000000.jsonl",
        ];
        for path in strange.into_iter().chain([
            "projects/shop/000000000000.jsonl",
            "projects/system/x/000000000000.jsonl",
            "projects/system/000000000000.json",
        ]) {
            assert_eq!(parse_path(path), None, "{path}");
        }
    }

    fn names(files: &[SegmentFile]) -> Vec<(&str, usize)> {
        files.iter().map(|file| (&file.path[16..28], file.bytes.len())).collect()
    }

    #[test]
    fn segments_fill_up_and_split() {
        let lines: Vec<String> = (0..2_500).map(|seq| format!("{seq:03}")).collect();
        let files = files_to_write(ChainId::System, None, 0, &lines).expect("no gap");
        assert_eq!(names(&files), [("000000000000", 4_000), ("000000001000", 5_000), ("000000002000", 2_500)]);

        let last = Last { first_seq: 2_000, bytes: &files[2].bytes };
        assert_eq!(last.next_seq(), 2_500);
        let more = files_to_write(ChainId::System, Some(last), 2_500, &lines[..501]).expect("no gap");
        assert_eq!(names(&more), [("000000002000", 4_500), ("000000003000", 4)]);
        assert!(more[0].bytes.starts_with(&files[2].bytes));
        assert_eq!(files_to_write(ChainId::System, Some(last), 2_501, &lines), Err(Gap { due: 2_500, given: 2_501 }));
    }

    #[test]
    fn nothing_new_writes_nothing_and_a_full_file_stays() {
        let full = "x\n".repeat(MAX_LINES);
        let last = Last { first_seq: 0, bytes: full.as_bytes() };
        assert_eq!(files_to_write::<&str>(ChainId::System, Some(last), 1_000, &[]), Ok(vec![]));
        let next = files_to_write(ChainId::System, Some(last), 1_000, &["y"]).expect("no gap");
        assert_eq!(names(&next), [("000000001000", 2)]);
    }

    #[test]
    fn no_file_passes_its_size() {
        let lines = vec!["x".repeat(60_000); 40];
        let files = files_to_write(ChainId::System, None, 0, &lines).expect("no gap");
        assert!(files.iter().all(|file| file.bytes.len() <= MAX_BYTES), "{:?}", names(&files));
        let joined: Vec<u8> = files.into_iter().flat_map(|file| file.bytes).collect();
        assert_eq!(joined, format!("{}\n", lines.join("\n")).into_bytes());
    }
}
