//! `syndarix onboard` on every kind of forge: the whole of it twice, and each refusal.

use reqwest::Method;
use serde_json::{Value, json};
use syndarix::sandbox::{Permission, Skin};

use crate::program::Answer;
use crate::world::{REPO, World};

/// What of the repository on the forge onboarding can touch.
async fn seen(world: &World) -> Value {
    let branches = if world.skin == Skin::GitLab { "/repository/branches" } else { "/branches" };
    let record = world.on("acme/syndarix-audit", Method::GET, "", Value::Null).await;
    json!({
        "labels": world.labels().await, "hooks": world.hooks().await, "branches": world.get(branches).await,
        "pulls": world.pulls().await, "rules": world.rules().await,
        "record": [record["full_name"], record["path_with_namespace"]], "private": [record["private"], record["visibility"]],
    })
}

fn verdicts(answer: &Answer) -> Vec<(String, String)> {
    let json = answer.json();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    json["findings"].as_array().unwrap().iter().map(|one| (word(&one["what"]), word(&one["verdict"]))).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(what, verdict)| ((*what).to_owned(), (*verdict).to_owned())).collect()
}

async fn twice(skin: Skin) {
    let world = World::open_as(skin).await;
    let words = world.words();
    let before = seen(&world).await;
    let dry = world.run(&["onboard", "home", REPO, "--protect", "--dry-run"]).await;
    assert_eq!(dry.code, 0, "{dry:#?}");
    assert!(dry.out.contains("would") && dry.out.ends_with("5 things would be made. Without --dry-run they are.\n"), "{}", dry.out);
    assert!(dry.out.contains(&format!("the private {} acme/syndarix-audit would be made", words.repo)), "{}", dry.out);
    assert_eq!(seen(&world).await, before, "a dry run changes nothing");

    let first = world.run(&["onboard", "home", REPO, "--protect", "--json"]).await;
    assert_eq!(first.code, 0, "{first:#?}");
    let made = [
        ("account", "ok"),
        ("projects", "ok"),
        ("labels", "made"),
        ("web hook", "made"),
        ("record", "made"),
        ("record", "note"),
        (words.pull, "made"),
        ("branch", "made"),
    ];
    assert_eq!(verdicts(&first), pairs(&made));
    assert!(first.out.contains(&format!("\"{} adds .syndarix.toml", words.mention)), "{}", first.out);
    let after = seen(&world).await;
    assert_eq!((after["hooks"].as_array().unwrap().len(), after["pulls"].as_array().unwrap().len()), (1, 1));
    let (path, private) = match skin {
        Skin::GitLab => (json!([null, "acme/syndarix-audit"]), json!([null, "private"])),
        Skin::GitHub => (json!(["acme/syndarix-audit", null]), json!([true, "private"])),
        Skin::Gitea => (json!(["acme/syndarix-audit", null]), json!([true, null])),
    };
    assert_eq!((&after["record"], &after["private"]), (&path, &private));
    match skin {
        Skin::Gitea => assert_eq!(after["rules"][0]["required_approvals"], 1),
        Skin::GitHub => assert_eq!(after["rules"]["required_pull_request_reviews"]["required_approving_review_count"], 1),
        Skin::GitLab => assert_eq!(after["rules"][0]["push_access_levels"][0]["access_level"], 0),
    }
    let pull = &after["pulls"][0];
    assert_eq!(if skin == Skin::GitLab { &pull["source_branch"] } else { &pull["head"]["ref"] }, "syndarix/onboarding");
    let text = pull["body"].as_str().or(pull["description"].as_str()).unwrap();
    assert!(text.contains(&format!("This {} adds a file", words.pull)) && text.contains(words.write), "{text}");
    assert!(world.target(&after["hooks"][0]).ends_with("/hooks/home"));
    let labels: Vec<&str> = after["labels"].as_array().unwrap().iter().filter_map(|label| label["name"].as_str()).collect();
    assert!(labels.contains(&words.label) && labels.contains(&"syndarix/waiting"), "{labels:?}");

    let second = world.run(&["onboard", "home", REPO, "--protect"]).await;
    assert!(second.code == 0 && second.out.ends_with("Nothing was changed: everything was there already.\n"), "{second:#?}");
    assert!(second.out.contains(&format!("{} is open", words.mention)), "{}", second.out);
    assert_eq!(seen(&world).await, after);
    assert!(!second.out.contains(&world.token) && !second.out.contains("hook-secret-canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_time_nothing_is_changed_and_it_is_said() {
    twice(Skin::Gitea).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_time_nothing_is_changed_on_github() {
    twice(Skin::GitHub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_time_nothing_is_changed_on_gitlab() {
    twice(Skin::GitLab).await;
}

async fn mended(skin: Skin) {
    let world = World::open_as(skin).await;
    assert_eq!(world.run(&["onboard", "home", REPO, "--no-audit"]).await.code, 0);
    let hook = world.hooks().await[0]["id"].clone();
    world.narrow_hook(&hook).await;
    world.close_first_pull().await;
    let again = world.run(&["onboard", "home", REPO, "--no-audit", "--json"]).await;
    let all = verdicts(&again);
    assert!(all.contains(&("web hook".into(), "made".into())) && all.contains(&(world.words().pull.into(), "ok".into())), "{again:#?}");
    assert!(again.out.contains("was closed, and is not opened again"), "{again:#?}");
    let hooks = world.hooks().await;
    assert_eq!((hooks.len(), hooks[0]["id"] == hook), (1, false), "a new one, and the old one is gone");
    let renewed = world.run(&["onboard", "home", REPO, "--no-audit", "--renew-hook"]).await;
    assert!(renewed.out.contains("anew"), "{skin:?}: {renewed:#?}");
    // GitHub refuses a second hook of the same address and events; the secret of the one that is there is changed.
    let renewed = world.hooks().await;
    assert_eq!((renewed.len(), renewed[0]["id"] == hooks[0]["id"]), (1, skin == Skin::GitHub));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_by_hand_is_mended_and_a_closed_introduction_stays_closed() {
    for skin in Skin::ALL {
        mended(skin).await;
    }
}

async fn refused(skin: Skin) {
    let world = World::open_as(skin).await;
    let words = world.words();
    world.sandbox.set_permission(REPO, "syndarix-bot", Permission::Write).unwrap();
    let got = world.run(&["onboard", "home", REPO, "--json"]).await;
    assert_eq!(got.code, 1, "{got:#?}");
    let all = verdicts(&got);
    for (what, verdict) in [("labels", "made"), ("web hook", "fails"), ("record", "fails"), (words.pull, "made")] {
        assert!(all.contains(&(what.into(), verdict.into())), "{what}: {got:#?}");
    }
    assert!(got.out.contains(&format!("give @syndarix-bot {} in acme/shop", words.admin)), "{}", got.out);

    let stranger = world.run(&["onboard", "home", "acme/nothing"]).await;
    assert!(stranger.code == 1 && stranger.out.contains("acme/nothing is not there"), "{stranger:#?}");
    assert!(stranger.out.contains(&format!("{} with {}", words.member, words.admin)), "{stranger:#?}");
    let forge = world.run(&["onboard", "hoem", REPO]).await;
    assert!(forge.code == 2 && forge.err.contains("there is no forge `hoem` in the settings; there are: home"), "{forge:#?}");
    let name = world.run(&["onboard", "home", "shop"]).await;
    assert!(name.code == 2 && name.err.contains(&format!("`shop` is not a {}", words.repo)), "{name:#?}");
    world.change(&format!("token = \"{}\"", world.token), "token = \"wrong-token\"");
    let token = world.run(&["onboard", "home", REPO]).await;
    assert!(token.code == 1 && token.out.contains("make a new token"), "{token:#?}");
    world.change(&world.sandbox.url(), "http://127.0.0.1:1");
    let gone = world.run(&["onboard", "home", REPO]).await;
    assert_eq!(gone.code, 2, "{gone:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_fix_and_the_rest_is_done_all_the_same() {
    for skin in Skin::ALL {
        refused(skin).await;
    }
}
