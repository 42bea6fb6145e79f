//! What the GitHub driver asks and makes of the answers, call by call, against a scripted server.

use serde_json::{Value, json};
use syndarix::base::secret::SecretString;
use syndarix::base::{Clock, Time};
use syndarix::domain::forge::*;
use syndarix::forge::{Forge, ForgeError, NewFile, NewHook, NewPull, PullPatch, Reacted, ReactionTarget};
use wiremock::matchers::{body_json, body_partial_json, header_exists, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::github_client::{answer, forge_at, said, shop};

fn raw_pull(draft: bool, title: &str) -> Value {
    json!({
        "number": 18, "node_id": "PR_77", "title": title, "state": "open", "draft": draft, "body": null, "user": {"id": 9, "login": "bot"},
        "head": {"ref": "syndarix/17", "sha": "c2", "repo": {"id": 42, "full_name": "acme/shop"}},
        "base": {"ref": "main", "sha": "b1", "repo": {"id": 42, "full_name": "acme/shop"}},
    })
}

#[tokio::test]
async fn drafts_are_switched_by_graphql() {
    let server = MockServer::start().await;
    said("GET", "/repos/acme/shop/pulls/18").respond_with(answer(200, raw_pull(true, "Add CSV"))).mount(&server).await;
    Mock::given(method("POST"))
        .and(path("/api/graphql"))
        .and(body_partial_json(json!({"variables": {"id": "PR_77"}})))
        .respond_with(|request: &Request| {
            assert!(String::from_utf8_lossy(&request.body).contains("markPullRequestReadyForReview"));
            answer(200, json!({"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": false}}}}))
        })
        .expect(1)
        .mount(&server)
        .await;
    said("PATCH", "/repos/acme/shop/pulls/18")
        .and(body_json(json!({"title": "Add one CSV"})))
        .respond_with(answer(200, json!({})))
        .expect(1)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    let patch = PullPatch { title: Some("Add one CSV".into()), draft: Some(false), ..PullPatch::default() };
    forge.edit_pull(&shop(), 18, &patch).await.unwrap();
    forge.edit_pull(&shop(), 18, &PullPatch { draft: Some(true), ..PullPatch::default() }).await.expect("it is one already");
}

#[tokio::test]
async fn a_plan_without_drafts_gets_a_mark_in_the_title_and_a_pending_status() {
    let server = MockServer::start().await;
    said("POST", "/repos/acme/shop/pulls")
        .and(body_partial_json(json!({"draft": true})))
        .respond_with(answer(422, json!({"message": "Draft pull requests are not supported in this repository."})))
        .expect(1)
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/pulls")
        .and(body_partial_json(json!({"draft": false, "title": "WIP: Add CSV"})))
        .respond_with(answer(201, raw_pull(false, "WIP: Add CSV")))
        .expect(1)
        .mount(&server)
        .await;
    for state in ["pending", "success"] {
        said("POST", "/repos/acme/shop/statuses/c2")
            .and(body_partial_json(json!({"state": state, "context": "syndarix/draft"})))
            .respond_with(answer(201, json!({})))
            .expect(1)
            .mount(&server)
            .await;
    }
    said("GET", "/repos/acme/shop/pulls/18").respond_with(answer(200, raw_pull(false, "WIP: Add CSV"))).mount(&server).await;
    said("PATCH", "/repos/acme/shop/pulls/18")
        .and(body_json(json!({"title": "Add CSV"})))
        .respond_with(answer(200, json!({})))
        .expect(1)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    let new = NewPull { title: "Add CSV".into(), body: String::new(), head: "syndarix/17".into(), base: "main".into(), draft: true };
    let made = forge.create_pull(&shop(), &new).await.unwrap();
    assert_eq!((made.title.as_str(), made.draft), ("Add CSV", true));
    forge.edit_pull(&shop(), 18, &PullPatch { draft: Some(false), ..PullPatch::default() }).await.unwrap();
}

