//! Agents ask, people answer.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;

#[tokio::test]
async fn the_product_owner_asks_and_only_people_of_the_story_are_heard() {
    let rules = vec![round(0, analyses_and_asks("Does it hold for two items as well?")), round(1, analyses()), designs("first")];
    scenario(rules, async |w| {
        let issue = w.story_is_planned().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/analysis, syndarix/waiting
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- syndarix
    @alice: Somebody (product-owner) needs an answer before going on:

    > Does it hold for two items as well?

    Answer with a plain comment here. Anybody with write permission may answer.
    ");
        w.rita().comments(issue, "I would say yes.").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/analysis, syndarix/waiting
    --- rita
    I would say yes.
    ");
        w.alice().comments(issue, "No, from three on.").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    No, from three on.
    ");
    })
    .await;
}

#[tokio::test]
async fn the_engineer_asks_in_the_middle_of_its_work() {
    let rules = vec![analyses(), designs("first"), implements_and_asks("May I add a file?", "one.md"), accepts()];
    scenario(rules, async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.news(issue);
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- syndarix
    @alice: the plan is ready for approval. It is the file `.syndarix/plans/1.md` of this pull request (version `<1>`, commit <2>). The architect estimates a cost of $0.02.

    - To approve it, leave an approving review or type `/syndarix approve`.
    - To send it back, request changes in a review or type `/syndarix revise <what to change>`.
    --- alice
    /syndarix approve
    (+1 by syndarix)
    --- syndarix
    @alice: Somebody (engineer) needs an answer before going on:

    > May I add a file?

    Answer with a plain comment here. Anybody with write permission may answer.
    ");
        w.bob().comments(pull, "Yes, you may.").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob
    Yes, you may.
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <3> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <3> by somebody with write permission is missing

    To approve it, leave an approving review on <3> or type `/syndarix approve <3>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
    })
    .await;
}
