//! Merges that are paused, killed, overtaken by people, or make no sense.

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

use super::super::answers::*;
use super::super::scenario;
use super::super::world::World;
use super::BRANCH;

#[tokio::test]
async fn a_pause_in_the_middle_of_a_merge_holds_it_and_resume_goes_on() {
    // Whoever takes the run up again begins with the merge made anew and the recorded changes laid over it, at any of its steps.
    for turn in 0..4 {
        let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
        scenario(rules, async |w| merge_is_paused_and_resumed(w, turn).await).await;
    }
}

async fn merge_is_paused_and_resumed(w: &World, turn: usize) {
    let (issue, pull) = w.story_is_reviewed().await;
    w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
    let pause = w.bob().request(Method::POST, &format!("issues/{issue}/comments"), &json!({"body": "/syndarix pause"}));
    w.model.interrupt("engineer", turn, pause);
    w.alice().comments(pull, "/syndarix rebase").await;
    w.settle().await;
    let status = w.status(issue);
    assert!(status.contains("- [ ] **Review**: stopped\n") && status.contains("**Paused:** Stopped by `bob`."), "{status}");
    assert_eq!(w.branch_log().0.len(), 3, "nothing was pushed");
    // The base branch moves on meanwhile; the merge that was begun is finished as it was begun.
    w.mona().pushes_to("main", "more.md", "more\n").await;
    w.bob().comments(issue, "/syndarix resume").await;
    w.settle().await;
    let (log, whole) = w.branch_log();
    assert_eq!((log.len(), log[0].as_str(), whole), (4, "2 merge the base branch", false));
    assert_eq!(w.file(BRANCH, "one.md"), "both\n");
    w.bob().approves(pull).await;
    w.settle().await;
    assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
}

#[tokio::test]
async fn a_merge_that_dies_with_its_process_is_finished_by_the_next() {
    for turn in 0..4 {
        let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
        scenario(rules, async |w| {
            let (_, pull) = w.story_is_reviewed().await;
            w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
            w.model.falls_silent("engineer", turn);
            w.alice().comments(pull, "/syndarix rebase").await;
            tokio::select! {
                () = w.settle() => panic!("nobody was killed"),
                () = w.model.is_silent() => {}
            }
            // The work tree of the dead one is no help, and nobody relies on it.
            std::fs::remove_dir_all(w.data.join("trees")).unwrap();
            w.its_leases_are_over().await;
            w.settle().await;
            let (log, whole) = w.branch_log();
            assert_eq!((log.len(), log[0].as_str(), whole), (4, "2 merge the base branch", true));
            assert_eq!(w.file(BRANCH, "one.md"), "both\n");
            w.bob().approves(pull).await;
            w.settle().await;
            assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
        })
        .await;
    }
}

#[tokio::test]
async fn a_pull_request_closed_during_the_merge_ends_it() {
    let rules =
        [to_the_review(), vec![round(0, first_half(resolves("one.md", "half\n"))), round(1, resolves("one.md", "both\n")), tests()]]
            .concat();
    scenario(rules, async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        let close = w.bob().request(Method::PATCH, &format!("issues/{pull}"), &json!({"state": "closed"}));
        w.model.interrupt("engineer", 1, close);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [closed] pr/reviewing, syndarix/blocked
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `bob` closed this pull request without merging it, so the story stands still.

    Type `/syndarix retry` to reopen it and go on, or `/syndarix cancel` to end the story.
    ");
        assert_eq!(w.branch_log().0.len(), 3, "nothing was pushed");
        w.alice().comments(pull, "/syndarix retry").await;
        w.settle().await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
    })
    .await;
}

/// The first two answers of a rule.
fn first_half(mut rule: syndarix::llm::scripted::Rule) -> syndarix::llm::scripted::Rule {
    rule.replies.truncate(2);
    rule
}

#[tokio::test]
async fn a_persons_push_goes_before_a_rebase() {
    scenario(to_the_review(), async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "other.md", "news\n").await;
        w.bob().pushes(pull, "hand.md", "by hand\n").await;
        let head = w.head_of(pull).await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    --- syndarix
    `bob` pushed <4> to this branch. The agents stopped, and nothing of that work will be overwritten.

    Type `/syndarix resume` when they may go on from there.
    --- syndarix
    **Not done:** A person pushed to this branch and the agents have not taken that over yet. Type `/syndarix resume` first.
    ");
        assert_eq!(w.head_of(pull).await, head, "the person's commit stands");
    })
    .await;
}

#[tokio::test]
async fn a_rebase_that_makes_no_sense_is_refused_with_the_way_out() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(issue);
        w.news(pull);
        w.alice().comments(issue, "/syndarix rebase").await;
        w.rita().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    /syndarix rebase
    --- syndarix
    **Not done:** `rebase` does not work on an issue. Type it on the pull request it is about.
    ");
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- rita
    /syndarix rebase
    --- syndarix
    **Not done:** `rebase` needs write permission in this repository; `rita` has: read. Ask somebody who may push to this repository to type it, or a maintainer for write permission.
    ");
        w.alice().comments(issue, "/syndarix pause").await;
        w.settle().await;
        w.news(issue);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/paused, syndarix/waiting
    --- alice
    /syndarix rebase
    --- syndarix
    **Not done:** The story is paused. Type `/syndarix resume` first.
    ");
        w.alice().comments(issue, "/syndarix cancel").await;
        w.settle().await;
        w.news(pull);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [closed] pr/submitted
    --- alice
    /syndarix rebase
    --- syndarix
    **Not done:** There is no open pull request of a story here that the base branch could be merged into. `/syndarix status` shows where the story is.
    ");
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_waits_is_asked_for_again_on_the_new_head() {
    scenario(smooth(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(pull);
        w.mona().pushes_to("main", "other.md", "news\n").await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `main` (<3>) was merged into this branch as <4>, without conflicts, so the change under review is the same. Approvals given on <2> do not count for it.
    ");
        w.alice().approves(pull).await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]"), "{}", w.page(issue));
    })
    .await;
}