#[tokio::test]
async fn a_pull_request_that_is_there_already_is_a_conflict() {
    let server = MockServer::start().await;
    let there = json!({"message": "Validation Failed", "errors": [{"resource": "PullRequest", "code": "custom", "message": "A pull request already exists for acme:syndarix/17."}]});
    said("POST", "/repos/acme/shop/pulls").respond_with(answer(422, there)).mount(&server).await;
    let new = NewPull { title: "T".into(), body: String::new(), head: "syndarix/17".into(), base: "main".into(), draft: true };
    let error = forge_at(&server.uri()).create_pull(&shop(), &new).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Conflict(text) if text.contains("already exists")), "{error}");
}

#[tokio::test]
async fn a_review_whose_lines_the_diff_does_not_show_says_them_in_its_text() {
    let server = MockServer::start().await;
    let line = json!([{"path": "a.rs", "line": 4, "side": "RIGHT", "body": "Say more."}]);
    said("POST", "/repos/acme/shop/pulls/18/reviews")
        .and(body_json(json!({"event": "COMMENT", "body": "B", "commit_id": "c2", "comments": line})))
        .respond_with(answer(422, json!({"message": "Unprocessable Entity", "errors": ["Line could not be resolved"]})))
        .expect(1)
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/pulls/18/reviews")
        .and(body_json(json!({"event": "COMMENT", "body": "B\n\n`a.rs:4` Say more.", "commit_id": "c2"})))
        .respond_with(answer(200, json!({"id": 6, "state": "COMMENTED", "commit_id": "c2", "user": {"id": 9, "login": "bot"}})))
        .expect(1)
        .mount(&server)
        .await;
    let comments = [NewReviewComment { path: "a.rs".into(), line: 4, body: "Say more.".into() }];
    let review = forge_at(&server.uri()).post_review(&shop(), 18, &Sha("c2".into()), "B", &comments).await.unwrap();
    assert_eq!((review.id, review.verdict), (6, Verdict::Commented));
}

#[tokio::test]
async fn statuses_and_checks_are_one_list_with_the_newest_of_each_name() {
    let server = MockServer::start().await;
    let status = |context: &str, state: &str, at: &str| json!({"context": context, "state": state, "updated_at": at, "target_url": null});
    let statuses = [status("ci", "failure", "2026-08-03T09:00:00Z"), status("lint", "success", "2026-08-03T09:00:00Z")];
    said("GET", "/repos/acme/shop/commits/c2/status")
        .respond_with(answer(200, json!({"state": "failure", "statuses": statuses})))
        .mount(&server)
        .await;
    let run = |id: i64, name: &str, status: &str, conclusion: Value, at: &str| json!({"id": id, "name": name, "status": status, "conclusion": conclusion, "started_at": at});
    let runs = [
        run(3, "build", "completed", json!("success"), "2026-08-03T09:30:00Z"),
        run(2, "build", "completed", json!("failure"), "2026-08-03T09:10:00Z"),
        run(4, "ci", "completed", json!("neutral"), "2026-08-03T09:20:00Z"),
        run(5, "docs", "in_progress", Value::Null, "2026-08-03T09:20:00Z"),
    ];
    said("GET", "/repos/acme/shop/commits/c2/check-runs")
        .respond_with(answer(200, json!({"total_count": 4, "check_runs": runs})))
        .mount(&server)
        .await;
    let ci = forge_at(&server.uri()).ci(&shop(), &Sha("c2".into())).await.unwrap();
    let found: Vec<(&str, CiState)> = ci.iter().map(|status| (status.context.as_str(), status.state)).collect();
    let want = [("build", CiState::Success), ("ci", CiState::Skipped), ("docs", CiState::Pending), ("lint", CiState::Success)];
    assert_eq!(found, want);
}

