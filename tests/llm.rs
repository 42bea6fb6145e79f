//! The model wires against a server that answers what the providers answer, and the gateway over them.
#![expect(clippy::unwrap_used, reason = "a helper that fails here fails its test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syndarix::base::Nano;
use syndarix::base::ids::{ProjectId, RunId, SubjectId};
use syndarix::base::secret::SecretString;
use syndarix::domain::agent::message::{CallMeta, ChatRequest, Message, Part, Speaker, Stop, ToolSpec, Usage};
use syndarix::domain::budget::{Catalog, Group, Model, ModelRef, Price, Rate, Wire};
use syndarix::llm::scripted::{Rule, ScriptedTurn};
use syndarix::llm::{Endpoint, Gateway, Http, HttpOptions, Provider, ProviderError, Retry, RetryPolicy, Script, Scripted, connect};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// No error, log or debug text may ever contain this.
const CANARY: &str = "sk-canary-0123456789abcdef";

fn request() -> ChatRequest {
    let meta = CallMeta {
        project: ProjectId::named("p"),
        subject: SubjectId::named("s"),
        run: RunId::named("r"),
        agent: "engineer".into(),
        purpose: "implement".into(),
        round: 0,
    };
    let call = Part::ToolCall { id: "t1".into(), name: "read_file".into(), arguments: json!({"path": "a.py"}) };
    let result = Part::ToolResult { id: "t1".into(), name: "read_file".into(), content: "print()".into(), is_error: false };
    ChatRequest {
        meta,
        model: "some-model".into(),
        system: "Be brief.".into(),
        messages: vec![
            Message::user("Read a.py"),
            Message { speaker: Speaker::Assistant, parts: vec![call] },
            Message { speaker: Speaker::User, parts: vec![result] },
        ],
        tools: vec![ToolSpec {
            name: "read_file".into(),
            description: "Reads.".into(),
            schema: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
        }],
        max_tokens: 1000,
    }
}

fn options() -> HttpOptions {
    HttpOptions { connect: Duration::from_secs(2), total: Duration::from_millis(1500), max_body: 100_000 }
}

fn provider(wire: Wire, url: &str) -> Arc<dyn Provider> {
    let endpoint = Endpoint { name: "far".into(), url: url.into(), key: Some(SecretString::from(CANARY.to_owned())) };
    connect(wire, endpoint, &Http::new(options()).unwrap()).unwrap()
}

/// One answer to every call.
async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

async fn failure(wire: Wire, answer: ResponseTemplate) -> ProviderError {
    let server = server(answer).await;
    let error = provider(wire, &server.uri()).chat(&request()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(CANARY), "{error:?}");
    error
}

async fn sent(server: &MockServer) -> Value {
    let requests: Vec<Request> = server.received_requests().await.unwrap();
    requests.last().unwrap().body_json().unwrap()
}

fn anthropic_reply(content: Value, stop: &str) -> Value {
    json!({"model": "some-model-1", "content": content, "stop_reason": stop,
        "usage": {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 100}})
}

