//! The Gitea driver's HTTP behaviour against a scripted server.

use std::time::Duration;

use serde_json::{Value, json};
use syndarix::base::secret::{ExposeSecret, SecretString};
use syndarix::domain::forge::*;
use syndarix::forge::Timeouts;
use syndarix::forge::gitea::{GiteaConfig, GiteaForge};
use syndarix::forge::{Forge, ForgeError, Reacted, ReactionTarget, Window};
use wiremock::matchers::{body_json, body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "canary-5f1d2c3b4a";

fn forge_at(base_url: &str) -> GiteaForge {
    let timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(3), backoff: Duration::from_millis(1) };
    GiteaForge::new(GiteaConfig {
        base_url: base_url.to_owned(),
        token: SecretString::from(TOKEN.to_owned()),
        timeouts,
        kind: ForgeKind::Gitea,
    })
    .unwrap()
}

fn shop() -> RepoRef {
    RepoRef { id: 42, path: "acme/shop".to_owned() }
}

fn answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn issue(number: i64) -> Value {
    json!({"number": number, "title": "t", "body": "b", "state": "open", "user": {"id": 7, "login": "alice"}, "labels": null, "repository": {"id": 42}})
}

fn said(verb: &str, at: &str) -> wiremock::MockBuilder {
    Mock::given(method(verb)).and(path(format!("/api/v1{at}")))
}

#[tokio::test]
async fn a_renamed_repository_is_found_by_its_id_also_for_writes() {
    let server = MockServer::start().await;
    let moved = ResponseTemplate::new(301).insert_header("location", "/api/v1/repos/acme/store/issues/17/comments");
    said("POST", "/repos/acme/shop/issues/17/comments").respond_with(moved).expect(1).mount(&server).await;
    said("GET", "/repositories/42").respond_with(answer(200, json!({"id": 42, "full_name": "acme/store"}))).expect(1).mount(&server).await;
    said("POST", "/repos/acme/store/issues/17/comments")
        .and(body_json(json!({"body": "hi"})))
        .and(header("authorization", format!("token {TOKEN}")))
        .respond_with(answer(201, json!({"id": 5, "body": "hi", "user": {"id": 9, "login": "bot"}})))
        .expect(2)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    assert_eq!(forge.create_comment(&shop(), 17, "hi").await.unwrap().id, 5);
    forge.create_comment(&shop(), 17, "hi").await.expect("the new path is remembered");
    assert_eq!(forge.web_url(&shop(), "issues/17"), format!("{}/acme/store/issues/17", server.uri()));
}

#[tokio::test]
async fn a_path_given_to_another_repository_is_noticed() {
    let server = MockServer::start().await;
    let other = json!({"number": 17, "title": "other", "state": "open", "repository": {"id": 99}});
    said("GET", "/repos/acme/shop/issues/17").respond_with(answer(200, other)).mount(&server).await;
    said("GET", "/repositories/42").respond_with(answer(200, json!({"id": 42, "full_name": "acme/store"}))).mount(&server).await;
    said("GET", "/repos/acme/store/issues/17").respond_with(answer(200, issue(17))).mount(&server).await;
    assert_eq!(forge_at(&server.uri()).issue(&shop(), 17).await.unwrap().title, "t");
}

#[tokio::test]
async fn what_is_really_missing_is_not_found() {
    let server = MockServer::start().await;
    said("GET", "/repos/acme/shop/issues/99")
        .respond_with(answer(404, json!({"message": "issue does not exist"})))
        .expect(1)
        .mount(&server)
        .await;
    said("GET", "/repositories/42").respond_with(answer(200, json!({"id": 42, "full_name": "acme/shop"}))).mount(&server).await;
    let error = forge_at(&server.uri()).issue(&shop(), 99).await.unwrap_err();
    assert!(matches!(&error, ForgeError::NotFound(text) if text.contains("issue does not exist")), "{error}");
}

