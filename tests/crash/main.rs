//! The crash sweep: the whole story is played again and again, and each time the bot's process ends at another place, as if it had
//! been killed. Started again, it must bring the story to the same end as an uninterrupted one, doing nothing twice.
//!
//! `SYNDARIX_SWEEP=full` visits every place instead of each so-manieth, a number sets how sparsely, `SYNDARIX_SWEEP=nested` kills a second time while the bot takes
//! up its work again, and `SYNDARIX_SWEEP=effect-after:6` plays one place ten times. Worth the build when run often: `cargo test --profile sweep --features failpoints --test crash`.

#![cfg_attr(not(feature = "failpoints"), allow(dead_code, unused_imports, reason = "the sweep alone uses all of it"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod forges;
mod kills;
mod linked;
mod page;
mod record;
#[cfg(feature = "failpoints")]
mod sweep;
mod world;

/// A line that is seen without asking for the output of tests.
fn say(line: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
}

#[test]
#[cfg(not(feature = "failpoints"))]
fn the_story_survives_a_crash_at_every_point() {
    say("left out: the crash sweep needs the feature `failpoints`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(feature = "failpoints")]
async fn the_story_survives_a_crash_at_every_point() {
    sweep::sweep().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_killed_at_any_moment_finishes_its_story_once() {
    kills::kill_at_random().await;
}
