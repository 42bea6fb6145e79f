//! What headers say about pages and waiting, and how long to pause between tries.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, LINK, RETRY_AFTER};

use crate::base::Time;

/// How many entries the whole list has, where the headers say so.
pub fn total(headers: &HeaderMap) -> Option<usize> {
    headers.get("x-total-count")?.to_str().ok()?.trim().parse().ok()
}

/// True when the headers say that this was the last page. `Link` addresses may name another host, so only their page number counts.
pub fn is_last(headers: &HeaderMap, page: usize, so_far: usize) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(total) = total(headers) {
        return so_far >= total;
    }
    match text(LINK.as_str()) {
        Some(link) => next_page(link).is_none_or(|next| next <= page),
        None => false,
    }
}

fn next_page(link: &str) -> Option<usize> {
    let entry = link.split(',').find(|entry| entry.contains("rel=\"next\""))?;
    let address = entry.split_once('<')?.1.split_once('>')?.0;
    let query = address.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix("page=")?.parse().ok())
}

/// How long the server asks to wait: seconds, or a date relative to the server's own clock.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(86_400)));
    }
    let now = date(headers)?;
    let at = chrono::DateTime::parse_from_rfc2822(text).ok()?.timestamp_micros();
    u64::try_from(at - now.0).ok().map(Duration::from_micros)
}

/// The server's own clock when it answered.
pub fn date(headers: &HeaderMap) -> Option<Time> {
    let text = headers.get(DATE)?.to_str().ok()?.trim();
    chrono::DateTime::parse_from_rfc2822(text).ok().map(|at| Time(at.timestamp_micros()))
}

/// What a limit that names no time is taken to ask for. GitHub's documentation asks for at least a minute then; nobody asks for more.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// How long a refusal asks to wait; `None` when it is no limit of the rate. A 403 is one when its headers or its words say so: GitHub's
/// secondary limits come that way, and so do those of proxies that copy it.
pub fn limit(status: u16, headers: &HeaderMap, text: &str) -> Option<Duration> {
    let named = retry_after(headers).or_else(|| reset_in(headers));
    match status {
        429 => Some(named.unwrap_or(DEFAULT_WAIT)),
        403 if named.is_some() => named,
        403 if text.to_lowercase().contains("rate limit") => Some(DEFAULT_WAIT),
        _ => None,
    }
}

/// The time until a window without any calls left begins anew, by the server's own clock.
fn reset_in(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if text("x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let reset = text("x-ratelimit-reset")?.parse::<i64>().ok()?;
    let now = chrono::DateTime::parse_from_rfc2822(text("date")?).ok()?.timestamp();
    // A second more: both numbers are cut to whole seconds.
    Some(Duration::from_secs(u64::try_from(reset - now).unwrap_or(0).min(86_400) + 1))
}

/// Doubles with every try, and spreads by half so that many callers do not come back at once.
pub fn pause(backoff: Duration, tried: u32) -> Duration {
    let full = backoff.saturating_mul(1 << (tried - 1).min(8));
    let spread = RandomState::new().hash_one(tried) % 1_000;
    full / 2 + full.mul_f64(spread as f64 / 2_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_number_of_a_link_counts() {
        let link = r#"<http://internal:3000/api/v1/x?limit=50&page=3>; rel="next",<http://internal:3000/api/v1/x?page=9>; rel="last""#;
        assert_eq!(next_page(link), Some(3));
        assert_eq!(next_page(r#"<http://x/?page=1>; rel="first""#), None);
    }

    #[test]
    fn waiting_is_read_as_seconds_or_date() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        assert_eq!(retry_after(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        let dated = headers(&[("retry-after", "Mon, 03 Aug 2026 09:00:30 GMT"), ("date", "Mon, 03 Aug 2026 09:00:00 GMT")]);
        assert_eq!(retry_after(&dated), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
    }

    #[test]
    fn a_limit_is_known_by_status_headers_or_words() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let seconds = |status, pairs: &[_], text| limit(status, &headers(pairs), text).map(|wait| wait.as_secs());
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1785747660"), ("date", "Mon, 03 Aug 2026 09:00:00 GMT")];
        assert_eq!(seconds(429, &[], "slow down"), Some(60));
        assert_eq!(seconds(429, &[("retry-after", "7")], ""), Some(7));
        assert_eq!(seconds(429, &spent, ""), Some(61));
        assert_eq!(seconds(403, &spent, "no"), Some(61));
        assert_eq!(seconds(403, &[("retry-after", "9")], "no"), Some(9));
        assert_eq!(seconds(403, &[], "You have exceeded a secondary rate limit"), Some(60));
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "12"), spent[1], spent[2]], "no"), None, "calls are left: it is a refusal");
        assert_eq!(seconds(404, &spent, ""), None);
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let first = pause(Duration::from_millis(200), 1);
        let second = pause(Duration::from_millis(200), 2);
        assert!(first >= Duration::from_millis(100) && first < Duration::from_millis(200), "{first:?}");
        assert!(second >= Duration::from_millis(200) && second < Duration::from_millis(400), "{second:?}");
    }
}
