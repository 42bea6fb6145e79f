//! A forge that fails, loses answers, or answers with something else.

use std::collections::BTreeMap;
use std::time::Duration;

use syndarix::engine::perform::EFFECTS;

use super::proxy::Proxy;
use super::rules::{Fault, Rule};
use super::stage::{TIMEOUTS, survives};
use super::world::{REPO, World};

/// No write was carried out twice with the same words.
fn nothing_was_created_twice(proxy: &Proxy) {
    let mut applied: BTreeMap<(String, String), usize> = BTreeMap::new();
    let creations =
        |path: &str| path.ends_with("/comments") || path.ends_with("/pulls") || path.ends_with("/reviews") || path.ends_with("/merge");
    for seen in proxy.seen().iter().filter(|seen| seen.method == "POST" && creations(&seen.path)) {
        if seen.applied.is_some_and(|status| (200..300).contains(&status)) {
            *applied.entry((seen.path.clone(), seen.body_hash.clone())).or_default() += 1;
        }
    }
    let doubled: Vec<_> = applied.into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(doubled.is_empty(), "created twice: {doubled:?}");
}

/// How many effects the record says were found standing instead of being done again.
async fn found_standing(w: &World) -> usize {
    let project = w.project(REPO).await;
    let stories = w.stories().await;
    let mut tx = w.store().begin_read(project).await.unwrap();
    let mut found = 0;
    for (subject, _) in stories {
        let events = tx.events(EFFECTS, subject.id.0).await.unwrap();
        found += events.iter().filter(|event| event.payload["found"] == true).count();
    }
    tx.rollback().await.unwrap();
    found
}

#[tokio::test]
async fn f05_a_write_whose_answer_was_lost_is_looked_for_before_it_is_repeated() {
    let lost = Rule::every(Fault::DropAfter).on_writes().once_each();
    survives(vec![lost], async |w, proxy| {
        nothing_was_created_twice(proxy);
        let lost =
            proxy.seen().iter().filter(|seen| seen.method == "POST" && seen.path.ends_with("/comments") && seen.fault.is_some()).count();
        let found = found_standing(w).await;
        assert!(found > lost, "{lost} comments, the pull request and the review lost their answers; the record tells of {found} finds");
    })
    .await;
}

#[tokio::test]
async fn f05_a_gateway_that_applies_a_write_and_then_says_502_makes_no_doubles() {
    let rule = Rule::every(Fault::StatusAfter(502)).on_writes().once_each();
    survives(vec![rule], async |_, proxy| nothing_was_created_twice(proxy)).await;
}

#[tokio::test]
async fn f05_errors_of_the_server_are_waited_out() {
    for status in [500, 502, 503, 504, 408] {
        survives(vec![Rule::every(Fault::Status(status)).once_each()], async |_, proxy| nothing_was_created_twice(proxy)).await;
    }
}

#[tokio::test]
async fn f05_connections_that_are_reset_or_end_are_made_again() {
    for fault in [Fault::Reset, Fault::DropBefore] {
        survives(vec![Rule::every(fault).once_each()], async |_, proxy| nothing_was_created_twice(proxy)).await;
    }
}

/// Every fifth call or so fails in some way, by dice with a printed seed.
#[tokio::test]
async fn f05_a_bad_day() {
    let seed = super::nth::seed();
    super::say(&format!("a bad day: seed {seed}"));
    let faults = [
        Fault::DropAfter,
        Fault::Reset,
        Fault::Status(503),
        Fault::StatusAfter(500),
        Fault::CutAt(20),
        Fault::Delay(Duration::from_millis(50)),
    ];
    let rules =
        faults.into_iter().zip(1..).map(|(fault, n)| Rule::every(fault).chance(40, seed.wrapping_mul(n * 7 + 1)).times(40)).collect();
    survives(rules, async |_, proxy| nothing_was_created_twice(proxy)).await;
}

#[tokio::test]
async fn f07_an_answer_that_never_comes_is_given_up_in_time() {
    for fault in [Fault::Stall, Fault::StallAfter] {
        let calls = [
            Rule::every(fault.clone()).on("POST", "/issues/1/comments").times(1),
            Rule::every(fault.clone()).on("GET", "/issues/1").times(1),
            Rule::every(fault).on("POST", "/merge").times(1),
        ];
        survives(calls.to_vec(), async |_, proxy| {
            nothing_was_created_twice(proxy);
            let seen = proxy.seen();
            let stalled = seen.iter().position(|seen| seen.fault.is_some() && seen.method == "GET").unwrap();
            let next = &seen[stalled + 1..].iter().find(|next| next.path == seen[stalled].path).unwrap();
            let waited = Duration::from_micros(u64::try_from(next.real.0 - seen[stalled].real.0).unwrap());
            assert!(waited >= TIMEOUTS.total && waited < TIMEOUTS.total * 4, "the next try came after {waited:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn f07_slow_answers_are_taken_as_long_as_patience_lasts() {
    let slow = Rule::every(Fault::Delay(TIMEOUTS.total / 3)).on("GET", "/issues/1").times(6);
    let late = Rule::every(Fault::Delay(TIMEOUTS.total * 2)).on("PATCH", "").times(1);
    survives(vec![slow, late], async |_, proxy| nothing_was_created_twice(proxy)).await;
}

#[tokio::test]
async fn f07_a_cut_answer_is_no_answer() {
    for n in [0, 1, 30] {
        survives(vec![Rule::every(Fault::CutAt(n)).once_each()], async |_, proxy| nothing_was_created_twice(proxy)).await;
    }
}

#[tokio::test]
async fn f07_broken_gzip_is_no_answer() {
    let rule = Rule::every(Fault::BrokenGzip).once_each();
    survives(vec![rule], async |_, proxy| nothing_was_created_twice(proxy)).await;
}

/// A login page with status 200 is what a proxy with single sign-on gives. Taken for an answer, an edit or a merge would be believed done.
#[tokio::test]
async fn f07_a_page_of_html_is_no_answer_not_even_to_a_write() {
    survives(vec![Rule::every(Fault::Html).once_each()], async |_, proxy| nothing_was_created_twice(proxy)).await;
}

#[tokio::test]
async fn f07_the_token_follows_no_redirect() {
    for status in [301, 302, 307] {
        let canary = Proxy::start().await;
        canary.plays([Rule::every(Fault::Status(200))]);
        let elsewhere = Fault::Redirect(status, format!("{}/stolen", canary.url()));
        let calls = ["GET", "POST", "PATCH", "DELETE"].map(|method| Rule::every(elsewhere.clone()).on(method, "/api/").once_each());
        // Git's first question, too. A push that is sent elsewhere stops the story, as a renamed repository would.
        let git = Rule::every(elsewhere).on("GET", ".git/info/refs").times(1);
        survives(calls.into_iter().chain([git]).collect(), async |_, proxy| nothing_was_created_twice(proxy)).await;
        let hits = canary.seen();
        assert!(
            hits.is_empty(),
            "{} calls reached the other host, {} with the token",
            hits.len(),
            hits.iter().filter(|hit| hit.authorized).count()
        );
    }
}
