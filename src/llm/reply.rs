//! What all wires do alike with an answer: read arguments leniently, keep call ids unique, take out calls that were cut off.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::base::json::strict;

use crate::domain::agent::message::{ChatReply, ChatRequest, Message, Part, Speaker, Stop, ToolSpec, Usage};

/// Arguments that arrive as text. What is not JSON stays as a JSON string with the raw text, so that the model can be told what it sent.
/// An empty text means no arguments.
pub(super) fn arguments(raw: &str) -> Value {
    if raw.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    strict(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
}

/// Arguments as a wire that insists on an object takes them back.
pub(super) fn as_object(arguments: &Value) -> Value {
    match arguments {
        Value::Object(_) => arguments.clone(),
        Value::String(raw) => serde_json::json!({ "unreadable_arguments": raw }),
        other => serde_json::json!({ "unreadable_arguments": other }),
    }
}

/// Puts an answer into its final form; see [`super::Provider`] for what that promises.
pub(super) fn finish(request: &ChatRequest, parts: Vec<Part>, stop: Stop, usage: Usage, model: String) -> ChatReply {
    let mut taken: BTreeSet<String> =
        request.messages.iter().flat_map(|message| &message.parts).filter_map(call_id).map(str::to_owned).collect();
    let cut = stop == Stop::MaxTokens;
    let parts: Vec<Part> = parts.into_iter().filter_map(|part| finish_part(part, cut, &mut taken)).collect();
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    let stop = match (stop, calls) {
        // Several servers end an answer that asks for tools with "stop".
        (Stop::EndTurn, true) => Stop::ToolUse,
        (Stop::ToolUse, false) => Stop::EndTurn,
        (stop, _) => stop,
    };
    ChatReply { parts, stop, usage, model }
}

fn finish_part(part: Part, cut: bool, taken: &mut BTreeSet<String>) -> Option<Part> {
    match part {
        Part::Text { text } if text.trim().is_empty() => None,
        Part::ToolCall { name, .. } if cut => {
            Some(Part::Text { text: format!("[The call of {name} was cut off at the token limit and was not run.]") })
        }
        Part::ToolCall { id, name, arguments } => Some(Part::ToolCall { id: unique(&id, taken), name, arguments }),
        other => Some(other),
    }
}

/// The id itself in characters that every wire accepts, or the first free variation of it.
fn unique(id: &str, taken: &mut BTreeSet<String>) -> String {
    let clean: String = id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).take(40).collect();
    let base = if clean.is_empty() { "call".to_owned() } else { clean };
    let mut candidate = base.clone();
    let mut number = 1;
    while !taken.insert(candidate.clone()) {
        number += 1;
        candidate = format!("{}_{number}", base.get(..34).unwrap_or(&base));
    }
    candidate
}

fn call_id(part: &Part) -> Option<&str> {
    match part {
        Part::ToolCall { id, .. } => Some(id),
        _ => None,
    }
}

