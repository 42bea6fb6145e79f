//! One request to GitHub, what came of it, and what a refusal leaves open.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::base::Time;
use crate::base::text::clip;
use crate::forge::{ForgeError, Result};

use super::login::Whose;

/// One request: path segments as they are, before any escaping. Without segments it goes to the GraphQL interface.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: Method,
    pub segments: Vec<String>,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    pub(super) whose: Whose,
    pub(super) graphql: bool,
    pub(super) repeatable: bool,
    pub(super) remembered: bool,
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
    /// Nothing was asked to be changed.
    pub(super) read: bool,
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

    pub fn error(&self) -> &ForgeError {
        match self {
            Failure::Moved(error, _) | Failure::Passing(error, _) | Failure::Final(error) => error,
        }
    }
}

/// The call whose segments follow `repos/{owner}/{name}`.
pub(super) fn below(path: &str, tail: &Call) -> Result<Call> {
    let [owner, name] = path.split('/').collect::<Vec<_>>()[..] else {
        return Err(ForgeError::Unprocessable(format!("`{}` is not a repository: it must read `owner/name`", clip(path, 200))));
    };
    let mut call = tail.clone().by(Whose::Repo(path.to_owned()));
    call.segments.splice(0..0, ["repos", owner, name].map(str::to_owned));
    Ok(call)
}
