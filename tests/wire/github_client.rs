//! The GitHub driver's HTTP behaviour against a scripted server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use syndarix::base::secret::{ExposeSecret, SecretString};
use syndarix::base::{Clock, Time};
use syndarix::domain::forge::*;
use syndarix::forge::github::{App, GitHubConfig, GitHubForge, Login, Pace};
use syndarix::forge::{Forge, ForgeError, Window};
use wiremock::matchers::{any, body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const TOKEN: &str = "ghp_canary5f1d2c3b4a5f1d2c3b4a5f1d2c3b4a";

pub fn quick() -> Pace {
    Pace { connect: Duration::from_secs(2), total: Duration::from_secs(3), backoff: Duration::from_millis(1), writes_apart: Duration::ZERO }
}

pub fn with(base_url: &str, login: Login, pace: Pace) -> GitHubForge {
    GitHubForge::new(GitHubConfig { base_url: base_url.to_owned(), login, pace }).unwrap()
}

pub fn forge_at(base_url: &str) -> GitHubForge {
    with(base_url, Login::Token(SecretString::from(TOKEN.to_owned())), quick())
}

pub fn app_at(base_url: &str) -> GitHubForge {
    let private_key = SecretString::from(include_str!("app-key.pem").to_owned());
    with(base_url, Login::App(App { id: 12_345, private_key }), quick())
}

pub fn shop() -> RepoRef {
    RepoRef { id: 42, path: "acme/shop".to_owned() }
}

pub fn answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

pub fn issue(number: i64) -> Value {
    json!({"number": number, "title": "t", "body": null, "state": "open", "user": {"id": 7, "login": "alice"}, "labels": null, "updated_at": "2026-08-03T08:00:00Z"})
}

pub fn comment() -> Value {
    json!({"id": 5, "body": "hi", "user": {"id": 9, "login": "bot"}})
}

pub fn said(verb: &str, at: &str) -> wiremock::MockBuilder {
    Mock::given(method(verb)).and(path(format!("/api/v3{at}")))
}

#[tokio::test]
async fn a_call_says_who_it_is_and_which_version_it_means() {
    let server = MockServer::start().await;
    said("GET", "/user")
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .and(header("accept", "application/vnd.github+json"))
        .and(header("x-github-api-version", "2022-11-28"))
        .and(header("user-agent", "octocrab"))
        .respond_with(answer(200, json!({"id": 9, "login": "bot"})))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(forge_at(&server.uri()).whoami().await.unwrap().login, "bot");
}

#[tokio::test]
async fn a_renamed_repository_is_found_by_its_id_also_for_writes() {
    let server = MockServer::start().await;
    let moved =
        answer(301, json!({"message": "Moved Permanently"})).insert_header("location", "/api/v3/repositories/42/issues/17/comments");
    said("POST", "/repos/acme/shop/issues/17/comments").respond_with(moved).expect(1).mount(&server).await;
    said("GET", "/repositories/42").respond_with(answer(200, json!({"id": 42, "full_name": "acme/store"}))).expect(1).mount(&server).await;
    said("POST", "/repos/acme/store/issues/17/comments")
        .and(body_json(json!({"body": "hi"})))
        .respond_with(answer(201, comment()))
        .expect(2)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    assert_eq!(forge.create_comment(&shop(), 17, "hi").await.unwrap().id, 5);
    forge.create_comment(&shop(), 17, "hi").await.expect("the new path is remembered");
    assert_eq!(forge.web_url(&shop(), "pulls/17"), format!("{}/acme/store/pull/17", server.uri()));
}

#[tokio::test]
async fn a_repository_known_by_its_path_alone_follows_the_number_in_the_redirect() {
    let server = MockServer::start().await;
    let moved = answer(301, json!({"message": "Moved Permanently"})).insert_header("location", "https://elsewhere.invalid/repositories/42");
    said("GET", "/repos/acme/shop").respond_with(moved).mount(&server).await;
    let store = json!({"id": 42, "full_name": "acme/store", "default_branch": "main", "size": 9, "permissions": {"push": true}});
    said("GET", "/repositories/42").respond_with(answer(200, store.clone())).mount(&server).await;
    said("GET", "/repos/acme/store").respond_with(answer(200, store)).mount(&server).await;
    let found = forge_at(&server.uri()).repo(&RepoRef { id: 0, path: "acme/shop".to_owned() }).await.unwrap();
    assert_eq!((found.path.as_str(), found.bot_can_push, found.empty), ("acme/store", true, false));
}

#[tokio::test]
async fn credentials_never_follow_a_redirect() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    let away = ResponseTemplate::new(302).insert_header("location", format!("{}/api/v3/user", elsewhere.uri()).as_str());
    Mock::given(any()).respond_with(away).mount(&server).await;
    let forge = forge_at(&server.uri());
    for error in [forge.whoami().await.unwrap_err(), forge.create_comment(&shop(), 1, "x").await.unwrap_err()] {
        assert!(matches!(&error, ForgeError::Malformed(text) if text.contains("redirects")), "{error}");
    }
}

