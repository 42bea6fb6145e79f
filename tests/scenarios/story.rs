//! The main story, from the issue to its end.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;
use super::world::{REPO, Setup, World};

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

    - [x] Analysis
    - [ ] **Design**: waits for a person
    - [ ] Implementation
    - [ ] Review
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Approval of the plan. `/syndarix approve` or an approving review on #2 passes it.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        let pull = w.pull();
        assert_snapshot!(w.page(pull), @r"
    #2 WIP: Three items, no discount (#1) [draft] by syndarix
    syndarix/1-three-items-no-discount -> main, +3 -0 in 1 files
    labels: pr/submitted, syndarix/waiting
    This draft holds the plan for #1 as the file `.syndarix/plans/1.md`. Comment on its lines to have it changed; the code follows once it is approved.

    Refs #1

    *Made by Syndarix agents for `alice`. Each commit names its agent and run in its trailers.*

    --- syndarix
    @alice: the plan is ready for approval. It is the file `.syndarix/plans/1.md` of this pull request (version `<1>`, commit <2>). The architect estimates a cost of $0.02.

    - To approve it, leave an approving review or type `/syndarix approve`.
    - To send it back, request changes in a review or type `/syndarix revise <what to change>`.
    ");

        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [ ] **Review**: waits for a person
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Approval of the merge. `/syndarix approve` or an approving review on #2 passes it.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix
    @alice: the plan is ready for approval. It is the file `.syndarix/plans/1.md` of this pull request (version `<1>`, commit <2>). The architect estimates a cost of $0.02.

    - To approve it, leave an approving review or type `/syndarix approve`.
    - To send it back, request changes in a review or type `/syndarix revise <what to change>`.
    --- alice
    /syndarix approve
    (+1 by syndarix)
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <3> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <3> by somebody with write permission is missing

    To approve it, leave an approving review on <3> or type `/syndarix approve <3>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");

        // The last comment names the commit of the record.
        w.publishes().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.sandbox.page(REPO, issue).unwrap().contains("check it with `syndarix audit verify`"));
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

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge


    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <4>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
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
    Somebody (reviewer): no findings.

    Fits the plan.


    --- syndarix
    The review of <3> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <3> by somebody with write permission is missing

    To approve it, leave an approving review on <3> or type `/syndarix approve <3>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.


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