fn openai_reply(message: Value, finish: Value) -> Value {
    json!({"model": "some-model-1", "choices": [{"message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 117, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 7}}})
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

const USAGE: Usage = Usage { input: 10, output: 5, cache_write: 7, cache_read: 100 };

#[tokio::test]
async fn anthropic_talks_with_tools_and_a_cache() {
    let content = json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Now b."}, {"type": "tool_use", "id": "t1", "name": "read_file", "input": {"path": "b.py"}}]);
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/messages"))
        .and(header("x-api-key", CANARY))
        .and(header("anthropic-version", "2023-06-01"))
        .respond_with(ok(anthropic_reply(content, "tool_use")))
        .mount(&server)
        .await;
    let reply = provider(Wire::Anthropic, &server.uri()).chat(&request()).await.unwrap();
    let call = Part::ToolCall { id: "t1_2".into(), name: "read_file".into(), arguments: json!({"path": "b.py"}) };
    assert_eq!(reply.parts, [Part::Text { text: "Now b.".into() }, call], "an id that the conversation has used is changed");
    assert_eq!((reply.stop, reply.usage, reply.model.as_str()), (Stop::ToolUse, USAGE, "some-model-1"));
    let cache = json!({"type": "ephemeral"});
    assert_eq!(
        sent(&server).await,
        json!({
            "model": "some-model", "max_tokens": 1000,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": cache}],
            "tools": [{"name": "read_file", "description": "Reads.", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}, "cache_control": cache}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Read a.py"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "read_file", "input": {"path": "a.py"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "print()", "is_error": false, "cache_control": cache}]}
            ]
        })
    );
}

#[tokio::test]
async fn openai_talks_with_tools() {
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "read_file", "arguments": arguments}});
    let message = json!({"content": "Now b.", "tool_calls": [call("c", "{\"path\": \"b.py\"}"), call("c", "{\"path\": ")]});
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/chat/completions"))
        .and(header("authorization", format!("Bearer {CANARY}").as_str()))
        .respond_with(ok(openai_reply(message, json!("stop"))))
        .mount(&server)
        .await;
    let reply = provider(Wire::OpenAi, &server.uri()).chat(&request()).await.unwrap();
    let call = |id: &str, arguments| Part::ToolCall { id: id.into(), name: "read_file".into(), arguments };
    assert_eq!(
        reply.parts[1..],
        [call("c", json!({"path": "b.py"})), call("c_2", json!("{\"path\": "))],
        "what is not JSON stays as its text"
    );
    assert_eq!((reply.stop, reply.usage), (Stop::ToolUse, USAGE));
    assert_eq!(
        sent(&server).await,
        json!({
            "model": "some-model", "max_tokens": 1000,
            "tools": [{"type": "function", "function": {"name": "read_file", "description": "Reads.", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}}],
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Read a.py"},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "read_file", "arguments": "{\"path\":\"a.py\"}"}}]},
                {"role": "tool", "tool_call_id": "t1", "content": "print()"}
            ]
        })
    );
}

#[tokio::test]
async fn ollama_talks_with_tools() {
    let body = json!({"model": "some-model", "done": true, "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 3,
        "message": {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "read_file", "arguments": {"path": "b.py"}}}, {"function": {"name": "read_file", "arguments": {}}}]}});
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/api/chat")).respond_with(ok(body)).mount(&server).await;
    let reply = provider(Wire::Ollama, &server.uri()).chat(&request()).await.unwrap();
    let ids: Vec<&str> = reply.parts.iter().map(|part| if let Part::ToolCall { id, .. } = part { id.as_str() } else { "text" }).collect();
    assert_eq!(ids, ["call", "call_2"], "calls without an id get one");
    assert_eq!((reply.stop, reply.usage), (Stop::ToolUse, Usage { input: 20, output: 3, ..Usage::default() }));
    let sent = sent(&server).await;
    assert_eq!(sent["stream"], json!(false));
    assert_eq!(sent["options"]["num_predict"], json!(1000));
    assert_eq!(sent["messages"][3], json!({"role": "tool", "tool_name": "read_file", "content": "print()"}));
    assert_eq!(sent["messages"][2]["tool_calls"][0]["function"], json!({"name": "read_file", "arguments": {"path": "a.py"}}));
}

#[tokio::test]
async fn a_cut_answer_holds_no_call_on_any_wire() {
    let rows = [
        (Wire::Anthropic, anthropic_reply(json!([{"type": "tool_use", "id": "x", "name": "edit_file", "input": {}}]), "max_tokens")),
        (
            Wire::OpenAi,
            openai_reply(
                json!({"content": null, "tool_calls": [{"id": "x", "function": {"name": "edit_file", "arguments": "{}"}}]}),
                json!("length"),
            ),
        ),
        (
            Wire::Ollama,
            json!({"done": true, "done_reason": "length", "message": {"content": "", "tool_calls": [{"function": {"name": "edit_file", "arguments": {}}}]}}),
        ),
    ];
    for (wire, body) in rows {
        let server = server(ok(body)).await;
        let reply = provider(wire, &server.uri()).chat(&request()).await.unwrap();
        assert_eq!(reply.stop, Stop::MaxTokens, "{wire:?}");
        assert!(matches!(&reply.parts[..], [Part::Text { text }] if text.contains("edit_file was cut off")), "{wire:?} {:?}", reply.parts);
    }
}

