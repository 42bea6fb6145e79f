//! What the drivers have in common: one HTTP client with a token, time limits, repeats of reads, a door for limits of the rate, and what
//! answers mean.

use std::borrow::Cow;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::Time;
use crate::base::text::clip;

use super::{ForgeError, Result};

pub mod calls;
mod client;
pub mod gate;
pub mod pace;
mod seen;

pub use client::{Http, Place};
pub(crate) use seen::SeenLabels;

/// How long a driver waits for its forge.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the whole answer is there.
    pub total: Duration,
    /// Before a failed read is tried again the first time; doubles from there.
    pub backoff: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts { connect: Duration::from_secs(5), total: Duration::from_secs(30), backoff: Duration::from_millis(250) }
    }
}

/// One request below a forge's interface: path segments as they are, before any escaping.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub segments: Vec<String>,
    pub query: Vec<(Cow<'static, str>, String)>,
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
        self.query.push((Cow::Borrowed(key), value.into()));
        self
    }

    pub fn json(mut self, body: Value) -> Call {
        self.body = Some(body);
        self
    }

    pub fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}

/// A whole answer with a status of 2xx.
#[derive(Debug)]
pub struct Answer {
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
pub struct Listed<T> {
    pub items: Vec<T>,
    /// False when there was more than was asked for.
    pub complete: bool,
    /// The server's clock at the first page.
    pub date: Option<Time>,
    pub pages: u32,
}

/// The failure of one request, before it is decided whether to try again.
pub enum Failure {
    /// 3xx, or 404: the path of the repository may be outdated.
    Moved(ForgeError),
    /// Worth another try when nothing can be done twice; after this much time, if the server says so.
    Passing(ForgeError, Option<Duration>),
    Final(ForgeError),
}

impl From<Failure> for ForgeError {
    fn from(failure: Failure) -> ForgeError {
        match failure {
            Failure::Moved(error) | Failure::Passing(error, _) | Failure::Final(error) => error,
        }
    }
}

impl Failure {
    fn error(&self) -> &ForgeError {
        match self {
            Failure::Moved(error) | Failure::Passing(error, _) | Failure::Final(error) => error,
        }
    }
}
