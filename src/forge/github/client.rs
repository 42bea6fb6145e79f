//! One client for one GitHub: whom a call is made for, where repositories are now, repeats of reads, and pages.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::Clock;
use crate::base::secret::Redactor;
use crate::domain::forge::RepoRef;
use crate::forge::http::calls::Calls;
use crate::forge::http::pace::{date, pause};
use crate::forge::{ForgeError, Result};

use super::address::Addresses;
use super::call::{Answer, Call, Failure, Listed, below};
use super::login::{Login, Tokens, Whose};
use super::pace::{Pace, next_page};
use super::remembered::Remembered;
use super::transport::{Identity, Transport};
use super::wire;

/// The largest page that GitHub gives.
const PAGE_SIZE: usize = 100;
/// Nothing the bot lists has this many pages; a server that never ends a list is broken.
const MAX_PAGES: usize = 2_000;
/// How often a read is tried in all.
const TRIES: u32 = 3;
/// A read waits this long by itself; a longer wait is left to the caller.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// One shared client with the address and the login of one forge.
pub(super) struct Client {
    pub(super) transport: Transport,
    pub(super) addresses: Addresses,
    pub(super) login: Login,
    pub(super) tokens: Tokens,
    pub(super) clock: Clock,
    pub(super) redactor: RwLock<Redactor>,
    pub(super) pace: Pace,
    pub(super) remembered: Remembered,
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
}
