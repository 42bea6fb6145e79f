//! The forge as clients of GitLab see it, while people go on using the API of Gitea and the pages.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;

/// The project as its path stands in an address.
pub const PROJECT: &str = "acme%2Fshop";

impl World {
    /// A request to the API of GitLab.
    pub async fn lab_raw(&self, who: &str, method: Method, path: &str, body: Value) -> reqwest::Response {
        let mut request = self.http.request(method, format!("{}/api/v4{path}", self.forge.url()));
        if !who.is_empty() {
            request = request.header("PRIVATE-TOKEN", self.token(who));
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// The same below the project, with the status that is awaited.
    pub async fn lab(&self, who: &str, method: Method, path: &str, body: Value, want: u16) -> Value {
        let answer = self.lab_raw(who, method.clone(), &format!("/projects/{PROJECT}{path}"), body).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::from_u16(want).unwrap(), "{who} {method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    pub async fn lab_get(&self, path: &str) -> Value {
        self.lab("alice", Method::GET, path, Value::Null, 200).await
    }

    /// A branch with one commit, pushed by the bot, and a merge request for it. Returns tree and head.
    pub async fn merge_request(&self, title: &str) -> (std::path::PathBuf, String) {
        let tree = self.clone_as("bot");
        assert!(self.git(&tree, &["checkout", "--quiet", "-b", "work"]).status.success());
        let head = self.commit(&tree, "csv.txt", "a,b\nc,d\n");
        assert!(self.push(&tree, "work").await.status.success());
        let wish = json!({"title": title, "source_branch": "work", "target_branch": "main", "description": "Refs #1"});
        let made = self.lab("bot", Method::POST, "/merge_requests", wish, 201).await;
        assert_eq!((made["iid"].as_i64(), made["sha"].as_str()), (Some(1), Some(head.as_str())));
        (tree, head)
    }
}

fn names(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_where() {
    let world = World::new().await;
    let get = |who: &'static str, path: &'static str| world.lab_raw(who, Method::GET, path, Value::Null);
    assert_eq!(get("", "/version").await.status(), 401);
    let version = get("bot", "/version").await;
    assert!(version.headers().contains_key("ratelimit-remaining") && version.headers().contains_key("date"));
    assert_eq!(get("bot", "/user").await.json::<Value>().await.unwrap()["username"], "bot");
    assert_eq!(get("", "/users?username=alice").await.json::<Value>().await.unwrap()[0]["username"], "alice");
    let unknown = get("bot", "/nowhere").await;
    assert_eq!((unknown.status().as_u16(), unknown.json::<Value>().await.unwrap()), (404, json!({"error": "404 Not Found"})));
    let absent = get("bot", "/projects/acme%2Fnothing").await;
    assert_eq!((absent.status().as_u16(), absent.json::<Value>().await.unwrap()), (404, json!({"message": "404 Project Not Found"})));
    let bearer = world.http.get(format!("{}/api/v4/user", world.forge.url())).bearer_auth(world.token("alice")).send().await.unwrap();
    assert_eq!(bearer.json::<Value>().await.unwrap()["username"], "alice");
    let wrong = world.http.get(format!("{}/api/v4/user", world.forge.url())).header("PRIVATE-TOKEN", "nonsense").send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), wrong.json::<Value>().await.unwrap()), (401, json!({"message": "401 Unauthorized"})));

    let project = world.lab_get("").await;
    assert_eq!((project["path_with_namespace"].as_str(), project["default_branch"].as_str()), (Some(REPO), Some("main")));
    assert_eq!(project["permissions"]["project_access"]["access_level"], 30);
    assert_eq!(project["merge_method"], "merge");
    let id = project["id"].as_i64().unwrap();
    let alice = world.forge.user_id("alice").unwrap();
    assert_eq!(world.lab_get(&format!("/members/all/{alice}")).await["access_level"], 30);
    let carol = world.forge.user_id("carol").unwrap();
    world.lab("alice", Method::GET, &format!("/members/all/{carol}"), Value::Null, 404).await;
    world.lab("alice", Method::POST, "/members", json!({"user_id": carol, "access_level": 20}), 403).await;
    world.lab("acme", Method::POST, "/members", json!({"user_id": carol, "access_level": 20}), 201).await;
    assert_eq!(names(&get("carol", "/projects?membership=true").await.json().await.unwrap(), "path_with_namespace"), [REPO]);
    assert_eq!(names(&get("carol", "/groups/acme/projects").await.json().await.unwrap(), "path"), ["shop"]);

