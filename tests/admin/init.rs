//! `syndarix init`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::program::{root, run};

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
fn what_is_written_fits_the_kind_of_forge() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, url, scopes, role) in [
        ("gitea", "https://git.example.org", "write:repository, write:issue", "administrator rights"),
        ("github", "https://github.com", "a token of it with repo\n", "the role Admin"),
        ("gitlab", "https://gitlab.com", "a token of it with api\n", "the role Maintainer"),
    ] {
        let mut args = vec!["init", kind, "--forge-kind", kind, "--project", "acme/shop"];
        if kind == "gitea" {
            args.extend(["--forge-url", url]);
        }
        let got = run(dir.path(), &args);
        assert!(
            got.code == 0 && got.out.contains(scopes) && got.out.contains(&format!("give the account {role} in acme/shop")),
            "{got:#?}"
        );
        let home = dir.path().join(kind);
        let text = fs::read_to_string(home.join("syndarix-settings.toml")).unwrap();
        assert!(text.contains(&format!("kind = \"{kind}\"\n")) && text.contains(&format!("url = \"{url}\"\n")), "{text}");
        assert_eq!(text.contains("app_id"), kind == "github", "keys of another kind are left out: {text}");
        fs::write(home.join("token"), "a-token").unwrap();
        assert_eq!(run(&home, &["config", "check"]).code, 0);
    }
}

#[test]
fn a_github_app_takes_the_place_of_an_account() {
    let dir = tempfile::tempdir().unwrap();
    let got = run(dir.path(), &["init", "home", "--forge-kind", "github", "--github-app", "4711", "--project", "acme/shop"]);
    assert!(got.code == 0 && got.out.contains("webhooks and administration (write)") && got.out.contains("install the App in acme/shop"));
    let home = dir.path().join("home");
    let text = fs::read_to_string(home.join("syndarix-settings.toml")).unwrap();
    assert!(text.contains("\napp_id = 4711\n") && text.contains("\nprivate_key_file = ") && text.contains("\n# token_file = "), "{text}");
    fs::copy(root().join("tests/wire/app-key.pem"), home.join("app.pem")).unwrap();
    let sound = run(&home, &["config", "check"]);
    assert_eq!(sound.code, 0, "{sound:#?}");
    let wrong = run(dir.path(), &["init", "other", "--github-app", "4711"]);
    assert!(wrong.code != 0 && wrong.err.contains("only GitHub has Apps"), "{wrong:#?}");
    let bootstrap = ["bootstrap", "home", "--forge-kind", "gitlab", "--forge-url", "https://x.example.org", "--admin", "root"];
    let wrong = run(dir.path(), &[&bootstrap[..], &["--admin-password-file", "none"]].concat());
    assert!(wrong.err.contains("only Gitea and Forgejo let a program do"), "{wrong:#?}");
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