#[tokio::test]
async fn reviews_tell_what_a_dismissed_one_was() {
    let server = MockServer::start().await;
    let review = |id: i64, state: &str| json!({"id": id, "state": state, "commit_id": "c2", "user": {"id": 7, "login": "alice"}, "submitted_at": "2026-08-03T09:00:00Z"});
    let all = [review(1, "DISMISSED"), review(2, "CHANGES_REQUESTED"), review(3, "PENDING")];
    said("GET", "/repos/acme/shop/pulls/18/reviews").respond_with(answer(200, json!(all))).mount(&server).await;
    let events = json!([{"id": 1, "event": "review_dismissed", "dismissed_review": {"review_id": 1, "state": "changes_requested"}}]);
    said("GET", "/repos/acme/shop/issues/18/events").respond_with(answer(200, events)).mount(&server).await;
    let reviews = forge_at(&server.uri()).reviews(&shop(), 18).await.unwrap();
    let found: Vec<_> = reviews.iter().map(|review| (review.verdict, review.dismissed, review.official)).collect();
    let want = [(Verdict::ChangesRequested, true, false), (Verdict::ChangesRequested, false, true), (Verdict::Pending, false, false)];
    assert_eq!(found, want);
}

#[tokio::test]
async fn labels_are_known_whatever_their_case_and_taken_off_one_by_one() {
    let server = MockServer::start().await;
    let here = json!([{"name": "Story/Design", "color": "00AABB", "description": null}, {"name": "story/done", "color": "00aabb", "description": "D"}]);
    said("GET", "/repos/acme/shop/labels").respond_with(answer(200, here)).mount(&server).await;
    said("PATCH", "/repos/acme/shop/labels/Story%2FDesign")
        .and(body_json(json!({"new_name": "story/design", "color": "00aabb", "description": "D"})))
        .respond_with(answer(200, json!({})))
        .expect(1)
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/labels")
        .and(body_json(json!({"name": "story/review", "color": "00aabb", "description": "D"})))
        .respond_with(answer(
            422,
            json!({"message": "Validation Failed", "errors": [{"resource": "Label", "code": "already_exists", "field": "name"}]}),
        ))
        .expect(1)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    let spec = |name: &str| LabelSpec { name: name.into(), color: "00aabb".into(), description: "D".into(), exclusive: true };
    let changed = forge.ensure_labels(&shop(), &["story/design", "story/done", "story/review"].map(spec)).await.unwrap();
    assert_eq!(changed, ["story/design"]);

    let labels = |names: &[&str]| json!(names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>());
    said("POST", "/repos/acme/shop/issues/17/labels")
        .and(body_json(json!({"labels": ["story/design"]})))
        .respond_with(answer(200, labels(&["bug", "story/analysis", "story/design"])))
        .mount(&server)
        .await;
    said("DELETE", "/repos/acme/shop/issues/17/labels/story%2Fanalysis")
        .respond_with(answer(404, json!({"message": "Label does not exist"})))
        .expect(1)
        .mount(&server)
        .await;
    said("GET", "/repositories/42").respond_with(answer(200, json!({"id": 42, "full_name": "acme/shop"}))).mount(&server).await;
    said("GET", "/repos/acme/shop/issues/17/labels").respond_with(answer(200, labels(&["bug", "story/design"]))).mount(&server).await;
    let now = forge.change_labels(&shop(), 17, &["story/design".into()], &["Story/analysis".into(), "story/none".into()]).await.unwrap();
    assert_eq!(now, ["bug", "story/design"]);
    let unknown = forge.change_labels(&shop(), 17, &["story/none".into()], &[]).await;
    assert!(matches!(unknown, Err(ForgeError::Unprocessable(_))), "{unknown:?}");
}

#[tokio::test]
async fn a_role_is_asked_by_name_and_compared_by_id() {
    let server = MockServer::start().await;
    let permission =
        |word: &str, id: i64, login: &str| json!({"permission": word, "role_name": "maintain", "user": {"id": id, "login": login}});
    said("GET", "/repos/acme/shop/collaborators/alice/permission")
        .respond_with(answer(200, permission("write", 7, "alice")))
        .mount(&server)
        .await;
    said("GET", "/repos/acme/shop/collaborators/bob/permission")
        .respond_with(answer(200, permission("admin", 99, "bob")))
        .mount(&server)
        .await;
    said("GET", "/repos/acme/shop/collaborators/acme/permission")
        .respond_with(answer(200, permission("admin", 3, "acme")))
        .mount(&server)
        .await;
    let refused = answer(403, json!({"message": "Must have push access to view collaborator permission."}));
    said("GET", "/repos/acme/shop/collaborators/carol/permission").respond_with(refused).mount(&server).await;
    let forge = forge_at(&server.uri());
    let user = |id: i64, login: &str| User { id, login: login.to_owned() };
    assert_eq!(forge.role(&shop(), &user(7, "alice")).await.unwrap(), Role::Writer);
    assert_eq!(forge.role(&shop(), &user(3, "acme")).await.unwrap(), Role::Owner);
    assert_eq!(forge.role(&shop(), &user(50, "other[bot]")).await.unwrap(), Role::None);
    assert!(matches!(forge.role(&shop(), &user(8, "bob")).await, Err(ForgeError::NotFound(text)) if text.contains("renamed")));
    assert!(matches!(forge.role(&shop(), &user(12, "carol")).await, Err(ForgeError::Forbidden(_))));
}

