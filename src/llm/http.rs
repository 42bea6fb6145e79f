//! The one HTTP client of all wires, and what every answer goes through before a wire reads it.

use std::time::Duration;

use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use super::error::ProviderError;
use crate::base::secret::{ExposeSecret, Redactor, SecretString};
use crate::base::text::{clip, visible};

/// Time and size limits of calls to models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the answer is complete. Models think long before a whole answer arrives.
    pub total: Duration,
    /// Largest answer in bytes.
    pub max_body: usize,
}

impl Default for HttpOptions {
    fn default() -> HttpOptions {
        HttpOptions { connect: Duration::from_secs(10), total: Duration::from_secs(600), max_body: 8 * 1024 * 1024 }
    }
}

/// The shared client: time limits, no redirects (a key must not travel to another host), a size limit.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    max_body: usize,
}

/// An answer with a JSON body.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Http {
    /// A client with these limits. Fails when the machine's TLS roots cannot be read.
    pub fn new(options: HttpOptions) -> Result<Http, String> {
        let client = reqwest::Client::builder()
            .connect_timeout(options.connect)
            .timeout(options.total)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("syndarix/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client for models cannot be made: {error}"))?;
        Ok(Http { client, max_body: options.max_body })
    }

    /// Reads JSON once: status and body, or why there is none.
    pub(super) async fn get(&self, url: &str, headers: HeaderMap) -> Result<(u16, Value), String> {
        let response = self.client.get(url).headers(headers).send().await.map_err(|error| not_sent(error).to_string())?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|error| error.without_url().to_string())?;
        Ok((status, serde_json::from_slice(&bytes[..bytes.len().min(self.max_body)]).unwrap_or_default()))
    }

    /// Posts JSON once and reads the answer. Answers of every status come back as long as they are JSON; everything else is an error.
    pub(super) async fn post(&self, url: &str, headers: HeaderMap, body: &Value) -> Result<Answer, ProviderError> {
        let response = self.client.post(url).headers(headers).json(body).send().await.map_err(not_sent)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() {
            return Err(ProviderError::not_a_model(format!(
                "it redirects ({status}); redirects are not followed, so correct the provider's url"
            )));
        }
        let bytes = self.read(response).await?;
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Answer { status, headers, body }),
            Err(_) => Err(not_json(status, &headers, &bytes)),
        }
    }

    async fn read(&self, response: reqwest::Response) -> Result<Vec<u8>, ProviderError> {
        let mut bytes = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| {
                ProviderError::Uncertain(format!("the connection broke while the answer was read ({})", causes(&error)))
            })?;
            if bytes.len() + chunk.len() > self.max_body {
                return Err(ProviderError::malformed(format!("its answer is larger than {} bytes", self.max_body), None));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// A failed connection never carried the request; everything later may have.
fn not_sent(error: reqwest::Error) -> ProviderError {
    let text = causes(&error);
    if error.is_connect() {
        ProviderError::Unreachable(text)
    } else if error.is_builder() {
        ProviderError::BadRequest(text)
    } else if error.is_timeout() {
        ProviderError::Uncertain("no complete answer within the time limit".to_owned())
    } else {
        ProviderError::Uncertain(text)
    }
}

/// The chain of causes, without the address: it may hold credentials.
fn causes(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words.push(inner.to_string());
        cause = inner.source();
    }
    let text =
        words.pop().unwrap_or_else(|| if error.is_builder() { "the url is not valid".to_owned() } else { "connection lost".to_owned() });
    tidy(&text)
}

