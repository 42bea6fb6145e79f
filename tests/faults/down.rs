//! A forge that is away for a while.

use super::answers::smooth;
use super::rules::is_write;
use super::stage::{main_story, through_a_proxy, undisturbed};
use super::world::World;
use syndarix::store::WorkKind;

/// Lets this many minutes pass, doing whatever falls due meanwhile.
async fn minutes_pass(w: &World, minutes: i64) {
    let until = w.clock.now().plus_millis(minutes * 60_000);
    while w.clock.now() < until {
        w.sandbox.settled().await;
        while Box::pin(w.app.settle_once()).await.unwrap() {}
        let next = w.app.engine.store.next_due(WorkKind::ALL).await.unwrap().unwrap_or(until).min(until);
        w.clock.advance(((next.0 - w.clock.now().0) / 1_000 + 1).max(1));
    }
}

/// People go on working in their browsers; only the program's way to the forge is closed.
#[tokio::test]
async fn f15_after_ten_minutes_without_the_forge_everything_is_done_once() {
    let want = undisturbed().await;
    through_a_proxy(smooth(), async |w, proxy| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        proxy.goes_down();
        w.alice().comments(issue, "/syndarix plan").await;
        minutes_pass(w, 10).await;
        assert!(w.page(issue).contains("/syndarix plan") && !w.page(issue).contains("--- syndarix"), "nothing could be said");
        proxy.comes_back().await;
        w.settle().await;
        let pull = w.pull();
        proxy.goes_down();
        w.alice().comments(pull, "/syndarix approve").await;
        minutes_pass(w, 10).await;
        proxy.comes_back().await;
        w.settle().await;
        w.bob().approves(pull).await;
        proxy.goes_down();
        minutes_pass(w, 10).await;
        proxy.comes_back().await;
        w.settle().await;
        let got = format!("{}\n=====\n{}", w.page(issue), w.page(pull));
        assert!(got == want, "{}", super::stage::difference(want, &got));
    })
    .await;
}

/// Ten commands while the forge is away are ten answers, one each, once it is back.
#[tokio::test]
async fn f15_what_queues_up_is_answered_once_each() {
    through_a_proxy(smooth(), async |w, proxy| {
        main_story(w).await;
        let issue = w.alice().opens_issue("Another one", "With many questions.").await;
        proxy.goes_down();
        for _ in 0..10 {
            w.alice().comments(issue, "/syndarix ping").await;
            minutes_pass(w, 1).await;
        }
        proxy.comes_back().await;
        w.settle().await;
        let page = w.page(issue);
        assert_eq!(page.matches("I am here").count(), 10, "{page}");
        let writes = proxy
            .seen()
            .iter()
            .filter(|seen| is_write(&seen.method, &seen.path) && seen.path.ends_with(&format!("/issues/{issue}/comments")))
            .count();
        assert_eq!(writes, 10, "one call for each answer");
    })
    .await;
}
