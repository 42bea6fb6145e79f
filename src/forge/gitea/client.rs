//! Gitea's part of the HTTP client: the token, addresses of repositories, and pages.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::AUTHORIZATION;
use serde::de::DeserializeOwned;

use crate::base::Clock;
use crate::base::secret::{ExposeSecret, SecretString};
use crate::base::text::clip;
use crate::domain::forge::RepoRef;
use crate::forge::http::pace::{date, is_last, total};
use crate::forge::http::{Failure, Http, Place};
use crate::forge::{ForgeError, Result};

pub(super) use crate::forge::http::{Answer, Call, Listed, Timeouts};

use super::wire;

/// The largest page that Gitea gives by default (`[api] MAX_RESPONSE_ITEMS`); a larger request is cut to it in silence.
const PAGE_SIZE: usize = 50;
/// Nothing the bot lists has this many pages; a server that never ends a list is broken.
const MAX_PAGES: usize = 2_000;

/// One shared HTTP client with the address and the token of one forge.
pub(super) struct Client {
    http: Http,
    /// Where repositories were found to be now, by id.
    paths: Mutex<HashMap<i64, String>>,
}

impl Client {
    /// Checks the address and builds the client.
    pub fn new(base_url: &str, token: &SecretString, timeouts: Timeouts) -> std::result::Result<Client, String> {
        let authorization = format!("token {}", token.expose_secret());
        Client::signing(base_url, &authorization, [token.clone()], timeouts)
    }

    /// The same for a person who signs in by name and password.
    pub fn signed_in(base_url: &str, login: &str, password: &SecretString, timeouts: Timeouts) -> std::result::Result<Client, String> {
        let pair = STANDARD.encode(format!("{login}:{}", password.expose_secret()));
        Client::signing(base_url, &format!("Basic {pair}"), [password.clone(), SecretString::from(pair)], timeouts)
    }

    fn signing(
        base_url: &str,
        authorization: &str,
        secrets: impl IntoIterator<Item = SecretString>,
        timeouts: Timeouts,
    ) -> std::result::Result<Client, String> {
        let place = Place { name: "Gitea", below: &["api", "v1"], header: AUTHORIZATION };
        Ok(Client { http: Http::new(base_url, place, authorization, secrets, timeouts)?, paths: Mutex::default() })
    }

    /// Measures the waits that the forge asks for by this clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.http.set_clock(clock);
    }

    /// The address of the forge without a trailing slash.
    pub fn base(&self) -> &str {
        self.http.base()
    }

    /// How many requests there were, by what came of them.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.http.counts()
    }

    /// Performs a call that is not about one repository.
    pub async fn send(&self, call: &Call) -> Result<Answer> {
        self.http.attempt(call).await.map_err(ForgeError::from)
    }

    /// Performs a call on a repository: `tail` is what follows `repos/{owner}/{name}`. A path that turns out to be outdated is resolved by the repository's id and the call is made again;
    /// that is safe for writes too, because neither a redirect nor "not found" has applied anything.
    pub async fn on_repo(&self, repo: &RepoRef, tail: &Call) -> Result<Answer> {
        let path = self.path_of(repo);
        match self.http.attempt(&below(&path, tail)?).await {
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
}

fn below(path: &str, tail: &Call) -> Result<Call> {
    let [owner, name] = path.split('/').collect::<Vec<_>>()[..] else {
        return Err(ForgeError::Unprocessable(format!("`{}` is not a repository: it must read `owner/name`", clip(path, 200))));
    };
    let mut call = tail.clone();
    call.segments.splice(0..0, ["repos", owner, name].map(str::to_owned));
    Ok(call)
}
