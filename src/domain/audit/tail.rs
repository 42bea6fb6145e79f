//! Checks the newest lines of a chain as a store holds them, without those before.

use super::chain::GENESIS;
use super::entry::{ChainId, Linked};
use crate::base::text::sha256_hex;

/// Checks lines that begin at entry `from`: each has its place, its hash is that of its text, and it names the hash of the line before. What the
/// first line names is checked only at the beginning of the chain. Gives the last entry; the error is a part of a sentence.
pub fn check_tail<'a>(chain: ChainId, from: u64, lines: impl IntoIterator<Item = (u64, &'a str, &'a str)>) -> Result<u64, String> {
    let mut due = from;
    let mut before = (from == 0).then(|| GENESIS.to_owned());
    for (seq, line, hash) in lines {
        let at = |reason: &str| format!("entry {due}: {reason}");
        if seq != due {
            return Err(at(&format!("entry {seq} stands in its place, so a line was removed or added")));
        }
        if sha256_hex(line) != hash {
            return Err(at("its text does not have the hash that was noted for it, so it was changed"));
        }
        let linked = Linked::parse(line.as_bytes()).map_err(|reason| at(&reason))?;
        if linked.seq != seq || linked.entry.chain != chain {
            return Err(at("it belongs to another place or to another chain"));
        }
        if before.as_ref().is_some_and(|before| *before != linked.prev) {
            return Err(at("it does not name the hash of the line before it, so one of the two was changed"));
        }
        before = Some(hash.to_owned());
        due += 1;
    }
    Ok(due.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::super::chain::link;
    use super::super::entry::{Actor, ActorKind, Entry};
    use super::*;
    use crate::base::Time;

    fn chain() -> Vec<(u64, String, String)> {
        let mut prev = GENESIS.to_owned();
        let grow = |seq: u64| {
            let actor = Actor { id: "syndarix".into(), kind: ActorKind::System };
            let made = link(seq, &prev, &Entry::new(ChainId::System, Time(seq as i64), actor, "test.entry")).expect("a good entry");
            prev.clone_from(&made.hash);
            (seq, made.line, made.hash)
        };
        (0..6).map(grow).collect()
    }

    fn check(from: u64, lines: &[(u64, String, String)]) -> Result<u64, String> {
        check_tail(ChainId::System, from, lines.iter().map(|(seq, line, hash)| (*seq, line.as_str(), hash.as_str())))
    }

    #[test]
    fn a_whole_chain_and_its_end_hold() {
        let lines = chain();
        assert_eq!(check(0, &lines), Ok(5));
        assert_eq!(check(3, &lines[3..]), Ok(5));
        assert_eq!(check(0, &[]), Ok(0));
    }

    #[test]
    fn every_change_is_found() {
        let lines = chain();
        let mut changed = lines.clone();
        changed[2].1 = changed[2].1.replace("test.entry", "test.other");
        assert!(check(0, &changed).is_err_and(|why| why.starts_with("entry 2: its text")));
        changed[2].2 = sha256_hex(&changed[2].1);
        assert!(check(0, &changed).is_err_and(|why| why.starts_with("entry 3: it does not name")));
        let mut cut = lines.clone();
        cut.remove(4);
        assert!(check(0, &cut).is_err_and(|why| why.starts_with("entry 4: entry 5")));
        assert!(
            check_tail(ChainId::Project(crate::base::ids::ProjectId::named("x")), 0, [(0, lines[0].1.as_str(), lines[0].2.as_str())])
                .is_err()
        );
        let mut moved = lines[1..].to_vec();
        moved[0].0 = 0;
        assert!(check(0, &moved[..1]).is_err());
    }
}
