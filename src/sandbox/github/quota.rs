//! How much a caller may ask for, and the headers that every answer has: quota, version, scopes, `ETag`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::auth;
use super::failure::Failure;
use super::repos::VERSION;
use crate::sandbox::Sandbox;
use crate::sandbox::forge::{Forge, Shared};
use crate::sandbox::problem::Kind;

/// Questions within an hour when nothing else is set.
const PER_HOUR: i64 = 5000;
const HOUR: i64 = 3600;
/// Largest answer that gets an `ETag`.
const LARGEST: usize = 64 * 1024 * 1024;

#[derive(Clone, Copy, Debug)]
struct Burst {
    /// Writes within one second that are still welcome.
    writes: usize,
    /// Seconds that somebody who wrote too fast has to wait.
    pause: i64,
}

#[derive(Debug, Default)]
struct Used {
    /// When the hour began, in seconds.
    since: i64,
    questions: i64,
    /// Seconds in which something was written.
    writes: Vec<i64>,
    /// Nothing is taken from this caller before.
    blocked_until: i64,
}

#[derive(Debug)]
struct Limits {
    per_hour: i64,
    burst: Option<Burst>,
    used: HashMap<String, Used>,
}

/// What callers have used up. Kept in memory.
#[derive(Debug)]
pub struct Quota(Mutex<Limits>);

impl Default for Quota {
    fn default() -> Self {
        Quota(Mutex::new(Limits { per_hour: PER_HOUR, burst: None, used: HashMap::new() }))
    }
}

/// What is left for a caller.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    pub limit: i64,
    pub used: i64,
    /// Second at which the next hour begins.
    pub reset: i64,
}

impl Quota {
    fn limits(&self) -> std::sync::MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a question (`cost` 1), or only looks (0).
    pub fn count(&self, who: &str, now: i64, cost: i64) -> Left {
        let mut limits = self.limits();
        let limit = limits.per_hour;
        let used = limits.used.entry(who.to_owned()).or_default();
        if now - used.since >= HOUR {
            (used.since, used.questions) = (now, 0);
        }
        used.questions += cost;
        Left { limit, used: used.questions.min(limit), reset: used.since + HOUR }
    }

    fn spent(&self, who: &str, now: i64) -> bool {
        let limits = self.limits();
        limits.used.get(who).is_some_and(|used| now - used.since < HOUR && used.questions >= limits.per_hour)
    }

    /// Notes a write; says how many seconds to wait if there were too many.
    fn write(&self, who: &str, now: i64) -> Option<i64> {
        let mut limits = self.limits();
        let burst = limits.burst?;
        let used = limits.used.entry(who.to_owned()).or_default();
        used.writes.retain(|second| *second >= now);
        used.writes.push(now);
        if now >= used.blocked_until && used.writes.len() > burst.writes {
            used.blocked_until = now + burst.pause;
        }
        (now < used.blocked_until).then_some(used.blocked_until - now)
    }
}

impl Sandbox {
    /// Limits everybody to so many questions an hour over the protocol of GitHub.
    pub fn limit_github(&self, per_hour: i64) {
        self.forge.quota.limits().per_hour = per_hour;
    }

    /// Punishes who writes more than so often within one second of the forge's clock over the protocol of GitHub: with 403 for so many
    /// seconds. `None` lets everybody write as fast as they can.
    pub fn limit_github_writes(&self, burst: Option<(usize, i64)>) {
        self.forge.quota.limits().burst = burst.map(|(writes, pause)| Burst { writes, pause });
    }
}

/// Whom a request counts for: the sign that it is signed with.
fn who(headers: &HeaderMap) -> String {
    let sign = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    hex::encode(&Sha256::digest(sign)[..8])
}

