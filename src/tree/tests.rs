use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use regex::Regex;

use super::*;

const SECRET: &str = "canary-in-the-mine";

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

/// A tree in `in/`, with everything an attacker would put there, and a secret in `out/`.
fn trap() -> (tempfile::TempDir, WorkTree) {
    let dir = tempfile::tempdir().unwrap();
    let (inside, out) = (dir.path().join("in"), dir.path().join("out"));
    fs::create_dir_all(inside.join("src")).unwrap();
    fs::create_dir_all(inside.join(".git/hooks")).unwrap();
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join("key"), SECRET).unwrap();
    fs::write(out.join("linked"), SECRET).unwrap();
    fs::write(inside.join("src/main.rs"), "fn main() {}\n").unwrap();
    fs::write(inside.join(".git/config"), SECRET).unwrap();
    symlink(&out, inside.join("link")).unwrap();
    symlink(out.join("key"), inside.join("link2")).unwrap();
    symlink("../../out/key", inside.join("src/link3")).unwrap();
    symlink("loop", inside.join("loop")).unwrap();
    symlink("/proc/self", inside.join("proc")).unwrap();
    fs::hard_link(out.join("linked"), inside.join("hard")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, inside.join("fifo"), Mode::from_raw_mode(0o600)).unwrap();
    drop(UnixListener::bind(inside.join("socket")).unwrap());
    let tree = WorkTree::open(&inside).unwrap();
    (dir, tree)
}

/// Every name of the path table that can be written as a path at all, and every trap.
const NAMES: &[&str] = &[
    "link/key",
    "link/new",
    "link/sub/new",
    "link2",
    "src/link3",
    "loop",
    "loop/x",
    "proc/environ",
    "proc/fd/3",
    "hard",
    "fifo",
    "fifo/x",
    "socket",
    "src",
    "src/main.rs/x",
    "%2e%2e/x",
    "$HOME/x",
    "-rf",
    "--upload-pack=x",
    "CON",
    "{a,b}",
    "dev/stdin",
    "dev/full",
    "proc/1/root/etc",
];

