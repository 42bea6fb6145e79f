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

    **Files:** `one.md`, `two.md`

    **Acceptance criteria**

    - A cart with exactly three items gets the discount.

    **Evidence**

    | What | Result |
    |---|---|
    | Tests run by Syndarix | tests were not run: this installation gives its agents no way to run programs |
    | CI | nothing reported yet for this commit; results appear below the pull request |

    Refs #1

    *Made by Syndarix agents for `alice`. Each commit names its agent and run in its trailers.*

    --- syndarix
    @alice: the plan is ready for approval. It is the file `.syndarix/plans/1.md` of this pull request (version `<1>`, commit <2>). The architect estimates a cost of $0.02.

    - To approve it, leave an approving review or type `/syndarix approve`.
    - To send it back, request changes in a review or type `/syndarix revise <what to change>`.


    --- alice
    /syndarix approve
    (+1 by syndarix)

    --- syndarix comments
    Somebody (reviewer): 1 finding, to be answered before the merge.

    One thing is missing.

      one.md:1
        **Major:** Say why.

    --- syndarix
    Somebody (engineer) answers the finding with 1 new commit on this branch:

    1. Mended by `two.md`.


    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.


    --- syndarix
    The review of <3> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <3> by somebody with write permission is missing

    To approve it, leave an approving review on <3> or type `/syndarix approve <3>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `two.md`.

    - Merged: pull request #2 as <4>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
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

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [ ] **Review**: waits for a person
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Findings are still open after the last review round. The last comment says what to type.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        let page = w.page(pull);
        let last = page.rsplit("\n--- ").next().unwrap();
        assert_snapshot!(last, @r"
    syndarix
    @alice: after 3 review rounds, 1 finding is still open, so a person has to look.

    Type `/syndarix revise <hint>` to let the engineer try once more, push a fix yourself, or end the story with `/syndarix cancel`.
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
    --- bob comments (stale, on an older head)
    A word on the name, nothing grave.
    --- bob requests changes (stale, on an older head)
    Add a second file.
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <4> is finished. The merge waits (autonomy MILESTONE):

    - @bob asks for changes
    - an approval on <4> by somebody with write permission is missing

    To approve it, leave an approving review on <4> or type `/syndarix approve <4>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
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

    - Merged: pull request #2 as <5>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
    })
    .await;
}