#[tokio::test]
async fn credentials_never_follow_a_redirect() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    let away = ResponseTemplate::new(302).insert_header("location", format!("{}/api/v1/user", elsewhere.uri()).as_str());
    Mock::given(wiremock::matchers::any()).respond_with(away).mount(&server).await;
    let forge = forge_at(&server.uri());
    for error in [forge.whoami().await.unwrap_err(), forge.create_comment(&shop(), 1, "x").await.unwrap_err()] {
        assert!(matches!(&error, ForgeError::Malformed(text) if text.contains("redirects")), "{error}");
    }
}

/// Everything there ever was.
fn ever() -> Window {
    Window { since: syndarix::base::Time(0), until: None, at_most: usize::MAX }
}

#[tokio::test]
async fn pages_are_followed_to_the_end_whatever_the_server_says_about_them() {
    // By total count, with a server that cuts pages shorter than asked for.
    let server = MockServer::start().await;
    for (page, numbers) in [("1", vec![3, 2]), ("2", vec![1])] {
        let list: Vec<Value> = numbers.into_iter().map(issue).collect();
        let template = answer(200, json!(list)).insert_header("x-total-count", "3");
        said("GET", "/repos/acme/shop/issues").and(query_param("page", page)).respond_with(template).expect(1).mount(&server).await;
    }
    let numbers = |issues: Vec<Issue>| issues.into_iter().map(|issue| issue.number).collect::<Vec<_>>();
    assert_eq!(numbers(forge_at(&server.uri()).issues_touched(&shop(), &ever()).await.unwrap().items), [1, 2, 3]);

    // By link, whose host is not the one that was asked.
    let server = MockServer::start().await;
    let link = r#"<http://internal.invalid/api/v1/repos/acme/shop/issues?page=2>; rel="next""#;
    said("GET", "/repos/acme/shop/issues")
        .and(query_param("page", "1"))
        .respond_with(answer(200, json!([issue(2)])).insert_header("link", link))
        .mount(&server)
        .await;
    said("GET", "/repos/acme/shop/issues")
        .and(query_param("page", "2"))
        .respond_with(answer(200, json!([issue(1)])).insert_header("link", r#"<http://internal.invalid/?page=1>; rel="first""#))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(numbers(forge_at(&server.uri()).issues_touched(&shop(), &ever()).await.unwrap().items), [1, 2]);

    // By an empty page, and by a server that ignores paging.
    for second in [json!(null), json!([issue(1)])] {
        let server = MockServer::start().await;
        said("GET", "/repos/acme/shop/issues")
            .and(query_param("page", "1"))
            .respond_with(answer(200, json!([issue(1)])))
            .mount(&server)
            .await;
        said("GET", "/repos/acme/shop/issues").and(query_param("page", "2")).respond_with(answer(200, second)).mount(&server).await;
        assert_eq!(numbers(forge_at(&server.uri()).issues_touched(&shop(), &ever()).await.unwrap().items), [1]);
    }
}

#[tokio::test]
async fn the_timeline_is_read_past_an_empty_page_and_a_wrong_total() {
    let server = MockServer::start().await;
    let entry = |id: i64, body: &str| json!({"id": id, "type": "label", "user": {"id": 7, "login": "alice"}, "label": {"id": 1, "name": "story/done"}, "body": body, "created_at": "2026-08-03T08:00:00Z"});
    for (page, list) in
        [("1", json!([entry(1, "1"), null, {"id": 2, "type": "comment", "body": "1"}])), ("2", json!(null)), ("3", json!([entry(4, "")]))]
    {
        let template = answer(200, list).insert_header("x-total-count", "3");
        said("GET", "/repos/acme/shop/issues/17/timeline").and(query_param("page", page)).respond_with(template).mount(&server).await;
    }
    said("GET", "/repos/acme/shop/issues/17/timeline").respond_with(answer(200, json!([]))).mount(&server).await;
    let changes = forge_at(&server.uri()).label_changes(&shop(), 17).await.unwrap();
    assert_eq!(changes.iter().map(|change| (change.id, change.added, change.actor.id)).collect::<Vec<_>>(), [(1, true, 7), (4, false, 7)]);
}

#[tokio::test]
async fn reads_are_repeated_and_writes_never() {
    let server = MockServer::start().await;
    said("GET", "/user").respond_with(ResponseTemplate::new(503)).up_to_n_times(2).expect(2).mount(&server).await;
    said("GET", "/user").respond_with(answer(200, json!({"id": 9, "login": "bot"}))).expect(1).mount(&server).await;
    said("GET", "/version").respond_with(ResponseTemplate::new(500)).expect(3).mount(&server).await;
    said("POST", "/repos/acme/shop/issues/17/comments").respond_with(ResponseTemplate::new(502)).expect(1).mount(&server).await;
    // The issue is there, so that the comment may have been written; on one that is gone it cannot have been.
    said("GET", "/repos/acme/shop/issues/17").respond_with(answer(200, issue(17))).mount(&server).await;
    said("PATCH", "/repos/acme/shop/issues/17")
        .respond_with(answer(201, json!({})).set_delay(Duration::from_secs(20)))
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
async fn a_refused_connection_has_certainly_done_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = forge_at(&free).create_comment(&shop(), 17, "x").await.unwrap_err();
    assert!(matches!(&error, ForgeError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn too_many_requests_say_how_long_to_wait() {
    let server = MockServer::start().await;
    said("POST", "/repos/acme/shop/issues/1/comments")
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "7"))
        .expect(1)
        .mount(&server)
        .await;
    said("GET", "/version").respond_with(ResponseTemplate::new(429).insert_header("retry-after", "3600")).expect(1).mount(&server).await;
    said("GET", "/user").respond_with(ResponseTemplate::new(429).insert_header("retry-after", "0")).up_to_n_times(1).mount(&server).await;
    said("GET", "/user").respond_with(answer(200, json!({"id": 9, "login": "bot"}))).expect(1).mount(&server).await;
    let forge = forge_at(&server.uri());
    assert!(matches!(forge.create_comment(&shop(), 1, "x").await, Err(ForgeError::RateLimited(wait)) if wait == Duration::from_secs(7)));
    let left = forge.create_comment(&shop(), 1, "x").await;
    assert!(matches!(left, Err(ForgeError::RateLimited(left)) if left <= Duration::from_secs(7)), "nothing is sent in the meantime");
    let forge = forge_at(&server.uri());
    assert!(
        matches!(forge.version().await, Err(ForgeError::RateLimited(wait)) if wait == Duration::from_secs(3600)),
        "a long wait is the caller's"
    );
    forge_at(&server.uri()).whoami().await.expect("a short wait is waited out");
}

#[tokio::test]
async fn a_page_of_html_is_not_an_answer() {
    let server = MockServer::start().await;
    let page = || ResponseTemplate::new(200).set_body_raw("<html>Sign in</html>", "text/html");
    said("GET", "/user").respond_with(page()).mount(&server).await;
    said("POST", "/repos/acme/shop/issues/1/comments").respond_with(page()).mount(&server).await;
    said("GET", "/repos/acme/shop/issues/1").respond_with(page()).mount(&server).await;
    said("GET", "/version").respond_with(ResponseTemplate::new(403).set_body_raw("<html>no</html>", "text/html")).mount(&server).await;
    let forge = forge_at(&server.uri());
    assert!(matches!(forge.whoami().await, Err(ForgeError::Malformed(text)) if text.contains("text/html")));
    assert!(matches!(forge.create_comment(&shop(), 1, "x").await, Err(ForgeError::Uncertain(_))), "a write may have been applied");
    assert!(matches!(forge.version().await, Err(ForgeError::Forbidden(text)) if text.contains("proxy")));
}

#[tokio::test]
async fn no_error_shows_the_token() {
    let server = MockServer::start().await;
    let echo = json!({"message": format!("bad header: token {TOKEN} {}", "x".repeat(5_000))});
    for status in [400, 401, 403, 404, 405, 409, 422, 423] {
        Mock::given(wiremock::matchers::any()).respond_with(answer(status, echo.clone())).mount(&server).await;
        let error = forge_at(&server.uri()).issue(&shop(), 1).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains(TOKEN) && text.contains("[redacted]") && text.len() < 1_500, "{status}: {text}");
        server.reset().await;
    }
    let forge = forge_at(&server.uri());
    let remote = forge.git_remote(&shop());
    assert!(!format!("{remote:?}").contains(TOKEN) && !remote.url.contains(TOKEN));
    // base64 of `syndarix:` and the token.
    let header = remote.header.unwrap().now().unwrap();
    assert_eq!(header.expose_secret(), "Authorization: Basic c3luZGFyaXg6Y2FuYXJ5LTVmMWQyYzNiNGE=");
}

#[tokio::test]
async fn patches_answer_201_and_a_draft_is_a_title() {
    let server = MockServer::start().await;
    let raw = json!({"number": 18, "title": "[WIP] Add CSV", "state": "open", "base": {"ref": "main", "repo_id": 42}, "head": {"ref": "x", "repo_id": 42}});
    said("GET", "/repos/acme/shop/pulls/18").respond_with(answer(200, raw.clone())).mount(&server).await;
    said("PATCH", "/repos/acme/shop/issues/18")
        .and(body_json(json!({"state": "closed"})))
        .respond_with(answer(201, json!({})))
        .expect(1)
        .mount(&server)
        .await;
    for body in [json!({"title": "Add CSV"}), json!({"title": "WIP: Add JSON"}), json!({"title": "Add TOML", "body": "b"})] {
        said("PATCH", "/repos/acme/shop/pulls/18")
            .and(body_json(body))
            .respond_with(answer(201, raw.clone()))
            .expect(1)
            .mount(&server)
            .await;
    }
    let forge = forge_at(&server.uri());
    forge.set_issue_state(&shop(), 18, State::Closed).await.unwrap();
    let patch = |title: Option<&str>, body: Option<&str>, draft| syndarix::forge::PullPatch {
        title: title.map(str::to_owned),
        body: body.map(str::to_owned),
        state: None,
        draft,
    };
    forge.edit_pull(&shop(), 18, &patch(None, None, Some(false))).await.unwrap();
    forge.edit_pull(&shop(), 18, &patch(Some("Add JSON"), None, None)).await.unwrap();
    forge.edit_pull(&shop(), 18, &patch(Some("Add TOML"), Some("b"), Some(false))).await.unwrap();
}

#[tokio::test]
async fn labels_are_added_by_name_removed_by_id_and_never_replaced() {
    let server = MockServer::start().await;
    let label = |id: i64, name: &str| json!({"id": id, "name": name, "color": "00aabb", "exclusive": true});
    said("POST", "/repos/acme/shop/issues/17/labels")
        .and(body_json(json!({"labels": ["story/design"]})))
        .respond_with(answer(200, json!([label(2, "story/design"), label(5, "waiting")])))
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/issues/17/labels").respond_with(answer(200, json!(null))).mount(&server).await;
    said("DELETE", "/repos/acme/shop/issues/17/labels/5")
        .respond_with(answer(404, json!({"message": "gone"})))
        .expect(1)
        .mount(&server)
        .await;
    said("GET", "/repositories/42").respond_with(answer(200, json!({"id": 42, "full_name": "acme/shop"}))).mount(&server).await;
    said("GET", "/repos/acme/shop/issues/17/labels").respond_with(answer(200, json!([label(2, "story/design")]))).mount(&server).await;
    let forge = forge_at(&server.uri());
    let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        forge.change_labels(&shop(), 17, &names(&["story/design"]), &names(&["waiting", "absent"])).await.unwrap(),
        ["story/design"]
    );
    let error = forge.change_labels(&shop(), 17, &names(&["story/nowhere"]), &[]).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Unprocessable(text) if text.contains("story/nowhere")), "{error}");
}

