//! The GitLab driver's HTTP behaviour against a scripted server.

use std::time::Duration;

use serde_json::{Value, json};
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::*;
use syndarix::forge::gitlab::{GitLabConfig, GitLabForge};
use syndarix::forge::{Forge, ForgeError, PullPatch, Reacted, ReactionTarget, Timeouts};
use wiremock::matchers::{body_json, body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "glpat-canary-5f1d2c3b4a";
const PULL: i64 = PULL_OFFSET + 18;

pub fn forge_at(base_url: &str) -> GitLabForge {
    let timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(3), backoff: Duration::from_millis(1) };
    let token = SecretString::from(TOKEN.to_owned());
    GitLabForge::new(GitLabConfig { base_url: base_url.to_owned(), token, timeouts, bearer: false }).unwrap()
}

pub fn shop() -> RepoRef {
    RepoRef { id: 42, path: "acme/backend/shop".to_owned() }
}

pub fn answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

pub fn said(verb: &str, at: &str) -> wiremock::MockBuilder {
    Mock::given(method(verb)).and(path(format!("/api/v4{at}")))
}

pub async fn server() -> MockServer {
    let server = MockServer::start().await;
    said("GET", "/user").respond_with(answer(200, json!({"id": 9, "username": "syndarix"}))).mount(&server).await;
    server
}

pub async fn on(server: &MockServer, at: &str, body: Value) {
    said("GET", &format!("/projects/42{at}")).respond_with(answer(200, body)).mount(server).await;
}

fn merge() -> Value {
    json!({
        "iid": 18, "title": "Draft: Add CSV", "description": "Refs #17", "state": "opened", "sha": "b".repeat(40), "source_branch": "syndarix/17",
        "target_branch": "main", "source_project_id": 42, "target_project_id": 42, "labels": ["pr::reviewing"], "author": {"id": 9, "username": "syndarix"},
        "diff_refs": {"base_sha": "1".repeat(40), "start_sha": "2".repeat(40), "head_sha": "b".repeat(40)}, "detailed_merge_status": "draft_status",
    })
}

#[tokio::test]
async fn a_project_without_a_number_is_addressed_by_its_escaped_path() {
    let server = server().await;
    Mock::given(method("GET"))
        .and(path("/api/v4/projects/acme%2Fbackend%2Fshop"))
        .and(header("private-token", TOKEN))
        .respond_with(answer(
            200,
            json!({"id": 42, "path_with_namespace": "acme/backend/shop", "default_branch": "main", "visibility": "private",
            "permissions": {"project_access": null, "group_access": {"access_level": 40}}, "merge_method": "ff"}),
        ))
        .expect(1)
        .mount(&server)
        .await;
    let repo = forge_at(&server.uri()).repo(&RepoRef { id: 0, path: "acme/backend/shop".to_owned() }).await.unwrap();
    assert!(
        repo.id == 42 && repo.bot_is_admin && repo.visibility == Visibility::Private && repo.merge_style == MergeStyle::FastForwardOnly
    );
}

#[tokio::test]
async fn numbers_of_merge_requests_are_translated_both_ways() {
    let server = server().await;
    on(&server, "/merge_requests/18", merge()).await;
    on(&server, "/merge_requests/18/notes", json!([])).await;
    let forge = forge_at(&server.uri());
    let pull = forge.pull(&shop(), PULL).await.unwrap();
    assert_eq!((pull.number, pull.title.as_str(), pull.draft, pull.labels), (PULL, "Add CSV", true, vec!["pr/reviewing".to_owned()]));
    assert!(forge.comments(&shop(), PULL).await.unwrap().is_empty());
    assert!(matches!(forge.pull(&shop(), 18).await, Err(ForgeError::NotFound(_))), "an issue is no merge request");
    assert!(forge.web_url(&shop(), &format!("pulls/{PULL}")).ends_with("/acme/backend/shop/-/merge_requests/18"));
}