/// The texts of a message as one.
pub(super) fn text_of(message: &Message) -> String {
    let texts = message.parts.iter().filter_map(|part| if let Part::Text { text } = part { Some(text.as_str()) } else { None });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// Tools as OpenAI and Ollama want them.
pub(super) fn functions(tools: &[ToolSpec]) -> Value {
    let function = |tool: &ToolSpec| serde_json::json!({ "name": tool.name, "description": tool.description, "parameters": tool.schema });
    tools.iter().map(|tool| serde_json::json!({ "type": "function", "function": function(tool) })).collect()
}

/// The conversation with neighbouring messages of one speaker joined, results of tools before texts, and no empty texts or messages: the order that every provider accepts.
pub(super) fn turns(messages: &[Message]) -> Vec<Message> {
    let mut turns: Vec<Message> = Vec::new();
    for message in messages {
        let parts = message.parts.iter().filter(|part| !matches!(part, Part::Text { text } if text.trim().is_empty())).cloned();
        match turns.last_mut() {
            Some(last) if last.speaker == message.speaker => last.parts.extend(parts),
            _ => turns.push(Message { speaker: message.speaker, parts: parts.collect() }),
        }
    }
    turns.retain(|turn| !turn.parts.is_empty());
    for turn in turns.iter_mut().filter(|turn| turn.speaker == Speaker::User) {
        turn.parts.sort_by_key(|part| !matches!(part, Part::ToolResult { .. }));
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ProjectId, RunId, SubjectId};
    use crate::domain::agent::message::CallMeta;
    use serde_json::json;

    fn request(messages: Vec<Message>) -> ChatRequest {
        let meta = CallMeta {
            project: ProjectId::named("p"),
            subject: SubjectId::named("s"),
            run: RunId::named("r"),
            agent: "engineer".into(),
            purpose: "implement".into(),
            round: 0,
        };
        ChatRequest { meta, model: "m".into(), system: String::new(), messages, tools: vec![], max_tokens: 100 }
    }

    fn call(id: &str) -> Part {
        Part::ToolCall { id: id.into(), name: "read_file".into(), arguments: json!({}) }
    }

    fn ids(reply: &ChatReply) -> Vec<&str> {
        reply.parts.iter().filter_map(call_id).collect()
    }

    #[test]
    fn ids_are_unique_within_the_conversation() {
        let earlier = Message { speaker: Speaker::Assistant, parts: vec![call("a")] };
        let reply = finish(
            &request(vec![earlier]),
            vec![call("a"), call("b"), call("b"), call(""), call(""), call("ü/x")],
            Stop::ToolUse,
            Usage::default(),
            "m".into(),
        );
        let unique: BTreeSet<_> = ids(&reply).into_iter().collect();
        assert_eq!(unique.len(), 6, "{:?}", ids(&reply));
        assert!(!unique.contains("a") && unique.contains("b") && unique.contains("__x"), "{unique:?}");
    }

    #[test]
    fn a_cut_answer_holds_no_call() {
        let reply =
            finish(&request(vec![]), vec![Part::Text { text: "I will".into() }, call("a")], Stop::MaxTokens, Usage::default(), "m".into());
        assert!(ids(&reply).is_empty());
        assert_eq!(reply.stop, Stop::MaxTokens);
        assert_eq!(reply.parts.len(), 2, "the model reads later that its call was cut off");
    }

    #[test]
    fn the_reason_agrees_with_the_parts() {
        let stop = |parts, stop| finish(&request(vec![]), parts, stop, Usage::default(), "m".into()).stop;
        assert_eq!(stop(vec![call("a")], Stop::EndTurn), Stop::ToolUse);
        assert_eq!(stop(vec![], Stop::ToolUse), Stop::EndTurn);
        assert_eq!(stop(vec![], Stop::Refusal), Stop::Refusal);
    }

    #[test]
    fn arguments_never_fail() {
        assert_eq!(arguments(r#"{"a":1}"#), json!({"a": 1}));
        assert_eq!(arguments("  "), json!({}));
        assert_eq!(arguments(r#"{"a":"#), json!(r#"{"a":"#));
        assert_eq!(arguments(r#"{"a":1,"a":2}"#), json!(r#"{"a":1,"a":2}"#), "which of the two is meant is for the model to say");
        let deep = "[".repeat(10_000);
        assert_eq!(arguments(&deep), json!(deep));
        assert_eq!(as_object(&json!("x")), json!({"unreadable_arguments": "x"}));
    }

    #[test]
    fn turns_alternate_and_start_with_results() {
        let result = Part::ToolResult { id: "a".into(), name: "t".into(), content: "ok".into(), is_error: false };
        let user = |part| Message { speaker: Speaker::User, parts: vec![part] };
        let text = |text: &str| Part::Text { text: text.into() };
        let turns = turns(&[
            user(text("hi")),
            Message { speaker: Speaker::Assistant, parts: vec![call("a")] },
            user(text("also")),
            user(result.clone()),
            user(text(" ")),
        ]);
        assert_eq!(turns.len(), 3);
        assert_eq!(turns[2].parts, [result, text("also")]);
    }
}
