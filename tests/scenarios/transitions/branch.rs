//! The branch in people's hands.

use super::super::answers::*;
use super::super::scenario;
use super::super::world::has_reviews;
use super::says;

const BRANCH: &str = "syndarix/1-three-items-no-discount";

#[tokio::test]
async fn an_approval_of_a_pushed_head_counts_once_the_agents_may_go_on() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        let old = w.head_of(pull).await;
        w.alice().pushes(pull, "hand.md", "by hand\n").await;
        w.settle().await;
        w.news(pull);
        if has_reviews() {
            w.bob().approves_head(pull, &old).await;
            w.settle().await;
            says(&w.news(pull), &["It is for an older head: <", "Type `/syndarix resume`"]);
        }
        w.bob().comments(pull, "/syndarix approve").await;
        w.bob().comments(pull, "/syndarix fix\n/syndarix review\n/syndarix retry").await;
        w.settle().await;
        let page = w.news(pull);
        says(&page, &["so what waited for your approval is not what would be merged. Type `/syndarix resume`"]);
        assert_eq!(page.matches("the agents stopped for that").count() + page.matches("The agents stopped for that").count(), 3, "{page}");
        w.bob().approves(pull).await;
        w.settle().await;
        says(&w.news(pull), &["It counts once the agents may take up that commit."]);
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
        w.alice().comments(pull, "/syndarix resume").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
    })
    .await;
}

#[tokio::test]
async fn a_push_that_names_nobody_lets_nobody_approve() {
    scenario(to_the_review(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.hooks_are_lost();
        w.bob().pushes(pull, "hand.md", "by hand\n").await;
        w.looks().await;
        w.hooks_work();
        w.alice().comments(pull, "/syndarix resume").await;
        w.settle().await;
        w.news(pull);
        w.bob().approves(pull).await;
        w.settle().await;
        says(
            &w.news(pull),
            &["It does not count for the merge: the forge did not say who pushed <", "can add that address to the account"],
        );
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn a_push_that_names_nobody_does_no_harm_when_its_author_has_an_account() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.hooks_are_lost();
        w.alice().pushes_as(pull, "hand.md", "by hand\n", &w.noreply_of("alice")).await;
        w.looks().await;
        w.hooks_work();
        w.alice().comments(pull, "/syndarix resume").await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
    })
    .await;
}

#[tokio::test]
async fn a_deleted_branch_is_put_back_by_retry() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        let head = w.head_of(pull).await;
        for _ in 0..2 {
            w.bob().deletes_branch(BRANCH).await;
            w.settle().await;
            says(&w.stands(issue).await, &["review: nobody works; ", "blocked"]);
            says(&w.status(issue), &["`/syndarix retry` puts it back."]);
            w.alice().comments(pull, "/syndarix retry").await;
            w.settle().await;
            assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
            assert_eq!((w.head_of(pull).await, w.news(pull).starts_with("[open]")), (head.clone(), true));
        }
        assert_eq!(w.page(issue).matches("was deleted, so the story stands still").count(), 2);
        w.bob().approves(pull).await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
    })
    .await;
}

#[tokio::test]
async fn a_pull_request_that_goes_elsewhere_is_not_merged() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().makes_branch("release").await;
        w.bob().retargets(pull, "release").await;
        w.settle().await;
        says(&w.news(pull), &["`bob` pointed this pull request at `release` instead of `main`."]);
        w.bob().approves(pull).await;
        w.looks().await;
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting, blocked");
        says(&w.status(issue), &["goes to `release` instead of `main`", "It is merged once it goes to `main` again"]);
        w.bob().retargets(pull, "main").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
        w.mona().deletes_branch("release").await;
    })
    .await;
}

#[tokio::test]
async fn a_draft_is_not_merged_until_the_mark_is_off() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().renames(pull, "WIP: Three items").await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
        says(&w.status(issue), &["The pull request is marked as a draft, and drafts are not merged."]);
        w.hooks_are_lost();
        w.bob().renames(pull, "Three items").await;
        w.looks().await;
        w.hooks_work();
        w.looks().await;
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
    })
    .await;
}
