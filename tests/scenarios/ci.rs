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
    --- syndarix comments (stale, on an older head)
    Idris (reviewer): no findings.

    Fits the plan.
    --- bob approved (stale, on an older head)
    --- syndarix comments
    Idris (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The reviewer agent has no open findings on <4>. Before Syndarix merges, this is missing:

    - an approval on <4> by somebody with write permission is missing
    - @bob approved <3>, and the head has moved since

    Approve this pull request on its current head, or type `/syndarix approve <4>`. CI results that are red or still running hold the merge; where there is no CI, nothing was tested. Autonomy: MILESTONE.
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

    - merged: pull request #2 as <5>
    - approved by: `bob`
    - cost: $0.00
    - record: 89 entries so far, head `<6>`; check it with `syndarix audit verify`
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
    CI check `build` is still red after 1 tries, so a person has to look.

    Type `/syndarix revise <hint>` to let the engineer try once more, push a fix yourself, or `/syndarix cancel`.
    ");
    })
    .await;
}
