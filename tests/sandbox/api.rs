//! What clients are answered: REST, permissions, merging, restarts.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use syndarix::sandbox::{Counts, LabelWish};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_story_from_issue_to_merge() {
    let world = World::new().await;
    let issue = world.api("alice", Method::POST, "/issues", json!({"title": "Add CSV export", "body": "As a user ..."}), 201).await;
    assert_eq!((issue["number"].as_i64(), issue["state"].as_str()), (Some(1), Some("open")));
    let comment = world.api("alice", Method::POST, "/issues/1/comments", json!({"body": "/syndarix plan"}), 201).await;
    let reactions = format!("/issues/comments/{}/reactions", comment["id"]);
    world.api("bot", Method::POST, &reactions, json!({"content": "eyes"}), 201).await;
    world.api("bot", Method::POST, &reactions, json!({"content": "eyes"}), 200).await;

    let (tree, first, number) = world.pull_request("WIP: feat: CSV export").await;
    assert_eq!(number, 2);
    let pull = world.get("/pulls/2").await;
    assert_eq!((pull["draft"].as_bool(), pull["mergeable"].as_bool()), (Some(true), Some(true)));
    assert_eq!((pull["head"]["sha"].as_str(), pull["additions"].as_i64()), (Some(first.as_str()), Some(1)));
    assert_eq!(world.get("/pulls/main/work").await["number"], 2);
    assert_eq!(world.get("/pulls/2/commits").await[0]["author"]["login"], "bot");
    assert_eq!(world.get("/pulls/2/files").await[0]["filename"], "csv.txt");
    let diff = world.get("/pulls/2.diff").await;
    assert!(diff.as_str().unwrap().contains("+a,b"), "{diff}");

    let approve = |body: &str| json!({"event": "APPROVED", "body": body});
    let refused = world.api("bot", Method::POST, "/pulls/2/reviews", approve("me"), 422).await;
    assert_eq!(refused["message"], "approve your own pull is not allowed");
    world.api("alice", Method::POST, "/pulls/2/reviews", json!({"event": "REQUEST_CHANGES"}), 422).await;
    let lines = json!([{"path": "csv.txt", "new_position": 1, "body": "quote these"}]);
    world.api("alice", Method::POST, "/pulls/2/reviews", json!({"event": "REQUEST_CHANGES", "body": "No.", "comments": lines}), 200).await;
    world.api("carol", Method::POST, "/pulls/2/reviews", approve("nice"), 200).await;
    world.api("alice", Method::POST, "/pulls/2/reviews", approve("LGTM"), 200).await;

    let second = world.commit(&tree, "csv.txt", "\"a\",\"b\"\n");
    assert!(world.push(&tree, "work").await.status.success());
    let reviews = world.get("/pulls/2/reviews").await;
    let marks: Vec<_> =
        reviews.as_array().unwrap().iter().map(|review| (&review["stale"], &review["dismissed"], &review["official"])).collect();
    let (yes, no) = (&json!(true), &json!(false));
    assert_eq!(marks, [(yes, yes, no), (yes, no, no), (yes, no, yes)]);

    let merge = |head: &str| json!({"Do": "squash", "MergeTitleField": "feat: CSV export", "head_commit_id": head});
    let refused = world.api("alice", Method::POST, "/pulls/2/merge", merge(&second), 405).await;
    assert_eq!(refused["message"], "Work in progress PRs cannot be merged");
    world.api("bot", Method::PATCH, "/pulls/2", json!({"title": "feat: CSV export"}), 201).await;
    let refused = world.api("alice", Method::POST, "/pulls/2/merge", merge(&first), 409).await;
    assert_eq!(refused["message"], "head out of date");
    world.api("carol", Method::POST, "/pulls/2/merge", merge(&second), 405).await;
    world.api("alice", Method::POST, "/pulls/2/reviews", approve("LGTM again"), 200).await;
    let empty = world.api("alice", Method::POST, "/pulls/2/merge", merge(&second), 200).await;
    assert_eq!(empty, "");
    world.api("alice", Method::POST, "/pulls/2/merge", merge(&second), 405).await;
    assert_eq!(world.get("/pulls/2").await["merged_by"]["login"], "alice");
    assert_eq!(world.get("/raw/csv.txt").await, "\"a\",\"b\"\n");
    assert_eq!(world.get("/commits").await[0]["commit"]["message"], "feat: CSV export\n");

    insta::assert_snapshot!(world.forge.page(REPO, 1).unwrap(), @r"
    #1 Add CSV export [open] by alice
    mentioned in: #2 feat: CSV export
    As a user ...

    --- alice
    /syndarix plan
    (eyes by bot)
    ");
    insta::assert_snapshot!(world.forge.page(REPO, 2).unwrap(), @r"
    #2 feat: CSV export [merged] by bot
    work -> main, +1 -0 in 1 files
    merged by alice
    Refs #1

    --- alice requests changes (dismissed, stale, on an older head)
    No.
      csv.txt:1
        quote these

    --- carol approved (stale, on an older head, not official)
    nice

    --- alice approved (dismissed, stale, on an older head)
    LGTM

    --- alice approved
    LGTM again
    ");
    let counts = world.forge.counts(REPO).unwrap();
    assert_eq!(counts, Counts { issues: 1, pulls: 1, merged: 1, comments: 1, reviews: 4, branches: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_that_was_answered() {
    let world = World::new().await;
    world.api("alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    world.api("alice", Method::POST, "/issues/1/comments", json!({"body": "two"}), 201).await;
    let (_, head, _) = world.pull_request("feat: three").await;
    let token = world.token("alice");
    let pages = [1, 2].map(|number| world.forge.page(REPO, number).unwrap());
    let counts = world.forge.counts(REPO).unwrap();
    let world = world.restart().await;
    assert_eq!([1, 2].map(|number| world.forge.page(REPO, number).unwrap()), pages);
    assert_eq!(world.forge.counts(REPO).unwrap(), counts);
    assert_eq!(world.token("alice"), token);
    assert_eq!(world.get("/pulls/2").await["head"]["sha"], head);
    let next = world.api("alice", Method::POST, "/issues", json!({"title": "Four"}), 201).await;
    assert_eq!(next["number"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn exclusive_labels_take_their_siblings_off() {
    let world = World::new().await;
    for (name, exclusive) in [("story/analysis", true), ("story/design", true), ("bug", false)] {
        let wish = LabelWish { name: name.into(), color: "00aabb".into(), description: String::new(), exclusive };
        let id = world.forge.ensure_label(REPO, &wish).unwrap();
        assert_eq!(world.forge.ensure_label(REPO, &wish).unwrap(), id);
    }
    world.api("alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    let names =
        |labels: &Value| -> Vec<String> { labels.as_array().unwrap().iter().map(|label| label["name"].as_str().unwrap().into()).collect() };
    let path = "/issues/1/labels";
    let both = world.api("alice", Method::POST, path, json!({"labels": ["bug", "story/analysis", "unknown"]}), 200).await;
    assert_eq!(names(&both), ["bug", "story/analysis"]);
    assert_eq!(names(&world.api("alice", Method::POST, path, json!({"labels": [2]}), 200).await), ["bug", "story/design"]);
    let last = world.api("alice", Method::PUT, path, json!({"labels": ["story/design", "story/analysis"]}), 200).await;
    assert_eq!(names(&last), ["story/design"]);
    world.api("alice", Method::POST, path, json!({"labels": ["bug", 1]}), 400).await;
    world.api("carol", Method::POST, path, json!({"labels": ["bug"]}), 403).await;
    world.api("alice", Method::DELETE, "/issues/1/labels/2", Value::Null, 204).await;
    let timeline = world.get("/issues/1/timeline").await;
    let changes: Vec<(String, &str)> = (timeline.as_array().unwrap().iter())
        .map(|event| (event["label"]["name"].as_str().unwrap().to_owned(), event["body"].as_str().unwrap()))
        .collect();
    let changes: Vec<(&str, &str)> = changes.iter().map(|(name, added)| (name.as_str(), *added)).collect();
    let want = [("story/analysis", "1"), ("bug", "1"), ("story/analysis", ""), ("story/design", "1"), ("bug", ""), ("story/design", "")];
    let mut sorted = (changes.clone(), want.to_vec());
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    assert_eq!(sorted.0, sorted.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_capped_and_counted_but_comments_of_an_issue_are_not() {
    let world = World::new().await;
    world.api("alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    for number in 0..55 {
        world.api("alice", Method::POST, "/issues/1/comments", json!({"body": format!("comment {number}")}), 201).await;
    }
    assert_eq!(world.get("/issues/1/comments").await.as_array().unwrap().len(), 55);
    let answer = world.send("alice", Method::GET, &format!("/repos/{REPO}/issues/comments?limit=1000"), Value::Null).await;
    assert_eq!(answer.headers()["x-total-count"], "55");
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert!(link.contains("issues/comments?limit=1000&page=2>; rel=\"next\""), "{link}");
    assert_eq!(answer.json::<Value>().await.unwrap().as_array().unwrap().len(), 50);
    assert_eq!(world.get("/issues/comments?limit=1000&page=2").await.as_array().unwrap().len(), 5);
    assert_eq!(world.get("/issues/comments").await.as_array().unwrap().len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_repository_leads_on_and_keeps_its_number() {
    let world = World::new().await;
    let id = world.forge.repo_id(REPO).unwrap();
    world.forge.rename_repo(REPO, "store").unwrap();
    let answer = world.send("alice", Method::GET, "/repos/acme/shop/issues?state=all", Value::Null).await;
    assert_eq!(answer.status(), 301);
    let target = format!("{}/api/v1/repos/acme/store/issues?state=all", world.forge.url());
    assert_eq!(answer.headers()["location"].to_str().unwrap(), target);
    let repo: Value = world.send("alice", Method::GET, &format!("/repositories/{id}"), Value::Null).await.json().await.unwrap();
    assert_eq!(repo["full_name"], "acme/store");
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_decide_between_401_403_404_and_500() {
    let world = World::new().await;
    world.api("alice", Method::POST, "/issues", json!({"title": "One"}), 201).await;
    world.api("", Method::POST, "/issues", json!({"title": "Two"}), 401).await;
    world.api("carol", Method::POST, "/labels", json!({"name": "x", "color": "#00aabb"}), 403).await;
    world.api("alice", Method::POST, "/issues/99/comments", json!({"body": "lost"}), 500).await;
    world.api("alice", Method::GET, "/issues/99", Value::Null, 404).await;
    world.api("alice", Method::POST, "/issues", json!({}), 422).await;
    let permission = world.api("alice", Method::GET, "/collaborators/alice/permission", Value::Null, 200).await;
    assert_eq!(permission["permission"], "write");
    world.api("alice", Method::GET, "/collaborators/bot/permission", Value::Null, 403).await;
    assert_eq!(world.api("acme", Method::GET, "/collaborators/carol/permission", Value::Null, 200).await["permission"], "read");
    world.forge.set_private(REPO, true).unwrap();
    world.api("carol", Method::GET, "/issues/1", Value::Null, 404).await;
    world.api("", Method::GET, "", Value::Null, 404).await;
    let git = |path: &str| world.http.get(format!("{}/{REPO}.git/{path}", world.forge.url()));
    let answer = git("info/refs?service=git-upload-pack").send().await.unwrap();
    assert_eq!(
        (answer.status(), answer.headers()["www-authenticate"].to_str().unwrap()),
        (StatusCode::UNAUTHORIZED, "Basic realm=\"Gitea\"")
    );
    let as_carol = git("info/refs?service=git-upload-pack").basic_auth("carol", Some(world.token("carol"))).send().await.unwrap();
    assert_eq!(as_carol.status(), 404);
    let unknown = git("info/refs?service=git-upload-pack").bearer_auth("nonsense").send().await.unwrap();
    assert_eq!(unknown.status(), 401);
    world.forge.set_private(REPO, false).unwrap();
    let as_carol = git("info/refs?service=git-receive-pack").basic_auth("carol", Some(world.token("carol"))).send().await.unwrap();
    assert_eq!(as_carol.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_right_after_opening_asks_for_patience_and_protection_holds() {
    let world = World::checking(2).await;
    let rule = json!({"rule_name": "main", "required_approvals": 1, "dismiss_stale_approvals": true, "block_on_rejected_reviews": true});
    world.api("alice", Method::POST, "/branch_protections", rule.clone(), 403).await;
    world.api("acme", Method::POST, "/branch_protections", rule, 201).await;
    let (tree, head, _) = world.pull_request("feat: guarded").await;
    let merge = json!({"Do": "merge", "head_commit_id": head});
    for _ in 0..2 {
        let refused = world.api("alice", Method::POST, "/pulls/1/merge", merge.clone(), 405).await;
        assert_eq!(refused["message"], "Please try again later");
    }
    let refused = world.api("alice", Method::POST, "/pulls/1/merge", merge.clone(), 405).await;
    assert_eq!(refused["message"], "Does not have enough approvals");
    world.api("alice", Method::POST, "/pulls/1/reviews", json!({"event": "APPROVED"}), 200).await;
    assert!(world.git(&tree, &["checkout", "--quiet", "main"]).status.success());
    world.commit(&tree, "direct.txt", "x");
    let push = world.push(&tree, "main").await;
    assert!(!push.status.success());
    assert!(String::from_utf8_lossy(&push.stderr).contains("Not allowed to push to protected branch main"));
    world.api("alice", Method::POST, "/pulls/1/merge", merge, 200).await;
    let commit = &world.get("/commits").await[0];
    assert_eq!(commit["parents"].as_array().unwrap().len(), 2);
    assert_eq!(commit["commit"]["message"], "Merge pull request 'feat: guarded' (#1) from work into main\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_update_and_every_merge_style() {
    let world = World::new().await;
    let (tree, _, _) = world.pull_request("feat: csv").await;
    // The base moves on another file: an update brings it into the head.
    assert!(world.git(&tree, &["checkout", "--quiet", "main"]).status.success());
    world.commit(&tree, "other.txt", "o");
    assert!(world.push(&tree, "main").await.status.success());
    let refused = world.api("bot", Method::POST, "/pulls/1/merge", json!({"Do": "fast-forward-only"}), 409).await;
    assert!(refused["message"].as_str().unwrap().contains("no fast-forward"));
    world.api("bot", Method::POST, "/pulls/1/update?style=rebase", Value::Null, 200).await;
    assert_eq!(world.get("/pulls/1/commits").await.as_array().unwrap().len(), 1);
    world.api("bot", Method::POST, "/pulls/1/merge", json!({"do": "fast-forward-only", "delete_branch_after_merge": true}), 200).await;
    assert_eq!(world.forge.counts(REPO).unwrap().branches, 1);
    assert_eq!(world.get("/pulls/1").await["head"]["ref"], "refs/pull/1/head");
    for (number, style, parents) in [(2, "merge", 2), (3, "rebase", 1), (4, "squash", 1), (5, "rebase-merge", 2)] {
        assert!(world.git(&tree, &["fetch", "--quiet", "origin"]).status.success());
        let branch = format!("b{number}");
        assert!(world.git(&tree, &["checkout", "--quiet", "-B", &branch, "origin/main~1"]).status.success());
        world.commit(&tree, &format!("{number}.txt"), "n");
        assert!(world.push(&tree, &branch).await.status.success());
        world.api("bot", Method::POST, "/pulls", json!({"title": style, "head": branch, "base": "main"}), 201).await;
        world.api("bot", Method::POST, &format!("/pulls/{number}/merge"), json!({"Do": style}), 200).await;
        assert_eq!(world.get("/commits").await[0]["parents"].as_array().unwrap().len(), parents, "{style}");
        assert_eq!(world.get(&format!("/raw/{number}.txt")).await, "n", "{style}");
    }
    // Two branches change the same line.
    assert!(world.git(&tree, &["checkout", "--quiet", "-B", "clash", "origin/main~1"]).status.success());
    world.commit(&tree, "other.txt", "clash");
    assert!(world.push(&tree, "clash").await.status.success());
    world.api("bot", Method::POST, "/pulls", json!({"title": "clash", "head": "clash", "base": "main"}), 201).await;
    assert!(world.git(&tree, &["checkout", "--quiet", "-B", "main", "origin/main"]).status.success());
    assert!(world.git(&tree, &["pull", "--quiet", "--ff-only", "origin", "main"]).status.success());
    world.commit(&tree, "other.txt", "main");
    assert!(world.push(&tree, "main").await.status.success());
    assert_eq!(world.get("/pulls/6").await["mergeable"], false);
    world.api("bot", Method::POST, "/pulls/6/merge", json!({"Do": "merge"}), 405).await;
    world.api("bot", Method::POST, "/pulls/6/update", Value::Null, 409).await;
}
