//! Clocks that jump. Order follows from sequence and leases from the database's time, so nothing depends on the hour being right.

use std::sync::Arc;

use syndarix::store::WorkKind;

use super::answers::{smooth, to_the_plan};
use super::rules::{Fault, Rule};
use super::stage::{difference, main_story, through_a_proxy, undisturbed};

const TWO_HOURS: i64 = 2 * 60 * 60 * 1000;

#[tokio::test]
async fn f12_a_clock_that_jumps_between_and_within_steps_changes_nothing() {
    let want = undisturbed().await;
    for by in [TWO_HOURS, -TWO_HOURS] {
        through_a_proxy(smooth(), async |w, _| {
            let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
            w.alice().comments(issue, "/syndarix plan").await;
            // The delivery is stored and waits to be read.
            w.sandbox.settled().await;
            w.clock.advance(by);
            w.settle().await;
            w.clock.advance(-by);
            let pull = w.pull();
            w.alice().comments(pull, "/syndarix approve").await;
            w.sandbox.settled().await;
            // Some of the work is done, the rest is queued.
            for _ in 0..4 {
                if let Some(claim) = w.app.engine.claim(WorkKind::ALL).await.unwrap() {
                    w.app.engine.work(claim).await.unwrap();
                }
            }
            w.clock.advance(by);
            w.settle().await;
            w.bob().approves(pull).await;
            w.clock.advance(-by);
            w.settle().await;
            let got = format!("{}\n=====\n{}", w.page(issue), w.page(pull));
            assert!(got == want, "a jump of {by} ms:\n{}", difference(want, &got));
        })
        .await;
    }
}

#[tokio::test]
async fn f12_a_clock_that_is_set_back_in_the_middle_of_a_call_changes_nothing() {
    let want = undisturbed().await;
    through_a_proxy(smooth(), async |w, proxy| {
        let clock = w.clock.clone();
        let jump: Arc<dyn Fn() + Send + Sync> = Arc::new(move || clock.advance(-TWO_HOURS));
        proxy.plays([5, 25, 50].map(|n| Rule::nth(n, Fault::Hook(jump.clone()))));
        let got = main_story(w).await;
        assert!(got == want, "{}", difference(want, &got));
        assert_eq!(proxy.seen().iter().filter(|seen| seen.fault.is_some()).count(), 3);
    })
    .await;
}

/// What is put off while the clock runs ahead comes back when it is set right.
#[tokio::test]
async fn f12_work_put_off_by_a_clock_that_ran_ahead_is_done_when_it_is_set_back() {
    through_a_proxy(to_the_plan(), async |w, proxy| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.clock.advance(TWO_HOURS);
        proxy.goes_down();
        w.alice().comments(issue, "/syndarix plan").await;
        w.sandbox.settled().await;
        while Box::pin(w.app.settle_once()).await.unwrap() {}
        assert!(w.store().next_due(WorkKind::ALL).await.unwrap().is_some_and(|at| at > w.clock.now()), "put off");
        w.clock.advance(-TWO_HOURS);
        proxy.comes_back().await;
        w.settle().await;
        assert!(w.page(issue).contains("story/design"), "{}", w.page(issue));
    })
    .await;
}

#[tokio::test]
async fn f12_a_lease_outlives_any_jump_of_our_clock() {
    through_a_proxy(to_the_plan(), async |w, _| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.sandbox.settled().await;
        let engine = &w.app.engine;
        let held = engine.claim(&[WorkKind::Intake]).await.unwrap().expect("a delivery to read");
        for by in [TWO_HOURS, -TWO_HOURS, -TWO_HOURS, TWO_HOURS] {
            w.clock.advance(by);
            let other = engine.claim(&[WorkKind::Intake]).await.unwrap();
            assert!(other.as_ref().is_none_or(|other| other.id != held.id), "a jump of {by} ms took the lease away");
            if let Some(other) = other {
                engine.work(other).await.unwrap();
            }
        }
        engine.work(held).await.unwrap();
        w.settle().await;
        assert!(w.page(issue).contains("story/design"), "{}", w.page(issue));
    })
    .await;
}
