//! The demo on each kind of forge: the bot speaks another protocol, the story and the object at its end are the same.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The last line of a demo, from its beginning to its end.
fn demo(forge: &str) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_syndarix"));
    demo.args(["demo", "--json", "--forge", forge, "--data"]).arg(dir.path()).env_remove("FAILPOINTS").stdin(Stdio::null());
    let output = demo.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let told = || format!("{forge}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", told());
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", told()))
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_demo_ends_alike_on_every_kind_of_forge() {
    let gitea = demo("gitea");
    for forge in ["github", "gitlab"] {
        let other = demo(forge);
        assert_eq!(keys(&other), keys(&gitea), "{forge}");
        assert_eq!(keys(&other["audit"]), keys(&gitea["audit"]), "{forge}");
        for same in ["ok", "stages", "commits", "comments", "model", "cost_micro_usd"] {
            assert_eq!(other[same], gitea[same], "{forge}: {same}");
        }
        assert_eq!(other["pull"]["merged"], true, "{forge}");
        assert_eq!(other["pull"]["number"], gitea["pull"]["number"], "{forge}");
        assert_eq!(other["audit"]["verified"], true, "{forge}");
    }
}
