//! The program dies between what it does and what it notes.

#![cfg(feature = "failpoints")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use syndarix::domain::mirror::Side;

use crate::world::{Pair, World};

/// What the crashes are played between.
const PAIR: Pair = Pair::GITEA_AND_GITHUB;
const POINTS: [&str; 4] = ["commit-before", "commit-after", "effect-before", "effect-after"];

/// What happens on either side.
async fn story(w: &World) {
    let there = w.carol().opens("Rounding is off", "Three items.").await;
    w.dave().comments(there, "I see it, too.").await;
    w.carol().labels(there, "bug").await;
    w.syncs().await;
    w.alice().labels(1, "mirror/outward").await;
    w.syncs().await;
    w.alice().comments(1, "And I.").await;
    w.alice().changes(1, json!({"title": "Alice's title", "body": "Alice's text"})).await;
    w.carol().changes(there, json!({"title": "Carol's title", "body": "Carol's text"})).await;
    w.syncs().await;
    w.carol().changes(there, json!({"state": "closed"})).await;
    w.syncs().await;
}

async fn seen(w: &World) -> Vec<String> {
    vec![w.page(Side::Here, 1).await, w.page(Side::There, 1).await, format!("{} {}", w.count(Side::Here).await, w.count(Side::There).await)]
}

#[tokio::test]
async fn a_crash_at_any_point_doubles_and_loses_nothing() {
    let calm = World::alone(PAIR, "outward = true").await;
    story(&calm).await;
    let want = seen(&calm).await;
    drop(calm);
    let mut died = 0;
    for point in POINTS {
        for count in (0..60).step_by(5) {
            let w = World::alone(PAIR, "outward = true").await;
            let passed = Arc::new(AtomicUsize::new(0));
            let counter = passed.clone();
            fail::cfg_callback(point, move || {
                if counter.fetch_add(1, Ordering::SeqCst) == count {
                    // A panic without a word on the terminal.
                    std::panic::resume_unwind(Box::new("it dies here"));
                }
            })
            .unwrap();
            story(&w).await;
            fail::remove(point);
            let got = seen(&w).await;
            assert_eq!(got, want, "after a crash at {point} number {count}");
            assert_eq!(w.recorded("link.conflict").await, 2, "{point} number {count}");
            died += usize::from(passed.load(Ordering::SeqCst) > count);
        }
    }
    assert!(died >= 20, "only {died} crashes came to pass");
}
