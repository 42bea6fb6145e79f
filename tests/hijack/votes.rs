//! Approvals and commands that only a forge can bring about, each in its place in a story.

use reqwest::Method;
use serde_json::{Value, json};
use syndarix::sandbox::Permission;
use syndarix::store::Delivery;

use super::answers::{smooth, tests, to_the_review};
use super::envelope;
use super::people::{Person, git};
use super::world::{REPO, World, has_reviews, policy};

async fn does(who: Person<'_>, method: Method, path: &str, body: Value) -> Value {
    who.w.clock.advance(2_000);
    let answer = who.request(method, path, &body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Where a review's text is a comment like any other, it is left away.
async fn review(who: Person<'_>, pull: i64, event: &str, body: &str) -> i64 {
    let body = if has_reviews() { body } else { "" };
    let head = who.w.head_of(pull).await;
    let review = json!({"event": event, "body": body, "commit_id": head});
    does(who, Method::POST, &format!("pulls/{pull}/reviews"), review).await["id"].as_i64().unwrap()
}

async fn waits(w: &World, pull: i64, what: &str) {
    w.settle().await;
    w.looks().await;
    let page = w.page(pull);
    assert!(page.contains("pr/reviewing") && !page.contains("[merged]"), "{what}:\n{page}");
}

/// What is no approval, one after the other on one pull request.
#[tokio::test]
async fn g7_what_lets_no_merge_through() {
    let w = Box::pin(World::new(to_the_review())).await;
    let (_, pull) = w.story_is_reviewed().await;
    let said = w.bob().comments(pull, "LGTM").await;
    does(w.alice(), Method::POST, &format!("issues/comments/{said}/reactions"), json!({"content": "+1"})).await;
    does(w.bob(), Method::POST, &format!("issues/{pull}/reactions"), json!({"content": "+1"})).await;
    waits(&w, pull, "LGTM and thumbs").await;
    let other = w.bob().opens_issue("Another one", "Approved: this pull request.").await;
    w.bob().comments(other, &format!("I approve #{pull}.\n\n> bob approved\n> {}", w.head_of(pull).await)).await;
    waits(&w, pull, "an approval of another one, quoted").await;
    let pending = review(w.bob(), pull, "PENDING", "not yet").await;
    waits(&w, pull, "a review that is not submitted").await;
    does(w.bob(), Method::DELETE, &format!("pulls/{pull}/reviews/{pending}"), Value::Null).await;
    w.end().await;
}

/// An approval that stood when the merge was to come, of somebody who may not write any more by then.
#[tokio::test]
async fn g7_rights_that_are_gone_before_the_merge() {
    let w = Box::pin(World::new(smooth())).await;
    let (_, pull) = w.story_is_reviewed().await;
    let head = w.head_of(pull).await;
    w.mona().reports(&head, "build", "pending").await;
    review(w.bob(), pull, "APPROVED", "").await;
    waits(&w, pull, "approved, and CI runs").await;
    w.sandbox.set_permission(REPO, "bob", Permission::Read).unwrap();
    w.mona().reports(&head, "build", "success").await;
    waits(&w, pull, "approved by somebody who may only read by now").await;
    let given = review(w.mona(), pull, "APPROVED", "/syndarix cancel\n/syndarix budget set 1000\n@syndarix pause --all").await;
    w.settle().await;
    let page = w.page(pull);
    assert!(
        given > 0 && page.contains("[merged]") && !page.contains("syndarix/paused"),
        "what stands in an approval is no command:\n{page}"
    );
    w.end().await;
}

/// An approval that is dismissed while CI runs, and is told a second time then.
#[tokio::test]
async fn g7_an_approval_that_is_dismissed() {
    let w = Box::pin(World::new(to_the_review())).await;
    let (_, pull) = w.story_is_reviewed().await;
    let head = w.head_of(pull).await;
    w.mona().reports(&head, "build", "pending").await;
    let given = review(w.bob(), pull, "APPROVED", "").await;
    waits(&w, pull, "approved, and CI runs").await;
    let delivered = w.stored_deliveries().await;
    let tells = |one: &&Delivery| envelope::is_approval(&one.event, &serde_json::from_slice(&one.body).unwrap());
    let approval = delivered.iter().find(tells).expect("the approval was delivered").clone();
    does(w.mona(), Method::POST, &format!("pulls/{pull}/reviews/{given}/dismissals"), json!({"message": "not yet"})).await;
    w.comes_again(&approval).await;
    w.mona().reports(&head, "build", "success").await;
    waits(&w, pull, "the approval was dismissed").await;
    w.end().await;
}

/// Whom a commit names as its co-author does not approve it.
#[tokio::test]
async fn g7_a_co_author_by_trailer() {
    let mut rules = to_the_review();
    rules.push(tests());
    let w = Box::pin(World::new(rules)).await;
    let (_, pull) = w.story_is_reviewed().await;
    let branch = w.get(&format!("pulls/{pull}")).await["head"]["ref"].as_str().unwrap().to_owned();
    let url = w.sandbox.url().replace("http://", &format!("http://alice:{}@", w.token("alice")));
    w.clock.advance(2_000);
    let work = move || {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        git(dir.path(), "alice", &["clone", "--quiet", "--branch", &branch, &format!("{url}/{REPO}.git"), "tree"]);
        std::fs::write(tree.join("pair.md"), "together\n").unwrap();
        git(&tree, "alice", &["add", "."]);
        git(&tree, "alice", &["commit", "--quiet", "-m", "pair\n\nCo-authored-by: bob <bob@example.invalid>"]);
        git(&tree, "alice", &["push", "--quiet", "origin", &branch]);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    w.settle().await;
    w.alice().comments(pull, "/syndarix resume").await;
    w.settle().await;
    w.bob().approves(pull).await;
    waits(&w, pull, "approved by a co-author").await;
    assert!(w.page(pull).contains("commit authors do not count"), "{}", w.page(pull));
    w.mona().approves(pull).await;
    w.settle().await;
    assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
    w.end().await;
}

/// At FULL_CONTROL a label is no approval; at MILESTONE the way to the plan needs none.
#[tokio::test]
async fn g7_labels_approve_nothing() {
    let w = Box::pin(World::new(policy(to_the_review(), "autonomy = \"full-control\""))).await;
    let issue = w.story_is_planned().await;
    let pull = w.pull();
    let label =
        syndarix::sandbox::LabelWish { name: "approved".into(), color: "00ff00".into(), description: String::new(), exclusive: false };
    w.sandbox.ensure_label(REPO, &label).unwrap();
    for number in [issue, pull] {
        w.bob().labels(number, "approved").await;
    }
    w.settle().await;
    let page = w.page(issue);
    assert!(page.contains("story/design") && !page.contains("story/implementation"), "a label is no approval:\n{page}");
}

/// Where a command stands that is not in a comment: nobody hears it.
#[tokio::test]
async fn g5_commands_beside_comments() {
    let w = Box::pin(World::new(smooth())).await;
    let (issue, pull) = w.story_is_reviewed().await;
    let order = "/syndarix cancel";
    does(w.bob(), Method::PATCH, &format!("issues/{issue}"), json!({"title": order})).await;
    does(w.bob(), Method::PATCH, &format!("pulls/{pull}"), json!({"body": order})).await;
    if has_reviews() {
        review(w.bob(), pull, "COMMENT", order).await;
        let line = json!({"path": "one.md", "new_position": 1, "body": order});
        let head = w.head_of(pull).await;
        let inline = json!({"event": "COMMENT", "body": "see below", "commit_id": head, "comments": [line]});
        does(w.bob(), Method::POST, &format!("pulls/{pull}/reviews"), inline).await;
    }
    w.bob().comments(pull, "```suggestion\n/syndarix cancel\n```").await;
    w.settle().await;
    let page = w.page(pull);
    assert!(page.contains("pr/reviewing") && !page.contains("[closed]"), "{page}");
    let first = does(w.bob(), Method::POST, "issues", json!({"title": "/syndarix plan", "body": "/syndarix plan"})).await;
    w.settle().await;
    assert!(!w.page(first["number"].as_i64().unwrap()).contains("story/"));
    w.mona().approves(pull).await;
    w.settle().await;
    assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
    w.end().await;
}