    world.forge.limit_scopes("bot", &["read_api"]);
    let refused = world.lab("bot", Method::POST, "/issues", json!({"title": "x"}), 403).await;
    assert_eq!(refused["error"], "insufficient_scope");
    world.forge.limit_scopes("bot", &["api"]);
    world.forge.end_token("bot", "2026-08-17").unwrap();
    let token: Value = get("bot", "/personal_access_tokens/self").await.json().await.unwrap();
    assert_eq!((token["expires_at"].as_str(), &token["scopes"]), (Some("2026-08-17"), &json!(["api"])));
    world.clock.advance(20 * 24 * 3600 * 1000);
    assert_eq!(get("bot", "/user").await.json::<Value>().await.unwrap()["error"], "invalid_token");

    world.lab("acme", Method::POST, "/archive", Value::Null, 201).await;
    assert_eq!(world.lab("alice", Method::POST, "/issues", json!({"title": "x"}), 403).await["message"], "403 Forbidden");
    world.lab("acme", Method::POST, "/unarchive", Value::Null, 201).await;
    world.lab("acme", Method::PUT, "", json!({"path": "store"}), 200).await;
    let moved = world.lab_raw("alice", Method::GET, &format!("/projects/{PROJECT}/issues?per_page=1"), Value::Null).await;
    assert_eq!(moved.status(), 301);
    assert_eq!(moved.headers()["location"], format!("{}/api/v4/projects/{id}/issues?per_page=1", world.forge.url()));
    world.lab("alice", Method::POST, "/issues", json!({"title": "x"}), 405).await;
    assert_eq!(get("alice", &*format!("/projects/{id}").leak()).await.json::<Value>().await.unwrap()["path"], "store");
}

