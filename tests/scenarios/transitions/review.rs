//! `review` and `test` on demand, and what the engineer owes a review.

use reqwest::Method;
use serde_json::json;

use super::super::answers::*;
use super::super::scenario;
use super::says;

#[tokio::test]
async fn one_more_review_of_the_same_head_says_so_and_happens_once() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), round(0, accepts()), round(1, accepts_saying("Still fits."))];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().comments(pull, "/syndarix review").await;
        w.settle().await;
        says(
            &w.news(pull),
            &["[open] pr/reviewing, syndarix/waiting", "was reviewed already. The reviewer looks at it once more", "Still fits."],
        );
        w.bob().comments(pull, "/syndarix review").await;
        w.bob().comments(issue, "/syndarix review").await;
        w.settle().await;
        says(&w.news(pull), &["was reviewed twice, and nothing has changed since"]);
        says(&w.news(issue), &["`review` does not work on an issue."]);
        assert_eq!((w.runs(issue, "review").await, w.stands(issue).await.as_str()), (2, "review: nobody works; waiting"));
    })
    .await;
}

#[tokio::test]
async fn a_review_waits_for_the_engineer() {
    scenario(to_the_review(), async |w| {
        w.story_is_planned().await;
        let pull = w.pull();
        w.bob().comments(pull, "/syndarix review").await;
        w.settle().await;
        says(&w.news(pull), &["there is no code yet"]);
        let order = json!({"body": "/syndarix review\n/syndarix test"});
        w.model.interrupt("engineer", 1, w.bob().request(Method::POST, &format!("issues/{pull}/comments"), &order));
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        says(&w.news(pull), &["(engineer) is at work. A review follows by itself; `/syndarix pause` stops the work"]);
    })
    .await;
}

#[tokio::test]
async fn a_test_before_the_merge_reports_and_moves_nothing() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), round(0, tests_in_vain()), round(1, tests())];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().comments(pull, "/syndarix test").await;
        w.settle().await;
        let page = w.news(pull);
        says(
            &page,
            &["(tester) checked the acceptance criteria on <", "before the merge: 1 of 1 is not met.", "- [ ] A cart with exactly"],
        );
        says(&w.told(issue, "test").await, &["is not merged yet"]);
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
        w.bob().approves(pull).await;
        w.settle().await;
        says(&w.told(issue, "test").await, &["has been merged"]);
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
    })
    .await;
}

#[tokio::test]
async fn a_test_after_the_merge_checks_again() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), round(0, tests_in_vain()), round(1, tests())];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().approves(pull).await;
        w.settle().await;
        w.bob().comments(issue, "/syndarix test").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
    })
    .await;
}

#[tokio::test]
async fn each_finding_is_answered_before_the_result_is_taken() {
    let first = round(0, finds("one.md", "Say why."));
    let rules = vec![analyses(), designs("first"), implements("one.md"), first, forgets_then_fixes("two.md"), accepts()];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        says(&w.page(pull), &["answers the finding with 1 new commit", "1. Mended by `two.md`."]);
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn changes_requested_during_the_implementation_are_taken_up_after_the_review() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), fixes("two.md", &[])];
    scenario(rules, async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        let head = w.head_of(pull).await;
        let review = json!({"event": "REQUEST_CHANGES", "body": "Mind the empty cart.", "commit_id": head});
        w.model.interrupt("engineer", 0, w.bob().request(Method::POST, &format!("pulls/{pull}/reviews"), &review));
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        says(&w.told(issue, "fix").await, &["Mind the empty cart."]);
        assert_eq!((w.runs(issue, "fix").await, w.stands(issue).await.as_str()), (1, "review: nobody works; waiting"));
        assert_eq!(w.model.log.served().iter().filter(|call| call.meta.purpose == "implement" && call.turn == 0).count(), 1);
    })
    .await;
}
