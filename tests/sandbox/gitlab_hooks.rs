//! The hooks of GitLab as a receiver sees them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use syndarix::sandbox::Skin;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;

/// A signing token made up for this test: 32 bytes that count up.
const SIGNING: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

async fn receiver(status: u16) -> MockServer {
    let receiver = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&receiver).await;
    receiver
}

/// What came, as event, kind, action and actor, in order of the alphabet: deliveries have no order of their own.
fn kinds(requests: &[Request]) -> String {
    let one = |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let of = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let who = if body["user"].is_object() { &body["user"]["username"] } else { &body["user_username"] };
        let changes: Vec<String> = body["changes"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let (event, action) = (request.headers["X-Gitlab-Event"].to_str().unwrap(), of(&body["object_attributes"]["action"]));
        format!("{event}: {} {action} by {} {}", of(&body["object_kind"]), of(who), changes.join(" ")).trim_end().to_owned()
    };
    let mut kinds: Vec<String> = requests.iter().map(one).collect();
    kinds.sort();
    kinds.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_is_told_in_the_words_of_gitlab() {
    let world = World::new().await;
    let (here, there) = (receiver(200).await, receiver(200).await);
    world.forge.ensure_hook_in(Skin::GitLab, Some(REPO), &here.uri(), "s3cret").unwrap();
    world.forge.ensure_hook(Some(REPO), &there.uri(), "s3cret").unwrap();
    world.lab("alice", Method::POST, "/issues", json!({"title": "One", "labels": "new"}), 201).await;
    world.lab("alice", Method::PUT, "/issues/1", json!({"add_labels": "a::b", "remove_labels": "new", "title": "One!"}), 200).await;
    world.lab("alice", Method::PUT, "/issues/1", json!({"add_labels": "a::b"}), 200).await;
    let note = world.lab("alice", Method::POST, "/issues/1/notes", json!({"body": "/syndarix plan"}), 201).await;
    world.lab("alice", Method::POST, "/issues/1/notes", json!({"body": "/close"}), 202).await;
    world.lab("alice", Method::PUT, &format!("/issues/1/notes/{}", note["id"]), json!({"body": "edited"}), 200).await;
    world.lab("bot", Method::POST, &format!("/issues/1/notes/{}/award_emoji", note["id"]), json!({"name": "eyes"}), 201).await;
    world.lab("alice", Method::DELETE, &format!("/issues/1/notes/{}", note["id"]), Value::Null, 204).await;
    let hidden = json!({"title": "Hidden", "confidential": true});
    world.lab("alice", Method::POST, "/issues", hidden, 201).await;
    world.lab("alice", Method::POST, "/issues/2/notes", json!({"body": "hush"}), 201).await;

    let (tree, first) = world.merge_request("Draft: feat: x").await;
    world.lab("bot", Method::PUT, "/merge_requests/1", json!({"title": "feat: x"}), 200).await;
    // People act by the other protocol.
    world.api("alice", Method::POST, "/pulls/3/reviews", json!({"event": "REQUEST_CHANGES", "body": "No."}), 200).await;
    world.lab("alice", Method::POST, "/merge_requests/1/approve", json!({"sha": first}), 201).await;
    world.lab("alice", Method::POST, "/merge_requests/1/unapprove", Value::Null, 201).await;
    world.lab("alice", Method::POST, "/merge_requests/1/approve", Value::Null, 201).await;
    world.forge.set_gitlab(REPO, |lab| lab.reset_approvals = true).unwrap();
    let second = world.commit(&tree, "more.txt", "m\n");
    assert!(world.push(&tree, "work").await.status.success());
    world.lab("bot", Method::POST, &format!("/statuses/{second}"), json!({"state": "success", "name": "ci"}), 201).await;
    world.lab("alice", Method::PUT, "/merge_requests/1/merge", json!({"sha": second}), 200).await;
    world.forge.settled().await;

    let requests = here.received_requests().await.unwrap();
    insta::assert_snapshot!(kinds(&requests), @"");
    let bodies: Vec<Value> = requests.iter().map(|request| request.body_json().unwrap()).collect();
    let find = |test: &dyn Fn(&Value) -> bool| bodies.iter().find(|body| test(body)).unwrap().clone();
    for (request, body) in requests.iter().zip(&bodies) {
        let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!((header("X-Gitlab-Token"), header("X-Gitlab-Instance")), ("s3cret".to_owned(), world.forge.url()));
        assert!(header("User-Agent").starts_with("GitLab/") && request.headers.get("webhook-signature").is_none());
        assert!(request.headers.contains_key("Idempotency-Key") && request.headers.contains_key("X-Gitlab-Event-UUID"));
        assert_eq!(body["project"]["path_with_namespace"], REPO);
    }
    let labeled = find(&|body| body["changes"]["labels"].is_object());
    let titles = |list: &Value| list.as_array().unwrap().iter().map(|label| label["title"].clone()).collect::<Vec<_>>();
    assert_eq!(
        (titles(&labeled["changes"]["labels"]["previous"]), titles(&labeled["changes"]["labels"]["current"])),
        (vec![json!("new")], vec![json!("a::b")])
    );
    let ready = find(&|body| body["changes"]["draft"].is_object());
    assert_eq!(ready["changes"]["draft"], json!({"previous": true, "current": false}));
    let pushed = find(&|body| body["object_attributes"]["oldrev"].is_string());
    assert_eq!(
        (pushed["object_attributes"]["oldrev"].as_str(), pushed["object_attributes"]["last_commit"]["id"].as_str()),
        (Some(first.as_str()), Some(second.as_str()))
    );
    let reset = find(&|body| body["object_attributes"]["system"] == true && body["object_kind"] == "merge_request");
    assert_eq!(reset["object_attributes"]["system_action"], "approvals_reset_on_push");
    let asked = find(&|body| body["changes"]["reviewers"].is_object());
    assert_eq!(asked["changes"]["reviewers"]["current"][0]["state"], "requested_changes");
    let merged = find(&|body| body["object_attributes"]["action"] == "merge");
    assert_eq!((merged["object_attributes"]["iid"].as_i64(), merged["object_attributes"]["state"].as_str()), (Some(1), Some("merged")));
    let pipeline = find(&|body| body["object_kind"] == "pipeline");
    assert_eq!((pipeline["object_attributes"]["status"].as_str(), pipeline["merge_request"]["iid"].as_i64()), (Some("success"), Some(1)));
    assert!(there.received_requests().await.unwrap().iter().all(|request| request.headers.contains_key("X-Gitea-Event")));
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_made_signed_tried_out_and_sent_again() {
    let world = World::new().await;
    let receiver = receiver(500).await;
    let wish = json!({"url": receiver.uri(), "token": "plain", "signing_token": SIGNING, "push_events": false, "note_events": true});
    world.lab("alice", Method::POST, "/hooks", wish.clone(), 403).await;
    world.lab("acme", Method::POST, "/hooks", json!({"url": "nonsense"}), 422).await;
    world.lab("acme", Method::POST, "/hooks", json!({"url": receiver.uri(), "signing_token": "whsec_AAEC"}), 422).await;
    let hook = world.lab("acme", Method::POST, "/hooks", wish, 201).await;
    assert_eq!((hook["push_events"].as_bool(), hook["note_events"].as_bool(), hook.get("token")), (Some(false), Some(true), None));
    let at = format!("/hooks/{}", hook["id"]);
    world.lab("alice", Method::POST, "/issues", json!({"title": "not subscribed"}), 201).await;
    world.lab("alice", Method::POST, "/issues/1/notes", json!({"body": "hello"}), 201).await;
    world.forge.settled().await;
    let requests = receiver.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    let header = |request: &Request, name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
    let first = &requests[0];
    assert_eq!((header(first, "X-Gitlab-Event"), header(first, "X-Gitlab-Token")), ("Note Hook".to_owned(), "plain".to_owned()));
    let (id, seconds) = (header(first, "webhook-id"), header(first, "webhook-timestamp"));
    assert_eq!((header(first, "Idempotency-Key"), seconds.as_str()), (id.clone(), "1785747600"));
    assert_eq!(header(first, "webhook-signature"), signed(&format!("{id}.{seconds}."), &first.body));

    let events = world.lab("acme", Method::GET, &format!("{at}/events?status=server_failure"), Value::Null, 200).await;
    assert_eq!((events[0]["trigger"].as_str(), events[0]["response_status"].as_str()), (Some("note_hooks"), Some("500")));
    assert_eq!(events[0]["request_data"]["object_attributes"]["note"], "hello");
    world.clock.advance(1000);
    let again = world.lab("acme", Method::POST, &format!("{at}/events/{}/resend", events[0]["id"]), Value::Null, 201).await;
    assert_eq!(again["response_status"], 500);
    let requests = receiver.received_requests().await.unwrap();
    assert_eq!(header(&requests[1], "Idempotency-Key"), id, "the key is the same");
    assert_eq!(header(&requests[1], "webhook-timestamp"), "1785747601");
    assert_eq!(requests[1].body, first.body);

    let changed = world.lab("acme", Method::PUT, &at, json!({"url": receiver.uri(), "push_events": true}), 200).await;
    assert_eq!((changed["note_events"].as_bool(), changed["signing_token_present"].as_bool()), (Some(true), Some(true)));
    world.lab("acme", Method::POST, &format!("{at}/test/push_events"), Value::Null, 201).await;
    world.lab("acme", Method::POST, &format!("{at}/test/merge_requests_events"), Value::Null, 422).await;
    world.forge.settled().await;
    let last: Value = receiver.received_requests().await.unwrap().last().unwrap().body_json().unwrap();
    assert_eq!((last["object_kind"].as_str(), &last["before"]), (Some("push"), &last["after"]));
    world.lab("acme", Method::DELETE, &at, Value::Null, 204).await;
    world.lab("acme", Method::GET, &at, Value::Null, 404).await;
    assert_eq!(world.api("acme", Method::GET, "/hooks", Value::Null, 200).await, json!([]));
}

/// A signature as Standard Webhooks has it, worked out apart from the forge.
fn signed(before: &str, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let key: Vec<u8> = (0..32).collect();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(before.as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_of_many_branches_is_told_by_no_hook() {
    let world = World::new().await;
    let receiver = receiver(200).await;
    world.forge.ensure_hook_in(Skin::GitLab, Some(REPO), &receiver.uri(), "x").unwrap();
    let tree = world.clone_as("bot");
    for name in ["a", "b", "c", "d"] {
        assert!(world.git(&tree, &["branch", name]).status.success());
    }
    assert!(world.push(&tree, "refs/heads/*:refs/heads/*").await.status.success());
    world.forge.settled().await;
    assert_eq!(receiver.received_requests().await.unwrap().len(), 0);
    assert!(world.push(&tree, ":refs/heads/a").await.status.success());
    world.forge.settled().await;
    let requests = receiver.received_requests().await.unwrap();
    let gone: Value = requests[0].body_json().unwrap();
    assert_eq!((gone["ref"].as_str(), gone["checkout_sha"].is_null()), (Some("refs/heads/a"), true));
    assert_eq!(gone["after"], "0".repeat(40));
}
