//! Web hooks come twice, in any order, or not at all.

use insta::assert_snapshot;
use syndarix::sandbox::DeliveryConfig;

use super::answers::*;
use super::scenario;
use super::world::{Setup, World};

/// The whole story; gives the last pages.
async fn whole(w: &World) -> (String, String) {
    let (issue, pull) = w.story_is_reviewed().await;
    w.bob().approves(pull).await;
    w.settle().await;
    (w.page(issue), w.page(pull))
}

#[tokio::test]
async fn many_times_in_any_order_is_the_same_as_once() {
    let deliveries = DeliveryConfig { workers: 4, shuffle: Some(7), lose_one_in: 0, repeat_one_in: 1 };
    scenario(Setup { deliveries, ..Setup::from(smooth()) }, async |w| {
        let (issue, pull) = whole(w).await;
        assert!(issue.contains("[closed]") && pull.contains("[merged]"), "{issue}\n{pull}");
    })
    .await;
}

#[tokio::test]
async fn the_same_delivery_ten_times_is_answered_once() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        let before = w.page(issue);
        for delivery in w.stored_deliveries().await {
            for _ in 0..10 {
                w.comes_again(&delivery).await;
            }
        }
        w.settle().await;
        assert_eq!(w.page(issue), before);
    })
    .await;
}

/// Everything that people do is heard by looking alone, too.
#[tokio::test]
async fn without_any_web_hook_looking_is_enough() {
    let rules = vec![
        analyses(),
        round(0, designs("first")),
        round(1, designs("second")),
        implements("one.md"),
        accepts(),
        fixes("two.md", &[]),
        tests(),
    ];
    scenario(rules, async |w| {
        w.hooks_are_lost();
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.looks().await;
        let pull = w.pull();
        w.bob().requests_changes(pull, "Say how it is tested.").await;
        w.looks().await;
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
        w.alice().labels(issue, "syndarix/paused").await;
        w.looks().await;
        w.alice().unlabels(issue, "syndarix/paused").await;
        w.looks().await;
        w.bob().approves(pull).await;
        w.looks().await;
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
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "failure").await;
        w.looks().await;
        assert_ne!(w.head_of(pull).await, head, "red CI was mended");
        w.alice().pushes(pull, "hand.md", "by hand\n").await;
        w.looks().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [ ] **Review**: waits for a person
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** A person pushed to the branch. `/syndarix resume` goes on from there.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        w.alice().comments(pull, "/syndarix resume").await;
        w.looks().await;
        w.bob().closes(pull).await;
        w.looks().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [ ] **Review**: waits for a person
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Approval of the merge.

    **Blocked:** The pull request was closed without being merged. `/syndarix retry` opens it again.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        w.alice().comments(pull, "/syndarix retry").await;
        w.looks().await;
        w.bob().merges(pull).await;
        w.looks().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [x] Review
    - [x] Testing
    - [x] Done

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
    })
    .await;
}

#[tokio::test]
async fn a_closed_issue_is_seen_without_a_web_hook() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.hooks_are_lost();
        w.bob().closes(issue).await;
        w.looks().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    **Cancelled.** To start over, type `/syndarix plan`.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
    })
    .await;
}
