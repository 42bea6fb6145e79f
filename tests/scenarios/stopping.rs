//! Pause and resume.

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

use super::answers::*;
use super::scenario;

#[tokio::test]
async fn pause_by_command_stops_the_engineer_within_a_step() {
    scenario(to_the_review(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        let pause = w.bob().request(Method::POST, &format!("issues/{issue}/comments"), &json!({"body": "/syndarix pause"}));
        w.model.interrupt("engineer", 1, pause);
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/implementation, syndarix/paused
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- bob
    /syndarix pause
    (+1 by syndarix)
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [ ] **Implementation**: stopped
    - [ ] Review
    - [ ] Testing
    - [ ] Done

    **Paused:** Stopped by `bob`. `/syndarix resume` goes on.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        assert_eq!(w.model.log.served().iter().filter(|call| call.meta.agent == "engineer").count(), 2, "not one call after the pause");
        w.bob().comments(issue, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/review, syndarix/waiting
    --- bob
    /syndarix resume
    (+1 by syndarix)
    ");
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

#[tokio::test]
async fn pause_by_label_and_resume_by_taking_it_off() {
    scenario(to_the_review(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.alice().labels(issue, "syndarix/paused").await;
        w.settle().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [ ] **Design**: stopped
    - [ ] Implementation
    - [ ] Review
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Approval of the plan.

    **Paused:** Stopped by `alice`. `/syndarix resume` goes on.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert!(w.model.log.served().iter().all(|call| call.meta.agent != "engineer"), "nobody works while it is paused");
        w.alice().unlabels(issue, "syndarix/paused").await;
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

#[tokio::test]
async fn pause_all_is_for_maintainers_and_reaches_every_story() {
    scenario(to_the_plan(), async |w| {
        let first = w.story_is_planned().await;
        let second = w.story_is_planned().await;
        w.news(first);
        w.news(second);
        w.bob().comments(first, "/syndarix pause --all").await;
        w.settle().await;
        assert_snapshot!(w.news(first), @r"
    [open] story/design, syndarix/waiting
    --- bob
    /syndarix pause --all
    --- syndarix
    **Not done:** `pause` needs maintainer permission in this repository; `bob` has: write. Ask a maintainer (an administrator of this repository) or its owner to type it.
    ");
        w.mona().comments(first, "/syndarix pause --all").await;
        w.settle().await;
        assert_snapshot!(w.news(first), @r"
    [open] story/design, syndarix/paused, syndarix/waiting
    --- mona
    /syndarix pause --all
    (+1 by syndarix)
    ");
        assert_snapshot!(w.news(second), @r"[open] story/design, syndarix/paused, syndarix/waiting");
        w.mona().comments(second, "/syndarix resume --all").await;
        w.settle().await;
        assert_snapshot!(w.news(first), @r"[open] story/design, syndarix/waiting");
        assert_snapshot!(w.news(second), @r"
    [open] story/design, syndarix/waiting
    --- mona
    /syndarix resume --all
    (+1 by syndarix)
    ");
    })
    .await;
}
