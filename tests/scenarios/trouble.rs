//! What goes wrong is said, and the rest goes on.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;
use super::world::{Setup, policy};

#[tokio::test]
async fn over_budget_says_who_can_raise_it() {
    let setup = Setup { price: "{ input = 5000.0, output = 5000.0 }".into(), ..policy(Vec::new(), "soft_usd = 0.5\nhard_usd = 30.0") };
    scenario(setup, async |w| {
        let issue = w.story_is_planned().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/analysis, syndarix/over-budget
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- syndarix
    @alice: Somebody (product-owner) could not finish. The budget of \$30.00 does not cover the next model call: \$0.00 is spent, and the call may cost up to \$30.75. A maintainer can raise it with `/syndarix budget set <amount>`.

    Once the budget is raised, type `/syndarix retry`, or end the story with `/syndarix cancel`.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [ ] **Analysis**: waits for a person
    - [ ] Design
    - [ ] Implementation
    - [ ] Review
    - [ ] Testing
    - [ ] Done

    **Over budget:** The budget of \$30.00 does not cover the next model call: \$0.00 is spent, and the call may cost up to \$30.75. A maintainer can raise it with `/syndarix budget set <amount>`. `/syndarix retry` runs the step again.

    Cost so far: $0.00 of $30.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
    })
    .await;
}

#[tokio::test]
async fn an_engineer_that_finds_no_form_gives_up_and_asks() {
    scenario(vec![analyses(), designs("first"), round(0, never_finishes()), round(1, implements("one.md")), accepts()], async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(pull);
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- alice
    /syndarix approve
    (+1 by syndarix)
    --- syndarix
    @alice: Somebody (engineer) could not finish. Its answers did not have the asked-for form, even after it was told what was wrong.

    Type `/syndarix retry` to run this step again, `/syndarix revise <hint>` to give a hint, or `/syndarix cancel` to end the story.
    ");
        w.alice().comments(pull, "/syndarix retry").await;
        w.settle().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [ ] **Review**: waits for a person
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Approval of the merge. `/syndarix approve` or an approving review on #2 passes it.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
    })
    .await;
}

#[tokio::test]
async fn criteria_that_are_not_met_block_after_the_merge() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), round(0, tests_in_vain()), round(1, tests())];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/testing, syndarix/blocked
    --- syndarix
    The work is merged, but not all of its acceptance criteria are met:

    - [ ] A cart with exactly three items gets the discount.
      the comparison is still `>`

    By reading.

    Type `/syndarix fix` to have it mended in a second pull request, or `/syndarix retry` to have the criteria checked again. Close the issue if this is good enough.
    ");
        w.alice().comments(issue, "/syndarix retry").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- alice
    /syndarix retry
    (eyes by syndarix)
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <4>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
    })
    .await;
}

#[tokio::test]
async fn what_can_never_be_decided_is_set_aside_and_the_lane_goes_on() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.something_unreadable_is_queued(issue).await;
        w.settle().await;
        w.alice().comments(issue, "/syndarix ping").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- syndarix
    **Not done:** something went wrong each time this was tried: stored data cannot be read: missing field `id`. Type it again once that is mended.
    --- alice
    /syndarix ping
    --- syndarix
    I am here: Syndarix 0.1.0.
    ");
    })
    .await;
}