#[tokio::test]
async fn missing_labels_are_made_and_changed_ones_mended() {
    let server = MockServer::start().await;
    let here = json!([{"id": 1, "name": "story/design", "color": "00AABB", "exclusive": true}, {"id": 2, "name": "story/done", "color": "00aabb", "exclusive": false}]);
    said("GET", "/repos/acme/shop/labels").respond_with(answer(200, here).insert_header("x-total-count", "2")).mount(&server).await;
    said("GET", "/orgs/acme/labels").respond_with(answer(404, json!({"message": "not an organisation"}))).mount(&server).await;
    said("PATCH", "/repos/acme/shop/labels/2")
        .and(body_json(json!({"color": "#00aabb", "description": "", "exclusive": true})))
        .respond_with(answer(200, json!({})))
        .expect(1)
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/labels")
        .and(body_partial_json(json!({"name": "story/review", "color": "#00aabb", "exclusive": true})))
        .respond_with(answer(201, json!({})))
        .expect(1)
        .mount(&server)
        .await;
    let spec = |name: &str| LabelSpec { name: name.to_owned(), color: "00aabb".to_owned(), description: String::new(), exclusive: true };
    let changed =
        forge_at(&server.uri()).ensure_labels(&shop(), &[spec("story/design"), spec("story/done"), spec("story/review")]).await.unwrap();
    assert_eq!(changed, ["story/done", "story/review"]);
}

