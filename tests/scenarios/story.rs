//! The main story, from the issue to its end.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;
use super::world::{Setup, World};

#[tokio::test]
async fn a_story_from_the_issue_to_done() {
    scenario(smooth(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        assert_snapshot!(w.page(issue), @r"
    #1 Three items, no discount [open] by alice
    labels: story/design, syndarix/waiting
    mentioned in: #2 WIP: Three items, no discount (#1)
    The README promises it.

    --- alice
    /syndarix plan
    (eyes by syndarix)

    --- syndarix
    ### Syndarix

    - [x] analysis
    - [ ] design ← now
    - [ ] implementation
    - [ ] review
    - [ ] testing
    - [ ] done

    **Waiting for a person:** approval of the plan.

    Pull request: [#2](http://forge/acme/shop/pulls/2)

    Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE
    ");
        let pull = w.pull();
        assert_snapshot!(w.page(pull), @r"
    #2 WIP: Three items, no discount (#1) [draft] by syndarix
    syndarix/1-three-items-no-discount -> main, +3 -0 in 1 files
    labels: pr/submitted, syndarix/waiting
    The plan for this story is the file `.syndarix/plans/1.md` in this draft; comment on its lines.

    Refs #1

    *Made by Syndarix agents for `alice`. Each commit names its agent and run in its trailers.*

    --- syndarix
    @alice: the plan is ready for approval as `.syndarix/plans/1.md` in this pull request (version `<1>`, commit <2>). The architect estimates a cost of $0.02.

    - Approve it with an approving review or `/syndarix approve`.
    - Send it back with requested changes or `/syndarix revise <what to change>`.
    ");

        w.alice().comments(pull, "/syndarix approve").await;
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
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix
    @alice: the plan is ready for approval as `.syndarix/plans/1.md` in this pull request (version `<1>`, commit <2>). The architect estimates a cost of $0.02.

    - Approve it with an approving review or `/syndarix approve`.
    - Send it back with requested changes or `/syndarix revise <what to change>`.
    --- alice
    /syndarix approve
    (+1 by syndarix)
    --- syndarix comments
    Diego (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The reviewer agent has no open findings on <3>. Before Syndarix merges, this is missing:

    - an approval on <3> by somebody with write permission is missing

    Approve this pull request on its current head, or type `/syndarix approve <3>`. CI results that are red or still running hold the merge; where there is no CI, nothing was tested. Autonomy: MILESTONE.
    ");

        w.bob().approves(pull).await;
        w.settle().await;
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

    - [x] analysis
    - [x] design
    - [x] implementation
    - [x] review
    - [x] testing
    - [x] done

    Done.

    Pull request: [#2](http://forge/acme/shop/pulls/2)

    Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE



    --- syndarix
    **Done.**

    Added `one.md`.

    - merged: pull request #2 as <4>
    - approved by: `bob`
    - cost: $0.00
    - record: 59 entries so far, head `<5>`; check it with `syndarix audit verify`
    ");
        assert_snapshot!(w.page(pull), @r"
    #2 Three items, no discount (#1) [merged] by syndarix
    syndarix/1-three-items-no-discount -> main, +1 -0 in 1 files
    merged by syndarix
    labels: pr/merged
    Added `one.md`.

    **Files:** `one.md`

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

    --- syndarix comments
    Diego (reviewer): no findings.

    Fits the plan.


    --- syndarix
    The reviewer agent has no open findings on <3>. Before Syndarix merges, this is missing:

    - an approval on <3> by somebody with write permission is missing

    Approve this pull request on its current head, or type `/syndarix approve <3>`. CI results that are red or still running hold the merge; where there is no CI, nothing was tested. Autonomy: MILESTONE.


    --- bob approved
    ");
    })
    .await;
}

/// The same on PostgreSQL, where there is a server to try.
#[tokio::test]
async fn the_same_story_on_postgres() {
    let Some(database) = super::database::Database::fresh().await else { return };
    let play = async |w: &World| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]") && w.page(pull).contains("[merged]"));
    };
    scenario(Setup { store: Some(database.url()), ..Setup::from(smooth()) }, play).await;
    database.drop().await;
}
