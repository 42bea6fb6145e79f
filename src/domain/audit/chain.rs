//! The chain: each line names the hash of the line before it, so that no line can be changed, dropped, added or moved without changing every later one.

use super::entry::{BadEntry, ChainId, Entry, Linked};
use super::tree::{self, Tree};
use crate::base::text::sha256_hex;

/// What the first line names as its predecessor.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A line with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: u64,
    /// The raw line without its line feed.
    pub line: String,
    /// SHA-256 of the raw line in lower-case hex: what the next line names as `prev`.
    pub hash: String,
}

/// Puts an entry at its place: `seq` counts from 0 without gaps, `prev` is the hash of the previous line or [`GENESIS`].
pub fn link(seq: u64, prev: &str, entry: &Entry) -> Result<Link, BadEntry> {
    let line = entry.line(seq, prev)?;
    let hash = sha256_hex(&line);
    Ok(Link { seq, line, hash })
}

/// A moment of a chain that somebody wrote down: the hash of the line `seq`. It finds what a chain alone cannot show, a record rewritten from some line on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub seq: u64,
    pub head: String,
}

/// What a chain amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Number of lines.
    pub entries: u64,
    /// Hash of the last line, [`GENESIS`] when there is none.
    pub head: String,
    /// RFC 6962 Merkle root over all raw lines, in lower-case hex.
    pub root: String,
}

/// Where and why a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line_no} (entry {seq}): {reason}")]
pub struct Broken {
    /// The first entry that cannot be trusted.
    pub seq: u64,
    /// Its line, from 1, in what was given.
    pub line_no: u64,
    pub reason: String,
}

/// Checks a chain line by line, in any number of portions.
#[derive(Clone, Debug)]
pub struct Check {
    chain: Option<ChainId>,
    remembered: Option<Remembered>,
    head: String,
    tree: Tree,
}

impl Check {
    /// A check of this chain, or of whichever chain the first line belongs to.
    pub fn new(chain: Option<ChainId>) -> Check {
        Check { chain, remembered: None, head: GENESIS.to_owned(), tree: Tree::default() }
    }

    /// The same check, which also demands that the chain passes through a remembered moment.
    pub fn through(mut self, remembered: Option<Remembered>) -> Check {
        self.remembered = remembered;
        self
    }

    /// The seq of the next line.
    pub fn next_seq(&self) -> u64 {
        self.tree.size()
    }

    /// Takes the next raw line, without its line feed. After an error the check is over.
    pub fn accept(&mut self, line: &[u8]) -> Result<(), String> {
        let Linked { seq, prev, entry } = Linked::parse(line)?;
        let chain = *self.chain.get_or_insert(entry.chain);
        if entry.chain != chain {
            return Err(format!("it belongs to `{}`, not to `{chain}`", entry.chain));
        }
        if seq != self.next_seq() {
            return Err(format!("its seq is {seq} where {} is due: a line was removed, added or moved", self.next_seq()));
        }
        if prev != self.head {
            return Err("its `prev` is not the hash of the line before it: that line or this one was changed".into());
        }
        let hash = sha256_hex(line);
        if self.remembered.as_ref().is_some_and(|known| known.seq == seq && known.head != hash) {
            return Err(format!("its hash is {hash}, not the remembered one: the record was rewritten here or before"));
        }
        self.head = hash;
        self.tree.push(tree::leaf(line));
        Ok(())
    }

    /// What the lines so far amount to.
    pub fn summary(&self) -> Summary {
        Summary { entries: self.tree.size(), head: self.head.clone(), root: hex::encode(self.tree.root()) }
    }

    /// The sentence for a chain that ends before the remembered moment.
    pub fn missing_memory(&self) -> Option<String> {
        let known = self.remembered.as_ref().filter(|known| known.seq >= self.next_seq())?;
        Some(format!("the record ends before the remembered entry {}: its end was cut off", known.seq))
    }
}

/// Checks the raw lines of one chain, from its first one on.
pub fn verify_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Summary, Broken> {
    let mut check = Check::new(None);
    for (line_no, line) in (1..).zip(lines) {
        let seq = check.next_seq();
        check.accept(line).map_err(|reason| Broken { seq, line_no, reason })?;
    }
    Ok(check.summary())
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Actor, ActorKind};
    use super::*;
    use crate::base::Time;

    fn lines(count: u64) -> Vec<String> {
        let mut prev = GENESIS.to_owned();
        let grow = |seq| {
            let actor = Actor { id: "syndarix".into(), kind: ActorKind::System };
            let entry = Entry::new(ChainId::System, Time(seq as i64), actor, "test.entry");
            let Link { line, hash, .. } = link(seq, &prev, &entry).expect("a good entry");
            prev = hash;
            line
        };
        (0..count).map(grow).collect()
    }

    fn verify(lines: &[String]) -> Result<Summary, Broken> {
        verify_lines(lines.iter().map(String::as_bytes))
    }

    #[test]
    fn an_untouched_chain_holds() {
        let lines = lines(5);
        let summary = verify(&lines).expect("holds");
        assert_eq!((summary.entries, summary.head), (5, sha256_hex(&lines[4])));
        let empty = verify(&[]).expect("nothing to hold");
        assert_eq!((empty.entries, empty.head.as_str()), (0, GENESIS));
    }

    #[test]
    fn every_rearrangement_is_found_at_its_place() {
        let change = |act: fn(&mut Vec<String>)| {
            let mut lines = lines(6);
            act(&mut lines);
            verify(&lines).expect_err("broken").seq
        };
        assert_eq!(change(|l| drop(l.remove(0))), 0);
        assert_eq!(change(|l| drop(l.remove(3))), 3);
        assert_eq!(change(|l| l.swap(2, 3)), 2);
        assert_eq!(change(|l| l.insert(4, l[4].clone())), 5);
        assert_eq!(change(|l| l[2] = l[2].replace("test.entry", "test.entrx")), 3, "an edit shows in the next line");
    }

    #[test]
    fn a_remembered_head_finds_a_cut_and_a_rewrite() {
        let lines = lines(4);
        let walk = |remembered: Remembered, count: usize| {
            let mut check = Check::new(None).through(Some(remembered));
            for line in &lines[..count] {
                check.accept(line.as_bytes())?;
            }
            check.missing_memory().map_or(Ok(()), Err)
        };
        let at = |seq: u64, head: String| Remembered { seq, head };
        assert_eq!(walk(at(3, sha256_hex(&lines[3])), 4), Ok(()));
        assert!(walk(at(3, sha256_hex(&lines[3])), 3).is_err_and(|why| why.contains("cut off")));
        assert!(walk(at(2, GENESIS.into()), 4).is_err_and(|why| why.contains("rewritten")));
    }
}
