//! `syndarix audit verify` on directories: exit codes, text and JSON.

use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};
use syndarix::cli::audit::{AuditArgs, BROKEN, HOLDS, UNKNOWN, run};

use crate::fixture::*;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    audit: AuditArgs,
}

fn read_git(_: &Path, rev: Option<&str>) -> Result<Files, String> {
    match rev {
        None => Ok(chain_files(project(), 2)),
        Some(rev) => Err(format!("there is no revision `{rev}`.")),
    }
}

/// Runs `audit verify --repo DIRECTORY …`; a Git repository reads as a chain of two entries.
fn verify(directory: &Path, extra: &[&str]) -> (u8, String) {
    let repo = directory.display().to_string();
    let words = ["audit", "verify", "--repo", &repo].into_iter().chain(extra.iter().copied());
    let program = Program::try_parse_from(words).expect("good arguments");
    let mut out = Vec::new();
    let code = run(&program.audit, read_git, &mut out);
    (code.expect("a writable buffer"), String::from_utf8(out).expect("text"))
}

fn json(output: &str) -> Value {
    serde_json::from_str(output).expect("one JSON object")
}

#[test]
fn a_good_record_exits_with_0() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    lay_down(directory.path(), &chain_files(project(), 3));
    let (code, text) = verify(directory.path(), &[]);
    assert_eq!(code, HOLDS, "{text}");
    assert!(
        text.contains(&format!("{}: holds, 3 entries", project())) && text.ends_with("The record holds: 1 chain, 3 entries.\n"),
        "{text}"
    );

    let (code, text) = verify(directory.path(), &["--json"]);
    let report = json(&text);
    assert_eq!((code, &report["ok"], &report["entries"]), (HOLDS, &json!(true), &json!(3)));
    let head = report["chains"][0]["head"].as_str().expect("a head").to_owned();
    let (code, text) = verify(directory.path(), &["--project", &project().to_string(), "--since", &format!("{head}:2")]);
    assert_eq!(code, HOLDS, "{text}");
    let (code, text) = verify(directory.path(), &["--project", &project().to_string(), "--since", &format!("{head}:1")]);
    assert_eq!(code, BROKEN, "{text}");
}

#[test]
fn a_broken_record_exits_with_1_and_names_the_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut files = chain_files(project(), 3);
    files[0].1.push(b'x');
    lay_down(directory.path(), &files);
    let (code, text) = verify(directory.path(), &[]);
    assert_eq!(code, BROKEN);
    assert!(text.contains(&format!("{} line 4 (entry 3): ", first_segment())), "{text}");
    let (code, text) = verify(directory.path(), &["--json"]);
    let report = json(&text);
    assert_eq!(
        (code, &report["ok"], &report["checked"], &report["chains"][0]["problem"]["line"]),
        (BROKEN, &json!(false), &json!(true), &json!(4))
    );
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    lay_down(directory.path(), &vec![("elsewhere.jsonl".into(), as_file(&lines(project(), 1)))]);
    let place = directory.path().join(first_segment());
    std::fs::create_dir_all(place.parent().expect("a folder")).expect("a writable directory");
    std::os::unix::fs::symlink(directory.path().join("elsewhere.jsonl"), place).expect("a link");
    let (code, text) = verify(directory.path(), &[]);
    assert_eq!(code, BROKEN, "{text}");
    assert!(text.contains("DOES NOT BELONG"), "{text}");
}

#[test]
fn a_git_repository_is_read_from_its_commits() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(directory.path().join(".git")).expect("a writable directory");
    let (code, text) = verify(directory.path(), &[]);
    assert_eq!(code, HOLDS, "{text}");
    let (code, text) = verify(directory.path(), &["--rev", "gone"]);
    assert_eq!((code, text.as_str()), (UNKNOWN, "The record could not be checked: there is no revision `gone`.\n"));
}

#[test]
fn what_cannot_be_checked_exits_with_2() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let missing = directory.path().join("missing");
    let good = tempfile::tempdir().expect("a temporary directory");
    lay_down(good.path(), &chain_files(project(), 1));
    let head = "0".repeat(64);
    let rows: [(&Path, Vec<String>, &str); 8] = [
        (&missing, vec![], "is not a directory"),
        (directory.path(), vec![], "there is no record in"),
        (good.path(), vec!["--project=system".into()], "there is no chain `system`"),
        (good.path(), vec!["--project=shop".into()], "neither `system` nor a project id"),
        (good.path(), vec![format!("--since={head}:0")], "say which with --project"),
        (good.path(), vec!["--since=abc:0".into()], "64 characters"),
        (good.path(), vec![format!("--since={head}:x")], "64 characters"),
        (good.path(), vec!["--project=system".into(), format!("--since={head}:0")], "although you remember"),
    ];
    for (path, extra, sentence) in rows {
        let extra: Vec<&str> = extra.iter().map(String::as_str).collect();
        let (code, text) = verify(path, &extra);
        assert!(code == UNKNOWN && text.contains(sentence), "{code}: {text}");
        let (code, text) = verify(path, &[&extra[..], &["--json"]].concat());
        assert_eq!((code, &json(&text)["checked"]), (UNKNOWN, &json!(false)));
    }
}
