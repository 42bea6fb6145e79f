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
    --- syndarix
    `alice` pushed <4> to this branch. The agents stopped, and nothing of that work will be overwritten.

    Type `/syndarix resume` when they may go on from there.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [ ] **Review**: waits for a person
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** A person pushed to the branch. `/syndarix resume` goes on from there.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        w.alice().comments(pull, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix resume
    (+1 by syndarix)
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <4> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <4> by somebody with write permission is missing

    To approve it, leave an approving review on <4> or type `/syndarix approve <4>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <5>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
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

    - Merged: pull request #2 as <4>
    - Merged by hand by `bob`, without the merge gate
    - Cost: $0.00 of $5.00
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

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [ ] **Review**: waits for a person
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Approval of the merge.

    **Blocked:** The pull request was closed without being merged. `/syndarix retry` opens it again.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
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

    - Merged: pull request #2 as <4>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
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
    **Cancelled** by `bob`: the issue was closed. The branch `syndarix/1-three-items-no-discount` is kept. Nothing runs any more.

    To start over, type `/syndarix plan`; reopen the issue first if it is closed.
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
    This draft holds the plan for #1 as the file `.syndarix/plans/1.md`. Comment on its lines to have it changed; the code follows once it is approved.

    Refs #1

    *Made by Syndarix agents for `bob`. Each commit names its agent and run in its trailers.*

    --- syndarix
    @bob: the plan is ready for approval. It is the file `.syndarix/plans/1.md` of this pull request (version `<1>`, commit <3>). The architect estimates a cost of $0.02.

    - To approve it, leave an approving review or type `/syndarix approve`.
    - To send it back, request changes in a review or type `/syndarix revise <what to change>`.
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
    **Cancelled** by `bob`: `/syndarix cancel` was typed. The branch `syndarix/1-three-items-no-discount` is kept. Nothing runs any more.

    To start over, type `/syndarix plan`; reopen the issue first if it is closed.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    **Cancelled.** To start over, type `/syndarix plan`.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        assert_eq!(w.sandbox.counts(super::world::REPO).unwrap().branches, 2);
    })
    .await;
}