#[tokio::test]
async fn pages_are_followed_and_what_is_no_plain_comment_is_left_out() {
    let server = server().await;
    let note = |id: i64, more: Value| {
        let mut note = json!({"id": id, "body": "hi", "author": {"id": 7, "username": "alice"}, "created_at": "2026-08-03T09:00:00.000Z"});
        note.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        note
    };
    let first = json!([note(1, json!({})), note(2, json!({"system": true})), note(3, json!({"internal": true}))]);
    let second = json!([note(4, json!({"type": "DiffNote"})), note(5, json!({"type": "DiscussionNote"}))]);
    let link = "<https://elsewhere.invalid/api/v4/x?page=2&per_page=100>; rel=\"next\"";
    said("GET", "/projects/42/issues/17/notes")
        .and(query_param("page", "2"))
        .respond_with(answer(200, second).insert_header("x-next-page", ""))
        .with_priority(1)
        .expect(1)
        .mount(&server)
        .await;
    said("GET", "/projects/42/issues/17/notes").respond_with(answer(200, first).insert_header("link", link)).expect(1).mount(&server).await;
    let ids: Vec<i64> = forge_at(&server.uri()).comments(&shop(), 17).await.unwrap().iter().map(|comment| comment.id).collect();
    assert_eq!(ids, [1, 5]);
}

#[tokio::test]
async fn nothing_the_bot_writes_is_a_quick_action() {
    let server = server().await;
    let stored = json!({"id": 5, "body": "Done.\n\u{200b}/close", "author": {"id": 9, "username": "syndarix"}});
    said("POST", "/projects/42/issues/17/notes")
        .and(body_json(json!({"body": "Done.\n\u{200b}/close"})))
        .respond_with(answer(201, stored))
        .expect(1)
        .mount(&server)
        .await;
    let comment = forge_at(&server.uri()).create_comment(&shop(), 17, "Done.\n/close").await.unwrap();
    assert_eq!(comment.body, "Done.\n/close", "the bot reads what it wrote");
}

#[tokio::test]
async fn labels_change_in_one_request_and_siblings_come_off() {
    let server = server().await;
    on(&server, "/labels", json!([{"id": 1, "name": "story::design"}])).await;
    said("PUT", "/projects/42/issues/17")
        .and(body_json(json!({
            "add_labels": "story::design",
            "remove_labels": "story::analysis,story::done,story::implementation,story::review,story::testing,syndarix/waiting",
        })))
        .respond_with(answer(200, json!({"iid": 17, "labels": ["bug", "story::design", "story/design"]})))
        .expect(1)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    let after = forge.change_labels(&shop(), 17, &["story/design".to_owned()], &["syndarix/waiting".to_owned()]).await.unwrap();
    assert_eq!(after, ["bug", "plain:story/design", "story/design"]);
}

