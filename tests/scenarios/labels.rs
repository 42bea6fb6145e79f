//! People move labels.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;

#[tokio::test]
async fn illegal_moves_are_answered_once_and_put_back() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(issue);
        w.news(pull);
        w.alice().labels(issue, "story/done").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- syndarix
    The label `story/done` was put back as it was: the story is in design and moves on by itself once its work and approvals are there. I say this once; `/syndarix status` shows where the story is.
    ");
        w.alice().labels(issue, "story/done").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"[open] story/design, syndarix/waiting");
        // Past the checkpoint that is open.
        w.alice().labels(issue, "story/implementation").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- syndarix
    The label `story/implementation` was put back as it was: the story is in design and moves on by itself once its work and approvals are there. I say this once; `/syndarix status` shows where the story is.
    ");
        w.alice().labels(pull, "pr/approved").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- syndarix
    The label `pr/approved` was put back as it was: the labels of a pull request follow its reviews; an approving review says more than a label. I say this once; `/syndarix status` shows where the story is.
    ");
        w.alice().unlabels(issue, "syndarix/waiting").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"[open] story/design, syndarix/waiting");
    })
    .await;
}

#[tokio::test]
async fn a_label_moved_back_does_the_work_again() {
    let mut rules = vec![analyses(), round(0, designs("first")), round(1, designs("second"))];
    rules.extend([implements("one.md"), accepts()]);
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().labels(issue, "story/design").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"[open] story/design, syndarix/waiting");
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix
    @alice: the plan is ready for approval. It is the file `.syndarix/plans/1.md` of this pull request (version `<4>`, commit <5>). The architect estimates a cost of $0.02.

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
async fn the_label_analysis_starts_a_story() {
    scenario(to_the_plan(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.labels_are_there().await;
        w.alice().labels(issue, "story/analysis").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"[open] story/design, syndarix/waiting");
        assert_eq!(w.story(issue).await.requester.unwrap().login, "alice");
    })
    .await;
}

#[tokio::test]
async fn other_stages_start_nothing() {
    scenario(Vec::new(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.labels_are_there().await;
        w.alice().labels(issue, "story/review").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- syndarix
    The label `story/review` was put back as it was: a story begins with `story/analysis` or with `/syndarix plan`. I say this once; `/syndarix status` shows where the story is.
    ");
    })
    .await;
}
