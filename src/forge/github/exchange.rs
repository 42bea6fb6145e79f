//! One exchange with GitHub: the spacing of writes, the limits of its answer, and what an answer means.

use std::sync::{LazyLock, PoisonError};

use regex::Regex;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION};
use serde_json::Value;

use crate::base::secret::MASK;
use crate::base::text::{clip, visible};
use crate::forge::ForgeError;
use crate::forge::http::gate::left;
use crate::forge::http::pace::{limit, retry_after};

use super::call::{Answer, Call, Failure};
use super::client::Client;
use super::pace::{Lane, spent};
use super::remembered::Kept;
use super::transport::Identity;
use super::wire;

/// The most bytes of an answer that are read.
const MAX_BODY: usize = 32 * 1024 * 1024;

impl Client {
    pub(super) async fn once(&self, identity: &Identity, lane: i64, call: &Call) -> std::result::Result<Answer, Failure> {
        let path = match call.graphql {
            true => self.addresses.graphql(),
            false => self.addresses.rest(&call.segments, &call.query),
        };
        let path = path.map_err(Failure::Final)?;
        let (key, lane) = (format!("{lane} {path}"), self.tokens.lane(lane));
        if call.repeatable {
            return self.exchange(identity, &lane, call, &path, &key).await;
        }
        // One write after the other, and not too soon: GitHub punishes what comes at once.
        let mut written = lane.written.lock().await;
        if let Some(wait) = written.and_then(|last| left(last, self.pace.writes_apart, self.clock.now())) {
            tokio::time::sleep(wait).await;
        }
        let answer = self.exchange(identity, &lane, call, &path, &key).await;
        *written = Some(self.clock.now());
        answer
    }

    async fn exchange(&self, identity: &Identity, lane: &Lane, call: &Call, path: &str, key: &str) -> std::result::Result<Answer, Failure> {
        if let Some(left) = lane.gate.remaining(self.clock.now()) {
            return Err(Failure::Final(ForgeError::RateLimited(left)));
        }
        let mut asked = HeaderMap::new();
        asked.insert("accept", HeaderValue::from_static("application/vnd.github+json"));
        let kept = call.remembered.then(|| self.remembered.get(key)).flatten();
        if let Some(kept) = &kept {
            asked.insert(IF_NONE_MATCH, kept.tag.clone());
        }
        let timed = tokio::time::timeout(self.pace.total, self.transfer(identity, call, path, &asked)).await;
        let late = |_| self.broken(&format!("no answer within {} seconds", self.pace.total.as_secs()), false);
        let (status, headers, body) = timed.map_err(late)??;
        if let Some(wait) = spent(&headers) {
            lane.gate.close(self.clock.now(), wait);
        }
        match kept {
            Some(kept) if status == StatusCode::NOT_MODIFIED => Ok(unchanged(kept, &headers)),
            _ if !status.is_success() => Err(self.refused(lane, call, status, &headers, &body)),
            _ if is_html(&headers) => Err(page_instead(call, status, body.len())),
            _ => {
                if call.remembered {
                    self.remembered.keep(key, &headers, &body);
                }
                Ok(Answer { headers, body, read: call.repeatable })
            }
        }
    }

