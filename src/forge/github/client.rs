//! One client for one GitHub: whom a call is made for, repeats of reads, the spacing of writes, pages, and what answers mean.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};
use std::time::Duration;

use regex::Regex;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::base::secret::{MASK, Redactor};
use crate::base::text::{clip, visible};
use crate::base::{Clock, Time};
use crate::domain::forge::RepoRef;
use crate::forge::http::calls::Calls;
use crate::forge::http::gate::left;
use crate::forge::http::pace::{date, limit, pause, retry_after};
use crate::forge::{ForgeError, Result};

use super::address::Addresses;
use super::login::{Login, Tokens, Whose};
use super::pace::{Pace, next_page, spent};
use super::remembered::Remembered;
use super::transport::{Identity, Transport};
use super::wire;

/// The largest page that GitHub gives.
const PAGE_SIZE: usize = 100;
/// Nothing the bot lists has this many pages; a server that never ends a list is broken.
const MAX_PAGES: usize = 2_000;
/// The most bytes of an answer that are read.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// How often a read is tried in all.
const TRIES: u32 = 3;
/// A read waits this long by itself; a longer wait is left to the caller.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// One request: path segments as they are, before any escaping. Without segments it goes to the GraphQL interface.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: Method,
    pub segments: Vec<String>,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    whose: Whose,
    graphql: bool,
    repeatable: bool,
    remembered: bool,
}

impl Call {
    pub fn new(method: Method, segments: &[&str]) -> Call {
        let repeatable = method == Method::GET;
        let segments = segments.iter().map(|&part| part.to_owned()).collect();
        let (query, body, whose) = (Vec::new(), None, Whose::Anyone);
        Call { method, segments, query, body, whose, graphql: false, repeatable, remembered: false }
    }

    pub fn get(segments: &[&str]) -> Call {
        Call::new(Method::GET, segments)
    }

    /// A mutation of the GraphQL interface about a repository.
    pub fn mutation(text: &str, variables: Value, path: &str) -> Call {
        let call = Call::new(Method::POST, &[]).json(json!({"query": text, "variables": variables}));
        Call { graphql: true, whose: Whose::Repo(path.to_owned()), ..call }
    }

    /// A question of the GraphQL interface about a repository, which changes nothing.
    pub fn question(text: &str, variables: Value, path: &str) -> Call {
        Call::mutation(text, variables, path).repeatable()
    }

    pub fn query(mut self, key: &'static str, value: impl Into<String>) -> Call {
        self.query.push((key, value.into()));
        self
    }

    pub fn json(mut self, body: Value) -> Call {
        self.body = Some(body);
        self
    }

    pub fn by(self, whose: Whose) -> Call {
        Call { whose, ..self }
    }

    /// Doing it twice harms nobody, whatever its method says.
    pub fn repeatable(self) -> Call {
        Call { repeatable: true, ..self }
    }

    /// It is asked again and again: an unchanged answer shall cost nothing.
    pub fn remembered(self) -> Call {
        Call { remembered: true, ..self }
    }
}

/// A whole answer with a status of 2xx.
#[derive(Debug)]
pub(super) struct Answer {
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
pub(super) enum Failure {
    /// 3xx, or 404: the path of the repository may be outdated. With its number where the redirect names it.
    Moved(ForgeError, Option<i64>),
    /// Worth another try when nothing can be done twice; after this much time, if the server says so.
    Passing(ForgeError, Option<Duration>),
    Final(ForgeError),
}

impl Failure {
    pub fn into_error(self) -> ForgeError {
        match self {
            Failure::Moved(error, _) | Failure::Passing(error, _) | Failure::Final(error) => error,
        }
    }

    fn error(&self) -> &ForgeError {
        match self {
            Failure::Moved(error, _) | Failure::Passing(error, _) | Failure::Final(error) => error,
        }
    }
}

/// One shared client with the address and the login of one forge.
pub(super) struct Client {
    transport: Transport,
    pub(super) addresses: Addresses,
    pub(super) login: Login,
    pub(super) tokens: Tokens,
    pub(super) clock: Clock,
    redactor: RwLock<Redactor>,
    pace: Pace,
    remembered: Remembered,
    /// What came of the requests so far.
    pub(super) calls: Calls,
    /// Where repositories were found to be now, by id.
    paths: Mutex<HashMap<i64, String>>,
}

impl Client {
    /// Checks address and login; asks nothing yet.
    pub fn new(addresses: Addresses, login: Login, pace: Pace) -> std::result::Result<Client, String> {
        let app = match &login {
            Login::App(app) => Some(app.clone()),
            Login::Token(_) => None,
        };
        let transport = Transport::new(addresses.root(), pace.connect, app)?;
        let client = Client {
            transport,
            addresses,
            login,
            tokens: Tokens::default(),
            clock: Clock::System,
            redactor: RwLock::default(),
            pace,
            remembered: Remembered::default(),
            calls: Calls::default(),
            paths: Mutex::default(),
        };
        client.mask_anew();
        Ok(client)
    }

