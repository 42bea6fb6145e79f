//! The client itself: one address, one token, one door.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use serde_json::Value;

use crate::base::Clock;
use crate::base::secret::{Redactor, SecretString};
use crate::base::text::{clip, visible};
use crate::forge::{ForgeError, Result};

use super::calls::Calls;
use super::gate::Gate;
use super::pace::{limit, pause, retry_after};
use super::{Answer, Call, Failure, Timeouts};

/// The most bytes of an answer that are read.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// How often a read is tried in all.
const TRIES: u32 = 3;
/// A read waits this long by itself; a longer wait is left to the caller.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// Where an answer says why it refuses: Gitea and GitLab in `message`, GitLab also in `error`; merge conflicts of Gitea answer with Git's output.
const WORDS: [&str; 5] = ["message", "error_description", "error", "StdErr", "StdOut"];

/// Where the interface of one kind of forge is, and how its token is shown.
#[derive(Clone, Debug)]
pub struct Place {
    /// Name of the kind, for sentences.
    pub name: &'static str,
    /// Path segments between the forge's address and its interface.
    pub below: &'static [&'static str],
    /// The header that carries the token.
    pub header: HeaderName,
}

/// One shared HTTP client with the address and the token of one forge.
pub struct Http {
    http: reqwest::Client,
    base: Url,
    place: Place,
    authorization: HeaderValue,
    redactor: Redactor,
    backoff: Duration,
    gate: Gate,
    clock: Clock,
    calls: Calls,
}

impl Http {
    /// Checks the address and builds the client. Redirects are never followed and proxies of the environment never used, so the token goes
    /// to this address only. `authorization` is the whole value of the header; `secrets` are masked in all that is said.
    pub fn new(
        base_url: &str,
        place: Place,
        authorization: &str,
        secrets: impl IntoIterator<Item = SecretString>,
        timeouts: Timeouts,
    ) -> std::result::Result<Http, String> {
        let mut authorization = HeaderValue::from_str(authorization).map_err(|_| {
            "the forge token holds characters that no token has, such as a line end: check the file or variable it comes from".to_owned()
        })?;
        let base = parse_base(base_url, &place)?;
        authorization.set_sensitive(true);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .user_agent(concat!("syndarix/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client cannot be set up: {error}"))?;
        Ok(Http {
            http,
            base,
            place,
            authorization,
            redactor: Redactor::new(secrets),
            backoff: timeouts.backoff,
            gate: Gate::default(),
            clock: Clock::System,
            calls: Calls::default(),
        })
    }

