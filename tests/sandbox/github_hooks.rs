//! Web hooks, redelivery and apps of the GitHub side.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use syndarix::sandbox::{AppWish, Skin};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::github::{hub, send};
use super::*;

fn header(request: &Request, name: &str) -> String {
    request.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn signature(secret: &str, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_is_told_as_github_tells_it() {
    let world = World::new().await;
    let receiver = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(202)).mount(&receiver).await;
    world.forge.ensure_hook_in(Skin::GitHub, Some(REPO), &receiver.uri(), "s3cret").unwrap();
    hub(&world, "alice", Method::POST, "/issues", json!({"title": "One", "labels": ["a", "b"], "assignees": ["bot"]}), 201).await;
    world.api("alice", Method::POST, "/issues/1/comments", json!({"body": "by way of Gitea"}), 201).await;
    let (tree, _, _) = world.pull_request("WIP: feat: csv").await;
    world.api("bot", Method::PATCH, "/pulls/2", json!({"title": "feat: csv"}), 201).await;
    let rule = json!({"rule_name": "main", "required_approvals": 1, "dismiss_stale_approvals": true});
    world.api("acme", Method::POST, "/branch_protections", rule, 201).await;
    let lines = json!([{"path": "csv.txt", "line": 1, "body": "nice"}]);
    hub(&world, "alice", Method::POST, "/pulls/2/reviews", json!({"event": "APPROVE", "comments": lines}), 200).await;
    let second = world.commit(&tree, "more.txt", "m");
    assert!(world.push(&tree, "work").await.status.success());
    hub(&world, "bot", Method::POST, &format!("/statuses/{second}"), json!({"state": "success", "context": "ci"}), 201).await;
    hub(&world, "alice", Method::POST, "/pulls/2/reviews", json!({"event": "APPROVE"}), 200).await;
    hub(&world, "alice", Method::PUT, "/pulls/2/merge", json!({}), 200).await;
    hub(&world, "alice", Method::DELETE, "/git/refs/heads/work", Value::Null, 204).await;
    world.forge.rename_repo(REPO, "store").unwrap();
    world.forge.settled().await;

    let mut told = Vec::new();
    for request in &receiver.received_requests().await.unwrap() {
        assert_eq!(header(request, "X-Hub-Signature-256"), signature("s3cret", &request.body));
        assert_eq!(header(request, "X-Gitea-Event"), "");
        assert_eq!(header(request, "X-GitHub-Hook-Installation-Target-Type"), "repository");
        let body: Value = request.body_json().unwrap();
        let word = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
        let event = header(request, "X-GitHub-Event");
        let detail = match event.as_str() {
            "issues" => format!("{} {}", word("/label/name"), word("/assignee/login")),
            "pull_request_review" => word("/review/state"),
            "push" => format!("{} created {} deleted {} forced {}", word("/ref"), body["created"], body["deleted"], body["forced"]),
            "pull_request" => format!("{} draft {}", word("/pull_request/title"), body["pull_request"]["draft"]),
            "repository" => word("/changes/repository/name/from"),
            _ => "-".to_owned(),
        };
        if event == "push" {
            assert!(body["repository"]["created_at"].is_i64());
        }
        told.push(format!("{event} {} {detail} by {}", word("/action"), word("/sender/login")));
    }
    told.sort();
    insta::assert_snapshot!(told.join("\n"), @r"
    create - - by bot
    delete - - by alice
    issue_comment created - by alice
    issues assigned - bot by alice
    issues labeled a - by alice
    issues labeled b - by alice
    issues opened - - by alice
    pull_request closed feat: csv draft false by alice
    pull_request opened feat: csv draft true by bot
    pull_request ready_for_review feat: csv draft false by bot
    pull_request synchronize feat: csv draft false by bot
    pull_request_review dismissed dismissed by bot
    pull_request_review submitted approved by alice
    pull_request_review submitted approved by alice
    pull_request_review_comment created - by alice
    push - refs/heads/main created false deleted false forced false by alice
    push - refs/heads/work created false deleted false forced false by bot
    push - refs/heads/work created false deleted true forced false by alice
    push - refs/heads/work created true deleted false forced false by bot
    repository renamed shop by acme
    status - - by bot
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_arrive_can_be_asked_for_again_under_the_same_id() {
    let world = World::new().await;
    let receiver = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).up_to_n_times(2).mount(&receiver).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&receiver).await;
    let config = json!({"url": receiver.uri(), "secret": "x"});
    let wish = json!({"name": "web", "events": ["issues"], "config": config});
    hub(&world, "alice", Method::POST, "/hooks", wish.clone(), 404).await;
    let made = hub(&world, "acme", Method::POST, "/hooks", wish, 201).await;
    assert_eq!((&made["config"]["content_type"], &made["active"]), (&json!("form"), &json!(true)));
    world.forge.settled().await;
    hub(&world, "alice", Method::POST, "/issues", json!({"title": "a & b"}), 201).await;
    world.forge.settled().await;
    let hooks = format!("/hooks/{}/deliveries", made["id"]);
    let failed = hub(&world, "acme", Method::GET, &format!("{hooks}?status=failure"), Value::Null, 200).await;
    assert_eq!(
        (failed[0]["event"].as_str(), failed[0]["action"].as_str(), failed[1]["event"].as_str()),
        (Some("issues"), Some("opened"), Some("ping"))
    );
    hub(&world, "acme", Method::POST, &format!("{hooks}/{}/attempts", failed[0]["id"]), Value::Null, 202).await;
    world.forge.settled().await;
    let requests = receiver.received_requests().await.unwrap();
    assert_eq!(header(&requests[2], "X-GitHub-Delivery"), failed[0]["guid"].as_str().unwrap());
    assert_eq!(header(&requests[2], "Content-Type"), "application/x-www-form-urlencoded");
    assert_eq!(header(&requests[2], "X-Hub-Signature-256"), signature("x", &requests[2].body));
    let form = reqwest::Url::parse(&format!("http://x/?{}", String::from_utf8_lossy(&requests[2].body))).unwrap();
    let payload: Value = serde_json::from_str(&form.query_pairs().next().unwrap().1).unwrap();
    assert_eq!(payload["issue"]["title"], "a & b");
    let all = hub(&world, "acme", Method::GET, &format!("{hooks}?per_page=1"), Value::Null, 200).await;
    assert_eq!((&all[0]["redelivery"], &all[0]["status_code"]), (&json!(true), &json!(200)));
}

/// The signed word of an app.
fn word(key: &KeyPair, claims: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({"alg": "RS256", "typ": "JWT"})), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_gets_a_token_for_an_hour() {
    let world = World::new().await;
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", STANDARD.encode(key.public_key().as_ref()));
    let wish =
        AppWish { slug: "syndarix".into(), public_key: pem, repos: vec![REPO.into()], admin: false, dates_by_machine: false, hook: None };
    let app = world.forge.ensure_github_app(&wish).unwrap();
    let now = world.clock.now().seconds();
    let good = word(&key, json!({"iat": now - 60, "exp": now + 540, "iss": app.to_string()}));
    let install = format!("/v3/repos/{REPO}/installation");
    for bad in [
        word(&key, json!({"iat": now, "exp": now + 5000, "iss": app.to_string()})),
        word(&key, json!({"iat": now - 700, "exp": now - 100, "iss": app.to_string()})),
        word(&KeyPair::generate(KeySize::Rsa2048).unwrap(), json!({"iat": now, "exp": now + 60, "iss": app})),
    ] {
        assert_eq!(send(&world, &bad, Method::GET, &install, Value::Null).await.status(), 401);
    }
    let installed: Value = send(&world, &good, Method::GET, &install, Value::Null).await.json().await.unwrap();
    let path = format!("/v3/app/installations/{}/access_tokens", installed["id"]);
    let made = send(&world, &good, Method::POST, &path, json!({"repository_ids": [1]})).await;
    assert_eq!(made.status(), 201);
    let token = made.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
    let issues = format!("/v3/repos/{REPO}/issues");
    let issue = send(&world, &token, Method::POST, &issues, json!({"title": "by the app"})).await.json::<Value>().await.unwrap();
    assert_eq!((&issue["user"]["login"], &issue["user"]["type"]), (&json!("syndarix[bot]"), &json!("Bot")));
    assert_eq!(send(&world, &token, Method::GET, "/v3/user", Value::Null).await.status(), 403);
    let url = world.forge.url().replace("http://", &format!("http://x-access-token:{token}@"));
    let target = world.dir.path().join("by-app");
    let output = world.git(world.dir.path(), &["clone", "--quiet", &format!("{url}/{REPO}.git"), target.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    world.clock.advance(3_601_000);
    assert_eq!(send(&world, &token, Method::GET, &issues, Value::Null).await.status(), 401);
}