#[tokio::test]
async fn an_approval_counts_for_the_head_that_was_seen() {
    let server = server().await;
    on(&server, "/merge_requests/18", merge()).await;
    on(
        &server,
        "/merge_requests/18/versions",
        json!([
            {"head_commit_sha": "b".repeat(40), "created_at": "2026-08-03T10:00:00.000Z"},
            {"head_commit_sha": "a".repeat(40), "created_at": "2026-08-03T09:00:00.000Z"},
        ]),
    )
    .await;
    on(
        &server,
        "/merge_requests/18/notes",
        json!([{"id": 1, "system": true, "body": "approved this merge request", "author": {"id": 8, "username": "bob"}, "created_at": "2026-08-03T09:30:00.000Z"}]),
    )
    .await;
    on(
        &server,
        "/merge_requests/18/approvals",
        json!({"approved_by": [
            {"user": {"id": 7, "username": "alice"}, "approved_at": "2026-08-03T10:30:00.000Z"},
            {"user": {"id": 8, "username": "bob"}},
        ]}),
    )
    .await;
    on(
        &server,
        "/merge_requests/18/reviewers",
        json!([{"user": {"id": 6, "username": "carol"}, "state": "requested_changes", "created_at": "2026-08-03T09:00:00.000Z"}]),
    )
    .await;
    on(
        &server,
        "/merge_requests/18/discussions",
        json!([{"id": "d", "notes": [{"id": 77, "type": "DiffNote", "body": "Off by one.", "author": {"id": 7, "username": "alice"}, "resolvable": true,
            "created_at": "2026-08-03T10:10:00.000Z", "position": {"head_sha": "b".repeat(40), "new_path": "src/a.rs", "new_line": 7}}]}]),
    )
    .await;
    let forge = forge_at(&server.uri());
    let reviews = forge.reviews(&shop(), PULL).await.unwrap();
    let of = |user: i64, verdict| reviews.iter().find(|review| review.author.id == user && review.verdict == verdict).unwrap();
    let (alice, bob) = (of(7, Verdict::Approved), of(8, Verdict::Approved));
    assert!(alice.commit == Some(Sha("b".repeat(40))) && !alice.stale);
    assert!(bob.commit == Some(Sha("a".repeat(40))) && bob.stale, "by the time of the system note");
    assert_eq!(of(6, Verdict::ChangesRequested).commit, Some(Sha("a".repeat(40))));
    assert_eq!(forge.reviews(&shop(), PULL).await.unwrap(), reviews, "numbers are steady");
    let comments = forge.review_comments(&shop(), PULL, of(7, Verdict::Commented).id).await.unwrap();
    assert_eq!((comments[0].path.as_str(), comments[0].line), ("src/a.rs", Some(7)));
}

#[tokio::test]
async fn a_finding_that_gitlab_refuses_a_line_stands_in_the_note_and_none_is_made_twice() {
    let server = server().await;
    on(&server, "/merge_requests/18", merge()).await;
    on(
        &server,
        "/merge_requests/18/discussions",
        json!([{"id": "d", "notes": [{"id": 70, "type": "DiffNote", "body": "One.", "author": {"id": 9, "username": "syndarix"},
            "position": {"head_sha": "b".repeat(40), "new_path": "a.rs", "new_line": 1}}]}]),
    )
    .await;
    said("POST", "/projects/42/merge_requests/18/discussions")
        .and(body_partial_json(
            json!({"body": "Two.", "position": {"new_line": 2, "head_sha": "b".repeat(40), "start_sha": "2".repeat(40)}}),
        ))
        .respond_with(answer(400, json!({"message": "400 Bad request - Note {:line_code=>[\"can't be blank\"]}"})))
        .expect(1)
        .mount(&server)
        .await;
    said("POST", "/projects/42/merge_requests/18/notes")
        .and(body_json(json!({"body": "Summary.\n\n**`a.rs`, line 2:**\n\nTwo.\n\n<!-- syndarix:v1 review r1 aa -->"})))
        .respond_with(answer(201, json!({"id": 80, "body": "Summary.", "created_at": "2026-08-03T10:10:00.000Z"})))
        .expect(1)
        .mount(&server)
        .await;
    let find = |line, body: &str| NewReviewComment { path: "a.rs".to_owned(), line, body: body.to_owned() };
    let body = "Summary.\n\n<!-- syndarix:v1 review r1 aa -->";
    let review = forge_at(&server.uri()).post_review(&shop(), PULL, &Sha("b".repeat(40)), body, &[find(1, "One."), find(2, "Two.")]).await;
    assert_eq!(review.unwrap().id, 80);
}

#[tokio::test]
async fn the_same_status_once_more_is_done_and_another_one_is_not() {
    let server = server().await;
    let sha = Sha("c".repeat(40));
    let refusal = json!({"message": {"state": ["Cannot transition status via :enqueue from :pending"]}});
    said("POST", &format!("/projects/42/statuses/{sha}")).respond_with(answer(400, refusal)).mount(&server).await;
    on(&server, &format!("/repository/commits/{sha}/statuses"), json!([
        {"id": 1, "name": "syndarix", "status": "failed"}, {"id": 2, "name": "syndarix", "status": "running"}, {"id": 3, "name": "lint", "status": "failed", "allow_failure": true},
    ])).await;
    let forge = forge_at(&server.uri());
    let status = |state| CiStatus { context: "syndarix".to_owned(), state, description: String::new(), url: String::new() };
    forge.post_status(&shop(), &sha, &status(CiState::Pending)).await.unwrap();
    assert!(forge.post_status(&shop(), &sha, &status(CiState::Success)).await.is_err());
    let states: Vec<CiState> = forge.ci(&shop(), &sha).await.unwrap().into_iter().map(|status| status.state).collect();
    assert_eq!(states, [CiState::Warning, CiState::Pending]);
}