#[tokio::test]
async fn reads_are_repeated_and_writes_never() {
    let server = MockServer::start().await;
    said("GET", "/user").respond_with(ResponseTemplate::new(503)).up_to_n_times(2).expect(2).mount(&server).await;
    said("GET", "/user").respond_with(answer(200, json!({"id": 9, "login": "bot"}))).expect(1).mount(&server).await;
    said("GET", "/meta").respond_with(ResponseTemplate::new(500)).expect(3).mount(&server).await;
    said("POST", "/repos/acme/shop/issues/17/comments").respond_with(ResponseTemplate::new(502)).expect(1).mount(&server).await;
    said("PATCH", "/repos/acme/shop/issues/17")
        .respond_with(answer(200, json!({})).set_delay(Duration::from_secs(20)))
        .expect(1)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    assert_eq!(forge.whoami().await.unwrap().id, 9);
    assert!(matches!(forge.version().await, Err(ForgeError::Unavailable(_))));
    assert!(matches!(forge.create_comment(&shop(), 17, "x").await, Err(ForgeError::Uncertain(_))));
    assert!(matches!(forge.set_issue_state(&shop(), 17, State::Closed).await, Err(ForgeError::Uncertain(_))), "a time-out after sending");
}

#[tokio::test]
async fn a_connection_that_is_cut_after_sending_leaves_a_write_open() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicU32::new(0));
    let counted = seen.clone();
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            stream.readable().await.unwrap();
            let _ = stream.try_read(&mut buffer);
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let error = forge_at(&address).create_comment(&shop(), 17, "x").await.unwrap_err();
    assert!(matches!(&error, ForgeError::Uncertain(_)), "{error}");
    assert_eq!(seen.load(Ordering::SeqCst), 1, "never repeated");
}

#[tokio::test]
async fn a_refused_connection_has_certainly_done_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for address in [free.as_str(), "http://no-such-host.invalid"] {
        let error = forge_at(address).create_comment(&shop(), 17, "x").await.unwrap_err();
        assert!(matches!(&error, ForgeError::Unavailable(_)), "{address}: {error}");
    }
}

#[tokio::test]
async fn limits_say_how_long_to_wait_and_hold_for_every_call_of_the_token() {
    let server = MockServer::start().await;
    let secondary = answer(403, json!({"message": "You have exceeded a secondary rate limit. Please wait."}));
    said("POST", "/repos/acme/shop/issues/1/comments").respond_with(secondary).expect(1).mount(&server).await;
    said("GET", "/user").respond_with(answer(200, json!({"id": 9, "login": "bot"}))).expect(1).mount(&server).await;
    let clock = Clock::manual(Time(1_000_000_000_000));
    let forge = forge_at(&server.uri()).with_clock(clock.clone());
    let asked = forge.create_comment(&shop(), 1, "x").await;
    assert!(matches!(asked, Err(ForgeError::RateLimited(wait)) if wait == Duration::from_secs(60)), "{asked:?}");
    assert!(matches!(forge.whoami().await, Err(ForgeError::RateLimited(_))), "nothing is sent in the meantime");
    clock.advance(60_000);
    forge.whoami().await.expect("the wait is over");

    let server = MockServer::start().await;
    let spent = answer(200, json!({"installed_version": "3.19.1"}))
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", "1785747660")
        .insert_header("date", "Mon, 03 Aug 2026 09:00:00 GMT");
    said("GET", "/meta").respond_with(spent).expect(1).mount(&server).await;
    let forge = forge_at(&server.uri());
    assert_eq!(forge.version().await.unwrap(), "3.19.1");
    let next = forge.version().await;
    assert!(
        matches!(next, Err(ForgeError::RateLimited(wait)) if wait <= Duration::from_secs(61)),
        "the last call was told to be: {next:?}"
    );
    assert_eq!(forge.calls().iter().find(|(outcome, _)| *outcome == "rate_limited").unwrap().1, 1);
}

