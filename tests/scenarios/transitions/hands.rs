//! Merging, closing and reopening by hand.

use reqwest::Method;
use serde_json::json;

use super::super::answers::*;
use super::super::scenario;
use super::says;

#[tokio::test]
async fn a_merge_by_hand_while_the_gate_held_is_no_breach() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.hooks_are_lost();
        w.bob().approves(pull).await;
        w.bob().merges(pull).await;
        w.hooks_work();
        w.looks().await;
        says(&w.news(issue), &["[closed] story/done", "- Approved by: `bob`"]);
        assert_eq!(w.story(issue).await.merged_by_hand, None);
    })
    .await;
}

#[tokio::test]
async fn a_close_at_the_merge_is_not_a_cancel() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.hooks_are_lost();
        w.bob().merges(pull).await;
        w.bob().closes(issue).await;
        w.hooks_work();
        w.looks().await;
        says(&w.news(issue), &["[closed] story/done", "Merged by hand by `bob`, without the merge gate"]);
    })
    .await;
}

#[tokio::test]
async fn closing_the_issue_accepts_what_is_not_met() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), tests_in_vain()];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "testing: nobody works; blocked");
        w.news(issue);
        w.hooks_are_lost();
        w.bob().closes(issue).await;
        w.looks().await;
        w.hooks_work();
        says(&w.news(issue), &["[closed] story/done", "- 1 acceptance criterion was not met; somebody closed the issue all the same"]);
    })
    .await;
}

#[tokio::test]
async fn a_pull_request_opened_again_by_hand_goes_on() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().closes(pull).await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting, blocked");
        w.bob().comments(pull, "/syndarix fix more").await;
        w.settle().await;
        says(&w.news(pull), &["The pull request is closed. Type `/syndarix retry` first, which opens it again."]);
        w.hooks_are_lost();
        w.bob().reopens(pull).await;
        w.hooks_work();
        w.looks().await;
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
    })
    .await;
}

#[tokio::test]
async fn a_review_that_was_cut_off_is_made_up_for_after_retry() {
    scenario(to_the_review(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.model.interrupt("reviewer", 0, w.bob().request(Method::PATCH, &format!("issues/{pull}"), &json!({"state": "closed"})));
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "review: nobody works; blocked");
        w.alice().comments(pull, "/syndarix retry").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
        assert_eq!(w.runs(issue, "review").await, 2);
        says(&w.news(pull), &["[open] pr/reviewing", "The review of <"]);
    })
    .await;
}

#[tokio::test]
async fn a_reopened_story_waits_for_a_new_plan() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().approves(pull).await;
        w.settle().await;
        w.news(issue);
        w.bob().reopens(issue).await;
        w.settle().await;
        assert_eq!(w.news(issue), "[open] story/done\n");
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
        w.bob().comments(issue, "/syndarix test\n/syndarix start").await;
        w.settle().await;
        says(&w.news(issue), &["No story is under way here.", "The story is done."]);
    })
    .await;
}
