//! Whose approval counts, and on which head.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;
use super::world::{has_reviews, policy};

#[tokio::test]
async fn an_approval_of_an_older_head_does_not_merge() {
    let mut rules = to_the_review();
    rules.push(tests());
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        // The push is on its way while Bob approves what he sees.
        w.bob().approves(pull).await;
        w.alice().pushes(pull, "late.md", "one more thing\n").await;
        w.settle().await;
        // Either may be read first, and each time both are answered.
        let news = w.news(pull);
        let (vote, head) = news.split_once("\n--- syndarix\n`alice` pushed <4>").map_or((&*news, ""), |(before, after)| (before, after));
        assert!(head.contains("Type `/syndarix resume` when they may go on from there."), "{news}");
        let before = vote.contains("`bob` approved <3>, and the head has moved since. Look at what came since, and approve again.");
        assert!(before || head.contains("It is for an older head: <4> was pushed by hand since and is not reviewed yet."), "{news}");
        assert!(news.starts_with("[open] pr/reviewing, syndarix/waiting\n--- bob approved (stale, on an older head)\n"), "{news}");
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
    - `bob` approved <3>, and the head has moved since

    To approve it, leave an approving review on <4> or type `/syndarix approve <4>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged
    --- bob approved (dismissed, stale, on an older head)
    --- bob approved
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [x] Review
    - [x] Testing
    - [x] Done

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
    })
    .await;
}

#[tokio::test]
async fn approvals_that_do_not_count_say_why() {
    scenario(to_the_review(), async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        w.alice().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice approved
    --- syndarix
    Thank you for the approval. It does not count for the merge: `alice` asked for this story, and the requester does not count for the merge (an admin can lift that with `one_person_team = true` in the project's configuration). Somebody else with write permission has to approve.
    ");
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix approve
    --- syndarix
    **Not done:** `alice` asked for this story, and the requester does not count for the merge (an admin can lift that with `one_person_team = true` in the project's configuration). Ask somebody else with write permission to approve.
    ");
        if has_reviews() {
            w.rita().approves(pull).await;
            w.settle().await;
            assert_snapshot!(w.news(pull), @r"
            [open] pr/reviewing, syndarix/waiting
            --- rita approved (not official)
            --- syndarix
            Thank you for the approval. It does not count for the merge: `rita` needs write permission here and has: read. Somebody else with write permission has to approve.
            ");
        }
        w.rita().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- rita
    /syndarix approve
    --- syndarix
    **Not done:** `approve` needs write permission in this repository; `rita` has: read. Ask somebody who may push to this repository to type it, or a maintainer for write permission.
    ");
        let own = w.bot().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix
    /syndarix approve
    ");
        w.bot().deletes(own).await;
        assert_eq!(w.sandbox.counts(super::world::REPO).unwrap().merged, 0);
    })
    .await;
}

#[tokio::test]
async fn a_team_of_one_may_approve_its_own() {
    scenario(policy(smooth(), "one_person_team = true"), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.alice().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged
    --- alice approved
    ");
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <4>
    - Approved by: `alice`
    - Cost: $0.00 of $5.00
    ");
    })
    .await;
}

#[tokio::test]
async fn who_pushed_a_commit_may_not_approve_it() {
    scenario(to_the_review(), async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        w.bob().pushes(pull, "hand.md", "by hand\n").await;
        w.settle().await;
        w.bob().comments(pull, "/syndarix resume").await;
        w.settle().await;
        w.news(pull);
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob approved
    --- syndarix
    Thank you for the approval. It does not count for the merge: `bob` made a commit on this branch, and commit authors do not count for the merge (an admin can lift that with `one_person_team = true` in the project's configuration). Somebody else with write permission has to approve.
    ");
    })
    .await;
}