fn outside(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(dir.join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

#[test]
fn nothing_outside_is_read_or_written_by_any_operation() {
    let (dir, tree) = trap();
    let before = outside(dir.path());
    for name in NAMES {
        let path = path(name);
        if let Ok(bytes) = tree.read(&path, 1 << 20) {
            panic!("{name} was read: {:?}", String::from_utf8_lossy(&bytes));
        }
        let there = tree.stat(&path);
        let _ = tree.write(&path, b"overwritten");
        assert_eq!(outside(dir.path()), before, "{name} wrote outside");
        if !matches!(there, Ok(None)) {
            assert!(tree.read(&path, 1 << 20).is_err(), "{name} was replaced by a file");
        }
        let _ = tree.delete(&path);
        assert_eq!(outside(dir.path()), before, "{name} deleted outside");
        let listing = tree.list(Some(&path), ListLimits::default());
        assert!(
            listing.is_err() || listing.unwrap().entries.iter().all(|entry| entry.path.as_str().starts_with(name)),
            "{name} was listed"
        );
    }
    let all = Regex::new("").unwrap();
    let found = tree.search(&all, None, &|_| true, SearchLimits::default()).unwrap();
    assert!(found.hits.iter().all(|hit| !hit.lines[0].1.contains(SECRET)), "a search saw the secret");
    assert!(found.hits.iter().any(|hit| hit.path.as_str() == "src/main.rs"));
    let listing = tree.list(None, ListLimits::default()).unwrap();
    assert!(!listing.entries.iter().any(|entry| entry.path.as_str().starts_with("link/")), "a link was entered");
    assert!(listing.skipped >= 1, "`.git` was not passed over");
}

#[test]
fn a_link_swapped_in_meanwhile_never_leads_out() {
    let dir = tempfile::tempdir().unwrap();
    let (inside, out) = (dir.path().join("in"), dir.path().join("out"));
    fs::create_dir_all(inside.join("real")).unwrap();
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join("key"), SECRET).unwrap();
    fs::write(inside.join("real/key"), "harmless").unwrap();
    symlink(&out, inside.join("bad")).unwrap();
    symlink(out.join("key"), inside.join("badfile")).unwrap();
    fs::write(inside.join("goodfile"), "harmless").unwrap();
    let tree = WorkTree::open(&inside).unwrap();
    let stop = AtomicBool::new(false);
    let (mut read, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // `a` and `f` are a directory and a file, then links to the outside, then gone, over and over.
            let at = |name: &str| inside.join(name);
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(at("real"), at("a"));
                let _ = fs::rename(at("goodfile"), at("f"));
                std::thread::yield_now();
                let _ = fs::rename(at("a"), at("real"));
                let _ = fs::rename(at("bad"), at("a"));
                let _ = fs::rename(at("f"), at("goodfile"));
                let _ = fs::rename(at("badfile"), at("f"));
                std::thread::yield_now();
                let _ = fs::rename(at("a"), at("bad"));
                let _ = fs::rename(at("f"), at("badfile"));
            }
        });
        for _ in 0..20_000 {
            for name in ["a/key", "f"] {
                match tree.read(&path(name), 1 << 20) {
                    Ok(bytes) => {
                        assert_ne!(bytes, SECRET.as_bytes(), "{name} led out");
                        read += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
            let _ = tree.write(&path("a/key"), b"harmless");
            let _ = tree.write(&path("a/new"), b"harmless");
            let _ = tree.delete(&path("a/new"));
            let _ = tree.delete(&path("a/key"));
            let _ = tree.write(&path("a/key"), b"harmless");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(outside(dir.path()), vec![(out.join("key").display().to_string(), SECRET.as_bytes().to_vec())]);
    assert!(refused > 0, "the race never happened ({read} reads)");
}

#[test]
fn files_are_written_whole_and_keep_their_mode() {
    let (dir, tree) = trap();
    let script = dir.path().join("in/run.sh");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o4755)).unwrap();
    tree.write(&path("run.sh"), b"#!/bin/sh\nexit 0\n").unwrap();
    assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o7777, 0o755);
    assert_eq!(tree.stat(&path("run.sh")).unwrap(), Some(FileStat { size: 17, executable: true }));
    tree.write(&path("a/b/c.txt"), b"deep").unwrap();
    assert_eq!(tree.read(&path("a/b/c.txt"), 10).unwrap(), b"deep");
    assert!(matches!(tree.read(&path("a/b/c.txt"), 3), Err(TreeError::TooBig { size: 4, limit: 3, .. })));
    tree.delete(&path("a/b/c.txt")).unwrap();
    assert!(!dir.path().join("in/a").exists(), "empty directories stay");
    assert!(!tree.exists(&path("a/b/c.txt")));
    assert!(matches!(tree.delete(&path("a/b/c.txt")), Err(TreeError::NotFound(_))));
    let names: Vec<_> = fs::read_dir(dir.path().join("in")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("syndarix-writing")), "a half-written file stays");
}

#[test]
fn lists_and_searches_are_bounded_and_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let tree = WorkTree::open(dir.path()).unwrap();
    for i in 0..30 {
        tree.write(&path(&format!("d{}/f{i:02}.txt", i % 3)), format!("one\nneedle {i}\nthree\n").as_bytes()).unwrap();
    }
    tree.write(&path("bin.dat"), b"needle\0").unwrap();
    let listing = tree.list(None, ListLimits { entries: 10, depth: 5 }).unwrap();
    assert!(listing.truncated && listing.entries.len() == 10);
    let listing = tree.list(None, ListLimits { entries: 100, depth: 1 }).unwrap();
    assert_eq!(listing.entries.iter().filter(|entry| entry.kind == Kind::Closed).count(), 3);
    let regex = Regex::new("needle").unwrap();
    let found = tree.search(&regex, None, &|_| true, SearchLimits { hits: 7, ..SearchLimits::default() }).unwrap();
    assert!(found.truncated && found.hits.len() == 7);
    let found = tree.search(&regex, Some(&path("d1")), &|_| true, SearchLimits { context: 1, ..SearchLimits::default() }).unwrap();
    assert_eq!((found.hits.len(), found.hits[0].lines.len(), found.hits[0].line, found.truncated), (10, 3, 2, false));
    let found = tree.search(&regex, None, &|_| true, SearchLimits { bytes: 60, ..SearchLimits::default() }).unwrap();
    assert!(found.truncated && found.hits.len() < 4);
    assert_eq!(tree.search(&regex, None, &|_| true, SearchLimits::default()).unwrap().passed_over, 1);
}
