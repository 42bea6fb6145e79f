//! People do by hand what Syndarix would have done, or undo it.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;

#[tokio::test]
async fn a_push_by_hand_stops_the_agents_until_resume() {
    let mut rules = to_the_review();
    rules.push(tests());
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.alice().pushes(pull, "hand.md", "by hand\n").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix comments (stale, on an older head)
    Maren (reviewer): no findings.

    Fits the plan.
    --- syndarix
    `alice` pushed <4> to this branch. The agents stopped, and nothing of that work will be overwritten.

    Type `/syndarix resume` when they may go on from there.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] analysis
    - [x] design
    - [x] implementation
    - [ ] review ← now
    - [ ] testing
    - [ ] done

    **Waiting for a person:** a person pushed to the branch.

    Pull request: [#2](http://forge/acme/shop/pulls/2)

    Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE
    ");
        w.alice().comments(pull, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix resume
    (+1 by syndarix)
    --- syndarix comments
    Maren (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The reviewer agent has no open findings on <4>. Before Syndarix merges, this is missing:

    - an approval on <4> by somebody with write permission is missing

    Approve this pull request on its current head, or type `/syndarix approve <4>`. CI results that are red or still running hold the merge; where there is no CI, nothing was tested. Autonomy: MILESTONE.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - merged: pull request #2 as <5>
    - approved by: `bob`
    - cost: $0.00
    - record: 81 entries so far, head `<6>`; check it with `syndarix audit verify`
    ");
    })
    .await;
}

#[tokio::test]
async fn a_merge_by_hand_is_recorded_as_past_the_gate() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().merges(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"[merged] pr/merged");
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - merged: pull request #2 as <4>
    - merged by hand by `bob`, without the merge gate
    - cost: $0.00
    - record: 59 entries so far, head `<5>`; check it with `syndarix audit verify`
    ");
    })
    .await;
}

#[tokio::test]
async fn a_closed_pull_request_blocks_until_retry_reopens_it() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().closes(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [closed] pr/reviewing, syndarix/blocked, syndarix/waiting
    --- syndarix
    `bob` closed this pull request without merging it, so the story stands still.

    Type `/syndarix retry` to reopen it and go on, or `/syndarix cancel` to end the story.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] analysis
    - [x] design
    - [x] implementation
    - [ ] review ← now
    - [ ] testing
    - [ ] done

    **Waiting for a person, Blocked:** the pull request was closed without being merged.

    Pull request: [#2](http://forge/acme/shop/pulls/2)

    Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE
    ");
        w.alice().comments(pull, "/syndarix retry").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix retry
    (+1 by syndarix)
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - merged: pull request #2 as <4>
    - approved by: `bob`
    - cost: $0.00
    - record: 71 entries so far, head `<5>`; check it with `syndarix audit verify`
    ");
    })
    .await;
}

#[tokio::test]
async fn a_closed_issue_cancels_and_a_new_plan_gets_a_branch_of_its_own() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        let first = w.pull();
        w.news(issue);
        w.news(first);
        w.bob().closes(issue).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] no labels
    --- syndarix
    This story ended by `bob`: the issue was closed. The branch `syndarix/1-three-items-no-discount` stays. Nothing runs any more; `/syndarix plan` starts over.
    ");
        assert_snapshot!(w.news(first), @r"[closed] pr/submitted");
        w.bob().reopens(issue).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"[open] no labels");
        w.bob().comments(issue, "/syndarix plan").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- bob
    /syndarix plan
    (eyes by syndarix)
    ");
        assert_ne!(w.pull(), first);
        assert_snapshot!(w.page(w.pull()), @r"
    #3 WIP: Three items, no discount (#1) [draft] by syndarix
    syndarix/1-three-items-no-discount-2 -> main, +3 -0 in 1 files
    labels: pr/submitted, syndarix/waiting
    The plan for this story is the file `.syndarix/plans/1.md` in this draft; comment on its lines.

    Refs #1

    *Made by Syndarix agents for `bob`. Each commit names its agent and run in its trailers.*

    --- syndarix
    @bob: the plan is ready for approval as `.syndarix/plans/1.md` in this pull request (version `<1>`, commit <3>). The architect estimates a cost of $0.02.

    - Approve it with an approving review or `/syndarix approve`.
    - Send it back with requested changes or `/syndarix revise <what to change>`.
    ");
    })
    .await;
}

#[tokio::test]
async fn cancel_ends_the_story_and_keeps_the_branch() {
    scenario(to_the_review(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().comments(pull, "/syndarix cancel").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [closed] pr/reviewing
    --- bob
    /syndarix cancel
    (+1 by syndarix)
    ");
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- syndarix
    This story ended by `bob`: cancelled by command. The branch `syndarix/1-three-items-no-discount` stays. Nothing runs any more; `/syndarix plan` starts over.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [ ] analysis
    - [ ] design
    - [ ] implementation
    - [ ] review
    - [ ] testing
    - [ ] done

    Cancelled. `/syndarix plan` starts over.

    Pull request: [#2](http://forge/acme/shop/pulls/2)

    Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE
    ");
        assert_eq!(w.sandbox.counts(super::world::REPO).unwrap().branches, 2);
    })
    .await;
}
