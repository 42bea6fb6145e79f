//! The forge as GitHub: REST below `/api/v3`, with Gitea beside it over the same state.

use reqwest::Method;
use serde_json::{Value, json};

use super::*;

/// A request to the GitHub side.
pub async fn send(world: &World, token: &str, method: Method, path: &str, body: Value) -> reqwest::Response {
    let mut request = world.http.request(method, format!("{}/api{path}", world.forge.url())).header("User-Agent", "test");
    if !token.is_empty() {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    request.send().await.unwrap()
}

/// The same in the repository, with the status asserted; gives the body.
pub async fn hub(world: &World, who: &str, method: Method, path: &str, body: Value, want: u16) -> Value {
    let answer = send(world, &world.token(who), method.clone(), &format!("/v3/repos/{REPO}{path}"), body).await;
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert_eq!(status, want, "{who} {method} {path}: {text}");
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

async fn get(world: &World, path: &str) -> Value {
    hub(world, "alice", Method::GET, path, Value::Null, 200).await
}

fn names(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn issues_labels_and_comments() {
    let world = World::new().await;
    let issue = hub(&world, "alice", Method::POST, "/issues", json!({"title": "Add CSV", "labels": ["Bug", "new"]}), 201).await;
    assert_eq!(
        (issue["number"].as_i64(), &issue["body"], names(&issue["labels"], "name")),
        (Some(1), &Value::Null, vec!["Bug".into(), "new".into()])
    );
    let refused = hub(&world, "alice", Method::POST, "/labels", json!({"name": "bug", "color": "ff0000"}), 422).await;
    assert_eq!(refused["errors"][0]["code"], "already_exists");
    hub(&world, "carol", Method::POST, "/issues/1/labels", json!({"labels": ["x"]}), 403).await;
    for name in ["story/a", "story/b"] {
        world.api("alice", Method::POST, "/labels", json!({"name": name, "color": "#00aabb", "exclusive": true}), 201).await;
    }
    let worn = hub(&world, "alice", Method::POST, "/issues/1/labels", json!({"labels": ["story/a", "STORY/B"]}), 200).await;
    assert_eq!(names(&worn, "name"), ["Bug", "new", "story/a", "story/b"], "no scope excludes another here");
    let left = hub(&world, "alice", Method::DELETE, "/issues/1/labels/story%2Fa", Value::Null, 200).await;
    assert_eq!(names(&left, "name"), ["Bug", "new", "story/b"]);
    hub(&world, "alice", Method::DELETE, "/issues/1/labels/story%2Fa", Value::Null, 404).await;
    let events = get(&world, "/issues/1/events").await;
    assert_eq!(names(&events, "event"), ["labeled", "labeled", "labeled", "labeled", "unlabeled"]);
    assert_eq!((&events[4]["label"]["name"], &events[4]["actor"]["login"]), (&json!("story/a"), &json!("alice")));

    let comment = hub(&world, "alice", Method::POST, "/issues/1/comments", json!({"body": "/syndarix plan"}), 201).await;
    let at = format!("/issues/comments/{}", comment["id"]);
    let first = hub(&world, "bot", Method::POST, &format!("{at}/reactions"), json!({"content": "eyes"}), 201).await;
    let again = hub(&world, "bot", Method::POST, &format!("{at}/reactions"), json!({"content": "eyes"}), 200).await;
    assert_eq!(first["id"], again["id"]);
    hub(&world, "bot", Method::DELETE, &format!("{at}/reactions/{}", first["id"]), Value::Null, 204).await;
    hub(&world, "carol", Method::PATCH, &at, json!({"body": "mine"}), 403).await;
    assert_eq!(hub(&world, "alice", Method::PATCH, &at, json!({"body": "edited"}), 200).await["body"], "edited");
    assert_eq!(world.get("/issues/1/comments").await[0]["body"], "edited", "Gitea shows the same");
    hub(&world, "alice", Method::POST, "/issues/9/comments", json!({"body": "x"}), 404).await;
    hub(&world, "alice", Method::PATCH, "/issues/1", json!({"state": "closed", "labels": ["bug"]}), 200).await;
    assert_eq!(get(&world, "/issues?state=closed&labels=BUG").await[0]["state_reason"], "completed");
    assert_eq!(get(&world, "/issues").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_becomes_a_merge() {
    let world = World::new().await;
    let (tree, first, number) = world.pull_request("WIP: feat: csv").await;
    assert_eq!(number, 1);
    let pull = get(&world, "/pulls/1").await;
    assert_eq!((&pull["draft"], &pull["title"], &pull["mergeable"]), (&json!(true), &json!("feat: csv"), &json!(true)));
    assert_eq!(get(&world, "/pulls?head=acme:work&state=all").await[0]["number"], 1);
    assert_eq!(get(&world, "/issues").await[0]["pull_request"]["merged_at"], Value::Null, "issues hold pull requests");
    let own = hub(&world, "bot", Method::POST, "/pulls/1/reviews", json!({"event": "APPROVE"}), 422).await;
    assert_eq!(own["errors"][0], "Can not approve your own pull request");
    let refused = hub(&world, "alice", Method::PUT, "/pulls/1/merge", json!({"sha": first}), 405).await;
    assert_eq!(refused["message"], "Pull Request is still a draft");
    let twice = hub(&world, "bot", Method::POST, "/pulls", json!({"title": "x", "head": "work", "base": "main"}), 422).await;
    assert_eq!(twice["errors"][0]["message"], "A pull request already exists for acme:work.");

    let ready = json!({
        "query": "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft number } } }",
        "variables": {"id": pull["node_id"]},
    });
    let answer: Value = send(&world, &world.token("bot"), Method::POST, "/graphql", ready).await.json().await.unwrap();
    assert_eq!(answer, json!({"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": false, "number": 1}}}}));
    assert_eq!(world.get("/pulls/1").await["title"], "feat: csv", "on Gitea the mark is gone");
    let asked = json!({"query": "{ repository(owner: \"acme\", name: \"shop\") { pullRequest(number: 1) { id isDraft wrong } } }"});
    let answer: Value = send(&world, &world.token("bot"), Method::POST, "/graphql", asked).await.json().await.unwrap();
    assert_eq!(answer["errors"][0]["message"], "Field 'wrong' doesn't exist on type 'PullRequest'");

    let lines = json!([{"path": "csv.txt", "line": 1, "body": "quote these"}]);
    let no = json!({"event": "REQUEST_CHANGES", "body": "No.", "comments": lines});
    hub(&world, "alice", Method::POST, "/pulls/1/reviews", no, 200).await;
    let second = world.commit(&tree, "csv.txt", "\"a\"\n");
    assert!(world.push(&tree, "work").await.status.success());
    let yes = hub(&world, "alice", Method::POST, "/pulls/1/reviews", json!({"event": "APPROVE", "body": "LGTM"}), 200).await;
    assert_eq!((&yes["state"], &yes["commit_id"]), (&json!("APPROVED"), &json!(second)));
    let reviews = get(&world, "/pulls/1/reviews").await;
    assert_eq!(names(&reviews, "state"), ["CHANGES_REQUESTED", "APPROVED"], "an older verdict stays what it was");
    assert_eq!(get(&world, "/pulls/1/comments").await[0]["line"], 1);
    let stale = hub(&world, "alice", Method::PUT, "/pulls/1/merge", json!({"sha": first}), 409).await;
    assert_eq!(stale["message"], "Head branch was modified. Review and try the merge again.");
    hub(&world, "carol", Method::PUT, "/pulls/1/merge", json!({}), 403).await;
    let merged = hub(&world, "alice", Method::PUT, "/pulls/1/merge", json!({"sha": second, "merge_method": "squash"}), 200).await;
    assert_eq!(merged["merged"], true);
    assert_eq!(get(&world, "/commits/main").await["commit"]["message"], "feat: csv (#1)");
    assert_eq!(get(&world, "/pulls/1").await["merged_by"]["login"], "alice");
    hub(&world, "alice", Method::PUT, "/pulls/1/merge", json!({}), 405).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_pages_tags_and_quotas() {
    let world = World::new().await;
    for number in 0..3 {
        hub(&world, "alice", Method::POST, "/issues", json!({"title": format!("{number}")}), 201).await;
    }
    let path = format!("/v3/repos/{REPO}/issues?per_page=2");
    let token = world.token("alice");
    let page = send(&world, &token, Method::GET, &path, Value::Null).await;
    let link = page.headers()["link"].to_str().unwrap().to_owned();
    let at = format!("{}/api/v3/repos/{REPO}/issues?per_page=2&page=2", world.forge.url());
    assert_eq!(link, format!("<{at}>; rel=\"next\", <{at}>; rel=\"last\""));
    let (tag, used) = (page.headers()["etag"].clone(), page.headers()["x-ratelimit-used"].clone());
    assert_eq!(page.headers()["x-github-enterprise-version"], "3.17.0");
    assert!(page.headers()["x-oauth-scopes"].to_str().unwrap().contains("repo"));
    let again = world.http.get(format!("{}/api{path}", world.forge.url())).header("Authorization", format!("token {token}"));
    let again = again.header("User-Agent", "test").header("If-None-Match", tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert_ne!(again.headers()["x-ratelimit-used"], "", "{used:?}");
    let bad = send(&world, "nonsense", Method::GET, "/v3/user", Value::Null).await;
    assert_eq!(bad.status(), 401);
    assert_eq!(bad.json::<Value>().await.unwrap()["message"], "Bad credentials");
    let unknown = send(&world, &token, Method::GET, "/v3/nothing", Value::Null).await;
    assert_eq!(unknown.status(), 404);
    let unknown: Value = unknown.json().await.unwrap();
    assert_eq!((&unknown["message"], &unknown["status"]), (&json!("Not Found"), &json!("404")));

    world.forge.limit_github_writes(Some((1, 30)));
    hub(&world, "alice", Method::POST, "/issues", json!({"title": "one"}), 201).await;
    let fast = send(&world, &token, Method::POST, &format!("/v3/repos/{REPO}/issues"), json!({"title": "two"})).await;
    assert_eq!((fast.status().as_u16(), fast.headers()["retry-after"].to_str().unwrap()), (403, "30"));
    hub(&world, "bot", Method::POST, "/issues", json!({"title": "another's"}), 201).await;
    world.clock.advance(31_000);
    hub(&world, "alice", Method::POST, "/issues", json!({"title": "two"}), 201).await;
    world.forge.limit_github(3);
    let refused = send(&world, &token, Method::GET, &path, Value::Null).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["x-ratelimit-remaining"].to_str().unwrap()), (403, "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_repository_leads_to_its_number() {
    let world = World::new().await;
    hub(&world, "alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    world.forge.rename_repo(REPO, "store").unwrap();
    let token = world.token("alice");
    for (method, path) in [(Method::GET, ""), (Method::GET, "/issues/1?x=y"), (Method::POST, "/issues/1/comments")] {
        let answer = send(&world, &token, method, &format!("/v3/repos/{REPO}{path}"), Value::Null).await;
        assert_eq!(answer.status(), 301, "{path}");
        let location = answer.headers()["location"].to_str().unwrap();
        assert_eq!(location, format!("{}/api/v3/repositories/1{path}", world.forge.url()));
    }
    let issue: Value = send(&world, &token, Method::GET, "/v3/repositories/1/issues/1", Value::Null).await.json().await.unwrap();
    assert_eq!(issue["repository_url"], format!("{}/api/v3/repos/acme/store", world.forge.url()));
    let comment = send(&world, &token, Method::POST, "/v3/repositories/1/issues/1/comments", json!({"body": "here"})).await;
    assert_eq!(comment.status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_is_read_and_written() {
    let world = World::new().await;
    let content = json!({"message": "docs: more", "content": "aGVsbG8K", "branch": "main"});
    let made = hub(&world, "alice", Method::PUT, "/contents/docs/a.md", content.clone(), 201).await;
    hub(&world, "alice", Method::PUT, "/contents/docs/a.md", content.clone(), 422).await;
    let mut wrong = content.clone();
    wrong["sha"] = "0".repeat(40).into();
    hub(&world, "alice", Method::PUT, "/contents/docs/a.md", wrong.clone(), 409).await;
    wrong["sha"] = made["content"]["sha"].clone();
    wrong["content"] = "aGkK".into();
    hub(&world, "alice", Method::PUT, "/contents/docs/a.md", wrong, 200).await;
    let file = get(&world, "/contents/docs/a.md?ref=main").await;
    assert_eq!((&file["content"], &file["type"]), (&json!("aGkK\n"), &json!("file")));
    let head = get(&world, "/git/ref/heads/main").await["object"]["sha"].clone();
    hub(&world, "alice", Method::POST, "/git/refs", json!({"ref": "refs/heads/a/b", "sha": head}), 201).await;
    let twice = hub(&world, "alice", Method::POST, "/git/refs", json!({"ref": "refs/heads/a/b", "sha": head}), 422).await;
    assert_eq!(twice["message"], "Reference already exists");
    assert_eq!(get(&world, "/branches/a/b").await["commit"]["sha"], head);
    let parent = get(&world, "/commits/main").await["parents"][0]["sha"].clone();
    let back = hub(&world, "alice", Method::PATCH, "/git/refs/heads/a/b", json!({"sha": parent}), 422).await;
    assert_eq!(back["message"], "Update is not a fast forward");
    hub(&world, "alice", Method::PATCH, "/git/refs/heads/a/b", json!({"sha": parent, "force": true}), 200).await;
    let compared = get(&world, "/compare/a/b...main").await;
    assert_eq!((&compared["status"], &compared["ahead_by"]), (&json!("ahead"), &json!(1)));
    hub(&world, "alice", Method::DELETE, "/git/refs/heads/a/b", Value::Null, 204).await;
    let gone = json!({"message": "docs: less", "sha": file["sha"]});
    hub(&world, "alice", Method::DELETE, "/contents/docs/a.md", gone, 200).await;
    hub(&world, "alice", Method::GET, "/contents/docs/a.md", Value::Null, 404).await;

    let rule = json!({
        "required_status_checks": {"strict": false, "contexts": ["ci"]}, "enforce_admins": true, "restrictions": null,
        "required_pull_request_reviews": {"required_approving_review_count": 1, "dismiss_stale_reviews": true},
    });
    hub(&world, "acme", Method::GET, "/branches/main/protection", Value::Null, 404).await;
    hub(&world, "acme", Method::PUT, "/branches/main/protection", rule, 200).await;
    hub(&world, "acme", Method::PUT, "/branches/main/protection", json!({"enforce_admins": true}), 422).await;
    assert_eq!(get(&world, "/rules/branches/main").await, json!([]), "what protects in the older way is no rule set");
    let newer = json!({"rule_name": "kept/*", "required_approvals": 1, "enable_status_check": true, "status_check_contexts": ["ci"]});
    world.api("acme", Method::POST, "/branch_protections", newer, 201).await;
    let rules = get(&world, "/rules/branches/kept/a").await;
    assert_eq!(names(&rules, "type"), ["deletion", "non_fast_forward", "pull_request", "required_status_checks"]);
    let (_, head, _) = world.pull_request("feat: csv").await;
    let post = |state: &str| json!({"state": state, "context": "ci"});
    hub(&world, "bot", Method::POST, &format!("/statuses/{head}"), post("success"), 201).await;
    assert_eq!(get(&world, "/commits/work/status").await["state"], "success");
    assert_eq!(get(&world, "/pulls/1").await["mergeable_state"], "blocked");
    let refused = hub(&world, "alice", Method::PUT, "/pulls/1/merge", json!({}), 405).await;
    assert_eq!(refused["message"], "At least 1 approving review is required by reviewers with write access.");
    let check = json!({"name": "build", "head_sha": head, "conclusion": "failure"});
    hub(&world, "bot", Method::POST, "/check-runs", check, 201).await;
    assert_eq!(get(&world, "/commits/work/check-runs").await["check_runs"][0]["conclusion"], "failure");
    let permission = get(&world, "/collaborators/carol/permission").await;
    assert_eq!((&permission["permission"], &permission["user"]["login"]), (&json!("read"), &json!("carol")));
}