    /// Sends and receives, up to the limit of an answer's size.
    async fn transfer(
        &self,
        identity: &Identity,
        call: &Call,
        path: &str,
        asked: &HeaderMap,
    ) -> std::result::Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let sent = self.transport.send(identity, &call.method, path, asked, call.body.as_ref()).await;
        let mut response = sent.map_err(|broken| self.broken(&broken.text, broken.unsent))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error.to_string(), false))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(Failure::Final(ForgeError::Malformed(format!("the answer is larger than {} MiB", MAX_BODY >> 20))));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, headers, body))
    }

    fn broken(&self, text: &str, unsent: bool) -> Failure {
        let text = self.clean(text);
        Failure::Passing(if unsent { ForgeError::Unavailable(text) } else { ForgeError::Uncertain(text) }, None)
    }

    /// What an answer other than 2xx means.
    fn refused(&self, lane: &Lane, call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let text = format!("{} ({} {})", self.reason(body), status.as_u16(), call.method);
        if let Some(wait) = limit(status.as_u16(), headers, &text) {
            lane.gate.close(self.clock.now(), wait);
            return Failure::Passing(ForgeError::RateLimited(wait), Some(wait));
        }
        Failure::Final(match status.as_u16() {
            300..=399 => {
                let error = ForgeError::Malformed(format!("it redirects elsewhere, which is never followed: {text}"));
                return Failure::Moved(error, moved_to(headers));
            }
            401 => ForgeError::Unauthorized(text),
            403 if text.contains("archived") => ForgeError::NotAllowed(text),
            403 => ForgeError::Forbidden(text),
            404 => return Failure::Moved(ForgeError::NotFound(format!("{}: {text}", call.segments.join("/"))), None),
            // Issues that were deleted, and repositories without issues.
            410 if text.contains("deleted") => ForgeError::NotFound(text),
            405 | 410 | 412 | 423 | 451 => ForgeError::NotAllowed(text),
            409 => ForgeError::Conflict(text),
            408 => return Failure::Passing(ForgeError::Uncertain(text), None),
            500..=599 => return Failure::Passing(ForgeError::Uncertain(text), retry_after(headers)),
            _ => ForgeError::Unprocessable(text),
        })
    }

    /// The forge's own words, short and free of secrets: the message, and what it says about single fields.
    fn reason(&self, body: &[u8]) -> String {
        let Ok(said) = serde_json::from_slice::<wire::Refusal>(body) else {
            return "no reason in JSON: is this the forge's address, or a proxy in front of it?".to_owned();
        };
        let mut text = if said.message.trim().is_empty() { "no reason given".to_owned() } else { said.message };
        for error in said.errors.iter().take(5) {
            let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            let more = match error.as_str().unwrap_or(field("message")) {
                "" => format!("{} {} {}", field("resource"), field("field"), field("code")),
                words => words.to_owned(),
            };
            text = format!("{text}; {}", more.trim());
        }
        self.clean(&text)
    }

    pub(super) fn clean(&self, text: &str) -> String {
        let masked = self.redactor.read().unwrap_or_else(PoisonError::into_inner).mask_line(text);
        clip(visible(&TOKENS.replace_all(&masked, MASK)).trim(), 300)
    }
}

/// What GitHub's tokens look like, and those that an App signs: an earlier one may be named as well.
#[expect(clippy::expect_used, reason = "the pattern is fixed and tested")]
static TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(gh[a-z]_[A-Za-z0-9_]{16,}|github_pat_[A-Za-z0-9_]{16,}|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
        .expect("a pattern")
});

/// The answer of last time, which still holds.
fn unchanged(kept: Kept, headers: &HeaderMap) -> Answer {
    let mut known = kept.headers;
    if let Some(now) = headers.get(DATE) {
        known.insert(DATE, now.clone());
    }
    Answer { headers: known, body: kept.body, read: true }
}

/// A proxy's page or a login form, whatever its status says. Of a write nobody knows whether it came through.
fn page_instead(call: &Call, status: StatusCode, bytes: usize) -> Failure {
    let text = format!("expected JSON, got {bytes} bytes of text/html ({} {})", status.as_u16(), call.method);
    Failure::Passing(if call.repeatable { ForgeError::Malformed(text) } else { ForgeError::Uncertain(text) }, None)
}

fn is_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_lowercase().starts_with("text/html"))
}

/// The number of the repository that a redirect names: `…/repositories/123/issues/4`. Nothing else of the address counts.
fn moved_to(headers: &HeaderMap) -> Option<i64> {
    let address = headers.get(LOCATION)?.to_str().ok()?;
    address.split_once("/repositories/")?.1.split(['/', '?']).next()?.parse().ok().filter(|id| *id > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_by_their_looks() {
        let text = "bad: ghp_abcdefghij0123456789ABCDEFGHIJ, github_pat_11AAAAAAA0abcdefghij_x, eyJh.eyJp.c2ln and ghost";
        assert_eq!(TOKENS.replace_all(text, MASK), "bad: [redacted], [redacted], [redacted] and ghost");
    }

    #[test]
    fn a_redirect_may_name_the_repository() {
        let to = |address: &str| moved_to(&[(LOCATION, HeaderValue::from_str(address).unwrap())].into_iter().collect());
        assert_eq!(to("https://api.github.com/repositories/42/issues/1?x=1"), Some(42));
        assert_eq!(to("https://api.github.com/repos/a/b"), None);
        assert_eq!(to("https://elsewhere.example/repositories/x"), None);
    }
}
