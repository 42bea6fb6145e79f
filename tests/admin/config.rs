//! `syndarix config`.

use std::fs;

use crate::program::{answer, command, run};

const GOOD: &str = "projects = [\"acme/shop\"]\nbot_config = \"team\"\n[[forges]]\nid = \"home\"\nkind = \"gitea\"\nurl = \"https://git.example.org\"\ntoken = \"token-canary\"\nhook_secret = \"hook-canary\"\n";

#[test]
fn a_sound_configuration_holds_and_every_mistake_of_all_files_is_named_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("team/projects")).unwrap();
    fs::create_dir_all(at("team/agents")).unwrap();
    fs::write(at("syndarix-settings.toml"), GOOD).unwrap();
    fs::write(at("team/projects/shop.toml"), "forge = \"home\"\nrepo = \"acme/shop\"\n").unwrap();
    let sound = run(dir.path(), &["config", "check"]);
    assert_eq!((sound.code, sound.out.as_str()), (0, "The configuration holds together (syndarix-settings.toml).\n"), "{sound:#?}");

    fs::write(at("syndarix-settings.toml"), GOOD.replace("kind = \"gitea\"", "kind = \"gitae\"").replace("projects", "porjects")).unwrap();
    fs::write(at("team/projects/shop.toml"), "forge = \"home\"\nrepo = \"acme/shop\"\n[policy]\nautonmy = \"milestone\"\nkeep_plan = 1\n")
        .unwrap();
    fs::write(at("team/models.toml"), "[groups.strong]\nmodles = []\n").unwrap();
    fs::write(at("team/agents/engineer.toml"), "titel = \"x\"\n").unwrap();
    let wrong = run(dir.path(), &["config", "check"]);
    assert_eq!(wrong.code, 1, "{wrong:#?}");
    for want in [
        "syndarix-settings.toml:1:1: unknown key `porjects`",
        "syndarix-settings.toml:5:8: unknown variant `gitae`",
        "projects/shop.toml:4:1: unknown key `autonmy`",
        "projects/shop.toml:5:13: ",
        "models.toml:2:1: unknown key `modles`",
        "agents/engineer.toml:1:1: unknown key `titel`",
        "did you mean `projects`?",
        "did you mean `autonomy`?",
    ] {
        assert!(wrong.out.contains(want), "{want}\n{}", wrong.out);
    }
    assert!(!wrong.out.contains("canary"));
    let as_json = run(dir.path(), &["config", "check", "--json"]);
    let errors = as_json.json();
    assert_eq!((as_json.code, errors["holds"].as_bool()), (1, Some(false)));
    let first = &errors["errors"][0];
    assert_eq!(
        (first["file"].as_str(), first["line"].as_i64(), first["column"].as_i64()),
        (Some("syndarix-settings.toml"), Some(1), Some(1))
    );
}

#[test]
fn a_project_of_a_forge_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("team/projects")).unwrap();
    fs::write(dir.path().join("syndarix-settings.toml"), GOOD).unwrap();
    fs::write(dir.path().join("team/projects/shop.toml"), "forge = \"hoem\"\nrepo = \"acme/shop\"\n").unwrap();
    let got = run(dir.path(), &["config", "check"]);
    assert!(
        got.code == 1 && got.out.contains("projects/shop.toml:1:9: there is no forge `hoem` in the settings; did you mean `home`?"),
        "{got:#?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_not_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let got = run(dir.path(), &["config", "check", "--config", "nowhere.toml"]);
    assert!(got.code == 2 && got.err.contains("nothing was checked"), "{got:#?}");
}

#[test]
fn what_holds_is_shown_with_its_source_and_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("syndarix-settings.toml"), GOOD.replace("bot_config = \"team\"\n", "")).unwrap();
    let mut shown = command(dir.path(), &["config", "show"]);
    shown.env("SYNDARIX_LOG", "debug").env("SYNDARIX_OPENAI_API_KEY", "key-canary").env("SYNDARIX_STORE_URL", "postgres://u:pw-canary@h/n");
    let shown = answer(shown.output().unwrap());
    assert_eq!(shown.code, 0, "{shown:#?}");
    for want in [
        "log = \"debug\"    # variable SYNDARIX_LOG",
        "projects = [\"acme/shop\"]    # syndarix-settings.toml:1",
        "forges.home.token = \"(set, not shown)\"    # syndarix-settings.toml:6",
        "store_url = \"(set, not shown)\"    # variable SYNDARIX_STORE_URL",
        "defaults.autonomy = \"milestone\"    # built in",
    ] {
        assert!(shown.out.contains(want), "{want}\n{}", shown.out);
    }
    assert!(!shown.out.contains("canary"), "{}", shown.out);
}

#[test]
fn schemas_are_printed_for_editors() {
    let dir = tempfile::tempdir().unwrap();
    let one = run(dir.path(), &["config", "schema", "policy"]);
    assert_eq!(one.json()["title"], "bot-config/policy.toml");
    let none = run(dir.path(), &["config", "schema", "polcy"]);
    assert!(none.code == 2 && none.err.contains("there is no kind `polcy`"), "{none:#?}");
    assert_eq!(run(dir.path(), &["config", "schema", "--write", "s"]).code, 0);
    assert!(dir.path().join("s/settings.schema.json").exists());
}
