//! Findings of the reviewer agent and of people, and how they are mended.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;

#[tokio::test]
async fn a_finding_is_mended_and_reviewed_again() {
    let first = round(0, finds("one.md", "Say why."));
    let rules = vec![analyses(), designs("first"), implements("one.md"), first, fixes("two.md", &[1]), accepts(), tests()];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        assert_snapshot!(w.page(pull), @r"
    #2 Three items, no discount (#1) [open] by syndarix
    syndarix/1-three-items-no-discount -> main, +2 -0 in 2 files
    labels: pr/reviewing, syndarix/waiting
    Added `two.md`.

    **Files:** `two.md`

    **Acceptance criteria**

    - A cart with exactly three items gets the discount.

    **Evidence**

    | what | result |
    |---|---|
    | tests run by Syndarix | tests were not run: this installation gives its agents no way to run programs |
    | CI | nothing reported yet on this head; its results appear below the pull request |

    Refs #1

    *Made by Syndarix agents for `alice`. Each commit names its agent and run in its trailers.*

    --- syndarix
    @alice: the plan is ready for approval as `.syndarix/plans/1.md` in this pull request (version `<1>`, commit <2>). The architect estimates a cost of $0.02.

    - Approve it with an approving review or `/syndarix approve`.
    - Send it back with requested changes or `/syndarix revise <what to change>`.


    --- alice
    /syndarix approve
    (+1 by syndarix)

    --- syndarix comments (stale, on an older head)
    Maren (reviewer): 1 findings, 1 of them to be answered before a merge.

    One thing is missing.

      one.md:1
        **major:** Say why.

    --- syndarix
    Mia (engineer) answers the findings, with new commits on this branch:

    1. Mended by `two.md`.



    --- syndarix comments
    Maren (reviewer): no findings.

    Fits the plan.


    --- syndarix
    The reviewer agent has no open findings on <3>. Before Syndarix merges, this is missing:

    - an approval on <3> by somebody with write permission is missing

    Approve this pull request on its current head, or type `/syndarix approve <3>`. CI results that are red or still running hold the merge; where there is no CI, nothing was tested. Autonomy: MILESTONE.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `two.md`.

    - merged: pull request #2 as <4>
    - approved by: `bob`
    - cost: $0.00
    - record: 82 entries so far, head `<5>`; check it with `syndarix audit verify`
    ");
    })
    .await;
}

#[tokio::test]
async fn after_the_last_round_a_person_is_asked() {
    let mut rules = vec![analyses(), designs("first"), implements("one.md"), finds("one.md", "Say why.")];
    rules.extend([round(0, fixes("two.md", &[1])), round(1, fixes("three.md", &[1]))]);
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] analysis
    - [x] design
    - [x] implementation
    - [ ] review ← now
    - [ ] testing
    - [ ] done

    **Waiting for a person:** findings are still open after the last review round.

    Pull request: [#2](http://forge/acme/shop/pulls/2)

    Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE
    ");
        let page = w.page(pull);
        let last = page.rsplit("\n--- ").next().unwrap();
        assert_snapshot!(last, @r"
    syndarix
    After 3 review rounds 1 findings are still open, so a person has to look.

    Type `/syndarix revise <hint>` to let the engineer try once more, push a fix yourself, or `/syndarix cancel`.
    ");
    })
    .await;
}

#[tokio::test]
async fn a_person_requests_changes_and_approves_what_follows() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), fixes("two.md", &[]), tests()];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().remarks_in_a_review(pull, "A word on the name, nothing grave.").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob comments
    A word on the name, nothing grave.
    ");
        w.bob().requests_changes(pull, "Add a second file.").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix comments (stale, on an older head)
    Diego (reviewer): no findings.

    Fits the plan.
    --- bob comments (stale, on an older head)
    A word on the name, nothing grave.
    --- bob requests changes (stale, on an older head)
    Add a second file.
    --- syndarix comments
    Diego (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The reviewer agent has no open findings on <4>. Before Syndarix merges, this is missing:

    - @bob asks for changes
    - an approval on <4> by somebody with write permission is missing

    Approve this pull request on its current head, or type `/syndarix approve <4>`. CI results that are red or still running hold the merge; where there is no CI, nothing was tested. Autonomy: MILESTONE.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged
    --- bob requests changes (dismissed, stale, on an older head)
    Add a second file.
    --- bob approved
    ");
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `two.md`.

    - merged: pull request #2 as <5>
    - approved by: `bob`
    - cost: $0.00
    - record: 90 entries so far, head `<6>`; check it with `syndarix audit verify`
    ");
    })
    .await;
}
