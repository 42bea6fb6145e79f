//! What headers say about pages and waiting, how long to pause between tries, and the spacing of writes.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{DATE, HeaderMap, LINK, RETRY_AFTER};

use crate::base::{Clock, Time};

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

/// How long the server asks to wait: seconds, or a date relative to the server's own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(86_400)));
    }
    let now = date(headers)?;
    let at = chrono::DateTime::parse_from_rfc2822(text).ok()?.timestamp_micros();
    u64::try_from(at - now.0).ok().map(Duration::from_micros)
}

/// The server's own clock when it answered.
pub(super) fn date(headers: &HeaderMap) -> Option<Time> {
    let text = headers.get(DATE)?.to_str().ok()?.trim();
    chrono::DateTime::parse_from_rfc2822(text).ok().map(|at| Time(at.timestamp_micros()))
}

/// What a limit that names no time is taken to ask for, as GitHub's documentation says.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// How long a refusal asks to wait; `None` when it is no limit of the rate. Secondary limits come as 403 with `Retry-After`, or with words
/// alone; the primary one as 403 or 429 with nothing left.
pub(super) fn limit(status: u16, headers: &HeaderMap, text: &str) -> Option<Duration> {
    let named = retry_after(headers).or_else(|| spent(headers));
    let words = text.to_lowercase();
    match status {
        429 => Some(named.unwrap_or(DEFAULT_WAIT)),
        403 if named.is_some() => named,
        403 if words.contains("rate limit") || words.contains("abuse detection") => Some(DEFAULT_WAIT),
        _ => None,
    }
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

/// Doubles with every try, and spreads by half so that many callers do not come back at once.
pub(super) fn pause(backoff: Duration, tried: u32) -> Duration {
    let full = backoff.saturating_mul(1 << (tried - 1).min(8));
    let spread = RandomState::new().hash_one(tried) % 1_000;
    full / 2 + full.mul_f64(spread as f64 / 2_000.0)
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
    fn a_limit_is_known_by_status_headers_or_words() {
        let seconds = |status, pairs: &[_], text| limit(status, &headers(pairs), text).map(|wait| wait.as_secs());
        let date = ("date", "Mon, 03 Aug 2026 09:00:00 GMT");
        let none_left = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1785747660"), date];
        assert_eq!(seconds(429, &[], "slow down"), Some(60));
        assert_eq!(seconds(403, &none_left, "API rate limit exceeded"), Some(61));
        assert_eq!(seconds(403, &[("retry-after", "9")], "no"), Some(9));
        assert_eq!(seconds(403, &[("retry-after", "Mon, 03 Aug 2026 09:00:30 GMT"), date], "no"), Some(30));
        assert_eq!(seconds(403, &[], "You have exceeded a secondary rate limit"), Some(60));
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "12"), none_left[1], date], "Must have admin rights"), None);
        assert_eq!(seconds(404, &none_left, ""), None);
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
