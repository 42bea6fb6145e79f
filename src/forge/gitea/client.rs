//! One HTTP client for one Gitea: addresses, the token, time limits, repeats of reads, pages, and what answers mean.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::secret::{ExposeSecret, Redactor, SecretString};
use crate::base::text::{clip, visible};
use crate::base::{Clock, Time};
use crate::domain::forge::RepoRef;
use crate::forge::{ForgeError, Result};

use super::calls::Calls;
use super::gate::Gate;
use super::pace::{date, is_last, limit, pause, retry_after, total};
use super::{Timeouts, wire};

/// The largest page that Gitea gives by default (`[api] MAX_RESPONSE_ITEMS`); a larger request is cut to it in silence.
const PAGE_SIZE: usize = 50;
/// Nothing the bot lists has this many pages; a server that never ends a list is broken.
const MAX_PAGES: usize = 2_000;
/// The most bytes of an answer that are read.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// How often a read is tried in all.
const TRIES: u32 = 3;
/// A read waits this long by itself; a longer wait is left to the caller.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// One request below `/api/v1`: path segments as they are, before any escaping.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: Method,
    pub segments: Vec<String>,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
}

impl Call {
    pub fn new(method: Method, segments: &[&str]) -> Call {
        Call { method, segments: segments.iter().map(|&part| part.to_owned()).collect(), query: Vec::new(), body: None }
    }

    pub fn get(segments: &[&str]) -> Call {
        Call::new(Method::GET, segments)
    }

    pub fn query(mut self, key: &'static str, value: impl Into<String>) -> Call {
        self.query.push((key, value.into()));
        self
    }

    pub fn json(mut self, body: Value) -> Call {
        self.body = Some(body);
        self
    }

    fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}

/// A whole answer with a status of 2xx.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    read: bool,
}

impl Answer {
    /// The body as JSON. An unreadable answer to a write leaves open whether it was applied.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let kind = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
            let text = format!("expected JSON, got {} bytes of {}: {error}", self.body.len(), clip(kind, 80));
            if self.read { ForgeError::Malformed(text) } else { ForgeError::Uncertain(text) }
        })
    }
}

/// A list as far as it was read.
pub(super) struct Listed<T> {
    pub items: Vec<T>,
    /// False when there was more than was asked for.
    pub complete: bool,
    /// The server's clock at the first page.
    pub date: Option<Time>,
    pub pages: u32,
}

/// The failure of one request, before it is decided whether to try again.
enum Failure {
    /// 3xx, or 404: the path of the repository may be outdated.
    Moved(ForgeError),
    /// Worth another try when nothing can be done twice; after this much time, if the server says so.
    Passing(ForgeError, Option<Duration>),
    Final(ForgeError),
}

/// One shared HTTP client with the address and the token of one forge.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    redactor: Redactor,
    backoff: Duration,
    gate: Gate,
    /// What came of the requests so far.
    pub(super) calls: Calls,
    /// Where repositories were found to be now, by id.
    paths: Mutex<HashMap<i64, String>>,
}

impl Client {
    /// Checks the address and builds the client. Redirects are never followed and proxies of the environment never used, so the token goes to this address only.
    pub fn new(base_url: &str, token: &SecretString, timeouts: Timeouts) -> std::result::Result<Client, String> {
        let authorization = HeaderValue::from_str(&format!("token {}", token.expose_secret())).map_err(|_| {
            "the forge token holds characters that no token has, such as a line end: check the file or variable it comes from".to_owned()
        })?;
        Client::signing(base_url, authorization, [token.clone()], timeouts)
    }

    /// The same for a person who signs in by name and password.
    pub fn signed_in(base_url: &str, login: &str, password: &SecretString, timeouts: Timeouts) -> std::result::Result<Client, String> {
        let pair = STANDARD.encode(format!("{login}:{}", password.expose_secret()));
        let authorization = HeaderValue::from_str(&format!("Basic {pair}")).map_err(|error| error.to_string())?;
        Client::signing(base_url, authorization, [password.clone(), SecretString::from(pair)], timeouts)
    }

    fn signing(
        base_url: &str,
        mut authorization: HeaderValue,
        secrets: impl IntoIterator<Item = SecretString>,
        timeouts: Timeouts,
    ) -> std::result::Result<Client, String> {
        let base = parse_base(base_url)?;
        authorization.set_sensitive(true);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .user_agent(concat!("syndarix/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client cannot be set up: {error}"))?;
        Ok(Client {
            http,
            base,
            authorization,
            redactor: Redactor::new(secrets),
            backoff: timeouts.backoff,
            gate: Gate::new(Clock::System),
            calls: Calls::default(),
            paths: Mutex::default(),
        })
    }

