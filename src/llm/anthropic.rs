//! Anthropic's Messages interface, version 2023-06-01.

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ProviderError;
use super::http::{Answer, Http, by_status, join, retry_after, secret_header, tidy, without_key};
use super::{Endpoint, Provider, reply};
use crate::domain::agent::message::{ChatReply, ChatRequest, Message, Part, Speaker, Stop, Usage};

/// Models behind Anthropic's Messages interface.
pub struct Anthropic {
    endpoint: Endpoint,
    http: Http,
}

impl Anthropic {
    /// A provider at this address.
    pub fn new(endpoint: Endpoint, http: Http) -> Anthropic {
        Anthropic { endpoint, http }
    }

    fn headers(&self) -> Result<HeaderMap, ProviderError> {
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        if let Some(key) = &self.endpoint.key {
            let value =
                secret_header("", key).ok_or_else(|| ProviderError::Auth("the key holds characters that cannot be in a key".to_owned()))?;
            headers.insert("x-api-key", value);
        }
        Ok(headers)
    }

    async fn call(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        let answer = self.http.post(&join(&self.endpoint.url, "v1/messages"), self.headers()?, &body(request)).await?;
        if answer.status.is_success() { read(request, answer.body) } else { Err(failure(&answer)) }
    }
}

#[async_trait]
impl Provider for Anthropic {
    fn name(&self) -> &str {
        &self.endpoint.name
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        self.call(request).await.map_err(|error| without_key(error, self.endpoint.key.as_ref()))
    }
}

/// The request. Tools, system text and the end of the conversation are marked for the prompt cache: each call of a run repeats all before it.
fn body(request: &ChatRequest) -> Value {
    let mut messages: Vec<Value> = reply::turns(&request.messages).iter().map(message).collect();
    if let Some(last) = messages.last_mut().and_then(|last| last["content"].as_array_mut()).and_then(|parts| parts.last_mut()) {
        mark_for_cache(last);
    }
    let mut body = json!({ "model": request.model, "max_tokens": request.max_tokens, "messages": messages });
    if !request.system.is_empty() {
        let mut system = json!({ "type": "text", "text": request.system });
        mark_for_cache(&mut system);
        body["system"] = json!([system]);
    }
    let mut tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.schema }))
        .collect();
    if let Some(last) = tools.last_mut() {
        mark_for_cache(last);
        body["tools"] = json!(tools);
    }
    body
}

fn mark_for_cache(block: &mut Value) {
    block["cache_control"] = json!({ "type": "ephemeral" });
}

fn message(message: &Message) -> Value {
    let role = match message.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    json!({ "role": role, "content": message.parts.iter().map(block).collect::<Vec<_>>() })
}

fn block(part: &Part) -> Value {
    match part {
        Part::Text { text } => json!({ "type": "text", "text": text }),
        Part::ToolCall { id, name, arguments } => {
            json!({ "type": "tool_use", "id": id, "name": name, "input": reply::as_object(arguments) })
        }
        Part::ToolResult { id, content, is_error, .. } => {
            json!({ "type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error })
        }
    }
}

#[derive(Deserialize)]
struct WireReply {
    model: Option<String>,
    content: Vec<Value>,
    stop_reason: Option<String>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireUsage {
    input_tokens: u64,
    output_tokens: u64,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    /// `input_tokens` excludes the cached ones here.
    fn from(wire: WireUsage) -> Usage {
        Usage {
            input: wire.input_tokens,
            output: wire.output_tokens,
            cache_write: wire.cache_creation_input_tokens.unwrap_or(0),
            cache_read: wire.cache_read_input_tokens.unwrap_or(0),
        }
    }
}

fn read(request: &ChatRequest, body: Value) -> Result<ChatReply, ProviderError> {
    let usage = body.get("usage").cloned().and_then(|usage| serde_json::from_value::<WireUsage>(usage).ok()).map(Usage::from);
    let wire: WireReply =
        serde_json::from_value(body).map_err(|error| ProviderError::malformed(format!("its answer cannot be read: {error}"), usage))?;
    let Some(reason) = wire.stop_reason else {
        return Err(ProviderError::malformed("its answer has no stop_reason, so it may be incomplete", usage));
    };
    let Some(usage) = wire.usage.map(Usage::from) else {
        return Err(ProviderError::malformed("its answer does not say how many tokens it used", None));
    };
    let stop = match reason.as_str() {
        "end_turn" | "stop_sequence" => Stop::EndTurn,
        "tool_use" => Stop::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
        "refusal" => Stop::Refusal,
        other => Stop::Other(tidy(other)),
    };
    let parts = wire.content.iter().filter_map(part).collect();
    Ok(reply::finish(request, parts, stop, usage, wire.model.unwrap_or_else(|| request.model.clone())))
}

/// Thinking and other block types that this program never asks for are passed over.
fn part(block: &Value) -> Option<Part> {
    match block["type"].as_str()? {
        "text" => Some(Part::Text { text: block["text"].as_str()?.to_owned() }),
        "tool_use" => Some(Part::ToolCall {
            id: block["id"].as_str().unwrap_or_default().to_owned(),
            name: block["name"].as_str()?.to_owned(),
            arguments: match &block["input"] {
                Value::String(raw) => reply::arguments(raw),
                Value::Null => json!({}),
                input => input.clone(),
            },
        }),
        _ => None,
    }
}

/// Errors come as `{"type":"error","error":{"type":…,"message":…}}`. 529 is "overloaded"; a 429 or 400 about a spending limit is final.
fn failure(answer: &Answer) -> ProviderError {
    let kind = answer.body["error"]["type"].as_str().unwrap_or_default();
    let message = tidy(answer.body["error"]["message"].as_str().unwrap_or_default());
    let code = answer.body["error"]["details"]["error_code"].as_str().or_else(|| answer.body["error"]["code"].as_str()).unwrap_or_default();
    let text = format!("{} {kind}: {message}", answer.status.as_u16());
    let lower = message.to_lowercase();
    let spent = [kind, code].iter().any(|word| word.contains("spend_limit") || *word == "billing_error")
        || ["spend limit", "spend_limit", "usage limits", "credit balance"].iter().any(|words| lower.contains(words));
    if spent {
        return ProviderError::SpendLimit(text);
    }
    if lower.contains("prompt is too long") || lower.contains("exceed context limit") || kind == "request_too_large" {
        return ProviderError::ContextTooLong(text);
    }
    match kind {
        "rate_limit_error" => ProviderError::RateLimited { retry_after: retry_after(&answer.headers) },
        "overloaded_error" | "api_error" => ProviderError::Overloaded { retry_after: retry_after(&answer.headers) },
        "authentication_error" | "permission_error" => ProviderError::Auth(text),
        "timeout_error" => ProviderError::Uncertain(text),
        _ => by_status(answer.status, &answer.headers, &text).unwrap_or_else(|| ProviderError::not_a_model(text)),
    }
}
