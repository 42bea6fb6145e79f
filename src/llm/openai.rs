//! Chat completions as OpenAI defines them and many servers offer them (vLLM, llama.cpp, OpenRouter, LM Studio, …).

use async_trait::async_trait;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ProviderError;
use super::http::{Answer, Http, by_status, join, retry_after, secret_header, tidy, without_key};
use super::{Endpoint, Provider, reply};
use crate::domain::agent::message::{ChatReply, ChatRequest, Message, Part, Speaker, Stop, Usage};

/// Error codes that say the account has no money left, among those that share status 429 with plain rate limits.
const SPENT: [&str; 6] = [
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "insufficient_quota",
    "billing_hard_limit_reached",
];

/// Models behind a chat-completions interface.
pub struct OpenAi {
    endpoint: Endpoint,
    http: Http,
}

impl OpenAi {
    /// A provider at this address, such as `https://api.openai.com/v1`.
    pub fn new(endpoint: Endpoint, http: Http) -> OpenAi {
        OpenAi { endpoint, http }
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
        let answer = self.http.post(&join(&self.endpoint.url, "chat/completions"), self.headers()?, &self.body(request)).await?;
        // Some gateways report errors under status 200.
        if answer.status.is_success() && !answer.body["error"].is_object() { read(request, answer.body) } else { Err(failure(&answer)) }
    }

    fn body(&self, request: &ChatRequest) -> Value {
        let system = (!request.system.is_empty()).then(|| json!({ "role": "system", "content": request.system }));
        let messages: Vec<Value> = system.into_iter().chain(reply::turns(&request.messages).iter().flat_map(messages)).collect();
        let mut body = json!({ "model": request.model, "messages": messages });
        body[self.limit_key()] = json!(request.max_tokens);
        if !request.tools.is_empty() {
            body["tools"] = reply::functions(&request.tools);
        }
        body
    }

    /// OpenAI's newer models refuse `max_tokens`; most other servers know only that.
    fn limit_key(&self) -> &'static str {
        if self.endpoint.url.contains("://api.openai.com") { "max_completion_tokens" } else { "max_tokens" }
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn name(&self) -> &str {
        &self.endpoint.name
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        self.call(request).await.map_err(|error| without_key(error, self.endpoint.key.as_ref()))
    }
}

/// One turn: tool results are messages of their own here, calls hang on the assistant's message.
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
            let mut said = json!({ "role": "assistant", "content": if text.is_empty() { Value::Null } else { json!(text) } });
            if !calls.is_empty() {
                said["tool_calls"] = json!(calls);
            }
            vec![said]
        }
    }
}

fn result(part: &Part) -> Option<Value> {
    let Part::ToolResult { id, content, is_error, .. } = part else { return None };
    let content = if *is_error { format!("Error: {content}") } else { content.clone() };
    Some(json!({ "role": "tool", "tool_call_id": id, "content": content }))
}

fn call(part: &Part) -> Option<Value> {
    let Part::ToolCall { id, name, arguments } = part else { return None };
    let arguments = reply::as_object(arguments).to_string();
    Some(json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } }))
}

#[derive(Deserialize)]
struct WireReply {
    model: Option<String>,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: WireMessage,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
struct WireCall {
    #[serde(default)]
    id: Option<String>,
    function: WireFunction,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    /// A text with JSON in it; some servers send the object itself.
    #[serde(default)]
    arguments: Value,
}

/// `prompt_tokens` includes the cached ones here.
fn usage(body: &Value) -> Option<Usage> {
    let usage = body.get("usage").filter(|usage| usage.is_object())?;
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let cached = number(&usage["prompt_tokens_details"]["cached_tokens"]);
    let written = number(&usage["prompt_tokens_details"]["cache_write_tokens"]);
    let input = usage["prompt_tokens"].as_u64()?.saturating_sub(cached).saturating_sub(written);
    Some(Usage { input, output: number(&usage["completion_tokens"]), cache_write: written, cache_read: cached })
}

fn read(request: &ChatRequest, body: Value) -> Result<ChatReply, ProviderError> {
    let usage = usage(&body);
    let wire: WireReply =
        serde_json::from_value(body).map_err(|error| ProviderError::malformed(format!("its answer cannot be read: {error}"), usage))?;
    let Some(choice) = wire.choices.into_iter().next() else {
        return Err(ProviderError::malformed("its answer holds no choice", usage));
    };
    let Some(reason) = choice.finish_reason else {
        return Err(ProviderError::malformed("its answer has no finish_reason, so it may be incomplete", usage));
    };
    let Some(usage) = usage else {
        return Err(ProviderError::malformed("its answer does not say how many tokens it used", None));
    };
    let refused = choice.message.refusal.is_some();
    let stop = match reason.as_str() {
        _ if refused => Stop::Refusal,
        "stop" => Stop::EndTurn,
        "tool_calls" | "function_call" => Stop::ToolUse,
        "length" => Stop::MaxTokens,
        "content_filter" => Stop::Refusal,
        other => Stop::Other(tidy(other)),
    };
    Ok(reply::finish(request, parts(choice.message), stop, usage, wire.model.unwrap_or_else(|| request.model.clone())))
}

fn parts(message: WireMessage) -> Vec<Part> {
    let texts = message.content.into_iter().chain(message.refusal).map(|text| Part::Text { text });
    let calls = message.tool_calls.unwrap_or_default().into_iter().map(|call| Part::ToolCall {
        id: call.id.unwrap_or_default(),
        name: call.function.name,
        arguments: match call.function.arguments {
            Value::String(raw) => reply::arguments(&raw),
            Value::Null => json!({}),
            other => other,
        },
    });
    texts.chain(calls).collect()
}

/// Errors come as `{"error":{"message":…,"type":…,"code":…}}`.
fn failure(answer: &Answer) -> ProviderError {
    let error = &answer.body["error"];
    let code = error["code"].as_str().or_else(|| error["type"].as_str()).unwrap_or_default();
    let kind = error["type"].as_str().unwrap_or_default();
    let message = tidy(error["message"].as_str().or_else(|| error.as_str()).unwrap_or_default());
    let text = format!("{} {code}: {message}", answer.status.as_u16());
    if SPENT.contains(&code) || SPENT.contains(&kind) {
        return ProviderError::SpendLimit(text);
    }
    if code == "context_length_exceeded" || message.to_lowercase().contains("maximum context length") {
        return ProviderError::ContextTooLong(text);
    }
    match code {
        "rate_limit_exceeded" | "slow_down" => ProviderError::RateLimited { retry_after: retry_after(&answer.headers) },
        "invalid_api_key" => ProviderError::Auth(text),
        _ => by_status(answer.status, &answer.headers, &text).unwrap_or_else(|| ProviderError::not_a_model(text)),
    }
}