    /// Masks the tokens of now, and those before them.
    pub(super) fn mask_anew(&self) {
        let mut secrets = self.tokens.secrets();
        match &self.login {
            Login::Token(token) => secrets.push(token.clone()),
            Login::App(app) => secrets.push(app.private_key.clone()),
        }
        *self.redactor.write().unwrap_or_else(PoisonError::into_inner) = Redactor::new(secrets);
    }

    /// Performs a call that is not about one repository.
    pub async fn send(&self, call: &Call) -> Result<Answer> {
        self.attempt(call).await.map_err(Failure::into_error)
    }

    /// Performs a call on a repository: `tail` is what follows `repos/{owner}/{name}`. A path that turns out to be outdated is resolved by the
    /// repository's id and the call is made again; that is safe for writes too, because neither a redirect nor "not found" has applied anything.
    pub async fn on_repo(&self, repo: &RepoRef, tail: &Call) -> Result<Answer> {
        let path = self.path_of(repo);
        match self.attempt(&below(&path, tail)?).await {
            Ok(answer) => Ok(answer),
            Err(Failure::Moved(error, named)) => {
                let Some(id) = Some(repo.id).filter(|id| *id > 0).or(named) else { return Err(error) };
                let found =
                    self.resolve(id).await.map_err(|cause| if matches!(cause, ForgeError::NotFound(_)) { error.clone() } else { cause })?;
                if found == path {
                    return Err(error);
                }
                self.send(&below(&found, tail)?).await
            }
            Err(failure) => Err(failure.into_error()),
        }
    }

    /// Performs a mutation or a question. GraphQL says what went wrong in an answer with the status 200.
    pub async fn graphql(&self, call: &Call) -> Result<Value> {
        let answer: wire::GraphAnswer = self.send(call).await?.json()?;
        let Some(first) = answer.errors.first() else { return Ok(answer.data) };
        let text = self.clean(&first.message);
        Err(match first.kind.as_str() {
            "NOT_FOUND" => ForgeError::NotFound(text),
            "FORBIDDEN" => ForgeError::Forbidden(text),
            "RATE_LIMITED" => ForgeError::RateLimited(Duration::from_secs(60)),
            "INTERNAL" | "SERVICE_UNAVAILABLE" => ForgeError::Uncertain(text),
            _ => ForgeError::Unprocessable(text),
        })
    }

    /// Where this repository is as far as is known.
    pub fn path_of(&self, repo: &RepoRef) -> String {
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.get(&repo.id).cloned().unwrap_or_else(|| repo.path.clone())
    }

    /// Remembers where a repository is.
    pub fn remember(&self, id: i64, path: &str) {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).insert(id, path.to_owned());
    }

    /// Asks by id where a repository is now, and remembers it. A GitHub App asks for each account that it is installed on.
    pub async fn resolve(&self, id: i64) -> Result<String> {
        let repo = self.by_id(id).await?;
        self.remember(id, &repo.full_name);
        Ok(repo.full_name)
    }

    /// A repository by its id.
    pub async fn by_id(&self, id: i64) -> Result<wire::Repo> {
        let whose = match self.is_app() {
            true => self.installations().await?.iter().map(|installation| Whose::Installation(installation.id)).collect(),
            false => vec![Whose::Anyone],
        };
        let mut missing = ForgeError::NotFound(format!("repository {id}"));
        for whose in whose {
            match self.send(&Call::get(&["repositories", &id.to_string()]).by(whose)).await {
                Ok(answer) => {
                    let repo: wire::Repo = answer.json()?;
                    if repo.id != id || repo.full_name.is_empty() {
                        return Err(ForgeError::Malformed(format!("asked for repository {id}, got repository {}", repo.id)));
                    }
                    return Ok(repo);
                }
                Err(error @ (ForgeError::NotFound(_) | ForgeError::Forbidden(_))) => missing = error,
                Err(error) => return Err(error),
            }
        }
        Err(missing)
    }

    /// All items of a list of a repository.
    pub async fn list<T: DeserializeOwned>(&self, repo: &RepoRef, tail: &Call) -> Result<Vec<T>> {
        Ok(self.list_some(Some(repo), tail, usize::MAX).await?.items)
    }

    /// The items of a list unless there are more than `at_most`; without a repository `call` is a whole address.
    pub async fn list_some<T: DeserializeOwned>(&self, repo: Option<&RepoRef>, call: &Call, at_most: usize) -> Result<Listed<T>> {
        let mut listed = Listed { items: Vec::new(), complete: true, date: None, pages: 0 };
        let mut page = "1".to_owned();
        for _ in 0..MAX_PAGES {
            let call = call.clone().query("per_page", PAGE_SIZE.to_string()).query("page", page.clone());
            let answer = match repo {
                Some(repo) => self.on_repo(repo, &call).await?,
                None => self.send(&call).await?,
            };
            listed.pages += 1;
            listed.date = listed.date.or_else(|| date(&answer.headers));
            let items: Vec<Option<T>> = answer.json::<wire::Items<T>>()?.into_vec();
            listed.items.extend(items.into_iter().flatten());
            if listed.items.len() > at_most {
                listed.complete = false;
                return Ok(listed);
            }
            match next_page(&answer.headers, "page") {
                Some(next) if next != page => page = next,
                _ => return Ok(listed),
            }
        }
        Err(ForgeError::Malformed(format!("a list did not end after {MAX_PAGES} pages")))
    }

