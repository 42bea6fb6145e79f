//! What headers say about pages and what is left, the limits of one token, and the spacing of writes.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};

use crate::base::Time;
use crate::forge::http::gate::Gate;
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
    pub gate: Gate,
    /// When the last write was answered. Held while one is under way.
    pub written: tokio::sync::Mutex<Option<Time>>,
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
}
