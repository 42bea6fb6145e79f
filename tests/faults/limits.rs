//! A forge that limits the rate: nothing is sent to it before the time it named, and nobody else waits.

use std::time::Duration;

use syndarix::base::Clock;
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::{ForgeKind, RepoRef};
use syndarix::forge::gitea::{GiteaConfig, GiteaForge};
use syndarix::forge::{Forge, ForgeError};

use super::proxy::{Proxy, Seen};
use super::rules::{Fault, Rule};
use super::stage::{TIMEOUTS, survives};

/// A limit, and the seconds that have to pass.
fn scripts() -> Vec<(Fault, i64)> {
    // The forge's own clock in its answers; only the difference counts.
    let date = ("date", "Mon, 03 Aug 2026 09:00:00 GMT".to_owned());
    let reset = [("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", "1785747645".to_owned()), date];
    let words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    vec![
        (Fault::Limited(429, vec![("retry-after", "40".into())], "slow down"), 40),
        (Fault::Limited(429, reset.to_vec(), "slow down"), 45),
        (Fault::Limited(429, vec![], "slow down"), 60),
        (Fault::Limited(403, vec![("retry-after", "40".into())], "no"), 40),
        (Fault::Limited(403, reset.to_vec(), "no"), 45),
        (Fault::Limited(403, vec![], words), 60),
    ]
}

/// No call to the programming interface came before the time that an earlier answer named.
fn nothing_came_early(seen: &[Seen], seconds: i64) {
    let calls: Vec<&Seen> = seen.iter().filter(|seen| seen.path.starts_with("/api/")).collect();
    for (at, limited) in calls.iter().enumerate().filter(|(_, seen)| seen.fault.is_some()) {
        let next = calls.get(at + 1).expect("the story goes on after the limit");
        let waited = (next.at.0 - limited.at.0) / 1_000_000;
        assert!(
            waited >= seconds,
            "{} {} came {waited} s after {} {} was limited for {seconds} s",
            next.method,
            next.path,
            limited.method,
            limited.path
        );
    }
}

#[tokio::test]
async fn f06_nothing_is_sent_before_the_time_that_the_forge_named() {
    for (fault, seconds) in scripts() {
        let rules = vec![
            Rule::every(fault.clone()).on("POST", "/issues/1/comments").times(1),
            Rule::every(fault.clone()).on("GET", "/permission").times(2),
            Rule::every(fault.clone()).on("POST", "/reactions").times(1),
            Rule::every(fault).on("PATCH", "/comments/").times(1),
        ];
        survives(rules, async |_, proxy| {
            let seen = proxy.seen();
            assert!(seen.iter().filter(|seen| seen.fault.is_some()).count() >= 4, "not every limit was met");
            nothing_came_early(&seen, seconds);
        })
        .await;
    }
}

fn forge_behind(proxy: &Proxy, clock: &Clock) -> GiteaForge {
    let token = SecretString::from("a-token-of-nobody".to_owned());
    let config = GiteaConfig { base_url: proxy.url(), token, timeouts: TIMEOUTS, kind: ForgeKind::Gitea };
    GiteaForge::new(config).unwrap().with_clock(clock.clone())
}

#[tokio::test]
async fn f06_a_limited_forge_keeps_nobody_waiting() {
    let (limited, free) = (Proxy::start().await, Proxy::start().await);
    limited.plays([Rule::every(Fault::Limited(429, vec![("retry-after", "600".into())], "slow down"))]);
    let user = super::http::answer(200, &[("content-type".into(), "application/json".into())], br#"{"id":7,"login":"bot"}"#);
    free.plays([Rule::every(Fault::Instead(user))]);
    let clock = Clock::System;
    let (one, other) = (forge_behind(&limited, &clock), forge_behind(&free, &clock));
    let repo = RepoRef { id: 1, path: "acme/shop".into() };
    let started = clock.now();
    for _ in 0..50 {
        let answer = one.create_comment(&repo, 1, "x").await;
        assert!(matches!(answer, Err(ForgeError::RateLimited(left)) if left > Duration::from_secs(500)), "{answer:?}");
        assert!(matches!(one.issue(&repo, 1).await, Err(ForgeError::RateLimited(_))));
        assert_eq!(other.whoami().await.unwrap().id, 7, "the other forge answers all the while");
    }
    assert_eq!(limited.seen().len(), 1, "one call learned of the limit, and no other was sent");
    let millis = (clock.now().0 - started.0) / 1_000;
    assert!(millis < 5_000, "150 calls took {millis} ms: somebody waited");
}