#[tokio::test]
async fn roles_are_access_levels_and_everybody_reads_what_is_public() {
    let server = server().await;
    on(&server, "/members/all/7", json!({"id": 7, "access_level": 30, "state": "active"})).await;
    on(&server, "/members/all/8", json!({"id": 8, "access_level": 50, "state": "blocked"})).await;
    on(&server, "", json!({"id": 42, "path_with_namespace": "acme/backend/shop", "visibility": "public"})).await;
    let forge = forge_at(&server.uri());
    let role = async |id: i64| forge.role(&shop(), &User { id, login: String::new() }).await.unwrap();
    assert_eq!([role(7).await, role(8).await, role(5).await, role(-1).await], [Role::Writer, Role::None, Role::Reader, Role::None]);
}

#[tokio::test]
async fn a_reaction_given_before_is_there_and_drafts_keep_their_mark() {
    let server = server().await;
    said("POST", "/projects/42/merge_requests/18/notes/5/award_emoji")
        .and(body_json(json!({"name": "thumbsup"})))
        .respond_with(answer(404, json!({"message": "404 Award Emoji Name has already been taken Not Found"})))
        .expect(1)
        .mount(&server)
        .await;
    on(&server, "/merge_requests/18", merge()).await;
    said("PUT", "/projects/42/merge_requests/18")
        .and(body_json(json!({"title": "Draft: Better", "state_event": "close"})))
        .respond_with(answer(200, merge()))
        .expect(1)
        .mount(&server)
        .await;
    let forge = forge_at(&server.uri());
    let target = ReactionTarget::Comment { number: PULL, id: 5 };
    assert_eq!(forge.react(&shop(), target, "+1").await.unwrap(), Reacted::Done);
    let patch = PullPatch { title: Some("Better".to_owned()), state: Some(State::Closed), ..PullPatch::default() };
    forge.edit_pull(&shop(), PULL, &patch).await.unwrap();
}

#[tokio::test]
async fn a_token_says_its_scopes_and_when_it_ends() {
    let server = server().await;
    said("GET", "/version").respond_with(answer(200, json!({"version": "18.3.1-ee"}))).mount(&server).await;
    said("GET", "/personal_access_tokens/self")
        .respond_with(answer(200, json!({"scopes": ["api"], "expires_at": "2026-12-01"})))
        .mount(&server)
        .await;
    let facts = forge_at(&server.uri()).facts().await.unwrap();
    assert_eq!((facts.scopes, facts.expires_at), (Some(vec!["api".to_owned()]), syndarix::base::Time::parse("2026-12-01T00:00:00Z")));
}

#[tokio::test]
async fn a_limit_without_json_is_a_limit_and_the_token_is_never_shown() {
    let server = server().await;
    said("GET", "/version")
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "77").set_body_string("Retry later"))
        .mount(&server)
        .await;
    let limited = forge_at(&server.uri()).version().await.unwrap_err();
    assert!(matches!(limited, ForgeError::RateLimited(wait) if wait == Duration::from_secs(77)), "{limited}");
    said("GET", "/projects/42/issues/1")
        .respond_with(answer(403, json!({"message": format!("403 Forbidden {TOKEN}")})))
        .mount(&server)
        .await;
    let error = forge_at(&server.uri()).issue(&shop(), 1).await.unwrap_err().to_string();
    assert!(error.contains("403") && !error.contains("canary"), "{error}");
}
