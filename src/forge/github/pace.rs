//! What headers say about pages and what is left, the limits of one token, and the spacing of writes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};

use crate::base::{Clock, Time};
use crate::forge::http::pace::date;

/// How long the driver waits for the forge, and between two writes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the whole answer is there.
    pub total: Duration,
    /// Before a failed read is tried again the first time; doubles from there.
    pub backoff: Duration,
    /// Least time between two writes with one token. GitHub asks for a second; zero for tests.
    pub writes_apart: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(30),
            backoff: Duration::from_millis(250),
            writes_apart: Duration::from_secs(1),
        }
    }
}

/// What GitHub limits by itself: the calls of one token. Once it asks to wait, nothing more is sent with that token until then; its writes go
/// one after the other.
#[derive(Default)]
pub(super) struct Lane {
    /// Since when to wait, and for how long.
    closed: Mutex<Option<(Time, Duration)>>,
    /// When the last write was answered. Held while one is under way.
    pub written: tokio::sync::Mutex<Option<Time>>,
}

impl Lane {
    /// Closes it for this long. A shorter wait never opens what a longer one closed.
    pub fn close(&self, clock: &Clock, wait: Duration) {
        let now = clock.now();
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.and_then(|(since, wait)| left(since, wait, now)).is_none_or(|left| left < wait) {
            *closed = Some((now, wait));
        }
    }

    /// How long it stays closed; `None`: it is open. A clock that was set back begins the wait again.
    pub fn remaining(&self, clock: &Clock) -> Option<Duration> {
        let now = clock.now();
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, _)) = closed.as_mut() {
            *since = (*since).min(now);
        }
        let rest = closed.and_then(|(since, wait)| left(since, wait, now));
        if rest.is_none() {
            *closed = None;
        }
        rest
    }
}

/// What is left of a wait; `None`: nothing. A clock that was set back makes it whole again, never longer.
pub(super) fn left(since: Time, wait: Duration, now: Time) -> Option<Duration> {
    let passed = Duration::from_micros(u64::try_from(now.0 - since.0).unwrap_or(0));
    wait.checked_sub(passed).filter(|left| !left.is_zero())
}

/// The value of a parameter in the address of the next page: `page`, or `cursor` where a list has one. The host of the address may be
/// another one than was called, so nothing else of it counts.
pub(super) fn next_page(headers: &HeaderMap, parameter: &str) -> Option<String> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let entry = link.split(',').find(|entry| entry.contains("rel=\"next\""))?;
    let address = Url::parse(entry.split_once('<')?.1.split_once('>')?.0).ok()?;
    address.query_pairs().find(|(key, _)| key == parameter).map(|(_, value)| value.into_owned())
}

/// The time until a window in which no calls are left begins anew, by the server's own clock.
pub(super) fn spent(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if text("x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let reset = text("x-ratelimit-reset")?.parse::<i64>().ok()?;
    let now = date(headers)?.seconds();
    // A second more: both numbers are cut to whole seconds.
    Some(Duration::from_secs(u64::try_from(reset - now).unwrap_or(0).min(86_400) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_next_page_is_a_number_or_a_cursor_whatever_the_host() {
        let link = r#"<https://elsewhere.example/x?per_page=100&page=3>; rel="next", <https://api.github.com/x?page=9>; rel="last""#;
        assert_eq!(next_page(&headers(&[("link", link)]), "page").as_deref(), Some("3"));
        let link = r#"<https://api.github.com/x?per_page=100&cursor=v1_17%2B2>; rel="next""#;
        assert_eq!(next_page(&headers(&[("link", link)]), "cursor").as_deref(), Some("v1_17+2"));
        assert_eq!(next_page(&headers(&[("link", r#"<https://api.github.com/x?page=1>; rel="prev""#)]), "page"), None);
        assert_eq!(next_page(&headers(&[]), "page"), None);
    }

    #[test]
    fn the_last_call_says_when_the_next_may_follow() {
        let date = ("date", "Mon, 03 Aug 2026 09:00:00 GMT");
        let wait = |remaining| spent(&headers(&[("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", "1785747660"), date]));
        assert_eq!((wait("0"), wait("12")), (Some(Duration::from_secs(61)), None));
    }

    #[test]
    fn a_closed_lane_opens_in_time_whatever_the_clock_does() {
        let (lane, clock) = (Lane::default(), Clock::manual(Time(1_000_000_000_000)));
        lane.close(&clock, Duration::from_secs(60));
        lane.close(&clock, Duration::from_secs(5));
        clock.advance(59_999);
        assert_eq!(lane.remaining(&clock), Some(Duration::from_millis(1)), "the shorter wait did not open it");
        clock.advance(-7_200_000);
        assert_eq!(lane.remaining(&clock), Some(Duration::from_secs(60)), "begun again, and no longer");
        clock.advance(60_000);
        assert_eq!(lane.remaining(&clock), None);
    }
}
