//! What merges by itself, on request and unasked, and what it does to approvals.

use insta::assert_snapshot;

use super::super::answers::*;
use super::super::scenario;
use super::super::world::policy;

#[tokio::test]
async fn rebase_merges_the_base_branch_and_voids_approvals() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "other.md", "news\n").await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `main` (<4>) was merged into this branch as <5>, without conflicts, so the change under review is the same. Approvals given on <3> do not count for it.
    --- syndarix
    The review of <5> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <5> by somebody with write permission is missing

    To approve it, leave an approving review on <5> or type `/syndarix approve <5>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        let (log, whole) = w.branch_log();
        assert_eq!((log[0].as_str(), whole), ("2 Merge branch 'main' into syndarix/1-three-items-no-discount", true));
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <6>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
        assert_eq!((w.file("main", "other.md").as_str(), w.file("main", "one.md").as_str()), ("news\n", "one.md was here\n"));
    })
    .await;
}

#[tokio::test]
async fn a_branch_that_holds_everything_is_left_alone() {
    scenario(to_the_review(), async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        let head = w.head_of(pull).await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    This branch holds all of `main` (<4>) already, so there was nothing to merge.
    ");
        assert_eq!(w.head_of(pull).await, head);
    })
    .await;
}

#[tokio::test]
async fn the_engineer_resolves_conflicts_and_the_reviewer_looks_again() {
    let rules = [smooth(), vec![resolves_at_last("one.md", "one.md was here, and so was Mona\n")]].concat();
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `main` (<4>) was merged into this branch as <5>, and the engineer resolved its conflicts; the reviewer looks at the result. Approvals given on <3> do not count for it.

    Kept both sides of `one.md`.
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <5> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <5> by somebody with write permission is missing

    To approve it, leave an approving review on <5> or type `/syndarix approve <5>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        let (log, whole) = w.branch_log();
        assert_eq!((log[0].as_str(), whole), ("2 merge the base branch", true));
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <6>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
        assert_eq!(w.file("main", "one.md"), "one.md was here, and so was Mona\n");
    })
    .await;
}

#[tokio::test]
async fn an_approved_pull_request_in_conflict_is_brought_up_to_date_unasked() {
    let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob approved (stale, on an older head)
    --- syndarix
    Everything for the merge of <3> was there, but `main` (<4>) has changed the same lines since. I merge `main` into this branch now; what was approved on <3> has to be approved once more on the new head.
    --- syndarix
    `main` (<4>) was merged into this branch as <5>, and the engineer resolved its conflicts; the reviewer looks at the result. Approvals given on <3> do not count for it.

    Kept both sides of `one.md`.
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <5> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <5> by somebody with write permission is missing
    - `bob` approved <3>, and the head has moved since

    To approve it, leave an approving review on <5> or type `/syndarix approve <5>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged
    --- bob approved (dismissed, stale, on an older head)
    --- bob approved
    ");
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <6>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
    })
    .await;
}

#[tokio::test]
async fn a_base_branch_that_keeps_moving_is_followed_three_times() {
    scenario(smooth(), async |w| {
        w.main_is_protected().await;
        let (_, pull) = w.story_is_reviewed().await;
        for number in 0..3 {
            w.mona().pushes_to("main", &format!("{number}.md"), "news\n").await;
            w.bob().approves(pull).await;
            w.settle().await;
            let said = w.news(pull);
            assert!(said.contains("I merge `main` into this branch now"), "{said}");
            assert!(w.branch_log().1);
        }
        w.mona().pushes_to("main", "3.md", "news\n").await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob approved (dismissed, stale, on an older head)
    --- bob approved
    --- syndarix
    @alice: `main` was merged into this branch 3 times without anybody asking, and again the pull request cannot be merged: the base branch is at <10> by now.

    Type `/syndarix rebase` to have it merged in once more, or merge by hand when the base branch is quiet.
    ");
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
    })
    .await;
}

#[tokio::test]
async fn at_full_control_a_person_is_asked_before_anything_is_pushed() {
    let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
    scenario(policy(rules, "autonomy = \"full-control\""), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        w.bob().approves(pull).await;
        w.settle().await;
        w.news(issue);
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob
    /syndarix approve
    (+1 by syndarix)
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <3> is finished. The merge waits (autonomy FULL_CONTROL):

    - an approval on <3> by somebody with write permission is missing

    To approve it, leave an approving review on <3> or type `/syndarix approve <3>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    --- bob approved
    --- syndarix
    @alice: this pull request cannot be merged as it is: `main` (<4>) has changed the same lines since. Autonomy FULL_CONTROL asks a person first.

    Type `/syndarix rebase` here to have `main` merged into this branch.
    ");
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    @alice: code for `syndarix/1-three-items-no-discount` is committed but not pushed: autonomy FULL_CONTROL asks a person first (version `<5>`). Files: `one.md`.

    - To let it be pushed, type `/syndarix approve <5>`.
    - To send it back, type `/syndarix revise <what to change>`.

    <details><summary>The change</summary>

    ```diff
    diff --git a/one.md b/one.md
    index 7ba6673..49f33a8 100644
    --- a/one.md
    +++ b/one.md
    @@ -1 +1 @@
    -one.md was here
    +both
    ```

    </details>
    ");
        w.bob().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.news(pull);
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [x] Review
    - [ ] **Testing**: waits for a person
    - [ ] Done

    **Waiting for a person:** Approval of closing the issue. `/syndarix approve` on #2 passes it.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: FULL_CONTROL, a person approves every step
    ");
        w.alice().comments(issue, "/syndarix approve").await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]"));
    })
    .await;
}
