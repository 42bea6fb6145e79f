//! Whether a provider of models can be reached and takes the key, without asking a model anything: its list of models is free.

use http::{HeaderMap, HeaderValue, header};

use super::{Endpoint, Http};
use crate::base::secret::ExposeSecret;
use crate::domain::budget::Wire;

/// What a look at a provider gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It answers; these are the models it lists, where the wire lists them.
    Ready(Vec<String>),
    /// It answers, and does not take the key.
    KeyRefused,
    /// It answers with another status.
    Odd(u16),
    Unreachable(String),
}

/// Looks at a provider once.
pub async fn reach(wire: Wire, endpoint: &Endpoint, http: &Http) -> Reached {
    let (path, field, name) = match wire {
        Wire::Anthropic => ("/v1/models", "data", "id"),
        Wire::OpenAi => ("/models", "data", "id"),
        Wire::Ollama => ("/api/tags", "models", "name"),
        Wire::Scripted => return Reached::Ready(Vec::new()),
    };
    let mut headers = HeaderMap::new();
    if let Some(key) = &endpoint.key {
        let (header, text) = match wire {
            Wire::Anthropic => (header::HeaderName::from_static("x-api-key"), key.expose_secret().to_owned()),
            _ => (header::AUTHORIZATION, format!("Bearer {}", key.expose_secret())),
        };
        let Ok(mut value) = HeaderValue::from_str(&text) else { return Reached::KeyRefused };
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    match http.get(&format!("{}{path}", endpoint.url.trim_end_matches('/')), headers).await {
        Ok((200, body)) => {
            let models = body[field].as_array().map(Vec::as_slice).unwrap_or_default();
            Reached::Ready(models.iter().filter_map(|model| model[name].as_str().map(str::to_owned)).collect())
        }
        Ok((401 | 403, _)) => Reached::KeyRefused,
        Ok((status, _)) => Reached::Odd(status),
        Err(text) => Reached::Unreachable(text),
    }
}
