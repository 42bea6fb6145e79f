//! Guard rails: a loop ends by itself, one comment says why, and a person decides.

use insta::assert_snapshot;
use syndarix::sandbox::Permission;
use syndarix::store::WorkKind;

use super::answers::*;
use super::people::Person;
use super::scenario;
use super::world::{REPO, World, policy};

/// A program with write permission.
pub fn helper(w: &World) -> Person<'_> {
    w.sandbox.ensure_user("helper", false, false).unwrap();
    w.sandbox.set_permission(REPO, "helper", Permission::Write).unwrap();
    Person { w, login: "helper" }
}

#[tokio::test]
async fn too_many_runs_halt_the_story_until_a_person_resumes_it() {
    let setup = policy(to_the_review(), "bots = [\"helper\"]\nlimits = { story_runs_per_hour = 2 }");
    scenario(setup, async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(pull);
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/halted
    --- alice
    /syndarix approve
    (+1 by syndarix)
    --- syndarix
    @alice: **Halted.** A guard rail stopped this story: `story_runs_per_hour = 2` allows 2 agent runs within an hour (under `limits` in `policy.toml` or in the project's own file), and the next step would have made it 3. No agent works, and I say nothing more here, until a person decides.

    What happened last:

    - 09:00:04 UTC: pull opened
    - 09:00:04 UTC: checkpoint opened
    - 09:00:04 UTC: flag raised
    - 09:00:06 UTC: checkpoint passed
    - 09:00:06 UTC: flag lowered
    - 09:00:06 UTC: run started (implement)

    - If this is a loop, find out what answers whom and mend that first, or end the story with `/syndarix cancel`.
    - To let it go on, type `/syndarix resume` or take the label `syndarix/halted` off (write permission). Counting then begins anew.
    - If this much is in order here, raise that line of the configuration.
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

    **Halted:** `story_runs_per_hour = 2` allows 2 agent runs within an hour. `/syndarix resume` goes on.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        assert!(w.model.log.served().iter().all(|call| call.meta.agent != "engineer"), "nobody works past the limit");
        // A program takes the label off: it comes back, and nothing runs.
        helper(w).unlabels(issue, "syndarix/halted").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/implementation, syndarix/halted
    --- alice
    /syndarix plan
    (eyes by syndarix)
    ");
        // Words of people are answered all the while.
        w.rita().comments(issue, "/syndarix ping").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/implementation, syndarix/halted
    --- rita
    /syndarix ping
    --- syndarix
    I am here: Syndarix 0.1.0.
    ");
        w.alice().unlabels(issue, "syndarix/halted").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
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

#[tokio::test]
async fn too_many_comments_wait_until_a_person_resumes() {
    scenario(policy(to_the_review(), "limits = { story_comments_per_hour = 1 }"), async |w| {
        w.story_is_planned().await;
        let pull = w.pull();
        w.news(pull);
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/halted, syndarix/waiting
    --- alice
    /syndarix approve
    (+1 by syndarix)
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    @alice: **Halted.** A guard rail stopped this story: `story_comments_per_hour = 1` allows 1 comment within an hour (under `limits` in `policy.toml` or in the project's own file), and the next step would have made it 2. No agent works, and I say nothing more here, until a person decides.

    What happened last:

    - 09:00:06 UTC: branch pushed
    - 09:00:06 UTC: run started (review)
    - 09:00:06 UTC: run ended (review)
    - 09:00:06 UTC: reviewed
    - 09:00:06 UTC: checkpoint opened
    - 09:00:06 UTC: flag raised

    - If this is a loop, find out what answers whom and mend that first, or end the story with `/syndarix cancel`.
    - To let it go on, type `/syndarix resume` or take the label `syndarix/halted` off (write permission). Counting then begins anew.
    - If this much is in order here, raise that line of the configuration.
    ");
        w.alice().comments(pull, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix resume
    (+1 by syndarix)
    --- syndarix
    The review of <3> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <3> by somebody with write permission is missing

    To approve it, leave an approving review on <3> or type `/syndarix approve <3>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_does_not_fit_is_not_made() {
    scenario(policy(Vec::new(), "limits = { story_tokens = 1000 }"), async |w| {
        let issue = w.story_is_planned().await;
        let news = w.news(issue);
        assert!(news.starts_with("[open] story/analysis, syndarix/halted"), "{news}");
        assert!(news.contains("`story_tokens = 1000` allows 1000 tokens since the story began or was last let go on"), "{news}");
        // Nothing has changed, so the next call does not fit either: a second comment, no call.
        w.alice().comments(issue, "/syndarix resume").await;
        w.settle().await;
        assert_eq!(w.page(issue).matches("**Halted.**").count(), 2);
        assert!(w.model.log.served().is_empty());
        w.alice().comments(issue, "/syndarix cancel").await;
        w.settle().await;
        w.news(issue);
    })
    .await;
}

#[tokio::test]
async fn a_war_over_labels_ends() {
    let setup = policy(to_the_plan(), "bots = [\"helper\"]\nlimits = { story_labels_per_hour = 8 }");
    scenario(setup, async |w| {
        let issue = w.story_is_planned().await;
        let before = w.sandbox.counts(REPO).unwrap().comments;
        for _ in 0..30 {
            let there = w.page(issue).contains("syndarix/waiting");
            if there {
                helper(w).unlabels(issue, "syndarix/waiting").await;
            }
            w.settle().await;
        }
        let after = w.sandbox.counts(REPO).unwrap().comments;
        assert!(after - before <= 1, "{} comments in a war over labels", after - before);
        w.alice().comments(issue, "/syndarix resume").await;
        w.settle().await;
        assert!(!w.page(issue).contains("syndarix/halted"));
    })
    .await;
}

#[tokio::test]
async fn a_limit_of_the_project_halts_all_of_its_stories_and_says_so_once() {
    scenario(policy(to_the_plan(), "limits = { project_runs_per_hour = 3 }"), async |w| {
        let first = w.story_is_planned().await;
        w.news(first);
        let second = w.story_is_planned().await;
        assert_snapshot!(w.news(second), @r"
    [open] story/design, syndarix/halted
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- syndarix
    @alice: **Halted.** A guard rail stopped all stories of this repository: `project_runs_per_hour = 3` allows 3 agent runs in this repository within an hour (under `limits` in `policy.toml` or in the project's own file), and the next step would have made it 4. No agent works, and I say nothing more here, until a person decides.

    What happened last:

    - 09:00:08 UTC: started
    - 09:00:08 UTC: run started (analyse)
    - 09:00:08 UTC: run ended (analyse)
    - 09:00:08 UTC: criteria written
    - 09:00:08 UTC: run started (design)

    - If this is a loop, find out what answers whom and mend that first, or end the story with `/syndarix cancel`.
    - To let it go on, a maintainer types `/syndarix resume --all`. Counting then begins anew.
    - If this much is in order here, raise that line of the configuration.
    ");
        assert_snapshot!(w.news(first), @"[open] story/design, syndarix/halted, syndarix/waiting");
        // One story cannot go on alone, neither by a word nor by its label.
        w.bob().comments(first, "/syndarix resume").await;
        w.bob().unlabels(second, "syndarix/halted").await;
        w.settle().await;
        assert_snapshot!(w.news(first), @r"
    [open] story/design, syndarix/halted, syndarix/waiting
    --- bob
    /syndarix resume
    --- syndarix
    **Not done:** All stories of this repository are halted: `project_runs_per_hour = 3` allows 3 agent runs in this repository within an hour. So this one cannot go on alone. A maintainer can let all of them go on with `/syndarix resume --all`.
    ");
        assert_snapshot!(w.news(second), @r"
    [open] story/design, syndarix/halted
    --- syndarix
    The label `syndarix/halted` was put back as it was: All stories of this repository are halted: `project_runs_per_hour = 3` allows 3 agent runs in this repository within an hour. So this one cannot go on alone. A maintainer can let all of them go on with `/syndarix resume --all`. I say this once; `/syndarix status` shows where the story is.
    ");
        w.mona().comments(first, "/syndarix resume --all").await;
        w.settle().await;
        assert_snapshot!(w.news(first), @r"
    [open] story/design, syndarix/waiting
    --- mona
    /syndarix resume --all
    (+1 by syndarix)
    ");
        assert_snapshot!(w.news(second), @"[open] story/design, syndarix/waiting");
    })
    .await;
}

#[tokio::test]
async fn pause_all_covers_every_story_and_those_that_come_later() {
    scenario(to_the_plan(), async |w| {
        let stories = [w.story_is_planned().await, w.story_is_planned().await, w.story_is_planned().await];
        w.mona().comments(stories[0], "/syndarix pause --all").await;
        w.settle().await;
        for issue in stories {
            assert!(w.news(issue).starts_with("[open] story/design, syndarix/paused, syndarix/waiting"));
        }
        let calls = w.model.log.served().len();
        let later = w.story_is_planned().await;
        assert_snapshot!(w.news(later), @r"
    [open] story/analysis, syndarix/paused
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- syndarix
    The story is noted, and its work waits: `mona` paused all stories of this repository on 2026-08-03 09:00 UTC. It begins by itself once a maintainer types `/syndarix resume --all`; to take it back, type `/syndarix cancel`.
    ");
        assert_snapshot!(w.status(later), @r"
    syndarix
    ### Syndarix

    - [ ] **Analysis**: stopped
    - [ ] Design
    - [ ] Implementation
    - [ ] Review
    - [ ] Testing
    - [ ] Done

    **Paused:** Stopped by `mona`, together with all stories. A maintainer lets all stories go on with `/syndarix resume --all`.

    Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        w.bob().comments(later, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(later), @r"
    [open] story/analysis, syndarix/paused
    --- bob
    /syndarix resume
    --- syndarix
    **Not done:** `mona` paused all stories of this repository, so this one cannot go on alone. A maintainer can let all of them go on with `/syndarix resume --all`.
    ");
        assert_eq!(w.model.log.served().len(), calls);
        w.mona().comments(stories[1], "/syndarix resume --all").await;
        w.settle().await;
        assert_snapshot!(w.news(later), @"[open] story/design, syndarix/waiting");
        for issue in stories {
            assert!(w.news(issue).starts_with("[open] story/design, syndarix/waiting"));
        }
    })
    .await;
}

/// Everything that agents or what follows from them could do to the outside.
async fn doings(w: &World, pull: i64) -> (usize, String, usize) {
    let reviews = w.get(&format!("pulls/{pull}/reviews?limit=50")).await.as_array().unwrap().len();
    (w.model.log.served().len(), w.head_of(pull).await, reviews)
}

#[tokio::test]
async fn a_pause_lands_between_any_two_pieces_of_work() {
    for after in [0, 2, 4, 7, 11, 16, 22] {
        scenario(to_the_review(), async |w| {
            let issue = w.story_is_planned().await;
            let pull = w.pull();
            w.alice().comments(pull, "/syndarix approve").await;
            w.sandbox.settled().await;
            for _ in 0..after {
                let Some(claim) = w.app.engine.claim(WorkKind::ALL).await.unwrap() else { break };
                w.app.engine.work(claim).await.unwrap();
                w.sandbox.settled().await;
            }
            w.bob().comments(issue, "/syndarix pause").await;
            w.sandbox.settled().await;
            while let Some(claim) = w.app.engine.claim(&[WorkKind::Intake, WorkKind::Turn]).await.unwrap() {
                w.app.engine.work(claim).await.unwrap();
            }
            let before = doings(w, pull).await;
            w.settle().await;
            assert_eq!(doings(w, pull).await, before, "after {after} pieces of work");
            assert!(w.page(issue).contains("syndarix/paused"), "after {after} pieces of work");
            w.bob().comments(issue, "/syndarix resume").await;
            w.settle().await;
            let page = w.page(pull);
            assert_eq!(page.matches("The merge waits").count(), 1, "after {after} pieces of work\n{page}");
        })
        .await;
    }
}
