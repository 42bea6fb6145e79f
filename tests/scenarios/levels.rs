//! Maintainers set the autonomy level by command; labels follow.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;
use super::world::policy;

#[tokio::test]
async fn a_level_is_set_by_maintainers_up_to_the_ceiling() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.bob().comments(issue, "/syndarix autonomy set full-control").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(issue, "/syndarix autonomy set full-contrl").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix autonomy set autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(issue, "/syndarix autonomy set full-control").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        assert_snapshot!(w.status(issue), @"");
        w.rita().comments(issue, "/syndarix autonomy").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(issue, "/syndarix autonomy set default").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
    })
    .await;
}

#[tokio::test]
async fn a_looser_level_passes_the_plan_that_waits() {
    scenario(policy(to_the_review(), "autonomy_ceiling = \"autonomous\"\nprotected_paths = [\"one.md\"]"), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(issue);
        w.news(pull);
        w.alice().comments(issue, "/syndarix pause").await;
        w.settle().await;
        w.news(issue);
        w.mona().comments(pull, "/syndarix autonomy set autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
        assert!(!w.story(issue).await.plan_approved, "nothing moves while it is paused");
        w.alice().comments(issue, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
        assert!(w.story(issue).await.plan_approver.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_tighter_level_asks_before_the_push() {
    scenario(policy(smooth(), "autonomy_ceiling = \"autonomous\""), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().comments(pull, "/syndarix autonomy set autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
        assert_snapshot!(w.news(issue), @"");
    })
    .await;
}

#[tokio::test]
async fn a_project_level_holds_for_new_stories() {
    scenario(to_the_plan(), async |w| {
        let first = w.alice().opens_issue("Something else", "Later.").await;
        w.mona().comments(first, "/syndarix autonomy set full-control").await;
        w.settle().await;
        w.mona().comments(first, "/syndarix autonomy set full-control --project").await;
        w.settle().await;
        assert_snapshot!(w.news(first), @"");
        let issue = w.story_is_planned().await;
        w.rita().comments(issue, "/syndarix autonomy").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(issue, "/syndarix autonomy set default --project").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
    })
    .await;
}

#[tokio::test]
async fn a_tight_label_taken_off_is_put_back_and_said_once() {
    scenario(to_the_plan(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.labels_are_there().await;
        // Put on before the story begins.
        w.alice().labels(issue, "autonomy/full-control").await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        w.news(issue);
        w.bob().unlabels(issue, "autonomy/full-control").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.bob().unlabels(issue, "autonomy/full-control").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        // A command does what a label may not.
        w.mona().comments(issue, "/syndarix autonomy set milestone").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
    })
    .await;
}
