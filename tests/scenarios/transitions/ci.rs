//! A CI that speaks at a bad moment.

use reqwest::Method;
use serde_json::json;

use super::super::answers::*;
use super::super::scenario;
use super::super::world::policy;
use super::says;

#[tokio::test]
async fn a_ci_that_fails_during_the_review_is_mended_after_it() {
    let mut rules = vec![analyses(), designs("first"), implements("one.md"), fixes("two.md", &[])];
    rules.extend([round(0, accepts()), round(1, accepts_saying("Still fits.")), round(2, accepts_saying("Fits again."))]);
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        let head = w.head_of(pull).await;
        let red = json!({"context": "build", "state": "failure", "description": "", "target_url": ""});
        w.model.interrupt("reviewer", 0, w.bob().request(Method::POST, &format!("statuses/{head}"), &red));
        w.bob().comments(pull, "/syndarix review").await;
        w.settle().await;
        assert_eq!((w.runs(issue, "fix").await, w.runs(issue, "review").await), (1, 3));
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn red_green_red_on_one_head_is_one_try() {
    scenario(vec![analyses(), designs("first"), implements("one.md"), accepts(), shrugs()], async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        let head = w.head_of(pull).await;
        for state in ["failure", "success", "failure", "pending", "error"] {
            w.bob().reports(&head, "build", state).await;
            w.settle().await;
        }
        w.looks().await;
        says(&w.page(pull), &["the engineer finished without changing anything"]);
        assert_eq!((w.runs(issue, "fix").await, w.story(issue).await.ci_fixes), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_result_for_an_older_head_is_noted_and_changes_nothing() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), fixes("two.md", &[])];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        let old = w.head_of(pull).await;
        w.bob().comments(pull, "/syndarix fix add a second file").await;
        w.settle().await;
        w.bob().reports(&old, "build", "failure").await;
        w.settle().await;
        assert_eq!(w.runs(issue, "fix").await, 1);
        let notes = w.notes(issue).await;
        let (_, note) = notes.iter().find(|(kind, _)| kind == "ci-ignored").expect("the record says that it was ignored");
        assert_eq!((note["commit"].as_str().unwrap(), note["why"].as_str().unwrap()), (old.as_str(), "the result is about an older head"));
    })
    .await;
}

#[tokio::test]
async fn the_tries_are_counted_over_heads_and_a_push_gives_them_back() {
    let rules = vec![
        analyses(),
        designs("first"),
        implements("one.md"),
        accepts(),
        round(0, fixes("two.md", &[])),
        round(1, fixes("three.md", &[])),
    ];
    scenario(policy(rules, "fix_tries = 1"), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        for _ in 0..2 {
            let head = w.head_of(pull).await;
            w.bob().reports(&head, "build", "failure").await;
            w.settle().await;
        }
        assert_eq!((w.runs(issue, "fix").await, w.stands(issue).await.as_str()), (1, "review: nobody works; waiting"));
        w.bob().pushes(pull, "hand.md", "by hand\n").await;
        w.settle().await;
        w.bob().comments(pull, "/syndarix resume").await;
        w.settle().await;
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "failure").await;
        w.settle().await;
        assert_eq!((w.runs(issue, "fix").await, w.story(issue).await.ci_fixes), (2, 1));
    })
    .await;
}