#[tokio::test]
async fn an_answer_without_a_reason_is_a_failure_that_is_paid() {
    let mut without = anthropic_reply(json!([{"type": "text", "text": "half"}]), "x");
    without["stop_reason"] = Value::Null;
    let rows = [
        (Wire::Anthropic, without, Some(USAGE)),
        (Wire::OpenAi, openai_reply(json!({"content": "half"}), Value::Null), Some(USAGE)),
        (
            Wire::Ollama,
            json!({"done": false, "message": {"content": "half"}, "eval_count": 2}),
            Some(Usage { output: 2, ..Usage::default() }),
        ),
        (Wire::OpenAi, json!({"choices": []}), None),
        (Wire::Anthropic, json!({"hello": 1}), None),
    ];
    for (wire, body, usage) in rows {
        let error = failure(wire, ok(body)).await;
        assert_eq!((error.retry(), error.usage()), (Retry::AccountFirst, usage), "{wire:?} {error}");
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    let anthropic = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
    let openai = |code: &str, message: &str| json!({"error": {"message": message, "type": "x", "code": code}});
    let status = |status: u16, body: Value| ResponseTemplate::new(status).set_body_json(body);
    let three = Some(Duration::from_secs(3));
    let rows: Vec<(Wire, ResponseTemplate, ProviderError)> = vec![
        (
            Wire::Anthropic,
            status(429, anthropic("rate_limit_error", "slow")).insert_header("retry-after", "3"),
            ProviderError::RateLimited { retry_after: three },
        ),
        (Wire::Anthropic, status(529, anthropic("overloaded_error", "Overloaded")), ProviderError::Overloaded { retry_after: None }),
        (Wire::Anthropic, status(500, anthropic("api_error", "oops")), ProviderError::Overloaded { retry_after: None }),
        (
            Wire::Anthropic,
            status(429, anthropic("enforced_spend_limit_reached", "no")),
            ProviderError::SpendLimit("429 enforced_spend_limit_reached: no".into()),
        ),
        (
            Wire::Anthropic,
            status(400, anthropic("invalid_request_error", "You have reached your specified API usage limits.")),
            ProviderError::SpendLimit("400 invalid_request_error: You have reached your specified API usage limits.".into()),
        ),
        (
            Wire::Anthropic,
            status(400, anthropic("invalid_request_error", "prompt is too long: 9 > 8")),
            ProviderError::ContextTooLong("400 invalid_request_error: prompt is too long: 9 > 8".into()),
        ),
        (
            Wire::Anthropic,
            status(400, anthropic("invalid_request_error", "bad")),
            ProviderError::BadRequest("400 invalid_request_error: bad".into()),
        ),
        (
            Wire::OpenAi,
            status(429, openai("rate_limit_exceeded", "slow")).insert_header("retry-after", "3"),
            ProviderError::RateLimited { retry_after: three },
        ),
        (Wire::OpenAi, status(429, openai("slow_down", "slow")), ProviderError::RateLimited { retry_after: None }),
        (
            Wire::OpenAi,
            status(429, openai("credit_balance_exhausted", "no")),
            ProviderError::SpendLimit("429 credit_balance_exhausted: no".into()),
        ),
        (
            Wire::OpenAi,
            status(429, openai("project_spend_limit_exceeded", "no")),
            ProviderError::SpendLimit("429 project_spend_limit_exceeded: no".into()),
        ),
        (
            Wire::OpenAi,
            status(400, openai("context_length_exceeded", "long")),
            ProviderError::ContextTooLong("400 context_length_exceeded: long".into()),
        ),
        (Wire::OpenAi, status(404, openai("model_not_found", "no such")), ProviderError::BadRequest("404 model_not_found: no such".into())),
        (Wire::OpenAi, status(200, openai("slow_down", "under 200")), ProviderError::RateLimited { retry_after: None }),
        (
            Wire::Ollama,
            status(404, json!({"error": "model 'x' not found"})),
            ProviderError::BadRequest("404: model 'x' not found (`ollama pull <model>` fetches a missing model)".into()),
        ),
        (Wire::Ollama, status(503, json!({"error": "server busy"})), ProviderError::Overloaded { retry_after: None }),
    ];
    for (wire, answer, want) in rows {
        assert_eq!(failure(wire, answer).await, want, "{wire:?}");
    }
}

#[tokio::test]
async fn a_key_that_a_provider_echoes_is_masked() {
    for wire in [Wire::Anthropic, Wire::OpenAi, Wire::Ollama] {
        let words = format!("invalid key {CANARY}, Bearer {CANARY}");
        for body in
            [json!({"error": {"type": "authentication_error", "message": words, "code": "invalid_api_key"}}), json!({"error": words})]
        {
            for status in [400, 401, 500] {
                let error = failure(wire, ResponseTemplate::new(status).set_body_json(&body)).await;
                assert!(!error.to_string().contains("sk-canary"), "{wire:?} {status} {error}");
            }
        }
        let html = ResponseTemplate::new(200).set_body_raw(format!("<html>{CANARY}</html>"), "text/html");
        assert!(failure(wire, html).await.to_string().contains("[redacted]"));
    }
}

#[tokio::test]
async fn answers_that_no_model_gave() {
    for wire in [Wire::Anthropic, Wire::OpenAi, Wire::Ollama] {
        let html = failure(wire, ResponseTemplate::new(200).set_body_raw("<html>Sign in</html>", "text/html")).await;
        assert!(matches!(&html, ProviderError::Malformed { may_have_cost: false, message, .. } if message.contains("Sign in")), "{html:?}");
        let bad_gateway = failure(wire, ResponseTemplate::new(502).set_body_raw("<html>", "text/html")).await;
        assert_eq!(bad_gateway, ProviderError::Overloaded { retry_after: None });
        let redirect = failure(wire, ResponseTemplate::new(307).insert_header("location", "http://127.0.0.1:1/steal")).await;
        assert!(redirect.to_string().contains("redirects are not followed"), "{redirect}");
        let cut = failure(wire, ResponseTemplate::new(200).set_body_raw("{\"model\": \"x\", ", "application/json")).await;
        assert!(cut.may_have_cost(), "{cut}");
        let huge = failure(wire, ResponseTemplate::new(200).set_body_raw("x".repeat(200_000), "application/json")).await;
        assert!(huge.to_string().contains("larger than 100000 bytes"), "{huge}");
    }
}

#[tokio::test]
async fn sent_or_not_sent_is_told_apart() {
    let closed = provider(Wire::OpenAi, "http://127.0.0.1:9").chat(&request()).await.unwrap_err();
    assert!(matches!(closed, ProviderError::Unreachable(_)) && !closed.may_have_cost(), "{closed:?}");
    let slow = failure(Wire::OpenAi, ok(json!({})).set_delay(Duration::from_secs(20))).await;
    assert!(matches!(slow, ProviderError::Uncertain(_)) && slow.may_have_cost(), "{slow:?}");
    let bad = provider(Wire::OpenAi, "not an address").chat(&request()).await.unwrap_err();
    assert!(matches!(bad, ProviderError::BadRequest(_)), "{bad:?}");
}

// ---- gateway ----

fn price(usd: f64) -> Price {
    Price {
        input: Nano::from_usd(usd),
        output: Nano::from_usd(usd),
        cache_write: Nano::from_usd(usd),
        cache_read: Nano::from_usd(usd),
        long: None,
    }
}

/// A group `strong` of `one/m` ($1), `two/m` ($2) and `three/m` (price unknown, ceiling $9).
fn catalog() -> Catalog {
    let known = |usd| Model { rate: Rate::Known(price(usd)), context: None, max_output: None };
    let models = ["one/m", "two/m", "three/m"].map(|name| ModelRef::parse(name).unwrap());
    Catalog {
        models: BTreeMap::from([(models[0].clone(), known(1.0)), (models[1].clone(), known(2.0))]),
        groups: BTreeMap::from([("strong".to_owned(), Group { models: models.to_vec(), cheaper: None })]),
        ceiling: price(9.0),
    }
}

fn named(name: &str, url: &str) -> Arc<dyn Provider> {
    let endpoint = Endpoint { name: name.into(), url: url.into(), key: Some(SecretString::from(CANARY.to_owned())) };
    connect(Wire::OpenAi, endpoint, &Http::new(options()).unwrap()).unwrap()
}

fn quick() -> RetryPolicy {
    RetryPolicy { tries: 3, first_pause: Duration::from_millis(1), longest_pause: Duration::from_secs(5) }
}

fn good() -> ResponseTemplate {
    ok(openai_reply(json!({"content": "done"}), json!("stop")))
}

fn error(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": {"message": "m", "code": code}}))
}

#[tokio::test]
async fn the_group_is_tried_in_order_and_every_attempt_is_told() {
    let (one, two) = (server(error(429, "credit_balance_exhausted")).await, server(good()).await);
    let gateway = Gateway::new(catalog(), [named("one", &one.uri()), named("two", &two.uri())], quick());
    let answered = gateway.chat("strong", &request()).await.unwrap();
    assert_eq!(answered.model_ref.to_string(), "two/m");
    assert_eq!(sent(&two).await["model"], "m", "the group decides the model");
    assert_eq!(one.received_requests().await.unwrap().len(), 1, "a spending limit is never tried again");
    assert_eq!(answered.attempts.len(), 2);
    assert_eq!(answered.attempts[0].cost, Nano::ZERO);
    assert_eq!(answered.cost(), Nano(122 * 2_000), "10 + 5 + 7 + 100 tokens at $2 per million");
}

#[tokio::test]
async fn a_wait_is_respected_and_bounded() {
    let one = MockServer::start().await;
    Mock::given(method("POST")).respond_with(error(429, "slow_down").insert_header("retry-after", "1")).up_to_n_times(1).mount(&one).await;
    Mock::given(method("POST")).respond_with(good()).mount(&one).await;
    let gateway = Gateway::new(catalog(), [named("one", &one.uri())], quick());
    let started = tokio::time::Instant::now();
    let answered = gateway.chat("strong", &request()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!((answered.attempts.len(), answered.model_ref.to_string()), (2, "one/m".to_owned()));

    let (long, two) = (server(error(429, "slow_down").insert_header("retry-after", "3600")).await, server(good()).await);
    let gateway = Gateway::new(catalog(), [named("one", &long.uri()), named("two", &two.uri())], quick());
    assert_eq!(gateway.chat("strong", &request()).await.unwrap().model_ref.to_string(), "two/m");
    assert_eq!(long.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_total_failure_reports_every_attempt() {
    let (one, two) = (server(error(529, "overloaded")).await, server(error(401, "invalid_api_key")).await);
    let gateway = Gateway::new(catalog(), [named("one", &one.uri()), named("two", &two.uri())], quick());
    let failure = gateway.chat("strong", &request()).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "No model of the group `strong` answered.\n\
         - one/m: the provider is overloaded (3 times)\n\
         - two/m: the provider does not accept the key: 401 invalid_api_key: m\n\
         - three/m: not configured (no address or key for the provider `three`)"
    );
    assert!(!failure.lost && failure.cost() == Nano::ZERO);
    let unknown = gateway.chat("storng", &request()).await.unwrap_err();
    assert_eq!(unknown.to_string(), "There is no model group `storng` in models.toml; there are: strong.");
}

#[tokio::test]
async fn a_lost_call_is_accounted_for_before_another_is_made() {
    let (one, two) = (server(good().set_delay(Duration::from_secs(20))).await, server(good()).await);
    let gateway = Gateway::new(catalog(), [named("one", &one.uri()), named("two", &two.uri())], quick());
    let lost = gateway.chat("strong", &request()).await.unwrap_err();
    assert!(lost.lost && two.received_requests().await.unwrap().is_empty());
    assert!(lost.cost() > Nano::ZERO && lost.cost() <= gateway.estimate("strong", &request()));
    assert!(lost.to_string().starts_with("The call to the model group `strong` was lost after it was sent and may have cost."), "{lost}");
    let answered = gateway.chat_from("strong", lost.next, &request()).await.unwrap();
    assert_eq!(answered.model_ref.to_string(), "two/m");
}

#[tokio::test]
async fn the_estimate_is_an_upper_bound_at_the_dearest_model_that_can_be_called() {
    let url = "http://127.0.0.1:9";
    let estimate = |names: &[&str]| {
        let gateway = Gateway::new(catalog(), names.iter().map(|name| named(name, url)), quick());
        (gateway.estimate("strong", &request()), gateway.price_known("strong"))
    };
    let (one, two, three) = (estimate(&["one"]), estimate(&["one", "two"]), estimate(&["one", "two", "three"]));
    assert!(Nano::ZERO < one.0 && one.0 < two.0 && two.0 < three.0);
    assert_eq!((two.1, three.1), (true, false), "an unknown price is reserved at the ceiling and said to be unknown");
    assert!(one.0 >= Nano(1000 * 1_000), "the whole allowance of output is in it");
    let scripted: Arc<dyn Provider> = Arc::new(Scripted::new("one", Script::default()));
    let free = Catalog {
        models: BTreeMap::from([(ModelRef::new("one", "m"), Model { rate: Rate::Known(Price::FREE), context: None, max_output: None })]),
        ..catalog()
    };
    assert_eq!(Gateway::new(free, [scripted], quick()).estimate("strong", &request()), Nano::ZERO);
}

// ---- scripted ----

fn script() -> Script {
    let rule = |round, replies| Rule { agent: "engineer".into(), purpose: "implement".into(), round, replies };
    Script {
        name: "story".into(),
        rules: vec![
            rule(None, vec![ScriptedTurn::text("any first"), ScriptedTurn::call("finish", json!({"summary": "s"}))]),
            rule(Some(1), vec![ScriptedTurn::text("second round")]),
        ],
    }
}

#[tokio::test]
async fn a_script_answers_the_same_call_the_same_way() {
    let scripted = Scripted::new("scripted", script());
    let log = scripted.log();
    let (first, again) = (scripted.chat(&request()).await.unwrap(), scripted.chat(&request()).await.unwrap());
    assert_eq!(first, again);
    assert!(matches!(&first.parts[..], [Part::ToolCall { name, .. }] if name == "finish"), "one assistant message: the second reply");
    assert_eq!(log.doubled(), ["engineer implement reply 2: 2 times"]);
    assert_eq!(log.unused(&script()), ["engineer implement reply 1", "engineer implement reply 1"]);

    let mut later = request();
    later.messages.truncate(1);
    later.meta.round = 1;
    assert_eq!(scripted.chat(&later).await.unwrap().parts, [Part::Text { text: "second round".into() }]);
    later.meta.purpose = "fix".into();
    let error = scripted.chat(&later).await.unwrap_err();
    assert_eq!(error, ProviderError::BadRequest("the script `story` has no rule for engineer to fix (round 1, call 1)".into()));
    assert_eq!(log.unscripted().len(), 1);
}

#[test]
fn scripts_read_from_toml_and_json() {
    let toml = "name = \"story\"\n[[rules]]\nagent = \"engineer\"\npurpose = \"implement\"\n[[rules.replies]]\ntext = \"hi\"\n[[rules.replies]]\ncalls = [{ name = \"finish\", arguments = { summary = \"s\" } }]\n";
    let script = Script::parse(toml).unwrap();
    assert_eq!(script.rules[0].replies.len(), 2);
    assert_eq!(Script::parse(&serde_json::to_string(&script).unwrap()), Ok(script));
    assert!(Script::parse("name = \"x\"\nrulez = []\n").unwrap_err().contains("rulez"));
}
