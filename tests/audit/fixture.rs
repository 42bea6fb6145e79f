//! A record to tamper with.

use std::path::Path;

use serde_json::json;
use syndarix::base::ids::ProjectId;
use syndarix::base::{Nano, Time};
use syndarix::domain::audit::entry::{money, text_by_hash};
use syndarix::domain::audit::{Actor, ActorKind, ChainId, Entry, GENESIS, Link, link, segment};

/// Files as they lie in the repository.
pub type Files = Vec<(String, Vec<u8>)>;

pub fn project() -> ChainId {
    ChainId::Project(ProjectId::named("acme/shop"))
}

/// Path of the first segment of [`project`].
pub fn first_segment() -> String {
    segment::path(project(), 0)
}

pub fn entry(chain: ChainId, at: u64) -> Entry {
    let actor = match at % 3 {
        0 => Actor { id: "gitea:7".into(), kind: ActorKind::Person },
        1 => Actor { id: "agt_1".into(), kind: ActorKind::Agent },
        _ => Actor { id: "syndarix".into(), kind: ActorKind::System },
    };
    let mut entry = Entry::new(chain, Time(1_785_740_400_000_000 + at as i64), actor, "test.happened");
    entry.target = at.is_multiple_of(2).then(|| format!("issue:{at}"));
    entry.causation = at.is_multiple_of(5).then(|| format!("del_{at}"));
    entry.details = json!({ "cost_nano": money(Nano(at as i64 * 250)), "text": text_by_hash(&format!("text {at}")), "label": "grün \"x\"", "none": null });
    entry
}

/// The lines `from..to` of a chain that goes on after `prev`.
pub fn lines_after(chain: ChainId, prev: &str, from: u64, to: u64) -> Vec<Link> {
    let mut prev = prev.to_owned();
    let grow = |seq| {
        let link = link(seq, &prev, &entry(chain, seq)).expect("a good entry");
        prev.clone_from(&link.hash);
        link
    };
    (from..to).map(grow).collect()
}

pub fn lines(chain: ChainId, count: u64) -> Vec<String> {
    lines_after(chain, GENESIS, 0, count).into_iter().map(|link| link.line).collect()
}

/// One file of lines, whatever they are.
pub fn as_file(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

/// A whole chain as the engine would push it.
pub fn chain_files(chain: ChainId, count: u64) -> Files {
    let files = segment::files_to_write(chain, None, 0, &lines(chain, count)).expect("no gap");
    files.into_iter().map(|file| (file.path, file.bytes)).collect()
}

/// Lays the files down in a directory.
pub fn lay_down(root: &Path, files: &Files) {
    for (path, bytes) in files {
        let place = root.join(path);
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("a writable directory");
        std::fs::write(place, bytes).expect("a writable directory");
    }
}