    /// Measures the waits that the forge asks for by this clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.gate.set_clock(clock);
    }

    /// The address of the forge without a trailing slash.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Performs a call that is not about one repository.
    pub async fn send(&self, call: &Call) -> Result<Answer> {
        self.attempt(call).await.map_err(|failure| match failure {
            Failure::Moved(error) | Failure::Passing(error, _) | Failure::Final(error) => error,
        })
    }

    /// Performs a call on a repository: `tail` is what follows `repos/{owner}/{name}`. A path that turns out to be outdated is resolved by the repository's id and the call is made again;
    /// that is safe for writes too, because neither a redirect nor "not found" has applied anything.
    pub async fn on_repo(&self, repo: &RepoRef, tail: &Call) -> Result<Answer> {
        let path = self.path_of(repo);
        match self.attempt(&below(&path, tail)?).await {
            Ok(answer) => Ok(answer),
            Err(Failure::Passing(error, _) | Failure::Final(error)) => Err(error),
            Err(Failure::Moved(error)) => {
                let found = self
                    .resolve(repo.id)
                    .await
                    .map_err(|cause| if matches!(cause, ForgeError::NotFound(_)) { error.clone() } else { cause })?;
                if found == path {
                    return Err(error);
                }
                self.send(&below(&found, tail)?).await
            }
        }
    }

    /// Where this repository is as far as is known.
    pub fn path_of(&self, repo: &RepoRef) -> String {
        let paths = self.paths.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        paths.get(&repo.id).cloned().unwrap_or_else(|| repo.path.clone())
    }

    /// Remembers where a repository is.
    pub fn remember(&self, id: i64, path: &str) {
        self.paths.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(id, path.to_owned());
    }

    /// Asks by id where a repository is now, and remembers it.
    pub async fn resolve(&self, id: i64) -> Result<String> {
        let repo: wire::Repo = self.send(&Call::get(&["repositories", &id.to_string()])).await?.json()?;
        if repo.id != id || repo.full_name.is_empty() {
            return Err(ForgeError::Malformed(format!("asked for repository {id}, got repository {}", repo.id)));
        }
        self.remember(id, &repo.full_name);
        Ok(repo.full_name)
    }

    /// All items of a list of a repository. `counted` says whether `X-Total-Count` can be believed: the timeline sends the size of the page instead.
    pub async fn list<T: DeserializeOwned>(&self, repo: &RepoRef, tail: &Call, counted: bool) -> Result<Vec<T>> {
        let listed = self.list_some(Some(repo), tail, counted, usize::MAX).await?;
        Ok(listed.items)
    }

    /// The items of a list unless there are more than `at_most`; without a repository `call` is a whole address.
    pub async fn list_some<T: DeserializeOwned>(
        &self,
        repo: Option<&RepoRef>,
        call: &Call,
        counted: bool,
        at_most: usize,
    ) -> Result<Listed<T>> {
        let mut listed = Listed { items: Vec::new(), complete: true, date: None, pages: 0 };
        let mut previous: Vec<u8> = Vec::new();
        let mut empty = 0;
        for page in 1..=MAX_PAGES {
            let call = call.clone().query("page", page.to_string()).query("limit", PAGE_SIZE.to_string());
            let answer = match repo {
                Some(repo) => self.on_repo(repo, &call).await?,
                None => self.send(&call).await?,
            };
            listed.pages += 1;
            listed.date = listed.date.or_else(|| date(&answer.headers));
            let items: Vec<Option<T>> = answer.json::<Option<_>>()?.unwrap_or_default();
            // Without paging the server gives the same list for every page.
            if !items.is_empty() && answer.body == previous {
                return Ok(listed);
            }
            empty = if items.is_empty() { empty + 1 } else { 0 };
            listed.items.extend(items.into_iter().flatten());
            let announced = if counted { total(&answer.headers).unwrap_or(0) } else { 0 };
            if listed.items.len().max(announced) > at_most {
                listed.complete = false;
                return Ok(listed);
            }
            // Filtered lists can have an empty page before the end.
            let last = if counted { empty > 0 || is_last(&answer.headers, page, listed.items.len()) } else { empty > 1 };
            if last {
                return Ok(listed);
            }
            previous = answer.body;
        }
        Err(ForgeError::Malformed(format!("a list did not end after {MAX_PAGES} pages")))
    }

    async fn attempt(&self, call: &Call) -> std::result::Result<Answer, Failure> {
        let mut tried = 1;
        loop {
            let once = self.once(call).await;
            self.calls.count(once.as_ref().err().map(|failure| match failure {
                Failure::Moved(error) | Failure::Passing(error, _) | Failure::Final(error) => error,
            }));
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
        if let Some(left) = self.gate.remaining() {
            return Err(Failure::Final(ForgeError::RateLimited(left)));
        }
        let mut request = self.http.request(call.method.clone(), url).header(AUTHORIZATION, self.authorization.clone());
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
            .extend(["api", "v1"])
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
            self.gate.close(wait);
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
        let said = ["message", "StdErr", "StdOut"].iter().filter_map(|key| fields.get(*key)?.as_str()).find(|text| !text.trim().is_empty());
        self.clean(said.unwrap_or("no reason given"))
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

fn parse_base(text: &str) -> std::result::Result<Url, String> {
    let shown = clip(text, 200);
    let wrong = |why: &str| {
        format!("`{shown}` is not the address of a Gitea: {why}. Write it like `https://git.example.org` or `https://example.org/gitea`.")
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

fn below(path: &str, tail: &Call) -> Result<Call> {
    let [owner, name] = path.split('/').collect::<Vec<_>>()[..] else {
        return Err(ForgeError::Unprocessable(format!("`{}` is not a repository: it must read `owner/name`", clip(path, 200))));
    };
    let mut call = tail.clone();
    call.segments.splice(0..0, ["repos", owner, name].map(str::to_owned));
    Ok(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_with_a_reason() {
        for good in ["https://git.example.org", "http://localhost:3000/", "https://example.org/gitea/"] {
            assert!(parse_base(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("git.example.org", "relative"),
            ("ftp://x.org", "http://"),
            ("https://x.org/?a=b", "before"),
            ("https://u:pw-canary@x.org", "must not hold"),
        ] {
            let sentence = parse_base(bad).unwrap_err();
            assert!(sentence.contains(why) && !sentence.contains("pw-canary"), "{bad}: {sentence}");
        }
    }
}
