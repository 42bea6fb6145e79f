//! The demo of two linked forges: the shipped program stands between them, and both sides end alike.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn demo(args: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_syndarix"));
    demo.args(["demo", "--linked", "--json", "--data"]).arg(dir.path()).args(args).env_remove("FAILPOINTS").stdin(Stdio::null());
    demo.output().unwrap()
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Plays it with a second forge of this kind.
fn ends_in_step(kind: &str, args: &[&str]) {
    let output = demo(args);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let got = last_line(&output);
    assert_eq!((got["ok"].as_bool(), got["audit"]["verified"].as_bool()), (Some(true), Some(true)), "{told}");
    assert_eq!((&got["here"]["kind"], &got["there"]["kind"]), (&"gitea".into(), &kind.into()), "{told}");
    assert_eq!((&got["conflicts"], &got["commands_run"], &got["strays"]), (&1.into(), &0.into(), &serde_json::json!([])), "{told}");
    let issues = got["issues"].as_array().unwrap();
    let seen: Vec<_> = issues
        .iter()
        .map(|issue| (issue["title"].as_str().unwrap(), issue["state"].as_str().unwrap(), issue["comments"].as_u64().unwrap()))
        .collect();
    assert_eq!(seen, [("Totals: 0.1 + 0.2 is not 0.3", "closed", 3), ("Offer a discount for ten items", "closed", 1)], "{told}");
    assert!(issues.iter().all(|issue| issue["differs"] == serde_json::json!([])), "{told}");
    assert!(told.contains("Commands are not heard here") && told.contains("Both sides say the same."), "{told}");
}

#[test]
fn a_project_on_gitea_keeps_in_step_with_github() {
    ends_in_step("github", &[]);
}

#[test]
fn a_project_on_gitea_keeps_in_step_with_gitlab() {
    ends_in_step("gitlab", &["--forge", "gitlab"]);
}

#[test]
fn what_means_nothing_to_it_is_refused() {
    for args in [["--model", "ollama/any"], ["--repo", "/"]] {
        let output = demo(&args);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(last_line(&output)["error"].as_str().unwrap().contains("leave one of the two out"), "{output:?}");
    }
}