#[tokio::test]
async fn deliveries_that_never_arrived_are_sent_once_more() {
    let server = MockServer::start().await;
    let delivery = |id: i64, guid: &str, code: i64, at: &str| json!({"id": id, "guid": guid, "status_code": code, "delivered_at": at, "redelivery": false});
    let link = r#"<https://elsewhere.invalid/x?cursor=v1_9>; rel="next""#;
    let page = [delivery(9, "a", 202, "2026-08-03T08:50:00Z"), delivery(8, "b", 0, "2026-08-03T08:40:00Z")];
    said("GET", "/repos/acme/shop/hooks/5/deliveries")
        .and(query_param("cursor", "v1_9"))
        .respond_with(answer(200, json!([delivery(4, "a", 502, "2026-08-03T08:10:00Z"), delivery(3, "c", 502, "2026-08-01T08:10:00Z")])))
        .with_priority(1)
        .expect(1)
        .mount(&server)
        .await;
    said("GET", "/repos/acme/shop/hooks/5/deliveries")
        .respond_with(answer(200, json!(page)).insert_header("link", link))
        .expect(1)
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/hooks/5/deliveries/8/attempts").respond_with(answer(202, json!({}))).expect(1).mount(&server).await;
    let clock = Clock::manual(Time::parse("2026-08-03T09:00:00Z").unwrap());
    let forge = forge_at(&server.uri()).with_clock(clock);
    let since = Time::parse("2026-08-03T08:00:00Z").unwrap();
    assert_eq!(forge.redeliver_failed(&shop(), 5, since).await.unwrap(), 1);
}

#[tokio::test]
async fn hooks_send_json_and_facts_name_the_scopes() {
    let server = MockServer::start().await;
    let config = json!({"url": "https://bot.example/hooks/gh", "content_type": "json", "secret": "hook-secret", "insecure_ssl": "0"});
    let made =
        json!({"id": 5, "active": true, "events": ["push"], "config": {"url": "https://bot.example/hooks/gh", "content_type": "json"}});
    said("POST", "/repos/acme/shop/hooks")
        .and(body_partial_json(json!({"name": "web", "active": true, "config": config})))
        .respond_with(answer(201, made))
        .expect(1)
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/hooks/5/pings").respond_with(ResponseTemplate::new(204)).expect(1).mount(&server).await;
    let user = answer(200, json!({"id": 9, "login": "bot"}))
        .insert_header("x-oauth-scopes", "repo, admin:repo_hook")
        .insert_header("x-github-enterprise-version", "3.19.1");
    said("GET", "/user").respond_with(user).mount(&server).await;
    let forge = forge_at(&server.uri());
    let new = NewHook { url: "https://bot.example/hooks/gh".into(), secret: SecretString::from("hook-secret".to_owned()) };
    let hook = forge.create_hook(&shop(), &new).await.unwrap();
    assert!(hook.json && hook.active);
    forge.test_hook(&shop(), 5).await.unwrap();
    let facts = forge.facts().await.unwrap();
    assert_eq!((facts.version.as_str(), facts.scopes.unwrap()), ("3.19.1", vec!["repo".to_owned(), "admin:repo_hook".to_owned()]));
    assert!(facts.time.is_some());
}