#[tokio::test]
async fn roles_are_bound_to_ids() {
    let server = MockServer::start().await;
    let permission = |word: &str, id: i64| answer(200, json!({"permission": word, "user": {"id": id, "login": "alice"}}));
    for (login, word, id) in
        [("a", "none", 7), ("b", "read", 7), ("c", "write", 7), ("d", "admin", 7), ("e", "owner", 7), ("taken", "owner", 8)]
    {
        said("GET", &format!("/repos/acme/shop/collaborators/{login}/permission")).respond_with(permission(word, id)).mount(&server).await;
    }
    said("GET", "/repos/acme/shop/collaborators/x/permission")
        .respond_with(answer(403, json!({"message": "Only admins"})))
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    let as_user = |id: i64, login: &str| User { id, login: login.to_owned() };
    for (login, role) in [("a", Role::None), ("b", Role::Reader), ("c", Role::Writer), ("d", Role::Maintainer), ("e", Role::Owner)] {
        assert_eq!(forge.role(&shop(), &as_user(7, login)).await.unwrap(), role);
    }
    assert!(matches!(forge.role(&shop(), &as_user(7, "taken")).await, Err(ForgeError::NotFound(text)) if text.contains("renamed")));
    assert!(matches!(forge.role(&shop(), &as_user(7, "x")).await, Err(ForgeError::Forbidden(_))));
    assert_eq!(forge.role(&shop(), &as_user(-1, "Ghost")).await.unwrap(), Role::None);
}

