//! `syndarix onboard`: the whole of it twice, and each refusal.

use serde_json::Value;
use syndarix::sandbox::Permission;

use crate::program::{Answer, client};
use crate::world::{REPO, World};

/// What of the repository on the forge onboarding can touch.
async fn seen(world: &World) -> Value {
    let http = client();
    let get = async |path: &str| {
        let url = format!("{}/api/v1/repos/{path}", world.sandbox.url());
        let answer = http.get(url).header("authorization", format!("token {}", world.token)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()
    };
    serde_json::json!({
        "labels": get("acme/shop/labels?limit=100").await, "hooks": get("acme/shop/hooks").await, "branches": get("acme/shop/branches").await,
        "pulls": get("acme/shop/pulls?state=all").await, "rules": get("acme/shop/branch_protections").await,
        "record": get("acme/syndarix-audit").await["full_name"], "is_private": get("acme/syndarix-audit").await["private"],
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

#[tokio::test(flavor = "multi_thread")]
async fn the_second_time_nothing_is_changed_and_it_is_said() {
    let world = World::open().await;
    let before = seen(&world).await;
    let dry = world.run(&["onboard", "home", REPO, "--protect", "--dry-run"]).await;
    assert_eq!(dry.code, 0, "{dry:#?}");
    assert!(dry.out.contains("would") && dry.out.ends_with("5 things would be made. Without --dry-run they are.\n"), "{}", dry.out);
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
        ("pull request", "made"),
        ("branch", "made"),
    ];
    assert_eq!(verdicts(&first), pairs(&made));
    let after = seen(&world).await;
    assert_eq!((after["hooks"].as_array().unwrap().len(), after["pulls"].as_array().unwrap().len()), (1, 1));
    assert_eq!((after["record"].as_str(), after["is_private"].as_bool()), (Some("acme/syndarix-audit"), Some(true)));
    assert_eq!(after["rules"][0]["required_approvals"], 1);
    assert_eq!(after["pulls"][0]["head"]["ref"], "syndarix/onboarding");
    assert!(after["hooks"][0]["config"]["url"].as_str().unwrap().ends_with("/hooks/home"));

    let second = world.run(&["onboard", "home", REPO, "--protect"]).await;
    assert!(second.code == 0 && second.out.ends_with("Nothing was changed: everything was there already.\n"), "{second:#?}");
    assert_eq!(seen(&world).await, after);
    assert!(!second.out.contains(&world.token) && !second.out.contains("hook-secret-canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_by_hand_is_mended_and_a_closed_introduction_stays_closed() {
    let world = World::open().await;
    assert_eq!(world.run(&["onboard", "home", REPO, "--no-audit"]).await.code, 0);
    let http = client();
    let api = format!("{}/api/v1/repos/{REPO}", world.sandbox.url());
    let call = async |method: reqwest::Method, path: &str, body: Value| {
        let request = http.request(method, format!("{api}{path}")).header("authorization", format!("token {}", world.token));
        request.json(&body).send().await.unwrap().json::<Value>().await.unwrap_or_default()
    };
    let hook = call(reqwest::Method::GET, "/hooks", Value::Null).await[0]["id"].clone();
    call(reqwest::Method::PATCH, &format!("/hooks/{hook}"), serde_json::json!({"events": ["push"], "active": false})).await;
    let pull = call(reqwest::Method::GET, "/pulls", Value::Null).await[0]["number"].clone();
    call(reqwest::Method::PATCH, &format!("/pulls/{pull}"), serde_json::json!({"state": "closed"})).await;
    let again = world.run(&["onboard", "home", REPO, "--no-audit", "--json"]).await;
    let all = verdicts(&again);
    assert!(all.contains(&("web hook".into(), "made".into())) && all.contains(&("pull request".into(), "ok".into())), "{again:#?}");
    let hooks = call(reqwest::Method::GET, "/hooks", Value::Null).await;
    assert_eq!((hooks.as_array().unwrap().len(), hooks[0]["active"].as_bool()), (1, Some(true)));
    let renewed = world.run(&["onboard", "home", REPO, "--no-audit", "--renew-hook"]).await;
    assert!(renewed.out.contains("anew"), "{renewed:#?}");
    assert_ne!(call(reqwest::Method::GET, "/hooks", Value::Null).await[0]["id"], hooks[0]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_fix_and_the_rest_is_done_all_the_same() {
    let world = World::open().await;
    world.sandbox.set_permission(REPO, "syndarix-bot", Permission::Write).unwrap();
    let got = world.run(&["onboard", "home", REPO, "--json"]).await;
    assert_eq!(got.code, 1, "{got:#?}");
    let all = verdicts(&got);
    for (what, verdict) in [("labels", "made"), ("web hook", "fails"), ("record", "fails"), ("pull request", "made")] {
        assert!(all.contains(&(what.into(), verdict.into())), "{what}: {got:#?}");
    }
    assert!(got.out.contains("give @syndarix-bot administrator rights in acme/shop"), "{}", got.out);

    let stranger = world.run(&["onboard", "home", "acme/nothing"]).await;
    assert!(stranger.code == 1 && stranger.out.contains("acme/nothing is not there"), "{stranger:#?}");
    let forge = world.run(&["onboard", "hoem", REPO]).await;
    assert!(forge.code == 2 && forge.err.contains("there is no forge `hoem` in the settings; there are: home"), "{forge:#?}");
    world.change(&format!("token = \"{}\"", world.token), "token = \"wrong-token\"");
    let token = world.run(&["onboard", "home", REPO]).await;
    assert!(token.code == 1 && token.out.contains("make a new token"), "{token:#?}");
    world.change(&world.sandbox.url(), "http://127.0.0.1:1");
    let gone = world.run(&["onboard", "home", REPO]).await;
    assert_eq!(gone.code, 2, "{gone:#?}");
}
