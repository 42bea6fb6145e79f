//! The verifier in Python, as a second opinion.

use std::process::Command;

use crate::fixture::{Files, lay_down};

/// What a verifier says: exit code, and for each chain `name entries ok`.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    pub code: i32,
    pub chains: Vec<(String, u64, bool)>,
    pub heads_and_roots: Vec<(String, String)>,
}

/// Asks the Python verifier. `None`, with a note, where there is no Python.
pub fn ask(files: &Files, extra: &[&str]) -> Option<Verdict> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    lay_down(directory.path(), files);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/verify.py");
    let run = Command::new("python3").args(["-B", script]).arg(directory.path()).args(extra).output();
    let Ok(output) = run else {
        eprintln!("left out: the second opinion of tests/audit/verify.py, since there is no python3");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut verdict = Verdict { code: output.status.code().unwrap_or(-1), chains: Vec::new(), heads_and_roots: Vec::new() };
    assert!((0..=2).contains(&verdict.code) && output.stderr.is_empty(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["OK" | "BROKEN", chain, entries, head, root, ..] = words[..] {
            verdict.chains.push((chain.to_owned(), entries.parse().expect("a number"), words[0] == "OK"));
            verdict.heads_and_roots.push((head.to_owned(), root.to_owned()));
        }
    }
    Some(verdict)
}
