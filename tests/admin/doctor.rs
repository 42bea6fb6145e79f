//! `syndarix doctor`: a healthy installation, and one broken setup for each check.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::json;
use syndarix::base::Clock;
use syndarix::sandbox::{Permission, Skin};

use crate::program::Answer;
use crate::world::{REPO, Serving, World, free_port};

/// The finding of a check whose name ends so.
fn finding(answer: &Answer, what: &str, verdict: &str) -> Option<(String, String)> {
    let json = answer.json();
    let all = json["findings"].as_array().unwrap().clone();
    let found = all.iter().find(|one| one["what"].as_str().is_some_and(|name| name.ends_with(what)) && one["verdict"] == verdict)?;
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    Some((text("said"), text("fix")))
}

pub fn has(answer: &Answer, what: &str, verdict: &str, said: &str, fix: &str) {
    let (got_said, got_fix) = finding(answer, what, verdict).unwrap_or_else(|| panic!("{what} {verdict}: {answer:#?}"));
    assert!(got_said.contains(said) && got_fix.contains(fix), "{what}: {got_said} -> {got_fix}\nwanted {said} -> {fix}");
}

/// Answers every request on this port with the same text, as long as the tests run.
pub fn answering(listener: TcpListener, answer: String) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let mut buffer = [0; 4096];
            // Whoever asked may have gone.
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

/// An Ollama that lists the models which the built-in groups name.
pub fn ollama() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let body = json!({"models": [{"name": "qwen3-coder:30b"}, {"name": "gpt-oss:20b"}]}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    answering(listener, format!("{head}{body}"));
    format!("http://{address}")
}

/// A world with everything as it should be.
pub async fn healthy() -> (World, Serving, String) {
    healthy_as(Skin::Gitea).await
}

pub async fn healthy_as(skin: Skin) -> (World, Serving, String) {
    let world = World::open_as(skin).await;
    let serving = world.serve(&[]).await;
    let done = world.run(&["onboard", "home", REPO, "--protect"]).await;
    assert_eq!(done.code, 0, "{done:#?}");
    world.sandbox.limit_scopes("syndarix-bot", world.words().scopes);
    (world, serving, ollama())
}

pub async fn doctor(world: &World, ollama: &str, more: &[&str]) -> Answer {
    let args: Vec<&str> = ["doctor", "--json"].into_iter().chain(more.iter().copied()).collect();
    world.run_with(&args, &[("SYNDARIX_OLLAMA_URL", ollama)]).await
}

