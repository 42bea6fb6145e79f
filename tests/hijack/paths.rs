//! The table of paths: what becomes of each name when an agent reads it and when it writes it, by way of the tools it really has.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::{Value, json};
use syndarix::tool::{self, Desk, Limits, Outcome, PathPolicy, Rule};
use syndarix::tree::WorkTree;

const SECRET: &str = "outside-canary-2b90";

/// What a tool answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// The rule stands in the record.
    By(Rule),
    /// A plain name inside of the tree; no such file is there.
    Absent,
    /// A new file of that name would trouble other systems, so none is made. Nothing is gained by it, so it is no denial.
    BadName,
    /// A plain file inside of the tree.
    File,
}

const PATH: Is = Is::By(Rule::Path);
const LINK: Is = Is::By(Rule::Link);
const PROTECTED: Is = Is::By(Rule::Protected);
use Is::{Absent, BadName, File};

/// Name, reading it, writing it.
const ROWS: &[(&str, Is, Is)] = &[
    ("../x", PATH, PATH),
    ("a/../../x", PATH, PATH),
    ("..\\x", PATH, PATH),
    ("%2e%2e/x", Absent, File),
    ("..%00", Absent, File),
    ("/etc/passwd", PATH, PATH),
    ("//etc/passwd", PATH, PATH),
    ("~/.ssh/id_rsa", PATH, PATH),
    ("$HOME/x", Absent, File),
    ("file:///x", PATH, PATH),
    ("C:\\x", PATH, PATH),
    ("\\\\srv\\x", PATH, PATH),
    ("./.git/config", PATH, PATH),
    (".GIT/config", PATH, PATH),
    (".git./config", PATH, PATH),
    ("git~1/config", PATH, PATH),
    (".git\u{200c}/config", PATH, PATH),
    (".git /config", PATH, PATH),
    ("a/.git/hooks/pre-commit", PATH, PATH),
    (".gitmodules", Absent, PROTECTED),
    (".gitattributes", Absent, PROTECTED),
    (".github/workflows/x.yml", Absent, PROTECTED),
    (".gitea/workflows/x.yml", Absent, PROTECTED),
    (".gitlab-ci.yml", Absent, PROTECTED),
    ("/proc/self/environ", PATH, PATH),
    ("/proc/self/fd/3", PATH, PATH),
    ("/proc/1/root/etc", PATH, PATH),
    ("/dev/stdin", PATH, PATH),
    ("/dev/full", PATH, PATH),
    ("link/key", LINK, LINK),
    ("link2", LINK, LINK),
    ("loop", LINK, LINK),
    ("a\nb", PATH, PATH),
    ("a\u{0}b", PATH, PATH),
    ("a\u{1b}[2Jb", PATH, PATH),
    ("-rf", Absent, BadName),
    ("--upload-pack=x", Absent, BadName),
    ("<255>", Absent, File),
    ("<256>", PATH, PATH),
    ("<4097>", PATH, PATH),
    ("caf\u{e9}", Absent, File),
    ("cafe\u{301}", Absent, BadName),
    ("CON", Absent, BadName),
    ("a.", PATH, PATH),
    ("a ", PATH, PATH),
    ("", PATH, PATH),
    (".", PATH, PATH),
    ("..", PATH, PATH),
    ("*", Absent, BadName),
    ("{a,b}", Absent, File),
    ("fifo", LINK, LINK),
    ("socket", LINK, LINK),
    ("hard", LINK, LINK),
    ("setuid", File, File),
    ("proc/self/environ", LINK, LINK),
];

/// Names that are too long to be written down here.
fn spelt(name: &str) -> String {
    match name {
        "<255>" => "n".repeat(255),
        "<256>" => "n".repeat(256),
        "<4097>" => "abc/".repeat(1024) + "n",
        name => name.to_owned(),
    }
}

