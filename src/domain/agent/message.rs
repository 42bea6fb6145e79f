//! A conversation with a model, in neutral words. Each wire in `llm` translates it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::ids::{ProjectId, RunId, SubjectId};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    User,
    Assistant,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    Text {
        text: String,
    },
    ToolCall {
        id: String,
        name: String,
        /// What the model sent; when it was not JSON, a JSON string holding the raw text, so that the repair message can quote it.
        arguments: Value,
    },
    ToolResult {
        id: String,
        name: String,
        content: String,
        is_error: bool,
    },
}

/// One turn of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub speaker: Speaker,
    pub parts: Vec<Part>,
}

impl Message {
    /// A plain text from the user's side.
    pub fn user(text: impl Into<String>) -> Message {
        Message { speaker: Speaker::User, parts: vec![Part::Text { text: text.into() }] }
    }
}

/// A tool as a model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON schema of the arguments.
    pub schema: Value,
}

/// What a call is for. Recorded in the ledger; never sent to a provider. The scripted provider picks its answer by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallMeta {
    pub project: ProjectId,
    pub subject: SubjectId,
    pub run: RunId,
    /// Agent type, such as `engineer`.
    pub agent: String,
    /// What the run is for, such as `implement` or `fix`.
    pub purpose: String,
    /// How many runs of this purpose the story has had before, from 0.
    pub round: u32,
}

/// One request to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    pub meta: CallMeta,
    /// Model name as the provider knows it.
    pub model: String,
    pub system: String,
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
}

/// Tokens as the provider reports them. `input` excludes the cached ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cache_write: u64,
    pub cache_read: u64,
}

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    EndTurn,
    ToolUse,
    /// The answer was cut at `max_tokens`: a tool call in it may be incomplete and is never executed.
    MaxTokens,
    Refusal,
    Other(String),
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    pub parts: Vec<Part>,
    pub stop: Stop,
    pub usage: Usage,
    /// Model that answered, as the provider names it.
    pub model: String,
}
