//! The plan goes back to the architect, for whatever reason.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;

fn two_plans() -> Vec<syndarix::llm::scripted::Rule> {
    vec![analyses(), round(0, designs("first")), round(1, designs("second"))]
}

#[tokio::test]
async fn requested_changes_send_the_plan_back() {
    scenario(two_plans(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(pull);
        w.bob().requests_changes(pull, "Say how it is tested.").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- bob requests changes (stale, on an older head)
    Say how it is tested.
    --- syndarix
    @alice: the plan is ready for approval. It is the file `.syndarix/plans/1.md` of this pull request (version `<3>`, commit <4>). The architect estimates a cost of $0.02.

    - To approve it, leave an approving review or type `/syndarix approve`.
    - To send it back, request changes in a review or type `/syndarix revise <what to change>`.
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

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
    })
    .await;
}

#[tokio::test]
async fn revise_sends_the_plan_back() {
    scenario(two_plans(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.alice().comments(issue, "/syndarix revise say how it is tested").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    /syndarix revise say how it is tested
    (eyes by syndarix)
    ");
        assert!(w.page(w.pull()).contains("the plan is ready for approval"));
    })
    .await;
}

#[tokio::test]
async fn reject_sends_the_plan_back_and_a_review_approves_the_next() {
    let rules = vec![analyses(), round(0, designs("first")), round(1, designs("second")), implements("one.md"), accepts()];
    scenario(rules, async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(pull);
        w.bob().comments(pull, "/syndarix reject not like this").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- bob
    /syndarix reject not like this
    (eyes by syndarix)
    --- syndarix
    @alice: the plan is ready for approval. It is the file `.syndarix/plans/1.md` of this pull request (version `<3>`, commit <4>). The architect estimates a cost of $0.02.

    - To approve it, leave an approving review or type `/syndarix approve`.
    - To send it back, request changes in a review or type `/syndarix revise <what to change>`.
    ");
        w.bob().approves(pull).await;
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
    })
    .await;
}