fn not_json(status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> ProviderError {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("no content type");
    let start = tidy(&String::from_utf8_lossy(&bytes[..bytes.len().min(400)]));
    let message = format!("{status} with {kind} instead of JSON: {start}");
    if let Some(error) = by_status(status, headers, &message) {
        return error;
    }
    let html = kind.contains("html") || bytes.trim_ascii_start().starts_with(b"<");
    if html || !status.is_success() { ProviderError::not_a_model(message) } else { ProviderError::malformed(message, None) }
}

/// What a status means when the body says nothing more precise. `None` for a success and for statuses without a common meaning.
pub(super) fn by_status(status: StatusCode, headers: &HeaderMap, message: &str) -> Option<ProviderError> {
    let message = message.to_owned();
    Some(match status.as_u16() {
        200..=299 => return None,
        401 | 403 => ProviderError::Auth(message),
        402 => ProviderError::SpendLimit(message),
        408 | 504 | 524 => ProviderError::Uncertain(message),
        413 => ProviderError::ContextTooLong(message),
        429 => ProviderError::RateLimited { retry_after: retry_after(headers) },
        // A provider that says in its own words that it failed has not charged; a gateway time-out (above) may have cut a working model.
        500 | 502 | 503 | 529 => ProviderError::Overloaded { retry_after: retry_after(headers) },
        400..=499 => ProviderError::BadRequest(message),
        _ => return None,
    })
}

/// The wait that the headers ask for: `retry-after-ms`, or `retry-after` in seconds or as a date relative to the answer's own `date`.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|value| value.parse::<f64>().ok()) {
        return seconds(millis / 1000.0);
    }
    let value = text("retry-after")?;
    if let Ok(number) = value.parse::<f64>() {
        return seconds(number);
    }
    let (then, now) = (date(value)?, date(text("date")?)?);
    Some(Duration::from_secs(u64::try_from(then - now).unwrap_or(0)))
}

fn seconds(number: f64) -> Option<Duration> {
    (number >= 0.0).then(|| Duration::try_from_secs_f64(number).ok()).flatten()
}

fn date(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc2822(text).ok().map(|date| date.timestamp())
}

/// A header with a secret in it, marked so that it is never printed. `None` when the secret holds characters that no header can carry.
pub(super) fn secret_header(prefix: &str, secret: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose_secret().trim())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Text of a provider on one line, short enough for an error.
pub(super) fn tidy(text: &str) -> String {
    let line = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    clip(&line, 300).replace('\n', " ")
}

/// The error with the key masked, should a provider have echoed it.
pub(super) fn without_key(error: ProviderError, key: Option<&SecretString>) -> ProviderError {
    let Some(key) = key else { return error };
    let redactor = Redactor::new([key.clone(), SecretString::from(key.expose_secret().trim().to_owned())]);
    let mask = |text: String| redactor.mask(&text);
    match error {
        ProviderError::Auth(text) => ProviderError::Auth(mask(text)),
        ProviderError::SpendLimit(text) => ProviderError::SpendLimit(mask(text)),
        ProviderError::ContextTooLong(text) => ProviderError::ContextTooLong(mask(text)),
        ProviderError::BadRequest(text) => ProviderError::BadRequest(mask(text)),
        ProviderError::Unreachable(text) => ProviderError::Unreachable(mask(text)),
        ProviderError::Uncertain(text) => ProviderError::Uncertain(mask(text)),
        ProviderError::Malformed { message, usage, may_have_cost } => {
            ProviderError::Malformed { message: mask(message), usage, may_have_cost }
        }
        other @ (ProviderError::RateLimited { .. } | ProviderError::Overloaded { .. }) => other,
    }
}

/// Joins a base address and a path with exactly one slash.
pub(super) fn join(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
        rows.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn waits_are_read_in_every_form() {
        let rows = [
            (vec![("retry-after", "3")], Some(3_000)),
            (vec![("retry-after", "0.5")], Some(500)),
            (vec![("retry-after-ms", "250"), ("retry-after", "9")], Some(250)),
            (vec![("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT"), ("date", "Sun, 22 Nov 2026 10:00:00 GMT")], Some(7_000)),
            (vec![("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT")], None),
            (vec![("retry-after", "-1")], None),
            (vec![], None),
        ];
        for (given, want) in rows {
            assert_eq!(retry_after(&headers(&given)), want.map(Duration::from_millis), "{given:?}");
        }
    }

    #[test]
    fn a_key_with_a_line_end_is_trimmed_and_one_with_a_line_break_inside_is_refused() {
        let header = |text: &str| secret_header("Bearer ", &SecretString::from(text.to_owned()));
        assert!(header("sk-abc\n").is_some_and(|value| value.is_sensitive() && value == "Bearer sk-abc"));
        assert!(header("sk\nabc").is_none());
    }
}
