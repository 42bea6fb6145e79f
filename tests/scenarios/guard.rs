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
        assert_snapshot!(w.news(pull), @"");
        assert_snapshot!(w.status(issue), @"");
        assert!(w.model.log.served().iter().all(|call| call.meta.agent != "engineer"), "nobody works past the limit");
        // A program takes the label off: it comes back, and nothing runs.
        helper(w).unlabels(issue, "syndarix/halted").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        // Words of people are answered all the while.
        w.rita().comments(issue, "/syndarix ping").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.alice().unlabels(issue, "syndarix/halted").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
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
        assert_snapshot!(w.news(pull), @"");
        w.alice().comments(pull, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_does_not_fit_is_not_made() {
    scenario(policy(Vec::new(), "limits = { story_tokens = 1000 }"), async |w| {
        let issue = w.story_is_planned().await;
        assert_snapshot!(w.news(issue), @"");
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
        assert_snapshot!(w.news(second), @"");
        assert_snapshot!(w.news(first), @"");
        // One story cannot go on alone, neither by a word nor by its label.
        w.bob().comments(first, "/syndarix resume").await;
        w.bob().unlabels(second, "syndarix/halted").await;
        w.settle().await;
        assert_snapshot!(w.news(first), @"");
        assert_snapshot!(w.news(second), @"");
        w.mona().comments(first, "/syndarix resume --all").await;
        w.settle().await;
        assert_snapshot!(w.news(first), @"");
        assert_snapshot!(w.news(second), @"");
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
        assert_snapshot!(w.news(later), @"");
        assert_snapshot!(w.status(later), @"");
        w.bob().comments(later, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(later), @"");
        assert_eq!(w.model.log.served().len(), calls);
        w.mona().comments(stories[1], "/syndarix resume --all").await;
        w.settle().await;
        assert_snapshot!(w.news(later), @"");
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
