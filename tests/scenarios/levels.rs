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
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- bob
    /syndarix autonomy set full-control
    --- syndarix
    **Not done:** `autonomy` needs maintainer permission in this repository; `bob` has: write. Ask a maintainer (an administrator of this repository) or its owner to type it.
    ");
        w.mona().comments(issue, "/syndarix autonomy set full-contrl").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix autonomy set autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- mona
    /syndarix autonomy set full-contrl
    --- syndarix
    **Not done:** `autonomy` does not know `full-contrl` there; it knows `full-control`, `milestone`, `autonomous`, `default`. Did you mean `full-control`? Type `/syndarix autonomy [show] [set <level>] [--project]`.
    --- mona
    /syndarix autonomy set autonomous
    --- syndarix
    **Not done:** The configuration of this project allows MILESTONE at most to be set by command. An administrator can raise `autonomy_ceiling` in the project's configuration; `/syndarix config` shows where that is.
    ");
        w.mona().comments(issue, "/syndarix autonomy set full-control").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] autonomy/full-control, story/design, syndarix/waiting
    --- mona
    /syndarix autonomy set full-control
    --- syndarix
    This story is now at FULL_CONTROL: a person approves every step. The plan still waits for an approval. What was let through before stays so.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [ ] **Design**: waits for a person
    - [ ] Implementation
    - [ ] Review
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Approval of the plan. `/syndarix approve` or an approving review on #2 passes it.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: FULL_CONTROL, a person approves every step
    ");
        w.rita().comments(issue, "/syndarix autonomy").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] autonomy/full-control, story/design, syndarix/waiting
    --- rita
    /syndarix autonomy
    --- syndarix
    This story is at **FULL_CONTROL** (set by command by `mona`): a person approves every step.

    New stories of this project begin at **MILESTONE** (from its configuration): a person approves the plan and the merge. A maintainer may set up to MILESTONE with `/syndarix autonomy set <level>`; a label `autonomy/...` may only tighten.
    ");
        w.mona().comments(issue, "/syndarix autonomy set default").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] autonomy/milestone, story/design, syndarix/waiting
    --- mona
    /syndarix autonomy set default
    --- syndarix
    This story is now at MILESTONE: a person approves the plan and the merge. The plan still waits for an approval.
    ");
    })
    .await;
}

#[tokio::test]
async fn a_looser_level_passes_the_plan_that_waits() {
    scenario(policy(smooth(), "autonomy_ceiling = \"autonomous\""), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(issue);
        w.news(pull);
        w.alice().comments(issue, "/syndarix pause").await;
        w.settle().await;
        w.news(issue);
        w.mona().comments(pull, "/syndarix autonomy set autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/paused, syndarix/waiting
    --- mona
    /syndarix autonomy set autonomous
    --- syndarix
    This story is now at AUTONOMOUS: a person approves critical actions only. The story is stopped, so the plan goes on waiting until `/syndarix resume`.
    ");
        assert!(!w.story(issue).await.plan_approved, "nothing moves while it is paused");
        w.alice().comments(issue, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    ");
        assert!(w.story(issue).await.plan_approver.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_looser_level_orders_the_merge_that_waits() {
    scenario(policy(smooth(), "autonomy_ceiling = \"autonomous\""), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().comments(pull, "/syndarix autonomy set autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged
    --- mona
    /syndarix autonomy set autonomous
    --- syndarix
    This story is now at AUTONOMOUS: a person approves critical actions only. The merge that waited is ordered: at this level nobody has to approve it, and everything else it needs is there.
    ");
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <4>
    - Approved by: nobody, as autonomy AUTONOMOUS allows
    - Cost: $0.00 of $5.00
    ");
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
        assert_snapshot!(w.news(first), @r"
    [open] no labels
    --- mona
    /syndarix autonomy set full-control
    --- syndarix
    **Not done:** No story is under way here, so there is nothing to set. `/syndarix autonomy set <level> --project` sets the level at which new stories begin.
    --- mona
    /syndarix autonomy set full-control --project
    --- syndarix
    New stories of this project begin at FULL_CONTROL: a person approves every step.
    ");
        let issue = w.story_is_planned().await;
        w.rita().comments(issue, "/syndarix autonomy").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- rita
    /syndarix autonomy
    --- syndarix
    This story is at **FULL_CONTROL** (the project's level when the story began): a person approves every step.

    New stories of this project begin at **FULL_CONTROL** (set by `mona` on 2026-08-03 09:00 UTC): a person approves every step. A maintainer may set up to MILESTONE with `/syndarix autonomy set <level>`; a label `autonomy/...` may only tighten.
    ");
        w.mona().comments(issue, "/syndarix autonomy set default --project").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- mona
    /syndarix autonomy set default --project
    --- syndarix
    New stories of this project begin at the level of its configuration again. This story stays at FULL_CONTROL; `/syndarix autonomy set <level>` changes it.
    ");
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
        assert_snapshot!(w.news(issue), @r"
    [open] autonomy/full-control, story/design, syndarix/waiting
    --- syndarix
    The label `autonomy/full-control` was put back as it was: taking it off would loosen the autonomy level, and this story is at FULL_CONTROL; a maintainer loosens it with `/syndarix autonomy set <level>`. I say this once; `/syndarix status` shows where the story is.
    ");
        w.bob().unlabels(issue, "autonomy/full-control").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"[open] autonomy/full-control, story/design, syndarix/waiting");
        // A command does what a label may not.
        w.mona().comments(issue, "/syndarix autonomy set milestone").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] autonomy/milestone, story/design, syndarix/waiting
    --- mona
    /syndarix autonomy set milestone
    --- syndarix
    This story is now at MILESTONE: a person approves the plan and the merge. The plan still waits for an approval.
    ");
    })
    .await;
}
