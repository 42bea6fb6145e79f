//! What CI says.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;

#[tokio::test]
async fn red_is_mended_running_is_awaited_green_is_merged() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), fixes("two.md", &[]), tests()];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "pending").await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob approved
    ");
        w.bob().reports(&head, "build", "failure").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob approved (stale, on an older head)
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <4> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <4> by somebody with write permission is missing
    - `bob` approved <3>, and the head has moved since

    To approve it, leave an approving review on <4> or type `/syndarix approve <4>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "pending").await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob approved (dismissed, stale, on an older head)
    --- bob approved
    ");
        w.bob().reports(&head, "build", "success").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"[merged] pr/merged");
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `two.md`.

    - Merged: pull request #2 as <5>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
    })
    .await;
}

#[tokio::test]
async fn red_for_too_long_asks_a_person() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), fixes("two.md", &[])];
    scenario(super::world::policy(rules, "fix_tries = 1"), async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "failure").await;
        w.settle().await;
        w.news(pull);
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "failure").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix
    @alice: the CI check `build` is still red after 1 try, so a person has to look.

    Type `/syndarix revise <hint>` to let the engineer try once more, push a fix yourself, or end the story with `/syndarix cancel`.
    ");
    })
    .await;
}