    async fn attempt(&self, call: &Call) -> std::result::Result<Answer, Failure> {
        let (identity, lane) = self.identity(&call.whose).await?;
        match self.attempt_as(&identity, lane, call).await {
            // A token of an installation can be taken back before its time. Nothing was applied.
            Err(Failure::Final(ForgeError::Unauthorized(_))) if lane > 0 => {
                self.refused_token(lane);
                let (identity, lane) = self.identity(&call.whose).await?;
                self.attempt_as(&identity, lane, call).await
            }
            other => other,
        }
    }

    pub(super) async fn attempt_as(&self, identity: &Identity, lane: i64, call: &Call) -> std::result::Result<Answer, Failure> {
        let mut tried = 1;
        loop {
            let once = self.once(identity, lane, call).await;
            self.calls.count(once.as_ref().err().map(Failure::error));
            let (error, wait) = match once {
                Err(Failure::Passing(error, wait)) if call.repeatable => (error, wait),
                other => return other,
            };
            let wait = wait.unwrap_or_else(|| pause(self.pace.backoff, tried));
            if tried == TRIES || wait > MAX_WAIT {
                // A read changes nothing, so a lost answer is only an unreachable forge.
                return Err(Failure::Final(match error {
                    ForgeError::Uncertain(text) => ForgeError::Unavailable(text),
                    error => error,
                }));
            }
            tokio::time::sleep(wait).await;
            tried += 1;
        }
    }

    async fn once(&self, identity: &Identity, lane: i64, call: &Call) -> std::result::Result<Answer, Failure> {
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

    async fn exchange(
        &self,
        identity: &Identity,
        lane: &super::pace::Lane,
        call: &Call,
        path: &str,
        key: &str,
    ) -> std::result::Result<Answer, Failure> {
        if let Some(left) = lane.gate.remaining(self.clock.now()) {
            return Err(Failure::Final(ForgeError::RateLimited(left)));
        }
        let mut asked = HeaderMap::new();
        asked.insert("accept", HeaderValue::from_static("application/vnd.github+json"));
        let kept = call.remembered.then(|| self.remembered.get(key)).flatten();
        if let Some(kept) = &kept {
            asked.insert(IF_NONE_MATCH, kept.tag.clone());
        }
        let whole = async {
            let sent = self.transport.send(identity, &call.method, path, &asked, call.body.as_ref()).await;
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
        };
        let timed = tokio::time::timeout(self.pace.total, whole).await;
        let late = |_| self.broken(&format!("no answer within {} seconds", self.pace.total.as_secs()), false);
        let (status, headers, body) = timed.map_err(late)??;
        if let Some(wait) = spent(&headers) {
            lane.gate.close(self.clock.now(), wait);
        }
        if let (StatusCode::NOT_MODIFIED, Some(kept)) = (status, kept) {
            let mut known = kept.headers;
            if let Some(now) = headers.get(DATE) {
                known.insert(DATE, now.clone());
            }
            return Ok(Answer { headers: known, body: kept.body, read: true });
        }
        if status.is_success() && is_html(&headers) {
            // A proxy's page or a login form, whatever its status says. Of a write nobody knows whether it came through.
            let text = format!("expected JSON, got {} bytes of text/html ({} {})", body.len(), status.as_u16(), call.method);
            let error = if call.repeatable { ForgeError::Malformed(text) } else { ForgeError::Uncertain(text) };
            return Err(Failure::Passing(error, None));
        }
        if status.is_success() {
            if call.remembered {
                self.remembered.keep(key, &headers, &body);
            }
            return Ok(Answer { headers, body, read: call.repeatable });
        }
        Err(self.refused(lane, call, status, &headers, &body))
    }

    fn broken(&self, text: &str, unsent: bool) -> Failure {
        let text = self.clean(text);
        Failure::Passing(if unsent { ForgeError::Unavailable(text) } else { ForgeError::Uncertain(text) }, None)
    }

    /// What an answer other than 2xx means.
    fn refused(&self, lane: &super::pace::Lane, call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
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

    fn clean(&self, text: &str) -> String {
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

pub(super) fn below(path: &str, tail: &Call) -> Result<Call> {
    let [owner, name] = path.split('/').collect::<Vec<_>>()[..] else {
        return Err(ForgeError::Unprocessable(format!("`{}` is not a repository: it must read `owner/name`", clip(path, 200))));
    };
    let mut call = tail.clone().by(Whose::Repo(path.to_owned()));
    call.segments.splice(0..0, ["repos", owner, name].map(str::to_owned));
    Ok(call)
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
