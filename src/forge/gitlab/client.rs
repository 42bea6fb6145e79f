//! GitLab's part of the HTTP client: the token, addresses of projects, and pages.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, LINK};
use serde::de::DeserializeOwned;

use crate::base::Clock;
use crate::base::secret::{ExposeSecret, SecretString};
use crate::base::text::clip;
use crate::domain::forge::RepoRef;
use crate::forge::http::pace::date;
use crate::forge::http::{Http, Place};
use crate::forge::{ForgeError, Result};

pub(super) use crate::forge::http::{Answer, Call, Listed, Timeouts};

/// The largest page that GitLab gives.
const PAGE_SIZE: usize = 100;
/// Nothing the bot lists has this many pages; a server that never ends a list is broken.
const MAX_PAGES: usize = 2_000;

/// One shared HTTP client with the address and the token of one GitLab.
pub(super) struct Client {
    http: Http,
    /// Where projects were found to be now, by id.
    paths: Mutex<HashMap<i64, String>>,
}

impl Client {
    /// Checks the address and builds the client. OAuth tokens are shown as `Bearer`, all others in GitLab's own header.
    pub fn new(base_url: &str, token: &SecretString, bearer: bool, timeouts: Timeouts) -> std::result::Result<Client, String> {
        let (header, value) = match bearer {
            true => (AUTHORIZATION, format!("Bearer {}", token.expose_secret())),
            false => (HeaderName::from_static("private-token"), token.expose_secret().to_owned()),
        };
        let place = Place { name: "GitLab", below: &["api", "v4"], header };
        Ok(Client { http: Http::new(base_url, place, &value, [token.clone()], timeouts)?, paths: Mutex::default() })
    }

    pub fn set_clock(&mut self, clock: Clock) {
        self.http.set_clock(clock);
    }

    /// The address of the forge without a trailing slash.
    pub fn base(&self) -> &str {
        self.http.base()
    }

    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.http.counts()
    }

    /// Performs a call that is not about one project.
    pub async fn send(&self, call: &Call) -> Result<Answer> {
        self.http.attempt(call).await.map_err(ForgeError::from)
    }

    /// Performs a call on a project: `tail` is what follows `projects/{id}`. The number survives a rename, so it is preferred to the path.
    pub async fn on_repo(&self, repo: &RepoRef, tail: &Call) -> Result<Answer> {
        self.send(&below(repo, tail)?).await
    }

    /// Where this project is as far as is known.
    pub fn path_of(&self, repo: &RepoRef) -> String {
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.get(&repo.id).cloned().unwrap_or_else(|| repo.path.clone())
    }

    /// Remembers where a project is.
    pub fn remember(&self, id: i64, path: &str) {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).insert(id, path.to_owned());
    }

    /// All items of a list of a project.
    pub async fn list<T: DeserializeOwned>(&self, repo: &RepoRef, tail: &Call) -> Result<Vec<T>> {
        Ok(self.list_some(Some(repo), tail, usize::MAX).await?.items)
    }

    /// The items of a list unless there are more than `at_most`; without a project `call` is a whole address.
    pub async fn list_some<T: DeserializeOwned>(&self, repo: Option<&RepoRef>, call: &Call, at_most: usize) -> Result<Listed<T>> {
        let mut listed = Listed { items: Vec::new(), complete: true, date: None, pages: 0 };
        let whole = match repo {
            Some(repo) => below(repo, call)?,
            None => call.clone(),
        };
        let mut next = whole.clone().query("per_page", PAGE_SIZE.to_string());
        let mut previous: Vec<u8> = Vec::new();
        for page in 1..=MAX_PAGES {
            let answer = self.send(&next).await?;
            listed.pages += 1;
            listed.date = listed.date.or_else(|| date(&answer.headers));
            let items: Vec<T> = answer.json::<Option<_>>()?.unwrap_or_default();
            let count = items.len();
            // A server that does not know pages gives the same list for every one of them.
            if count > 0 && answer.body == previous {
                return Ok(listed);
            }
            listed.items.extend(items);
            if listed.items.len() > at_most {
                listed.complete = false;
                return Ok(listed);
            }
            next.query = match following(&answer.headers) {
                Following::Query(query) => query,
                Following::Page(number) => paged(&whole, number),
                Following::Unsaid if count >= PAGE_SIZE => paged(&whole, page + 1),
                Following::Unsaid | Following::End => return Ok(listed),
            };
            previous = answer.body;
        }
        Err(ForgeError::Malformed(format!("a list did not end after {MAX_PAGES} pages")))
    }
}

fn paged(call: &Call, page: usize) -> Vec<(Cow<'static, str>, String)> {
    call.clone().query("per_page", PAGE_SIZE.to_string()).query("page", page.to_string()).query
}

/// What the headers say about the next page.
enum Following {
    /// By a link, whose host may be another one: only its query counts. This holds for pages by number and by key alike.
    Query(Vec<(Cow<'static, str>, String)>),
    Page(usize),
    End,
    Unsaid,
}

fn following(headers: &HeaderMap) -> Following {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(link) = text(LINK.as_str()) {
        return match next_query(link) {
            Some(query) => Following::Query(query),
            None => Following::End,
        };
    }
    match text("x-next-page").map(str::trim) {
        Some("") => Following::End,
        Some(number) => number.parse().map_or(Following::Unsaid, Following::Page),
        None => Following::Unsaid,
    }
}

fn next_query(link: &str) -> Option<Vec<(Cow<'static, str>, String)>> {
    let entry = link.split(">;").zip(link.split(">;").skip(1)).find(|(_, after)| {
        let own = after.split('<').next().unwrap_or(after);
        own.contains("rel=\"next\"")
    })?;
    let address = entry.0.rsplit_once('<')?.1;
    let url = reqwest::Url::parse(address).ok()?;
    let pairs: Vec<_> = url.query_pairs().map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned())).collect();
    (!pairs.is_empty()).then_some(pairs)
}

fn below(repo: &RepoRef, tail: &Call) -> Result<Call> {
    let id = if repo.id > 0 { repo.id.to_string() } else { repo.path.clone() };
    if repo.id <= 0 && repo.path.split('/').filter(|part| !part.is_empty()).count() < 2 {
        return Err(ForgeError::Unprocessable(format!("`{}` is not a project: it must read `group/name`", clip(&repo.path, 200))));
    }
    let mut call = tail.clone();
    // The slashes of a path are escaped with the segment.
    call.segments.splice(0..0, ["projects".to_owned(), id]);
    Ok(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_a_link_of_whatever_host() {
        let link = r#"<https://inside.invalid/api/v4/projects/1/issues?cursor=ey%3D&per_page=100>; rel="next", <https://inside.invalid/x?page=1>; rel="first""#;
        let query = next_query(link).unwrap();
        assert_eq!(query, [("cursor".into(), "ey=".to_owned()), ("per_page".into(), "100".to_owned())]);
        assert!(next_query(r#"<https://inside.invalid/x?page=1>; rel="first""#).is_none());
        let last = r#"<https://inside.invalid/x?page=1>; rel="first", <https://inside.invalid/x?page=2>; rel="next""#;
        assert_eq!(next_query(last).unwrap(), [("page".into(), "2".to_owned())]);
    }
}
