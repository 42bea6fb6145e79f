//! A double of a model's server, reached over the real wire: it gives the answers it was given, in order, and remembers what it was asked.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syndarix::base::secret::SecretString;
use syndarix::domain::budget::Wire;
use syndarix::llm::scripted::{Rule as Script, ScriptedTurn};
use syndarix::llm::{Endpoint, Http, HttpOptions, Provider, connect};

use super::http;
use super::proxy::{Proxy, Seen};
use super::rules::{Fault, Rule};
use super::world::{PROVIDER_KEY, Setup};

/// A server that answers call after call, and fails the test's patience when it is asked more often.
pub struct Double {
    proxy: Arc<Proxy>,
}

impl Double {
    pub async fn with(answers: impl IntoIterator<Item = Fault>) -> Double {
        let proxy = Proxy::start().await;
        proxy.plays(answers.into_iter().enumerate().map(|(n, answer)| Rule::nth(n, answer)));
        Double { proxy }
    }

    pub fn provider(&self, name: &str) -> Arc<dyn Provider> {
        let endpoint =
            Endpoint { name: name.into(), url: format!("{}/v1", self.proxy.url()), key: Some(SecretString::from(PROVIDER_KEY.to_owned())) };
        let options = HttpOptions { connect: Duration::from_secs(2), total: Duration::from_millis(1_500), max_body: 32 << 20 };
        connect(Wire::OpenAi, endpoint, &Http::new(options).unwrap()).unwrap()
    }

    /// A world whose agents ask this server.
    pub fn setup(&self, price: &str) -> Setup {
        Setup { provider: Some(self.provider("scripted")), price: price.into(), ..Setup::from(Vec::new()) }
    }

    pub fn calls(&self) -> Vec<Seen> {
        self.proxy.seen()
    }

    /// What the agent was told before the n-th call, as the wire carries it.
    pub fn told(&self, n: usize) -> String {
        String::from_utf8_lossy(&self.proxy.seen()[n].body).into_owned()
    }
}

/// An answer with these calls of tools: id, name, and the text of the arguments as a model wrote it.
pub fn calls(calls: &[(&str, &str, &str)]) -> Fault {
    let calls: Vec<Value> = calls
        .iter()
        .map(|(id, name, arguments)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
        .collect();
    said(json!({"role": "assistant", "content": null, "tool_calls": calls}), json!("tool_calls"))
}

/// An answer with this message and this reason why it ended.
pub fn said(message: Value, reason: Value) -> Fault {
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120});
    let body = json!({"id": "x", "model": "story", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage});
    refusal(200, &[], &body)
}

pub fn refusal(status: u16, headers: &[(&str, &str)], body: &Value) -> Fault {
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain([kind]).collect();
    Fault::Instead(http::answer(status, &headers, body.to_string().as_bytes()))
}

/// The beginning of an answer, with the length of the whole.
pub fn cut(answer: Fault, at: usize) -> Fault {
    let Fault::Instead(mut bytes) = answer else { return answer };
    bytes.truncate(http::body_at(&bytes) + at);
    Fault::Instead(bytes)
}

/// The answers of scripted runs, in the order of the rules.
pub fn answers(rules: &[Script]) -> Vec<Fault> {
    let turn = |turn: &ScriptedTurn| {
        let of: Vec<(String, String)> = turn.calls.iter().map(|call| (call.name.clone(), call.arguments.to_string())).collect();
        let of: Vec<(&str, &str, &str)> = of.iter().map(|(name, arguments)| ("call_1", name.as_str(), arguments.as_str())).collect();
        calls(&of)
    };
    rules.iter().flat_map(|rule| &rule.replies).map(turn).collect()
}