/// What is left for whoever sent these headers.
pub fn left(forge: &Forge, headers: &HeaderMap) -> Left {
    forge.quota.count(&who(headers), forge.clock.now().seconds(), 0)
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Stands around all routes: refuses what is too much, and dresses the answers.
pub async fn around(State(forge): State<Shared>, request: Request, next: Next) -> Response {
    let (who, now) = (who(request.headers()), forge.clock.now().seconds());
    let (safe, is_get) = (request.method().is_safe(), request.method() == Method::GET);
    let asks_quota = request.uri().path().ends_with("/rate_limit");
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let user = auth::caller(&forge, request.headers()).ok().and_then(|caller| caller.user.filter(|_| !caller.is_installation()));
    let response = match too_much(&forge, &request, user, &who, now) {
        Some(failure) => failure.into_response(),
        None => next.run(request).await,
    };
    let mut response = if is_get && response.status() == StatusCode::OK { tagged(response, known).await } else { response };
    let free = asks_quota || response.status() == StatusCode::NOT_MODIFIED;
    let left = forge.quota.count(&who, now, if free { 0 } else { 1 });
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-ratelimit-limit", left.limit),
        ("x-ratelimit-remaining", left.limit - left.used),
        ("x-ratelimit-reset", left.reset),
        ("x-ratelimit-used", left.used),
    ] {
        headers.insert(HeaderName::from_static(name), value.into());
    }
    put(headers, "x-ratelimit-resource", "core");
    put(headers, "x-github-media-type", "github.v3; format=json");
    put(headers, "x-github-api-version-selected", "2022-11-28");
    put(headers, "x-github-enterprise-version", VERSION);
    put(headers, "x-github-request-id", &format!("{}:{:x}:{}", &who[..4], left.used, u8::from(safe)));
    if let Some(user) = user {
        let scopes = forge.scopes.of(user).map_or_else(|| "admin:repo_hook, read:org, repo".to_owned(), |scopes| scopes.join(", "));
        put(headers, "x-oauth-scopes", &scopes);
        put(headers, "x-accepted-oauth-scopes", "repo");
    }
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"application/json");
    if json {
        put(headers, "content-type", "application/json; charset=utf-8");
    }
    response
}

/// The refusal of a request that is one too many, has no `User-Agent`, or whose token lacks the scope for it.
fn too_much(forge: &Forge, request: &Request, user: Option<i64>, who: &str, now: i64) -> Option<Failure> {
    if request.headers().get(header::USER_AGENT).is_none_or(|agent| agent.as_bytes().is_empty()) {
        let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Some(Failure::new(StatusCode::FORBIDDEN, text));
    }
    if forge.quota.spent(who, now) && !request.uri().path().ends_with("/rate_limit") {
        return Some(Failure::new(StatusCode::FORBIDDEN, "API rate limit exceeded for user. Check the X-RateLimit-Reset header."));
    }
    if request.method().is_safe() {
        return None;
    }
    if let Some(seconds) = forge.quota.write(who, now) {
        return Some(Failure::too_fast(
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            seconds,
        ));
    }
    let scopes = forge.scopes.of(user?)?;
    let may = scopes.iter().any(|scope| scope == "repo" || scope == "public_repo" || scope.starts_with("write:"));
    // A token that may not write is told so as if there were nothing to write to.
    (!may).then(Failure::not_found)
}

/// The answer with its `ETag`, or 304 for who has it already.
async fn tagged(response: Response, known: Option<HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        return Failure::from(crate::sandbox::problem::Problem { kind: Kind::Broken, text: "an answer broke off".into() }).into_response();
    };
    let tag = format!("W/\"{}\"", hex::encode(Sha256::digest(&bytes)));
    put(&mut parts.headers, "etag", &tag);
    put(&mut parts.headers, "cache-control", "private, max-age=60, s-maxage=60");
    put(&mut parts.headers, "vary", "Accept, Authorization, Cookie, X-GitHub-OTP");
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let same =
        known.and_then(|known| known.to_str().ok().map(|known| known.split(',').any(|one| bare(one) == bare(&tag) || one.trim() == "*")));
    if same == Some(true) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}
