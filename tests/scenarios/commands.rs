//! Nothing that is addressed to the bot stays without an outcome.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;

#[tokio::test]
async fn approve_means_only_what_was_shown() {
    let rules = vec![analyses(), round(0, designs("first")), round(1, designs("second"))];
    scenario(rules, async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(pull);
        let old = w.story(issue).await.plan.unwrap().hash;
        w.alice().comments(pull, "/syndarix approve 0123456789").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- alice
    /syndarix approve <3>
    --- syndarix
    **Not done:** `<3>` is not what waits for approval now; that is `<1>`. Look at it, then type `/syndarix approve <1>`.
    ");
        w.alice().comments(pull, "/syndarix revise more detail").await;
        w.settle().await;
        w.news(pull);
        w.alice().comments(pull, &format!("/syndarix approve {}", &old[..10])).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- alice
    /syndarix approve <1>
    --- syndarix
    **Not done:** `<1>` is not what waits for approval now; that is `<4>`. Look at it, then type `/syndarix approve <4>`.
    ");
        assert!(!w.story(issue).await.plan_approved);
    })
    .await;
}

#[tokio::test]
async fn a_bare_approve_cannot_mean_what_came_later() {
    scenario(to_the_plan(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        // Written before there is a plan, heard of only afterwards.
        w.alice().comments(issue, "/syndarix plan").await;
        w.sandbox.settled().await;
        w.hooks_are_lost();
        w.alice().comments(issue, "/syndarix approve").await;
        w.hooks_work();
        w.clock.advance(5_000);
        w.settle().await;
        w.news(issue);
        w.looks().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- syndarix
    **Not done:** `<1>` came up after your comment was written, so your approval cannot mean it. Look at it, then type `/syndarix approve <1>`.
    ");
        assert!(!w.story(issue).await.plan_approved);
    })
    .await;
}

#[tokio::test]
async fn a_command_of_yesterday_is_not_run() {
    scenario(Vec::new(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.sandbox.settled().await;
        w.clock.advance(25 * 60 * 60 * 1000);
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- alice
    /syndarix plan
    --- syndarix
    **Not done:** I was away when this was written (2026-08-03T09:00:04.000000Z) and saw it more than 24 hours later, so I did not run it. If you still want it, type it again.
    ");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_run_is_said() {
    scenario(Vec::new(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        for line in ["/syndarix plam", "/syndarix estimate", "/syndarix plan --colour=red", "/syndarix approve", "/syndarix ping"] {
            w.alice().comments(issue, line).await;
            w.settle().await;
        }
        w.rita().comments(issue, "/syndarix plan").await;
        w.rita().comments(issue, "/syndarix status").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- alice
    /syndarix plam
    --- syndarix
    **Not done:** I do not know the command `plam`. Did you mean `/syndarix plan`? `/syndarix help` lists what I understand.
    --- alice
    /syndarix estimate
    --- syndarix
    **Not done:** `estimate` is not available in this version of Syndarix. `/syndarix help` lists what is.
    --- alice
    /syndarix plan --colour=red
    --- syndarix
    **Not done:** `plan` has no option `--colour`; it takes no options. If it is part of the text, put the text in quotes or write `--` before it.
    --- alice
    /syndarix approve
    --- syndarix
    **Not done:** No story is under way here, so nothing waits for an approval. `/syndarix status` shows what happens next.
    --- alice
    /syndarix ping
    --- syndarix
    I am here: Syndarix 0.1.0.
    --- rita
    /syndarix plan
    --- rita
    /syndarix status
    --- syndarix
    **Not done:** `plan` needs write permission in this repository; `rita` has: read. Ask somebody who may push to this repository to type it, or a maintainer for write permission.
    --- syndarix
    There is no story here yet. Somebody with write permission can start one with `/syndarix plan`.
    ");
    })
    .await;
}

#[tokio::test]
async fn an_edit_runs_only_new_lines_and_never_approves() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        let comment = w.alice().comments(issue, "/syndarix ping").await;
        w.settle().await;
        w.news(issue);
        w.alice().edits(comment, "/syndarix ping\n/syndarix whoami").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    /syndarix ping
    /syndarix whoami
    --- syndarix
    You are `alice` (account 2). The forge says your permission here is: write. You started this story, so you may approve its plan but not its merge.
    ");
        w.alice().edits(comment, "/syndarix ping\n/syndarix whoami\n/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    /syndarix ping
    /syndarix whoami
    /syndarix approve
    --- syndarix
    **Not done:** `approve` does not count when it is added by editing a comment, because an edit leaves no clear moment of consent. Type it in a new comment.
    ");
        assert!(!w.story(issue).await.plan_approved);
    })
    .await;
}
