//! Checks a whole audit repository, file by file: every chain, and that the files are named and cut as the format says.

use std::collections::BTreeMap;

use super::chain::{Check, Remembered, Summary};
use super::entry::ChainId;
use super::segment::{self, MAX_BYTES, MAX_LINES};

/// The first thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file} line {line_no} (entry {seq}): {reason}")]
pub struct Problem {
    /// The first entry that cannot be trusted.
    pub seq: u64,
    /// Path of the file in the repository.
    pub file: String,
    /// Line of that file, from 1.
    pub line_no: u64,
    pub reason: String,
}

/// What is known about one chain. Up to a problem, the summary is that of the lines that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    pub chain: ChainId,
    pub summary: Summary,
    pub problem: Option<Problem>,
}

/// What is known about a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub chains: Vec<ChainReport>,
    /// Files among the chains that the format does not know. The record does not hold while there are any.
    pub misplaced: Vec<String>,
    /// Files elsewhere, such as a read-me. They are no part of the record.
    pub other: Vec<String>,
}

impl Report {
    /// Whether everything that was found holds. A report without any chain holds nothing: see [`Report::is_empty`].
    pub fn holds(&self) -> bool {
        self.misplaced.is_empty() && self.chains.iter().all(|chain| chain.problem.is_none())
    }

    /// Whether there was no chain at all.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    /// Number of lines that hold, over all chains.
    pub fn entries(&self) -> u64 {
        self.chains.iter().map(|chain| chain.summary.entries).sum()
    }
}

/// What to check.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only this chain.
    pub only: Option<ChainId>,
    /// A moment that the chain of `only` must pass through.
    pub remembered: Option<Remembered>,
}

/// Checks files as they are handed over, so that only one of them has to be in memory.
#[derive(Debug, Default)]
pub struct Verifier {
    scope: Scope,
    chains: BTreeMap<ChainId, Walk>,
    misplaced: Vec<String>,
    other: Vec<String>,
}

#[derive(Debug)]
struct Walk {
    check: Check,
    last_file: String,
    problem: Option<Problem>,
}

impl Verifier {
    /// A check that has seen nothing yet.
    pub fn new(scope: Scope) -> Verifier {
        Verifier { scope, ..Verifier::default() }
    }

    /// Whether the content of this file matters; when not, it can be handed over empty.
    pub fn wants(&self, path: &str) -> bool {
        segment::parse_path(path).is_some_and(|(chain, _)| self.scope.only.is_none_or(|only| only == chain))
    }

    /// Takes a file by its path in the repository. The segments of one chain come in the order of their names.
    pub fn file(&mut self, path: &str, bytes: &[u8]) {
        let Some((chain, first_seq)) = segment::parse_path(path) else {
            let place = if self.is_misplaced(path) { &mut self.misplaced } else { &mut self.other };
            return place.push(path.to_owned());
        };
        if !self.wants(path) {
            return;
        }
        let remembered = self.scope.remembered.clone();
        let fresh = || Walk { check: Check::new(Some(chain)).through(remembered), last_file: String::new(), problem: None };
        self.chains.entry(chain).or_insert_with(fresh).segment(path, first_seq, bytes);
    }

    /// With a scope, only strange files beside the wanted chain's count; without one, all under the chains' folder.
    fn is_misplaced(&self, path: &str) -> bool {
        match self.scope.only {
            Some(chain) => path.starts_with(&format!("{}{chain}/", segment::FOLDER)),
            None => path.starts_with(segment::FOLDER),
        }
    }

    /// What was found.
    pub fn finish(self) -> Report {
        let chains = self.chains.into_iter().map(|(chain, walk)| walk.finish(chain)).collect();
        Report { chains, misplaced: self.misplaced, other: self.other }
    }
}

impl Walk {
    fn segment(&mut self, path: &str, first_seq: u64, bytes: &[u8]) {
        self.last_file = path.to_owned();
        if self.problem.is_none() {
            self.problem = self.lines(path, first_seq, bytes).err();
        }
    }

    fn lines(&mut self, path: &str, first_seq: u64, bytes: &[u8]) -> Result<(), Problem> {
        let due = self.check.next_seq();
        let problem = |seq, line_no, reason| Problem { seq, file: path.to_owned(), line_no, reason };
        if first_seq != due {
            return Err(problem(
                due,
                1,
                format!("the file begins at entry {first_seq} where entry {due} is due: a file is missing, cut or added"),
            ));
        }
        let body = match bytes {
            [] => return Err(problem(due, 1, "the file is empty".into())),
            [body @ .., b'\n'] => body,
            _ => {
                let full = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
                return Err(problem(due + full, full + 1, "the file does not end with a line feed: its last line was cut".into()));
            }
        };
        for (line_no, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
            let seq = self.check.next_seq();
            self.check.accept(line).map_err(|reason| problem(seq, line_no, reason))?;
        }
        let lines = self.check.next_seq() - due;
        if bytes.len() > MAX_BYTES || lines > MAX_LINES as u64 {
            let reason = format!("the file has {lines} lines and {} bytes; at most {MAX_LINES} and {MAX_BYTES} are allowed", bytes.len());
            return Err(problem(due, 1, reason));
        }
        Ok(())
    }

    fn finish(self, chain: ChainId) -> ChainReport {
        let summary = self.check.summary();
        let cut = self.check.missing_memory().map(|reason| Problem { seq: summary.entries, file: self.last_file, line_no: 0, reason });
        ChainReport { chain, problem: self.problem.or(cut), summary }
    }
}

/// Checks a repository that is in memory: paths from its root, in any order, with their content.
pub fn verify_files(mut files: Vec<(String, Vec<u8>)>, scope: Scope) -> Report {
    files.sort();
    let mut verifier = Verifier::new(scope);
    for (path, bytes) in &files {
        verifier.file(path, bytes);
    }
    verifier.finish()
}
