//! How many stories are at work at once.

use super::super::answers::*;
use super::super::scenario;
use super::super::world::{REPO, World, policy};
use super::says;

/// One story under review, and a second one whose plan is approved. Issues and pull requests.
async fn two_stories(w: &World) -> [(i64, i64); 2] {
    let first = w.story_is_reviewed().await;
    let second = w.story_is_planned().await;
    let pull = w.pull();
    w.news(pull);
    w.alice().comments(pull, "/syndarix approve").await;
    w.settle().await;
    [first, (second, pull)]
}

#[tokio::test]
async fn one_story_too_many_waits_and_begins_by_itself() {
    scenario(policy(smooth(), "max_stories = 1"), async |w| {
        let [(first, one), (second, two)] = two_stories(w).await;
        says(
            &w.news(two),
            &[
                "The plan is approved. 1 story is at work in this repository and `max_stories` is 1",
                "it is the next in line",
                "type `/syndarix start`",
            ],
        );
        assert_eq!(w.stands(second).await, "implementation: nobody works; no flags");
        says(&w.status(second), &["- [ ] **Implementation**: waits for a free place; `/syndarix start` begins now"]);
        w.looks().await;
        w.bob().comments(two, "/syndarix retry").await;
        w.bob().comments(two, "/syndarix revise and mind the empty cart").await;
        w.settle().await;
        says(&w.news(two), &["the story waits for a free place and begins by itself", "Your text is kept"]);
        assert_eq!(w.runs(second, "implement").await, 0);
        w.bob().approves(one).await;
        w.settle().await;
        assert_eq!(w.stands(first).await, "done: nobody works; no flags");
        assert_eq!(w.stands(second).await, "review: nobody works; waiting");
        says(&w.told(second, "implement").await, &["and mind the empty cart"]);
    })
    .await;
}

#[tokio::test]
async fn start_does_not_wait_for_a_place() {
    scenario(policy(to_the_review(), "max_stories = 1"), async |w| {
        let [(first, one), (second, two)] = two_stories(w).await;
        w.bob().comments(one, "/syndarix start").await;
        w.bob().comments(two, "/syndarix start").await;
        w.settle().await;
        says(&w.news(one), &["**Not done:** The story is started already and is in review."]);
        assert_eq!(w.stands(first).await, "review: nobody works; waiting");
        assert_eq!(w.stands(second).await, "review: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn start_says_why_there_is_nothing_to_start() {
    scenario(to_the_plan(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix start").await;
        w.settle().await;
        says(&w.news(issue), &["There is no story here that could be started. Plan one with `/syndarix plan`."]);
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        w.alice().comments(issue, "/syndarix start").await;
        w.settle().await;
        says(&w.news(issue), &["The plan is not approved yet."]);
        w.alice().comments(issue, "/syndarix pause\n/syndarix start").await;
        w.settle().await;
        says(&w.news(issue), &["The story is paused. Type `/syndarix resume` to go on."]);
    })
    .await;
}

#[tokio::test]
async fn the_count_is_mended_from_the_stories_themselves() {
    scenario(policy(smooth(), "max_stories = 1"), async |w| {
        let [(_, one), (second, _)] = two_stories(w).await;
        let project = w.project(REPO).await;
        let mut tx = w.store().begin(project).await.unwrap();
        let kept = tx.object("places", "stories").await.unwrap().unwrap().data;
        tx.put_object("places", "stories", &serde_json::json!({"held": [], "queue": []}), None).await.unwrap();
        tx.commit().await.unwrap();
        w.looks().await;
        let mut tx = w.store().begin_read(project).await.unwrap();
        assert_eq!(tx.object("places", "stories").await.unwrap().unwrap().data, kept);
        tx.rollback().await.unwrap();
        assert_eq!(w.runs(second, "implement").await, 0);
        w.bob().approves(one).await;
        w.settle().await;
        assert_eq!(w.stands(second).await, "review: nobody works; waiting");
    })
    .await;
}