#[tokio::test(flavor = "multi_thread")]
async fn issues_are_counted_apart_and_paged() {
    let world = World::new().await;
    // Two protocols, one state: the numbers differ.
    world.api("alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    world.merge_request("feat: x").await;
    let wish = json!({"title": "Two", "description": "text", "labels": "story::analysis,new"});
    let issue = world.lab("alice", Method::POST, "/issues", wish, 201).await;
    assert_eq!((issue["iid"].as_i64(), issue["state"].as_str()), (Some(2), Some("opened")));
    assert_eq!(issue["labels"], json!(["new", "story::analysis"]));
    assert_eq!(issue["references"]["full"], format!("{REPO}#2"));
    assert_eq!(world.forge.shared_number(REPO, 2, false).unwrap(), 3);
    assert_eq!(world.forge.shared_number(REPO, 1, true).unwrap(), 2);
    assert_eq!(world.get("/issues/3").await["title"], "Two");
    let page = world.http.get(issue["web_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.headers()["location"].to_str().unwrap()), (303, "/acme/shop/issues/3"));

    world.clock.advance(1000);
    let change = json!({"add_labels": "late", "remove_labels": "new", "state_event": "close", "title": "Two!"});
    let issue = world.lab("bot", Method::PUT, "/issues/2", change, 200).await;
    assert_eq!((issue["labels"].clone(), issue["state"].as_str()), (json!(["late", "story::analysis"]), Some("closed")));
    assert_eq!((issue["closed_by"]["username"].as_str(), issue["title"].as_str()), (Some("bot"), Some("Two!")));
    assert_eq!(names(&world.lab_get("/issues?state=opened").await, "title"), ["One"]);
    assert_eq!(names(&world.lab_get("/issues?labels=late").await, "title"), ["Two!"]);
    assert_eq!(names(&world.lab_get("/issues?updated_after=2026-08-03T09:00:01Z&order_by=updated_at&sort=asc").await, "title"), ["Two!"]);
    let events = world.lab_get("/issues/2/resource_label_events").await;
    assert_eq!(names(&events, "action"), ["add", "add", "remove", "add"]);
    assert_eq!(world.lab("alice", Method::POST, "/issues", json!({}), 400).await, json!({"error": "title is missing"}));
    assert_eq!(world.lab("alice", Method::POST, "/issues", json!({"title": " "}), 400).await["message"]["title"][0], "can't be blank");
    world.lab("alice", Method::DELETE, "/issues/2", Value::Null, 403).await;
    world.lab("acme", Method::DELETE, "/issues/2", Value::Null, 204).await;
    let third = world.lab("alice", Method::POST, "/issues", json!({"title": "Three", "confidential": true}), 201).await;
    assert_eq!(third["iid"], 3, "a number is given once");
    world.lab("carol", Method::GET, "/issues/3", Value::Null, 404).await;
    world.lab("bot", Method::GET, "/issues/3", Value::Null, 200).await;

    let first = world.lab_raw("alice", Method::GET, &format!("/projects/{PROJECT}/issues?per_page=1&sort=asc"), Value::Null).await;
    let header = |name: &str| first.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("x-total"), header("x-next-page"), header("x-prev-page")), ("2".into(), "2".into(), String::new()));
    let next = format!("<{}/api/v4/projects/{PROJECT}/issues?sort=asc&page=2&per_page=1>; rel=\"next\"", world.forge.url());
    assert!(header("link").contains(&next), "{}", header("link"));

    let world = world.restart().await;
    assert_eq!(world.lab_get("/issues/1").await["title"], "One");
    assert_eq!(world.lab_get("/merge_requests/1").await["title"], "feat: x");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_have_one_name_and_scopes_are_for_who_pays() {
    let world = World::new().await;
    let wish = |name: &str| json!({"name": name, "color": "#ffffff", "description": "d"});
    let label = world.lab("bot", Method::POST, "/labels", wish("story::analysis"), 201).await;
    assert_eq!((label["text_color"].as_str(), label["is_project_label"].as_bool()), (Some("#1F1E24"), Some(true)));
    assert_eq!(world.lab("bot", Method::POST, "/labels", wish("story::analysis"), 409).await["message"], "Label already exists");
    world.lab("carol", Method::POST, "/labels", wish("x"), 403).await;
    let renamed = world.lab("bot", Method::PUT, "/labels/story%3A%3Aanalysis", json!({"color": "#000000"}), 200).await;
    assert_eq!(renamed["text_color"], "#FFFFFF");
    world.lab("alice", Method::POST, "/issues", json!({"title": "One", "labels": ["story::analysis"]}), 201).await;
    let both = world.lab("bot", Method::PUT, "/issues/1", json!({"add_labels": ["story::building"]}), 200).await;
    assert_eq!(both["labels"], json!(["story::analysis", "story::building"]), "a free plan has plain labels");
    world.forge.set_gitlab(REPO, |lab| lab.premium = true).unwrap();
    let one = world.lab("bot", Method::PUT, "/issues/1", json!({"add_labels": ["story::done"]}), 200).await;
    assert_eq!(one["labels"], json!(["story::done"]));
    assert_eq!(world.get("/issues/1").await["labels"][0]["name"], "story::done");
    world.lab("bot", Method::DELETE, &format!("/labels/{}", label["id"]), Value::Null, 204).await;
    world.lab("bot", Method::GET, "/labels/story%3A%3Aanalysis", Value::Null, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_awards_and_quick_actions() {
    let world = World::new().await;
    world.lab("alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    let note = world.lab("alice", Method::POST, "/issues/1/notes", json!({"body": "/syndarix plan"}), 201).await;
    assert_eq!((note["body"].as_str(), note["system"].as_bool()), (Some("/syndarix plan"), Some(false)));
    let at = format!("/issues/1/notes/{}", note["id"]);
    world.clock.advance(1000);
    let mixed = world.lab("bot", Method::POST, "/issues/1/notes", json!({"body": "Done.\n/label ~ready\n/close"}), 201).await;
    assert_eq!(mixed["body"], "Done.");
    let issue = world.lab_get("/issues/1").await;
    assert_eq!((issue["state"].as_str(), issue["labels"].clone()), (Some("closed"), json!([])), "an unknown label is not made");
    let only = world.lab("bot", Method::POST, "/issues/1/notes", json!({"body": "/reopen"}), 202).await;
    assert_eq!(only["summary"], json!(["Reopened this."]));
    let notes = world.lab_get("/issues/1/notes?sort=asc&order_by=created_at").await;
    assert_eq!(names(&notes, "body"), ["/syndarix plan", "Done.", "closed", "reopened"]);
    assert_eq!(notes[2]["system"], true);
    let newest = world.lab_get("/issues/1/notes?activity_filter=only_comments").await;
    assert_eq!(names(&newest, "body"), ["Done.", "/syndarix plan"]);

    let award = world.lab("bot", Method::POST, &format!("{at}/award_emoji?name=thumbsup"), Value::Null, 201).await;
    let again = world.lab("bot", Method::POST, &format!("{at}/award_emoji"), json!({"name": "thumbsup"}), 404).await;
    assert_eq!(again["message"], "404 Award Emoji Name has already been taken Not Found");
    let seen = world.get(&format!("/issues/comments/{}/reactions", note["id"])).await;
    assert_eq!((seen[0]["content"].as_str(), seen[0]["user"]["login"].as_str()), (Some("+1"), Some("bot")));
    world.lab("alice", Method::DELETE, &format!("{at}/award_emoji/{}", award["id"]), Value::Null, 403).await;
    world.lab("bot", Method::DELETE, &format!("{at}/award_emoji/{}", award["id"]), Value::Null, 204).await;
    world.lab("bot", Method::POST, "/issues/1/award_emoji", json!({"name": "eyes"}), 201).await;
    assert_eq!(world.lab_get("/issues/1/award_emoji").await[0]["name"], "eyes");

    world.lab("bot", Method::PUT, &at, json!({"body": "x"}), 403).await;
    assert_eq!(world.lab("alice", Method::PUT, &at, json!({"body": "/syndarix build"}), 200).await["body"], "/syndarix build");
    world.lab("alice", Method::DELETE, &at, Value::Null, 204).await;
    world.lab("alice", Method::GET, &at, Value::Null, 404).await;
    world.lab("carol", Method::POST, "/issues/1/notes", json!({"body": "/close"}), 202).await;
    assert_eq!(world.lab_get("/issues/1").await["state"], "opened", "who may not is not obeyed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_request_from_draft_to_merge() {
    let world = World::new().await;
    let (tree, first) = world.merge_request("Draft: feat: CSV export").await;
    let request = world.lab_get("/merge_requests/1").await;
    assert_eq!((request["draft"].as_bool(), request["detailed_merge_status"].as_str()), (Some(true), Some("draft_status")));
    assert_eq!(world.get("/pulls/1").await["title"], "WIP: feat: CSV export");
    assert_eq!(names(&world.lab_get("/merge_requests/1/commits").await, "title"), ["feat: csv.txt"]);
    assert_eq!(world.lab_get("/merge_requests/1/diffs").await[0]["new_path"], "csv.txt");
    let twice = json!({"title": "x", "source_branch": "work", "target_branch": "main"});
    let twice = world.lab("bot", Method::POST, "/merge_requests", twice, 409).await;
    assert_eq!(twice["message"][0], "Another open merge request already exists for this source branch: !1");

    let alice = world.forge.user_id("alice").unwrap();
    let asked =
        world.lab("bot", Method::PUT, "/merge_requests/1", json!({"reviewer_ids": [alice], "title": "feat: CSV export"}), 200).await;
    assert_eq!((asked["draft"].as_bool(), asked["reviewers"][0]["username"].as_str()), (Some(false), Some("alice")));
    assert_eq!(world.lab_get("/merge_requests/1/reviewers").await[0]["state"], "unreviewed");
    // A person who uses the other protocol wants changes.
    world.api("alice", Method::POST, "/pulls/1/reviews", json!({"event": "REQUEST_CHANGES", "body": "No."}), 200).await;
    assert_eq!(world.lab_get("/merge_requests/1/reviewers").await[0]["state"], "requested_changes");
    let bodies = names(&world.lab_get("/merge_requests/1/notes").await, "body");
    assert!(bodies.contains(&"No.".to_owned()) && bodies.contains(&"requested changes".to_owned()), "{bodies:?}");

    let approve = "/merge_requests/1/approve";
    let stale = world.lab("alice", Method::POST, approve, json!({"sha": "0".repeat(40)}), 409).await;
    assert!(stale["message"].as_str().unwrap().starts_with("SHA does not match HEAD of source branch"), "{stale}");
    world.lab("bot", Method::POST, approve, Value::Null, 401).await;
    world.lab("carol", Method::POST, approve, Value::Null, 401).await;
    let approved = world.lab("alice", Method::POST, approve, json!({"sha": first}), 201).await;
    assert_eq!(approved["approved_by"][0]["user"]["username"], "alice");
    world.lab("alice", Method::POST, approve, Value::Null, 401).await;
    world.lab("alice", Method::POST, "/merge_requests/1/unapprove", Value::Null, 201).await;
    world.lab("alice", Method::POST, "/merge_requests/1/unapprove", Value::Null, 404).await;
    assert_eq!(world.lab_get("/merge_requests/1/reviewers").await[0]["state"], "unapproved");
    world.lab("alice", Method::POST, approve, Value::Null, 201).await;
    assert_eq!(world.get("/pulls/1/reviews").await.as_array().unwrap().last().unwrap()["state"], "APPROVED");

    world.forge.set_gitlab(REPO, |lab| lab.reset_approvals = true).unwrap();
    let second = world.commit(&tree, "more.txt", "m\n");
    assert!(world.push(&tree, "work").await.status.success());
    assert_eq!(world.lab_get("/merge_requests/1/approvals").await["approved_by"], json!([]));
    assert_eq!(names(&world.lab_get("/merge_requests/1/versions").await, "head_commit_sha"), [second.clone(), first.clone()]);

    let merge = "/merge_requests/1/merge";
    world.lab("carol", Method::PUT, merge, Value::Null, 401).await;
    let refused = world.lab("alice", Method::PUT, merge, json!({"sha": first}), 409).await;
    assert!(refused["message"].as_str().unwrap().starts_with("SHA does not match"), "{refused}");
    let merged =
        world.lab("alice", Method::PUT, merge, json!({"sha": second, "squash": true, "should_remove_source_branch": true}), 200).await;
    assert_eq!((merged["state"].as_str(), merged["merge_user"]["username"].as_str()), (Some("merged"), Some("alice")));
    assert!(merged["squash_commit_sha"].is_string() && merged["merge_commit_sha"].is_null(), "{merged}");
    world.lab("alice", Method::PUT, merge, Value::Null, 405).await;
    world.lab("alice", Method::GET, "/repository/branches/work", Value::Null, 404).await;
    assert_eq!(world.lab_get("/repository/commits").await[0]["title"], "feat: CSV export");
    assert_eq!(world.lab_get("/repository/files/csv.txt/raw").await, "a,b\nc,d\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn discussions_stand_on_lines_that_the_diff_has() {
    let world = World::new().await;
    let (_, head) = world.merge_request("feat: x").await;
    let refs = world.lab_get("/merge_requests/1").await["diff_refs"].clone();
    assert_eq!(refs["head_sha"], head.as_str());
    let position = |line: u64| {
        json!({"position_type": "text", "new_path": "csv.txt", "old_path": "csv.txt", "new_line": line, "base_sha": refs["base_sha"],
               "start_sha": refs["start_sha"], "head_sha": refs["head_sha"]})
    };
    let discussions = "/merge_requests/1/discussions";
    let wrong = world.lab("alice", Method::POST, discussions, json!({"body": "b", "position": position(9)}), 400).await;
    assert!(wrong["message"].as_str().unwrap().contains("line_code"), "{wrong}");
    let made = world.lab("alice", Method::POST, discussions, json!({"body": "Why?", "position": position(2)}), 201).await;
    let note = &made["notes"][0];
    assert_eq!(
        (note["type"].as_str(), note["position"]["new_line"].as_i64(), note["resolved"].as_bool()),
        (Some("DiffNote"), Some(2), Some(false))
    );
    let at = format!("{discussions}/{}", made["id"].as_str().unwrap());
    world.lab("bot", Method::POST, &format!("{at}/notes"), json!({"body": "Because."}), 201).await;
    let whole = world.lab("bot", Method::PUT, &format!("{at}?resolved=true"), Value::Null, 200).await;
    assert_eq!(names(&whole["notes"], "body"), ["Why?", "Because."]);
    assert_eq!((whole["notes"][1]["type"].as_str(), whole["notes"][1]["resolved"].as_bool()), (Some("DiffNote"), Some(true)));
    // A line comment of the other protocol is a discussion too, and the other way round.
    let lines = json!([{"path": "csv.txt", "new_position": 1, "body": "quote these"}]);
    world.api("alice", Method::POST, "/pulls/1/reviews", json!({"event": "COMMENT", "comments": lines}), 200).await;
    let all = world.lab_get(discussions).await;
    let starts: Vec<_> = all.as_array().unwrap().iter().filter(|one| one["notes"][0]["system"] == false).collect();
    assert_eq!(starts.len(), 2);
    assert_eq!((starts[1]["notes"][0]["body"].as_str(), starts[1]["individual_note"].as_bool()), (Some("quote these"), Some(false)));
    let edited = format!("/merge_requests/1/notes/{}", note["id"]);
    assert_eq!(world.lab("alice", Method::PUT, &edited, json!({"body": "Why so?"}), 200).await["body"], "Why so?");
    world.lab("bot", Method::POST, &format!("{edited}/award_emoji"), json!({"name": "eyes"}), 201).await;
    let plain = world.lab("alice", Method::POST, discussions, json!({"body": "In general"}), 201).await;
    assert_eq!((plain["individual_note"].as_bool(), plain["notes"][0]["type"].as_str()), (Some(false), Some("DiscussionNote")));
    let page = world.forge.page(REPO, 1).unwrap();
    assert!(page.contains("csv.txt:2") && page.contains("Why so?"), "{page}");

    // People request changes: by a quick action, by GraphQL, by Rust.
    world.lab("alice", Method::POST, "/merge_requests/1/notes", json!({"body": "/request_changes"}), 202).await;
    assert_eq!(world.lab_get("/merge_requests/1/reviewers").await[0]["state"], "requested_changes");
    world.forge.request_changes(REPO, 1, "acme", "Not yet.").unwrap();
    let query = json!({"query": "mutation { mergeRequestRequestChanges(input: {projectPath: \"acme/shop\", iid: \"1\"}) { errors } }"});
    let asked = world.http.post(format!("{}/api/graphql", world.forge.url())).bearer_auth(world.token("carol")).json(&query);
    let done: Value = asked.send().await.unwrap().json().await.unwrap();
    assert_eq!(done["data"]["mergeRequestRequestChanges"]["errors"], json!([]), "{done}");
    assert_eq!(world.lab_get("/merge_requests/1/reviewers").await.as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_step_and_pipelines_follow() {
    let world = World::new().await;
    let (_, head) = world.merge_request("feat: x").await;
    let post = |state: &'static str, name: &'static str, want: u16| {
        let (world, path) = (&world, format!("/statuses/{head}"));
        async move { world.lab("bot", Method::POST, &path, json!({"state": state, "name": name}), want).await }
    };
    assert_eq!(post("pending", "ci", 201).await["status"], "pending");
    let refused = post("pending", "ci", 400).await;
    assert!(refused["message"].as_str().unwrap().starts_with("Cannot transition status via :enqueue from :pending"), "{refused}");
    post("running", "ci", 201).await;
    post("pending", "ci", 400).await;
    assert_eq!(world.get(&format!("/commits/{head}/status")).await["state"], "pending", "the other protocol has no such word");
    assert_eq!(world.lab_get("/pipelines").await[0]["status"], "running");
    post("success", "ci", 201).await;
    post("failed", "lint", 201).await;
    post("nonsense", "ci", 400).await;
    assert_eq!(names(&world.lab_get(&format!("/repository/commits/{head}/statuses")).await, "status"), ["success", "failed"]);
    assert_eq!(world.lab_get("/merge_requests/1").await["head_pipeline"]["status"], "failed");
    assert_eq!(world.lab_get("/merge_requests/1/pipelines").await[0]["ref"], "work");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_of_a_merge_takes_its_time() {
    let world = World::checking(2).await;
    world.merge_request("feat: x").await;
    assert_eq!(world.lab_get("/merge_requests/1").await["detailed_merge_status"], "checking");
    world.lab("alice", Method::PUT, "/merge_requests/1/merge", Value::Null, 405).await;
    assert_eq!(world.lab_get("/merge_requests/1").await["merge_status"], "can_be_merged");
    let merged = world.lab("alice", Method::PUT, "/merge_requests/1/merge", Value::Null, 200).await;
    assert!(merged["merge_commit_sha"].is_string());
    let message = world.lab_get("/repository/commits").await[0]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "Merge branch 'work' into 'main'\n\nfeat: x\n\nSee merge request acme/shop!1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_branches() {
    let world = World::new().await;
    let made = world.lab("bot", Method::POST, "/repository/branches?branch=feature%2Fx&ref=main", Value::Null, 201).await;
    assert_eq!((made["name"].as_str(), made["default"].as_bool()), (Some("feature/x"), Some(false)));
    let twice = world.lab("bot", Method::POST, "/repository/branches", json!({"branch": "feature/x", "ref": "main"}), 400).await;
    assert_eq!(twice["message"], "Branch already exists");
    let file = |text: &str| json!({"branch": "feature/x", "content": text, "commit_message": "docs: a"});
    world.lab("bot", Method::POST, "/repository/files/docs%2Fa.md", file("one"), 201).await;
    world.lab("bot", Method::POST, "/repository/files/docs%2Fa.md", file("two"), 400).await;
    world.lab("bot", Method::PUT, "/repository/files/docs%2Fa.md", file("two"), 200).await;
    let read = world.lab_get("/repository/files/docs%2Fa.md?ref=feature%2Fx").await;
    assert_eq!((read["content"].as_str(), read["encoding"].as_str()), (Some("dHdv"), Some("base64")));
    let actions = json!([{"action": "delete", "file_path": "docs/a.md"}, {"action": "create", "file_path": "b.md", "content": "b"}]);
    let wish = json!({"branch": "feature/x", "commit_message": "docs: both", "actions": actions});
    world.lab("bot", Method::POST, "/repository/commits", wish, 201).await;
    world.lab("alice", Method::GET, "/repository/files/docs%2Fa.md?ref=feature%2Fx", Value::Null, 404).await;
    let tree = world.lab_get("/repository/tree?ref=feature%2Fx&recursive=true").await;
    assert_eq!(names(&tree, "path"), ["README.md", "b.md"]);
    let compare = world.lab_get("/repository/compare?from=main&to=feature%2Fx").await;
    assert_eq!(names(&compare["commits"], "title"), ["docs: a", "docs: a", "docs: both"]);
    assert_eq!(names(&compare["diffs"], "new_path"), ["b.md"]);
    world.lab("bot", Method::DELETE, "/repository/branches/feature%2Fx", Value::Null, 204).await;
    world.lab("acme", Method::POST, "/protected_branches", json!({"name": "main", "push_access_level": 0}), 201).await;
    world.lab("acme", Method::POST, "/protected_branches", json!({"name": "main"}), 409).await;
    assert_eq!(world.lab_get("/protected_branches/main").await["push_access_levels"][0]["access_level"], 0);
    world.lab("bot", Method::POST, "/repository/files/c.md", json!({"branch": "main", "content": "c", "commit_message": "c"}), 403).await;
    world.lab("acme", Method::DELETE, "/protected_branches/main", Value::Null, 204).await;
}