fn trap(root: &Path) -> Desk {
    let tree = root.join("in");
    fs::create_dir_all(tree.join(".git/hooks")).unwrap();
    fs::create_dir_all(root.join("out")).unwrap();
    for file in ["out/key", "out/linked", "x"] {
        fs::write(root.join(file), SECRET).unwrap();
    }
    fs::write(tree.join(".git/config"), SECRET).unwrap();
    fs::write(tree.join("setuid"), "plain\n").unwrap();
    fs::set_permissions(tree.join("setuid"), fs::Permissions::from_mode(0o4755)).unwrap();
    symlink(root.join("out"), tree.join("link")).unwrap();
    symlink("../out/key", tree.join("link2")).unwrap();
    symlink("loop", tree.join("loop")).unwrap();
    symlink("/proc", tree.join("proc")).unwrap();
    fs::hard_link(root.join("out/linked"), tree.join("hard")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, tree.join("fifo"), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    drop(UnixListener::bind(tree.join("socket")).unwrap());
    let schema = json!({"type": "object"});
    Desk::new(WorkTree::open(&tree).unwrap(), PathPolicy::new(true), Limits::default(), schema).unwrap()
}

fn call(desk: &mut Desk, name: &str, args: Value) -> Outcome {
    let all: Vec<String> = tool::registry().iter().map(|tool| tool.name().to_owned()).collect();
    let outcome = tool::call(desk, &all, name, &args);
    let text = format!("{outcome:?}");
    assert!(!text.contains(SECRET) && !text.contains("root:") && !text.contains("PATH="), "{name} {args}: {text}");
    outcome
}

fn kind(outcome: &Outcome) -> Is {
    match outcome {
        Outcome::Refused { rule: Some(rule), .. } => Is::By(*rule),
        Outcome::Refused { reason, rule: None } if reason.contains("there is no file") => Absent,
        Outcome::Refused { .. } => BadName,
        _ => File,
    }
}

#[test]
fn g1_what_becomes_of_a_path() {
    let root = tempfile::tempdir().unwrap();
    let mut desk = trap(root.path());
    let outside = || ["out/key", "out/linked", "x"].map(|file| fs::read_to_string(root.path().join(file)).unwrap());
    let before = outside();
    for (name, reading, writing) in ROWS {
        let path = spelt(name);
        assert_eq!(kind(&call(&mut desk, "read_file", json!({"path": path}))), *reading, "reading {name:?}");
        for (tool, args) in [
            ("list_files", json!({"path": path})),
            ("search_files", json!({"pattern": "a", "path": path})),
            ("show_diff", json!({"path": path})),
        ] {
            // Nothing, `.` and `/` stand for the whole tree there.
            if *reading == PATH && !matches!(*name, "" | ".") {
                assert_eq!(kind(&call(&mut desk, tool, args)), PATH, "{tool} {name:?}");
            } else {
                call(&mut desk, tool, args);
            }
        }
        let edit = kind(&call(&mut desk, "edit_file", json!({"path": path, "old": "plain", "new": "plainer"})));
        let made = kind(&call(&mut desk, "create_file", json!({"path": path, "content": "plain\n", "overwrite": true})));
        assert_eq!(made, *writing, "writing {name:?}");
        if let Is::By(_) = writing {
            assert_eq!(edit, *writing, "editing {name:?}");
            assert_eq!(kind(&call(&mut desk, "delete_file", json!({"path": path}))), *writing, "deleting {name:?}");
        }
        if made == File && *name != "setuid" {
            assert!(root.path().join("in").join(&path).is_file(), "{name:?} is in the tree");
            assert_eq!(kind(&call(&mut desk, "delete_file", json!({"path": path}))), File, "deleting {name:?}");
        }
        assert_eq!(outside(), before, "{name:?}");
        let mut around: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        around.sort();
        assert_eq!(around, ["in", "out", "x"], "{name:?}");
    }
    // A program that runs as its owner is none any more once an agent has written it.
    let mode = fs::metadata(root.path().join("in/setuid")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7000, 0, "{mode:o}");
    assert_eq!(fs::read_to_string(root.path().join("in/.git/config")).unwrap(), SECRET);
}

/// A device takes an administrator to make. What has a file system of its own (`/proc` here, below a link) is refused by the tree's tests.
#[test]
fn g1_a_device_is_no_file() {
    let root = tempfile::tempdir().unwrap();
    let mut desk = trap(root.path());
    let at = root.path().join("in/null");
    let kind_of = rustix::fs::FileType::CharacterDevice;
    let made = rustix::fs::mknodat(rustix::fs::CWD, &at, kind_of, rustix::fs::Mode::from_raw_mode(0o666), rustix::fs::makedev(1, 3));
    if made.is_err() {
        println!("skipped: only an administrator may make a device");
        return;
    }
    assert_eq!(kind(&call(&mut desk, "read_file", json!({"path": "null"}))), LINK);
    assert_eq!(kind(&call(&mut desk, "create_file", json!({"path": "null", "content": "x", "overwrite": true}))), LINK);
}

/// A name that becomes a link to a directory outside between the look and the deed never leads there.
#[test]
fn g1_a_file_that_becomes_a_link_meanwhile() {
    let root = tempfile::tempdir().unwrap();
    let mut desk = trap(root.path());
    let tree = root.path().join("in");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = fs::create_dir(tree.join("flip"));
                let _ = fs::write(tree.join("flip/key"), "inside\n");
                let _ = fs::remove_dir_all(tree.join("flip"));
                let _ = symlink(root.path().join("out"), tree.join("flip"));
                let _ = fs::remove_file(tree.join("flip"));
            }
        });
        for _ in 0..2_000 {
            call(&mut desk, "read_file", json!({"path": "flip/key"}));
            call(&mut desk, "create_file", json!({"path": "flip/key", "content": "planted\n", "overwrite": true}));
            call(&mut desk, "delete_file", json!({"path": "flip/key"}));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(fs::read_to_string(root.path().join("out/key")).unwrap(), SECRET);
    assert_eq!(fs::read_dir(root.path().join("out")).unwrap().count(), 2);
}
