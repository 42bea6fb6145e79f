//! What goes wrong is said, and the rest goes on.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;
use super::world::{Setup, policy};

#[tokio::test]
async fn over_budget_says_who_can_raise_it() {
    let setup = Setup { price: "{ input = 5000.0, output = 5000.0 }".into(), ..policy(vec![analyses()], "soft_usd = 0.5\nhard_usd = 30.0") };
    scenario(setup, async |w| {
        let issue = w.story_is_planned().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/analysis, syndarix/over-budget
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- syndarix
    @alice: Ines (product-owner) could not finish: The budget of \$30.00 does not cover the next model call: \$0.00 is spent, and the call may cost up to \$30.75. A maintainer can raise the limit with `/syndarix budget set <usd>`; then type `/syndarix retry`.

    A maintainer can raise the budget in the project's configuration; then type `/syndarix retry`.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [ ] analysis ← now
    - [ ] design
    - [ ] implementation
    - [ ] review
    - [ ] testing
    - [ ] done

    **Over budget:** The budget of $30.00 does not cover the next model call: $0.00 is spent, and the call may cost up to $30.75. A maintainer can raise the limit with `/syndarix budget set <usd>`; then type `/syndarix retry`..

    Cost so far: $0.00 of $30.00 · Autonomy: MILESTONE
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
    @alice: Lena (engineer) could not finish: its answers did not have the asked-for form, even after it was told what was wrong

    Type `/syndarix retry` to run this step again, `/syndarix revise <hint>` to give a hint, or `/syndarix cancel`.
    ");
        w.alice().comments(pull, "/syndarix retry").await;
        w.settle().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] analysis
    - [x] design
    - [x] implementation
    - [ ] review ← now
    - [ ] testing
    - [ ] done

    **Waiting for a person:** approval of the merge.

    Pull request: [#2](http://forge/acme/shop/pulls/2)

    Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE
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
    The work is merged, but the tester found acceptance criteria that are not met:

    - [ ] A cart with exactly three items gets the discount.: the comparison is still `>`

    By reading.

    Type `/syndarix retry` to have them checked again, or close the issue if this is good enough.
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

    - merged: pull request #2 as <4>
    - approved by: `bob`
    - cost: $0.00
    - record: 77 entries so far, head `<5>`; check it with `syndarix audit verify`
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
