//! Ollama's own chat interface (`/api/chat`), for models on one's own machine.

use async_trait::async_trait;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ProviderError;
use super::http::{Answer, Http, by_status, join, secret_header, tidy, without_key};
use super::{Endpoint, Provider, reply};
use crate::domain::agent::message::{ChatReply, ChatRequest, Message, Part, Speaker, Stop, Usage};
use crate::domain::budget::estimate_tokens;

/// Smallest context to ask for. Ollama's own default is so small that it silently drops the start of the conversation.
const CONTEXT_MIN: u64 = 16_384;
/// Largest context to ask for: more would not fit into the memory of most machines.
const CONTEXT_MAX: u64 = 131_072;

/// Models behind an Ollama server.
pub struct Ollama {
    endpoint: Endpoint,
    http: Http,
}

impl Ollama {
    /// A provider at this address, such as `http://127.0.0.1:11434`.
    pub fn new(endpoint: Endpoint, http: Http) -> Ollama {
        Ollama { endpoint, http }
    }

    fn headers(&self) -> Result<HeaderMap, ProviderError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.endpoint.key {
            let value = secret_header("Bearer ", key)
                .ok_or_else(|| ProviderError::Auth("the key holds characters that cannot be in a key".to_owned()))?;
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    async fn call(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        let answer = self.http.post(&join(&self.endpoint.url, "api/chat"), self.headers()?, &body(request)).await?;
        if answer.status.is_success() && answer.body.get("error").is_none() { read(request, answer.body) } else { Err(failure(&answer)) }
    }
}

#[async_trait]
impl Provider for Ollama {
    fn name(&self) -> &str {
        &self.endpoint.name
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        self.call(request).await.map_err(|error| without_key(error, self.endpoint.key.as_ref()))
    }
}

fn body(request: &ChatRequest) -> Value {
    let system = (!request.system.is_empty()).then(|| json!({ "role": "system", "content": request.system }));
    let messages: Vec<Value> = system.into_iter().chain(reply::turns(&request.messages).iter().flat_map(messages)).collect();
    let context = (estimate_tokens(request) + u64::from(request.max_tokens)).next_power_of_two().clamp(CONTEXT_MIN, CONTEXT_MAX);
    let options = json!({ "num_predict": request.max_tokens, "num_ctx": context });
    let mut body = json!({ "model": request.model, "messages": messages, "stream": false, "options": options });
    if !request.tools.is_empty() {
        body["tools"] = reply::functions(&request.tools);
    }
    body
}

fn messages(message: &Message) -> Vec<Value> {
    let text = reply::text_of(message);
    match message.speaker {
        Speaker::User => {
            let results = message.parts.iter().filter_map(result);
            let said = (!text.is_empty()).then(|| json!({ "role": "user", "content": text }));
            results.chain(said).collect()
        }
        Speaker::Assistant => {
            let calls: Vec<Value> = message.parts.iter().filter_map(call).collect();
            vec![json!({ "role": "assistant", "content": text, "tool_calls": calls })]
        }
    }
}

/// Results are matched by the tool's name and their order; there is no id on this wire that all versions know.
fn result(part: &Part) -> Option<Value> {
    let Part::ToolResult { name, content, is_error, .. } = part else { return None };
    let content = if *is_error { format!("Error: {content}") } else { content.clone() };
    Some(json!({ "role": "tool", "tool_name": name, "content": content }))
}

fn call(part: &Part) -> Option<Value> {
    let Part::ToolCall { name, arguments, .. } = part else { return None };
    Some(json!({ "function": { "name": name, "arguments": reply::as_object(arguments) } }))
}

#[derive(Deserialize)]
struct WireReply {
    model: Option<String>,
    message: WireMessage,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    #[serde(default)]
    content: String,
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
struct WireCall {
    id: Option<String>,
    function: WireFunction,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    #[serde(default)]
    arguments: Value,
}

/// Counts are missing when the whole prompt came from the cache.
fn usage(body: &Value) -> Usage {
    let number = |key: &str| body.get(key).and_then(Value::as_u64).unwrap_or(0);
    Usage { input: number("prompt_eval_count"), output: number("eval_count"), ..Usage::default() }
}

fn read(request: &ChatRequest, body: Value) -> Result<ChatReply, ProviderError> {
    let usage = usage(&body);
    let malformed = |message: String| ProviderError::malformed(message, Some(usage));
    let wire: WireReply = serde_json::from_value(body).map_err(|error| malformed(format!("its answer cannot be read: {error}")))?;
    let reason = match (wire.done, wire.done_reason) {
        (true, Some(reason)) => reason,
        _ => return Err(malformed("its answer has no done_reason, so it may be incomplete".to_owned())),
    };
    let stop = match reason.as_str() {
        "stop" => Stop::EndTurn,
        "length" => Stop::MaxTokens,
        other => Stop::Other(tidy(other)),
    };
    Ok(reply::finish(request, parts(wire.message), stop, usage, wire.model.unwrap_or_else(|| request.model.clone())))
}

fn parts(message: WireMessage) -> Vec<Part> {
    let calls = message.tool_calls.unwrap_or_default().into_iter().map(|call| Part::ToolCall {
        id: call.id.unwrap_or_default(),
        name: call.function.name,
        arguments: match call.function.arguments {
            Value::String(raw) => reply::arguments(&raw),
            Value::Null => json!({}),
            other => other,
        },
    });
    std::iter::once(Part::Text { text: message.content }).chain(calls).collect()
}

/// Errors come as `{"error":"…"}`.
fn failure(answer: &Answer) -> ProviderError {
    let message = tidy(answer.body["error"].as_str().unwrap_or_default());
    let text = format!("{}: {message}", answer.status.as_u16());
    let lower = message.to_lowercase();
    if answer.status.as_u16() == 404 || lower.contains("not found") {
        return ProviderError::BadRequest(format!("{text} (`ollama pull <model>` fetches a missing model)"));
    }
    if lower.contains("context length") || lower.contains("context window") {
        return ProviderError::ContextTooLong(text);
    }
    by_status(answer.status, &answer.headers, &text).unwrap_or_else(|| ProviderError::not_a_model(text))
}