#[tokio::test]
async fn writes_go_one_after_the_other_and_apart() {
    let server = MockServer::start().await;
    let slow = answer(201, comment()).set_delay(Duration::from_millis(30));
    said("POST", "/repos/acme/shop/issues/1/comments").respond_with(slow).mount(&server).await;
    let apart = Duration::from_millis(150);
    let login = Login::Token(SecretString::from(TOKEN.to_owned()));
    let forge = with(&server.uri(), login, Pace { writes_apart: apart, ..quick() });
    let begun = Clock::System.now();
    let at = shop();
    let write = || forge.create_comment(&at, 1, "x");
    let (one, two, three) = tokio::join!(write(), write(), write());
    one.unwrap();
    two.unwrap();
    three.unwrap();
    let took = Duration::from_micros(u64::try_from(Clock::System.now().0 - begun.0).unwrap());
    assert!(took >= apart * 2 + Duration::from_millis(80), "three writes took {took:?}");

    // By a clock that stands still and is moved on: no wait is left.
    let clock = Clock::manual(Time(1_000_000_000_000));
    let login = Login::Token(SecretString::from(TOKEN.to_owned()));
    let forge = with(&server.uri(), login, Pace { writes_apart: Duration::from_secs(3_600), ..quick() }).with_clock(clock.clone());
    for _ in 0..3 {
        tokio::time::timeout(Duration::from_secs(10), forge.create_comment(&shop(), 1, "x")).await.expect("no wait").unwrap();
        clock.advance(3_600_000);
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let server = MockServer::start().await;
    let window = Window { since: Time::parse("2026-08-03T07:00:00Z").unwrap(), until: None, at_most: 10 };
    let list = said("GET", "/repos/acme/shop/issues");
    list.and(header("if-none-match", "\"tag-1\""))
        .respond_with(ResponseTemplate::new(304).insert_header("date", "Mon, 03 Aug 2026 09:01:00 GMT"))
        .expect(1)
        .with_priority(1)
        .mount(&server)
        .await;
    said("GET", "/repos/acme/shop/issues")
        .and(query_param("since", "2026-08-03T07:00:00Z"))
        .and(query_param("sort", "updated"))
        .and(query_param("direction", "desc"))
        .respond_with(
            answer(200, json!([issue(2), issue(1)]))
                .insert_header("etag", "\"tag-1\"")
                .insert_header("date", "Mon, 03 Aug 2026 09:00:00 GMT"),
        )
        .expect(1)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    let first = forge.issues_touched(&shop(), &window).await.unwrap();
    let second = forge.issues_touched(&shop(), &window).await.unwrap();
    assert_eq!(first.items, second.items);
    assert_eq!(first.items.iter().map(|issue| issue.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(second.forge_time, Time::parse("2026-08-03T09:01:00Z"), "the time is that of now");
}

#[tokio::test]
async fn pages_end_where_no_next_one_is_named_and_too_much_is_said() {
    let server = MockServer::start().await;
    let link = r#"<https://elsewhere.invalid/x?per_page=100&page=2>; rel="next""#;
    said("GET", "/repos/acme/shop/issues/17/comments")
        .and(query_param("page", "1"))
        .and(query_param("per_page", "100"))
        .respond_with(answer(200, json!([{"id": 1, "body": "a"}, {"id": 2, "body": null}])).insert_header("link", link))
        .mount(&server)
        .await;
    said("GET", "/repos/acme/shop/issues/17/comments")
        .and(query_param("page", "2"))
        .respond_with(answer(200, json!([{"id": 2, "body": null}, {"id": 3, "body": "c"}])))
        .expect(1)
        .mount(&server)
        .await;
    let comments = forge_at(&server.uri()).comments(&shop(), 17).await.unwrap();
    assert_eq!(comments.iter().map(|comment| comment.id).collect::<Vec<_>>(), [1, 2, 3]);

    let server = MockServer::start().await;
    said("GET", "/repos/acme/shop/issues").respond_with(answer(200, json!([issue(1), issue(2), issue(3)]))).mount(&server).await;
    let window = Window { since: Time(1_000_000_000_000_000), until: None, at_most: 2 };
    assert!(!forge_at(&server.uri()).issues_touched(&shop(), &window).await.unwrap().complete);
}

#[tokio::test]
async fn a_stretch_of_the_past_goes_on_from_the_last_stamp() {
    let server = MockServer::start().await;
    let at = |number: i64, time: &str| {
        let mut issue = issue(number);
        issue["updated_at"] = json!(time);
        issue
    };
    let first: Vec<Value> =
        (1..=100).map(|number| at(number, if number < 100 { "2026-08-03T08:00:00Z" } else { "2026-08-03T08:30:00Z" })).collect();
    let next = [at(100, "2026-08-03T08:30:00Z"), at(101, "2026-08-03T08:40:00Z"), at(102, "2026-08-03T10:00:00Z")];
    for (since, list) in [("2026-08-03T07:00:00Z", json!(first)), ("2026-08-03T08:30:00Z", json!(next))] {
        said("GET", "/repos/acme/shop/issues")
            .and(query_param("since", since))
            .and(query_param("direction", "asc"))
            .and(query_param("page", "1"))
            .respond_with(answer(200, list))
            .expect(1)
            .mount(&server)
            .await;
    }
    let time = |text: &str| Time::parse(text).unwrap();
    let window = Window { since: time("2026-08-03T07:00:00Z"), until: Some(time("2026-08-03T09:00:00Z")), at_most: 500 };
    let touched = forge_at(&server.uri()).issues_touched(&shop(), &window).await.unwrap();
    assert_eq!((touched.items.len(), touched.complete, touched.requests), (101, true, 2));
}

fn installation_token(value: &str, expires_at: &str) -> ResponseTemplate {
    answer(201, json!({"token": value, "expires_at": expires_at, "permissions": {}})).insert_header("date", "Mon, 03 Aug 2026 09:00:00 GMT")
}

fn claims(request: &Request) -> Value {
    let bearer = request.headers.get("authorization").unwrap().to_str().unwrap();
    let payload = bearer.strip_prefix("Bearer ").unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn an_app_signs_for_itself_and_renews_its_tokens_in_time_for_git_as_well() {
    let server = MockServer::start().await;
    said("GET", "/repos/acme/shop/installation")
        .and(|request: &Request| {
            let claims = claims(request);
            claims["iss"] == 12_345 && claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 600
        })
        .respond_with(answer(200, json!({"id": 77, "account": {"id": 3, "login": "acme"}})))
        .expect(1)
        .mount(&server)
        .await;
    for (token, end) in [("ghs_first", "2026-08-03T10:00:00Z"), ("ghs_second", "2026-08-03T10:00:00Z")] {
        said("POST", "/app/installations/77/access_tokens")
            .respond_with(installation_token(token, end))
            .up_to_n_times(1)
            .expect(1)
            .mount(&server)
            .await;
        said("POST", "/repos/acme/shop/issues/17/comments")
            .and(header("authorization", format!("Bearer {token}")))
            .respond_with(answer(201, comment()))
            .expect(2)
            .mount(&server)
            .await;
    }
    let clock = Clock::manual(Time(1_000_000_000_000));
    let forge = app_at(&server.uri()).with_clock(clock.clone());
    let remote = forge.git_remote(&shop());
    assert!(remote.header.as_ref().unwrap().now().is_none(), "no token yet");
    let git = |token: &str| format!("Authorization: Basic {}", STANDARD.encode(format!("x-access-token:{token}")));
    let shown = || remote.header.as_ref().unwrap().now().unwrap().expose_secret().to_owned();
    forge.create_comment(&shop(), 17, "x").await.unwrap();
    clock.advance(44 * 60_000);
    forge.create_comment(&shop(), 17, "x").await.unwrap();
    assert_eq!(shown(), git("ghs_first"));
    clock.advance(60_000);
    forge.create_comment(&shop(), 17, "x").await.unwrap();
    forge.create_comment(&shop(), 17, "x").await.unwrap();
    assert_eq!(shown(), git("ghs_second"), "a remote that was given out before has the newest");
    assert!(!format!("{remote:?}").contains("Basic"));
}

#[tokio::test]
async fn a_token_of_an_installation_that_is_refused_is_replaced_once() {
    let server = MockServer::start().await;
    said("GET", "/repos/acme/shop/installation").respond_with(answer(200, json!({"id": 77}))).mount(&server).await;
    for token in ["ghs_revoked", "ghs_fresh"] {
        let given = installation_token(token, "2026-08-03T10:00:00Z");
        said("POST", "/app/installations/77/access_tokens").respond_with(given).up_to_n_times(1).expect(1).mount(&server).await;
    }
    said("POST", "/repos/acme/shop/issues/17/comments")
        .and(header("authorization", "Bearer ghs_revoked"))
        .respond_with(answer(401, json!({"message": "Bad credentials"})))
        .expect(1)
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/issues/17/comments")
        .and(header("authorization", "Bearer ghs_fresh"))
        .respond_with(answer(201, comment()))
        .expect(1)
        .mount(&server)
        .await;
    app_at(&server.uri()).create_comment(&shop(), 17, "x").await.unwrap();
}

#[tokio::test]
async fn an_app_is_the_account_with_its_name_and_lists_what_it_is_installed_on() {
    let server = MockServer::start().await;
    said("GET", "/app").respond_with(answer(200, json!({"id": 12_345, "slug": "syndarix"}))).mount(&server).await;
    let on = json!([{"id": 77, "account": {"id": 3, "login": "acme"}}, {"id": 78, "account": {"id": 4, "login": "beta"}}]);
    said("GET", "/app/installations").respond_with(answer(200, on)).mount(&server).await;
    for (id, repo) in [(77, "acme/shop"), (78, "beta/site")] {
        let token = format!("ghs_{id}");
        let given = installation_token(&token, "2026-08-03T10:00:00Z");
        said("POST", &format!("/app/installations/{id}/access_tokens")).respond_with(given).expect(1).mount(&server).await;
        said("GET", "/installation/repositories")
            .and(header("authorization", format!("Bearer {token}")))
            .respond_with(answer(200, json!({"total_count": 1, "repositories": [{"id": id, "full_name": repo, "default_branch": "main"}]})))
            .mount(&server)
            .await;
    }
    said("GET", "/users/syndarix%5Bbot%5D").respond_with(answer(200, json!({"id": 900, "login": "syndarix[bot]"}))).mount(&server).await;
    said("GET", "/users/syndarix[bot]").respond_with(answer(200, json!({"id": 900, "login": "syndarix[bot]"}))).mount(&server).await;
    let forge = app_at(&server.uri());
    assert_eq!(forge.whoami().await.unwrap(), User { id: 900, login: "syndarix[bot]".to_owned() });
    let all: Vec<String> = forge.repos(None).await.unwrap().into_iter().map(|repo| repo.path).collect();
    assert_eq!(all, ["acme/shop", "beta/site"]);
    assert_eq!(forge.repos(Some("Beta")).await.unwrap().len(), 1);
    assert!(
        forge.git_remote(&RepoRef { id: 0, path: "beta/audit".to_owned() }).header.unwrap().now().is_some(),
        "Git has a token from the start"
    );
}

#[tokio::test]
async fn a_key_that_is_none_is_said_at_once() {
    let app = |key: &str| Login::App(App { id: 1, private_key: SecretString::from(key.to_owned()) });
    let made = GitHubForge::new(GitHubConfig { base_url: "https://github.com".to_owned(), login: app("key-canary"), pace: quick() });
    let sentence = made.err().unwrap();
    assert!(sentence.contains("PEM") && !sentence.contains("key-canary"), "{sentence}");
    let login = Login::Token(SecretString::from("a\nb".to_owned()));
    assert!(GitHubForge::new(GitHubConfig { base_url: "https://github.com".to_owned(), login, pace: quick() }).is_err());
}

#[tokio::test]
async fn no_error_shows_a_token() {
    let server = MockServer::start().await;
    let echo = json!({"message": format!("bad: Bearer {TOKEN} eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl {}", "x".repeat(5_000)), "errors": [{"code": "custom", "field": TOKEN}]});
    for status in [400, 401, 403, 404, 405, 409, 410, 422] {
        Mock::given(any()).respond_with(answer(status, echo.clone())).mount(&server).await;
        let error = forge_at(&server.uri()).issue(&shop(), 1).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains(TOKEN) && !text.contains("eyJpc3") && text.contains("[redacted]") && text.len() < 1_500, "{status}: {text}");
        server.reset().await;
    }
}

#[tokio::test]
async fn a_page_of_html_is_not_an_answer() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_raw("<html>Sign in</html>", "text/html")).mount(&server).await;
    let forge = forge_at(&server.uri());
    assert!(matches!(forge.whoami().await, Err(ForgeError::Malformed(text)) if text.contains("text/html")));
    assert!(matches!(forge.create_comment(&shop(), 1, "x").await, Err(ForgeError::Uncertain(_))), "a write may have been applied");
}