#[tokio::test]
async fn reactions_that_are_not_offered_are_unsupported() {
    let server = MockServer::start().await;
    said("POST", "/repos/acme/shop/issues/comments/5/reactions")
        .and(body_json(json!({"content": "eyes"})))
        .respond_with(answer(200, json!({})))
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/issues/17/reactions")
        .respond_with(answer(403, json!({"message": "is not an allowed reaction"})))
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    assert_eq!(forge.react(&shop(), ReactionTarget::Comment { number: 17, id: 5 }, "eyes").await.unwrap(), Reacted::Done);
    assert_eq!(forge.react(&shop(), ReactionTarget::Issue(17), "llama").await.unwrap(), Reacted::Unsupported);
}

#[tokio::test]
async fn a_sub_path_and_a_branch_with_slashes_are_addressed_right() {
    let server = MockServer::start().await;
    Mock::given(method("DELETE"))
        .and(path("/forge/api/v1/repos/acme/shop/branches/syndarix/17-a%20b"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let forge = forge_at(&format!("{}/forge/", server.uri()));
    forge.delete_branch(&shop(), "syndarix/17-a b").await.unwrap();
    assert_eq!(forge.git_remote(&shop()).url, format!("{}/forge/acme/shop.git", server.uri()));
    for bad in ["../admin", "a//b", ""] {
        assert!(matches!(forge.delete_branch(&shop(), bad).await, Err(ForgeError::Unprocessable(_))), "{bad}");
    }
}

#[tokio::test]
async fn a_stretch_with_too_much_in_it_is_said_to_be_incomplete() {
    let server = MockServer::start().await;
    let list: Vec<Value> = (1..=50).map(issue).collect();
    let template = answer(200, json!(list)).insert_header("x-total-count", "900").insert_header("date", "Mon, 03 Aug 2026 09:00:30 GMT");
    let until = syndarix::base::Time::parse("2026-08-03T09:00:00.7Z").unwrap();
    said("GET", "/repos/acme/shop/issues")
        .and(query_param("since", "1970-01-01T00:00:00.000000Z"))
        .and(query_param("before", "2026-08-03T09:00:00.000000Z"))
        .respond_with(template)
        .expect(1)
        .mount(&server)
        .await;
    let window = Window { since: syndarix::base::Time(0), until: Some(until), at_most: 500 };
    let touched = forge_at(&server.uri()).issues_touched(&shop(), &window).await.unwrap();
    assert!(!touched.complete && touched.requests == 1);
    assert_eq!(touched.forge_time, syndarix::base::Time::parse("2026-08-03T09:00:30Z"));
}

#[tokio::test]
async fn comments_of_a_repository_name_what_they_stand_on() {
    let server = MockServer::start().await;
    let comment = |id: i64, issue: &str, pull: &str| {
        json!({"id": id, "body": "hello", "user": {"id": 7, "login": "alice"}, "issue_url": issue, "pull_request_url": pull,
            "created_at": "2026-08-03T08:00:00Z", "updated_at": "2026-08-03T08:05:00Z"})
    };
    let list = json!([comment(5, "https://git.local/acme/shop/issues/17", ""), comment(6, "", "https://git.local/acme/shop/pulls/18")]);
    let template = answer(200, list).insert_header("x-total-count", "2");
    said("GET", "/repos/acme/shop/issues/comments").respond_with(template).mount(&server).await;
    let touched = forge_at(&server.uri()).comments_touched(&shop(), &ever()).await.unwrap();
    let places: Vec<_> = touched.items.iter().map(|placed| (placed.comment.id, placed.number, placed.is_pull)).collect();
    assert_eq!(places, [(5, 17, false), (6, 18, true)]);
}

#[tokio::test]
async fn repositories_are_listed_of_an_organisation_of_a_person_and_of_all() {
    let server = MockServer::start().await;
    let list = |id: i64, path: &str| {
        answer(200, json!([{"id": id, "full_name": path, "default_branch": "main"}])).insert_header("x-total-count", "1")
    };
    said("GET", "/orgs/acme/repos").respond_with(list(1, "acme/shop")).mount(&server).await;
    said("GET", "/orgs/solo/repos").respond_with(answer(404, json!({"message": "not an organisation"}))).mount(&server).await;
    said("GET", "/users/solo/repos").respond_with(list(2, "solo/one")).mount(&server).await;
    said("GET", "/user/repos").respond_with(list(3, "else/where")).mount(&server).await;
    let forge = forge_at(&server.uri());
    for (owner, path) in [(Some("acme"), "acme/shop"), (Some("solo"), "solo/one"), (None, "else/where")] {
        let repos = forge.repos(owner).await.unwrap();
        assert_eq!(repos.iter().map(|repo| repo.path.as_str()).collect::<Vec<_>>(), [path]);
    }
}
