//! Web hooks as a receiver sees them.

use reqwest::Method;
use serde_json::{Value, json};
use syndarix::sandbox::{DeliveryConfig, Sandbox, SandboxConfig};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_told_signed_and_once() {
    let world = World::new().await;
    let receiver = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(202)).mount(&receiver).await;
    world.forge.ensure_hook(Some(REPO), &receiver.uri(), "s3cret").unwrap();
    assert_eq!(world.forge.ensure_hook(Some(REPO), &receiver.uri(), "s3cret").unwrap(), 1);
    world.api("alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    world.api("alice", Method::POST, "/issues/1/comments", json!({"body": "hello"}), 201).await;
    let (tree, first, _) = world.pull_request("feat: hooks").await;
    world.api("alice", Method::POST, "/pulls/2/reviews", json!({"event": "APPROVED", "body": "LGTM"}), 200).await;
    let second = world.commit(&tree, "more.txt", "m");
    assert!(world.push(&tree, "work").await.status.success());
    world.api("bot", Method::POST, &format!("/statuses/{second}"), json!({"state": "success", "context": "ci"}), 201).await;
    assert_eq!(world.get(&format!("/commits/{second}/status")).await["state"], "success");
    world.api("alice", Method::POST, "/pulls/2/merge", json!({"Do": "merge"}), 200).await;
    world.forge.settled().await;
    assert_eq!(world.forge.undelivered(), 0);

    let requests = receiver.received_requests().await.unwrap();
    let mut kinds = Vec::new();
    for request in &requests {
        let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header("X-Gitea-Signature"), hmac_hex("s3cret", &request.body));
        assert_eq!(header("X-Hub-Signature-256"), format!("sha256={}", header("X-Gogs-Signature")));
        assert_eq!(header("X-Gitea-Delivery"), header("X-GitHub-Delivery"));
        assert_eq!(header("X-Gitea-Hook-Installation-Target-Type"), "repository");
        let body: Value = request.body_json().unwrap();
        assert_eq!(body["repository"]["full_name"], REPO);
        kinds.push(format!(
            "{} {} {} by {}",
            header("X-Gitea-Event"),
            header("X-Gitea-Event-Type"),
            body["action"].as_str().unwrap_or("-"),
            body["sender"]["login"].as_str().unwrap()
        ));
        if body["action"] == "synchronized" {
            assert_eq!((body["before"].as_str(), body["after"].as_str()), (Some(first.as_str()), Some(second.as_str())));
        }
    }
    kinds.sort();
    insta::assert_snapshot!(kinds.join("\n"), @r"
    create create - by bot
    issue_comment issue_comment created by alice
    issues issues opened by alice
    pull_request pull_request closed by alice
    pull_request pull_request opened by bot
    pull_request pull_request_sync synchronized by bot
    pull_request_approved pull_request_review_approved reviewed by alice
    push push - by alice
    push push - by bot
    push push - by bot
    status status - by bot
    ");
    assert!(world.forge.deliveries().iter().all(|delivered| delivered.status == Some(202)));
}

fn hmac_hex(secret: &str, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_subscribed_over_the_api_and_a_dead_one_is_lost() {
    let world = World::new().await;
    let receiver = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).mount(&receiver).await;
    let hook = |url: String| json!({"type": "gitea", "active": true, "events": ["issues_only"], "config": {"url": url, "content_type": "json", "secret": "x"}});
    world.api("alice", Method::POST, "/hooks", hook(receiver.uri()), 403).await;
    let made = world.api("acme", Method::POST, "/hooks", hook(receiver.uri()), 201).await;
    assert_eq!(made["config"], json!({"url": receiver.uri(), "content_type": "json"}));
    world.api("acme", Method::POST, "/hooks", hook("http://127.0.0.1:1/".into()), 201).await;
    world.api("alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    world.api("alice", Method::POST, "/issues/1/comments", json!({"body": "not subscribed"}), 201).await;
    world.api("acme", Method::POST, &format!("/hooks/{}/tests", made["id"]), Value::Null, 204).await;
    world.forge.settled().await;
    let events: Vec<_> =
        receiver.received_requests().await.unwrap().iter().map(|request| request.headers["X-Gitea-Event"].clone()).collect();
    assert_eq!(events.len(), 2, "{events:?}");
    let mut statuses: Vec<_> = world.forge.deliveries().iter().map(|delivered| delivered.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [None, Some(500), Some(500)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn chaos_loses_and_repeats_deliveries_the_same_way_each_time() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        let receiver = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&receiver).await;
        let deliveries = DeliveryConfig { workers: 1, shuffle: Some(7), lose_one_in: 4, repeat_one_in: 3 };
        let forge = Sandbox::start(SandboxConfig { deliveries, ..SandboxConfig::new(dir.path()) }).await.unwrap();
        forge.ensure_user("acme", false, false).unwrap();
        forge.ensure_hook(None, &receiver.uri(), "x").unwrap();
        for number in 0..20 {
            forge.ensure_repo("acme", &format!("r{number}"), None, None).await.unwrap();
        }
        forge.settled().await;
        let names: Vec<String> = (receiver.received_requests().await.unwrap().iter())
            .map(|request| request.body_json::<Value>().unwrap()["repository"]["name"].as_str().unwrap().to_owned())
            .collect();
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert!(once.len() < 20 && names.len() > once.len(), "{names:?}");
        once = names;
        once.sort();
        runs.push(once);
        forge.stop().await;
    }
    assert_eq!(runs[0], runs[1]);
}
