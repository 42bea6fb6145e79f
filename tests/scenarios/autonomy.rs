//! How much happens without a person.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;
use super::world::policy;

#[tokio::test]
async fn full_control_waits_at_plan_push_merge_and_close() {
    scenario(policy(smooth(), "autonomy = \"full-control\""), async |w| {
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
    @alice: code for `syndarix/1-three-items-no-discount` is committed but not pushed: autonomy FULL_CONTROL asks a person first (version `<3>`). Files: `one.md`.

    - To let it be pushed, type `/syndarix approve <3>`.
    - To send it back, type `/syndarix revise <what to change>`.

    <details><summary>The change</summary>

    ```diff
    diff --git a/.syndarix/plans/1.md b/.syndarix/plans/1.md
    deleted file mode 100644
    index c5b289c..0000000
    --- a/.syndarix/plans/1.md
    +++ /dev/null
    @@ -1,3 +0,0 @@
    -# The first plan
    -
    -1. In `shop/cart.py`, compare with `>=`.
    diff --git a/one.md b/one.md
    new file mode 100644
    index 0000000..7ba6673
    --- /dev/null
    +++ b/one.md
    @@ -0,0 +1 @@
    +one.md was here
    ```

    </details>
    ");
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix approve
    (+1 by syndarix)
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <3> is finished. The merge waits (autonomy FULL_CONTROL):

    - an approval on <3> by somebody with write permission is missing

    To approve it, leave an approving review on <3> or type `/syndarix approve <3>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        w.bob().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged, syndarix/waiting
    --- bob
    /syndarix approve
    (+1 by syndarix)
    --- syndarix
    The work is merged and its acceptance criteria are met:

    - [x] A cart with exactly three items gets the discount.
      read on the main branch

    Type `/syndarix approve` to close this issue.
    ");
        w.news(issue);
        w.bob().comments(issue, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- bob
    /syndarix approve
    (+1 by syndarix)
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
async fn autonomous_needs_nobody() {
    scenario(policy(smooth(), "autonomy = \"autonomous\""), async |w| {
        let issue = w.story_is_planned().await;
        assert_snapshot!(w.page(issue), @r"
    #1 Three items, no discount [closed] by alice
    labels: story/done
    mentioned in: #2 Three items, no discount (#1)
    The README promises it.

    --- alice
    /syndarix plan
    (eyes by syndarix)

    --- syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [x] Review
    - [x] Testing
    - [x] Done

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: AUTONOMOUS, a person approves critical actions only


    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <1>
    - Approved by: nobody, as autonomy AUTONOMOUS allows
    - Cost: $0.00 of $5.00
    ");
    })
    .await;
}

#[tokio::test]
async fn a_protected_path_needs_somebody_all_the_same() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), tests()];
    scenario(policy(rules, "autonomy = \"autonomous\"\nprotected_paths = [\"late.md\"]"), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        let hold = w.bob().request(reqwest::Method::POST, &format!("issues/{issue}/comments"), &serde_json::json!({"body": "/syndarix pause"}));
        w.model.interrupt("reviewer", 0, hold);
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        let pull = w.pull();
        w.alice().pushes(pull, "late.md", "protected\n").await;
        w.settle().await;
        w.news(pull);
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
    The review of <1> is finished. The merge waits (autonomy AUTONOMOUS):

    - an approval on <1> by somebody with write permission is missing because protected paths change

    To approve it, leave an approving review on <1> or type `/syndarix approve <1>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged
    --- bob approved
    ");
    })
    .await;
}

#[tokio::test]
async fn a_label_may_tighten_and_never_loosen() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.alice().labels(issue, "autonomy/full-control").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"[open] autonomy/full-control, story/design, syndarix/waiting");
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
        w.alice().labels(issue, "autonomy/autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] autonomy/full-control, story/design, syndarix/waiting
    --- syndarix
    The label `autonomy/autonomous` was put back as it was: a label may only tighten the autonomy level, and this story is at FULL_CONTROL; a maintainer loosens it with `/syndarix autonomy set <level>`. I say this once; `/syndarix status` shows where the story is.
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
    })
    .await;
}