    /// Measures the waits that the forge asks for by this clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// The address of the forge without a trailing slash.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// How many requests there were, by what came of them.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.calls.counts()
    }

    /// Performs a call; a read is tried again a few times when the failure may pass by itself.
    pub async fn attempt(&self, call: &Call) -> std::result::Result<Answer, Failure> {
        let mut tried = 1;
        loop {
            let once = self.once(call).await;
            self.calls.count(once.as_ref().err().map(Failure::error));
            let failure = match once {
                Err(Failure::Passing(error, wait)) if call.is_read() => (error, wait),
                other => return other,
            };
            let wait = failure.1.unwrap_or_else(|| pause(self.backoff, tried));
            if tried == TRIES || wait > MAX_WAIT {
                // A read changes nothing, so a lost answer is only an unreachable forge.
                return Err(Failure::Final(match failure.0 {
                    ForgeError::Uncertain(text) => ForgeError::Unavailable(text),
                    error => error,
                }));
            }
            tokio::time::sleep(wait).await;
            tried += 1;
        }
    }

    async fn once(&self, call: &Call) -> std::result::Result<Answer, Failure> {
        let url = self.url(call).map_err(Failure::Final)?;
        if let Some(left) = self.gate.remaining(self.clock.now()) {
            return Err(Failure::Final(ForgeError::RateLimited(left)));
        }
        let mut request = self.http.request(call.method.clone(), url).header(self.place.header.clone(), self.authorization.clone());
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|error| self.transport(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(Failure::Final(ForgeError::Malformed(format!("the answer is larger than {} MiB", MAX_BODY >> 20))));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() && is_html(&headers) {
            // A proxy's page or a login form, whatever its status says. Of a write nobody knows whether it came through.
            let text = format!("expected JSON, got {} bytes of text/html ({} {})", body.len(), status.as_u16(), call.method);
            let error = if call.is_read() { ForgeError::Malformed(text) } else { ForgeError::Uncertain(text) };
            return Err(Failure::Passing(error, None));
        }
        if status.is_success() {
            return Ok(Answer { status, headers, body, read: call.is_read() });
        }
        Err(self.refused(call, status, &headers, &body))
    }

    fn url(&self, call: &Call) -> Result<Url> {
        let mut url = self.base.clone();
        // A dot segment would silently address something else.
        if let Some(bad) = call.segments.iter().find(|part| part.is_empty() || *part == "." || *part == "..") {
            return Err(ForgeError::Unprocessable(format!("`{bad}` cannot be part of an address on the forge")));
        }
        url.path_segments_mut()
            .map_err(|()| ForgeError::Unprocessable("the forge's address cannot have a path".to_owned()))?
            .pop_if_empty()
            .extend(self.place.below)
            .extend(&call.segments);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    fn transport(&self, error: reqwest::Error) -> Failure {
        let unsent = error.is_connect() || error.is_builder();
        // reqwest itself says only "error sending request"; the reason is further down.
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        let text = self.clean(&text);
        Failure::Passing(if unsent { ForgeError::Unavailable(text) } else { ForgeError::Uncertain(text) }, None)
    }

    /// What an answer other than 2xx means.
    fn refused(&self, call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let text = format!("{} ({} {})", self.reason(body), status.as_u16(), call.method);
        if let Some(wait) = limit(status.as_u16(), headers, &text) {
            self.gate.close(self.clock.now(), wait);
            return Failure::Passing(ForgeError::RateLimited(wait), Some(wait));
        }
        Failure::Final(match status.as_u16() {
            300..=399 => return Failure::Moved(ForgeError::Malformed(format!("it redirects elsewhere, which is never followed: {text}"))),
            401 => ForgeError::Unauthorized(text),
            403 => ForgeError::Forbidden(text),
            404 => return Failure::Moved(ForgeError::NotFound(format!("{}: {text}", call.segments.join("/")))),
            405 | 412 | 423 => ForgeError::NotAllowed(text),
            409 => ForgeError::Conflict(text),
            // The server gave up waiting for the request, of which it may have read enough.
            408 => return Failure::Passing(ForgeError::Uncertain(text), None),
            500..=599 => return Failure::Passing(ForgeError::Uncertain(text), retry_after(headers)),
            _ => ForgeError::Unprocessable(text),
        })
    }

    /// The forge's own words, short and free of secrets.
    fn reason(&self, body: &[u8]) -> String {
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return "no reason in JSON: is this the forge's address, or a proxy in front of it?".to_owned();
        };
        // Merge conflicts answer with Git's output instead of a message.
        let said = WORDS.iter().filter_map(|key| words(fields.get(*key)?)).find(|text| !text.trim().is_empty());
        self.clean(said.as_deref().unwrap_or("no reason given"))
    }

    fn clean(&self, text: &str) -> String {
        clip(visible(&self.redactor.mask(text)).trim(), 300)
    }
}

fn is_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_lowercase().starts_with("text/html"))
}

fn parse_base(text: &str, place: &Place) -> std::result::Result<Url, String> {
    let shown = clip(text, 200);
    let wrong = |why: &str| {
        format!(
            "`{shown}` is not the address of a {}: {why}. Write it like `https://git.example.org` or `https://example.org/{}`.",
            place.name,
            place.name.to_lowercase()
        )
    };
    let url = Url::parse(text.trim()).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it must begin with http:// or https:// and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: it holds a password.
        return Err("the forge's address must not hold a user name or a password; the token has a setting of its own.".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it must end before `?` and `#`"));
    }
    Ok(url)
}

/// A reason as text: GitLab also answers with an object of lists, or a list.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(words).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            Some(fields.iter().filter_map(|(key, value)| Some(format!("{key}: {}", words(value)?))).collect::<Vec<_>>().join("; "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { name: "Gitea", below: &["api", "v1"], header: reqwest::header::AUTHORIZATION };

    #[test]
    fn addresses_are_checked_with_a_reason() {
        for good in ["https://git.example.org", "http://localhost:3000/", "https://example.org/gitea/"] {
            assert!(parse_base(good, &PLACE).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("git.example.org", "relative"),
            ("ftp://x.org", "http://"),
            ("https://x.org/?a=b", "before"),
            ("https://u:pw-canary@x.org", "must not hold"),
        ] {
            let sentence = parse_base(bad, &PLACE).unwrap_err();
            assert!(sentence.contains(why) && !sentence.contains("pw-canary"), "{bad}: {sentence}");
        }
    }
}
