//! Talking to models. [`Provider`] is the contract; each wire is a file; [`Gateway`] falls back from one model to the next.

use std::sync::Arc;

use async_trait::async_trait;

use crate::base::secret::SecretString;
use crate::domain::agent::message::{ChatReply, ChatRequest};
use crate::domain::budget::Wire;

pub mod anthropic;
pub mod error;
pub mod gateway;
pub mod http;
pub mod ollama;
pub mod openai;
mod reach;
mod reply;
pub mod scripted;

pub use error::{ProviderError, Retry};
pub use gateway::{Answered, Attempt, Gateway, RetryPolicy, TotalFailure};
pub use http::{Http, HttpOptions};
pub use reach::{Reached, reach};
pub use scripted::{CallLog, Rule, Script, Scripted, ScriptedTurn};

/// A place where models answer.
///
/// *One call, one try*: a provider never repeats a call by itself; the gateway does, and counts.
/// *Complete or failed*: an answer is returned only with a reason why it ended; a tool call that was cut off is never in it.
/// *Secrets*: keys go to the configured address only, follow no redirect and appear in no error.
/// *Dropping* the future cuts the call; what it has cost by then is unknown.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name in the configuration, the part of a model reference before the slash.
    fn name(&self) -> &str;

    /// One question, one answer. `request.model` is the model's name without the provider.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError>;
}

/// Where a provider is and what opens it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Name in the configuration.
    pub name: String,
    /// Base address. Anthropic and Ollama: without `/v1`. OpenAI-compatible: up to and including `/v1`, or whatever stands before `/chat/completions`.
    pub url: String,
    pub key: Option<SecretString>,
}

/// The provider behind an endpoint; `None` for the scripted wire, which needs a script ([`Scripted::new`]).
pub fn connect(wire: Wire, endpoint: Endpoint, http: &Http) -> Option<Arc<dyn Provider>> {
    match wire {
        Wire::Anthropic => Some(Arc::new(anthropic::Anthropic::new(endpoint, http.clone()))),
        Wire::OpenAi => Some(Arc::new(openai::OpenAi::new(endpoint, http.clone()))),
        Wire::Ollama => Some(Arc::new(ollama::Ollama::new(endpoint, http.clone()))),
        Wire::Scripted => None,
    }
}