async fn healthy_then_broken(skin: Skin) {
    let (world, serving, ollama) = healthy_as(skin).await;
    let words = world.words();
    let sound = doctor(&world, &ollama, &[]).await;
    assert_eq!(sound.code, 0, "{sound:#?}");
    for what in [
        "configuration",
        "git",
        "disk",
        "database",
        "serve",
        "forge home",
        "scopes",
        "version",
        "clock",
        "addresses",
        "rights",
        "links",
        "web hook",
        "delivery",
        "labels",
        "branch names",
        "own branches",
        "protection",
    ] {
        has(&sound, what, "ok", "", "");
    }
    has(&sound, "mail", "note", "not configured", "");
    has(&sound, "abilities", "note", "and what is done instead", "");
    assert!(!sound.out.contains(&world.token) && !sound.out.contains("canary"));
    let text = world.run_with(&["doctor", "--no-delivery"], &[("SYNDARIX_OLLAMA_URL", &ollama)]).await;
    assert!(text.code == 0 && text.out.ends_with("All is well.\n"), "{text:#?}");

    world.sandbox.limit_scopes("syndarix-bot", words.poor);
    let scopes = doctor(&world, &ollama, &["--no-delivery"]).await;
    has(&scopes, "scopes", "fails", &format!("the token has {}", words.poor.join(", ")), &format!("missing: {}", words.lacks));
    assert_eq!(scopes.code, 1);
    world.sandbox.limit_scopes("syndarix-bot", &[words.scopes, &["write:package"]].concat());
    has(&doctor(&world, &ollama, &["--no-delivery"]).await, "scopes", "note", "write:package", "safer");
    world.sandbox.limit_scopes("syndarix-bot", words.scopes);

    world.sandbox.forbid_hooks(true);
    has(&doctor(&world, &ollama, &[]).await, "delivery", "fails", "the forge sent none", words.allowed);
    world.sandbox.forbid_hooks(false);

    let hook = world.hooks().await[0]["id"].clone();
    world.narrow_hook(&hook).await;
    has(
        &doctor(&world, &ollama, &[]).await,
        "web hook",
        "fails",
        &format!("it does not tell of: {}", words.untold),
        "syndarix onboard home acme/shop",
    );
    world.drop_hook(&hook).await;
    has(&doctor(&world, &ollama, &[]).await, "web hook", "fails", "none goes to", "syndarix onboard home acme/shop");
    world.make_hook(&format!("{}/hooks/home", serving.url), "another").await;
    has(&doctor(&world, &ollama, &[]).await, "delivery", "fails", "signed with another secret", "--renew-hook");

    world.drop_label(words.label).await;
    let labels = doctor(&world, &ollama, &["--no-delivery"]).await;
    has(&labels, "labels", "fails", &format!("are missing: {}", words.label), "syndarix onboard home acme/shop");
    world.unprotect("main").await;
    has(&doctor(&world, &ollama, &["--no-delivery"]).await, "protection", "note", "main is not protected", "--protect");
    world.sandbox.set_permission(REPO, "syndarix-bot", Permission::Write).unwrap();
    let poor = doctor(&world, &ollama, &["--no-delivery"]).await;
    match skin {
        Skin::Gitea => has(&poor, "rights", "fails", "nobody's commands would count", words.admin),
        _ => has(&poor, "rights", "note", "can ask for the permissions of others", words.admin),
    }
    has(&poor, "web hook", "unknown", "", words.admin);
    world.sandbox.set_permission(REPO, "syndarix-bot", Permission::Read).unwrap();
    has(&doctor(&world, &ollama, &["--no-delivery"]).await, "rights", "fails", "may not push", words.write);
    assert_eq!(serving.stop().await, Some(0));
    let stopped = doctor(&world, &ollama, &[]).await;
    has(&stopped, "serve", "unknown", "nothing answers", "start `syndarix serve`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_installation_holds_and_each_broken_thing_is_named_with_its_fix() {
    healthy_then_broken(Skin::Gitea).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_thing_of_github_is_named_with_its_fix() {
    healthy_then_broken(Skin::GitHub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_thing_of_gitlab_is_named_with_its_fix() {
    healthy_then_broken(Skin::GitLab).await;
}

async fn wrong_about_the_forge(skin: Skin) {
    let world = World::open_as(skin).await;
    let words = world.words();
    let ollama = ollama();
    let look = async || doctor(&world, &ollama, &[]).await;
    let settings = std::fs::read_to_string(world.path("syndarix-settings.toml")).unwrap();
    let restore = || std::fs::write(world.path("syndarix-settings.toml"), &settings).unwrap();
    world.change(&format!("token = \"{}\"", world.token), "public_url = \"https://git.example.org\"\ntoken = \"x\"");
    has(&look().await, "forge home", "fails", "it does not accept the token", "make a new token");
    restore();
    world.change("hook_secret", "public_url = \"https://git.example.org\"\nhook_secret");
    has(&look().await, "links", "fails", "links that this program writes begin with https://git.example.org", "public_url = ");
    restore();
    world.change("projects = [\"acme/shop\"]", "projects = [\"acme/nothing\"]");
    has(&look().await, "acme/nothing", "fails", "it is not there", words.member);
    restore();
    world.change(&world.sandbox.url(), "http://127.0.0.1:1");
    has(&look().await, "forge home", "unknown", "", "can be reached");
    restore();
    world.make_branch("syndarix").await;
    has(&look().await, "branch names", "fails", "stands in the way", "rename or delete");
    world.sandbox.archive_repo(REPO, true).unwrap();
    has(&look().await, "rights", "fails", "it is archived", "take it out of the archive");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_about_the_forge_is_named_with_its_fix() {
    for skin in Skin::ALL {
        wrong_about_the_forge(skin).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_gitlab_that_ends_soon_or_has_ended_is_named() {
    let world = World::open_as(Skin::GitLab).await;
    let ollama = ollama();
    let day = |days: i64| Clock::System.now().plus_millis(days * 86_400_000).rfc3339()[..10].to_owned();
    for (days, verdict, said) in [(200, "ok", "it holds until"), (5, "note", "it ends on")] {
        world.sandbox.end_token("syndarix-bot", &day(days)).unwrap();
        has(&doctor(&world, &ollama, &[]).await, "forge home, token", verdict, said, "");
    }
    world.sandbox.end_token("syndarix-bot", &day(-1)).unwrap();
    has(&doctor(&world, &ollama, &[]).await, "forge home", "fails", "expired", "make a new token");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_the_settings_or_on_this_machine_is_named_with_its_fix() {
    let world = World::open().await;
    let ollama = ollama();
    let look = async |more: &[&str]| doctor(&world, &ollama, more).await;
    let settings = std::fs::read_to_string(world.path("syndarix-settings.toml")).unwrap();
    let restore = || std::fs::write(world.path("syndarix-settings.toml"), &settings).unwrap();
    has(&look(&[]).await, "database", "note", "there is none yet", "");
    has(
        &world.run_with(&["doctor", "--json"], &[("SYNDARIX_OLLAMA_URL", "http://127.0.0.1:1")]).await,
        "model group strong",
        "fails",
        "none of its models",
        "SYNDARIX_ANTHROPIC_API_KEY",
    );
    world.change("log = \"debug\"", "lgo = \"debug\"");
    has(&look(&[]).await, "configuration", "fails", "unknown key `lgo`", "config check");
    restore();
    world.change("projects = [", "public_url = \"https://bot.example.org\"\nprojects = [");
    has(&look(&[]).await, "serve", "unknown", "nothing answers at https://bot.example.org", "start");
    restore();
    world.change("[[forges]]", "store_url = \"postgres://nobody@127.0.0.1:1/none\"\n[[forges]]");
    has(&look(&[]).await, "database", "fails", "", "store_url");
    restore();
    // Nothing listens there, and nobody is asked to: whoever runs on this port next is another program.
    let port = free_port();
    world.settings(port);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    answering(listener, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned());
    has(&look(&[]).await, "serve", "fails", "something else answers", "public_url");
    let no_git = world.run_with(&["doctor", "--json"], &[("PATH", "/nonexistent")]).await;
    has(&no_git, "git", "fails", "", "install Git");
}
