//! `syndarix init`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::program::run;

#[test]
fn what_is_written_is_sound_private_where_it_must_be_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["init", "home", "--forge-url", "https://git.example.org", "--project", "acme/shop", "--listen", "0.0.0.0:8620"];
    let first = run(dir.path(), &args);
    assert_eq!(first.code, 0, "{first:#?}");
    let at = |name: &str| dir.path().join("home").join(name);
    assert!(first.out.contains("syndarix onboard home acme/shop"), "{}", first.out);
    assert_eq!(fs::metadata(at("hook-secret")).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(at("hook-secret")).unwrap();
    assert!(secret.trim().len() >= 32 && !first.out.contains(secret.trim()));

    let early = run(&at(""), &["config", "check"]);
    assert!(early.code == 1 && early.out.contains("token` cannot be read"), "the token is not there yet: {early:#?}");
    fs::write(at("token"), "a-token").unwrap();
    let sound = run(&at(""), &["config", "check"]);
    assert_eq!(sound.code, 0, "{sound:#?}");
    let shown = run(&at(""), &["config", "show"]);
    assert!(shown.out.contains("listen = \"0.0.0.0:8620\"") && shown.out.contains("projects = [\"acme/shop\"]"), "{}", shown.out);

    let mine = "# mine\n";
    fs::write(at("bot-config/policy.toml"), mine).unwrap();
    let before = fs::read_to_string(at("syndarix-settings.toml")).unwrap();
    let again = run(dir.path(), &["init", "home", "--forge-url", "https://other.example.org"]);
    assert!(again.code == 0 && again.out.contains("kept"), "{again:#?}");
    assert!(!again.out.contains("made "), "{}", again.out);
    assert_eq!(fs::read_to_string(at("syndarix-settings.toml")).unwrap(), before);
    assert_eq!(fs::read_to_string(at("hook-secret")).unwrap(), secret);
    assert_eq!(fs::read_to_string(at("bot-config/policy.toml")).unwrap(), mine);
}

#[test]
fn without_a_forge_everything_is_commented_and_the_hint_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let got = run(dir.path(), &["init"]);
    assert!(got.code == 0 && got.out.contains("take the comment signs off the [[forges]] block"), "{got:#?}");
    assert_eq!(run(dir.path(), &["config", "check"]).code, 0);
    let text = fs::read_to_string(dir.path().join("syndarix-settings.toml")).unwrap();
    assert!(text.contains("# [[forges]]") && text.contains("# Variable: SYNDARIX_LISTEN"), "{text}");
    let team = fs::read_to_string(dir.path().join("bot-config/agents/engineer.toml")).unwrap();
    assert!(team.starts_with("#:schema ../.schemas/agents.schema.json\n"));
    assert!(dir.path().join("bot-config/.schemas/agents.schema.json").exists());
}

#[test]
fn shells_complete_every_command() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let got = run(dir.path(), &["completions", shell]);
        assert!(got.code == 0 && got.out.contains("onboard") && got.out.contains("doctor"), "{shell}");
    }
    assert_eq!(run(dir.path(), &["completions", "tcsh-of-mars"]).code, 2);
}