#[tokio::test]
async fn a_first_file_goes_on_a_branch_that_goes_again_when_the_commit_is_refused() {
    let server = MockServer::start().await;
    said("GET", "/repos/acme/shop/git/ref/heads/main")
        .respond_with(answer(200, json!({"ref": "refs/heads/main", "object": {"sha": "B1"}})))
        .mount(&server)
        .await;
    said("POST", "/repos/acme/shop/git/refs")
        .and(body_json(json!({"ref": "refs/heads/syndarix/onboarding", "sha": "b1"})))
        .respond_with(answer(201, json!({})))
        .expect(1)
        .mount(&server)
        .await;
    said("PUT", "/repos/acme/shop/contents/.syndarix.toml")
        .and(body_json(json!({"message": "m", "content": "eA==", "branch": "syndarix/onboarding"})))
        .respond_with(answer(409, json!({"message": "Repository rule violations found"})))
        .expect(1)
        .mount(&server)
        .await;
    said("DELETE", "/repos/acme/shop/git/refs/heads/syndarix/onboarding")
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let (content, message, base) = ("x".to_owned(), "m".to_owned(), "main".to_owned());
    let file = NewFile { path: ".syndarix.toml".into(), content, message, base, branch: "syndarix/onboarding".into() };
    let error = forge_at(&server.uri()).commit_file(&shop(), &file).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Conflict(text) if text.contains("rule violations")), "{error}");
}

#[tokio::test]
async fn rules_of_a_branch_come_from_its_protection_and_from_rulesets() {
    let server = MockServer::start().await;
    said("GET", "/repos/acme/shop/branches/main")
        .respond_with(answer(200, json!({"name": "main", "protected": true})))
        .mount(&server)
        .await;
    said("GET", "/user").respond_with(answer(200, json!({"id": 9, "login": "bot"}))).mount(&server).await;
    let protection = json!({"required_pull_request_reviews": {"required_approving_review_count": 1}, "restrictions": {"users": [{"id": 9, "login": "bot"}], "apps": []}});
    said("GET", "/repos/acme/shop/branches/main/protection").respond_with(answer(200, protection)).mount(&server).await;
    let rules = json!([{"type": "pull_request", "ruleset_id": 3, "parameters": {"required_approving_review_count": 2}}, {"type": "deletion", "ruleset_id": 3}]);
    said("GET", "/repos/acme/shop/rules/branches/main").respond_with(answer(200, rules.clone())).mount(&server).await;
    said("GET", "/repos/acme/shop/rules/branches/syndarix/1-x").respond_with(answer(200, rules)).mount(&server).await;
    let ruleset = answer(200, json!({"id": 3, "name": "everywhere", "current_user_can_bypass": "never"}));
    said("GET", "/repos/acme/shop/rulesets/3").respond_with(ruleset).mount(&server).await;
    let forge = forge_at(&server.uri());
    let found = forge.branch_rules(&shop(), "main").await.unwrap().unwrap();
    assert_eq!((found.rule.as_str(), found.required_approvals, found.bot_may_push, found.bot_may_merge), ("main", 2, false, true));
    let name = forge.rule_for_name(&shop(), "syndarix/1-x").await.unwrap().unwrap();
    assert_eq!((name.rule.as_str(), name.bot_may_push), ("everywhere", Some(false)));
}

#[tokio::test]
async fn what_is_gone_is_deleted_and_what_is_archived_is_not_allowed() {
    let server = MockServer::start().await;
    said("DELETE", "/repos/acme/shop/git/refs/heads/syndarix/17")
        .respond_with(answer(422, json!({"message": "Reference does not exist"})))
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    forge.delete_branch(&shop(), "syndarix/17").await.unwrap();
    let archived = answer(403, json!({"message": "Repository was archived so is read-only."}));
    Mock::given(method("POST")).and(header_exists("authorization")).respond_with(archived).mount(&server).await;
    assert!(matches!(forge.create_comment(&shop(), 1, "x").await, Err(ForgeError::NotAllowed(_))));
    assert_eq!(forge.react(&shop(), ReactionTarget::Issue(1), "eyes").await.unwrap(), Reacted::Unsupported);
}
