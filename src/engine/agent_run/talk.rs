//! The conversation, made again from the recorded steps. Pure: the same steps always give the same conversation.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::agent::message::{ChatReply, Message, Part, Speaker, Stop};
use crate::store::{StepRow, StepState};

use super::super::Result;
use super::prepare::Prepared;

/// How often a model may be told what was wrong with its answer before the run gives up.
pub const MAX_REPAIRS: u32 = 4;

/// Name of the step that asks a model.
pub const MODEL: &str = "model";

/// A tool call that has no result yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    pub arguments: Value,
    /// The answer it stands in was cut: it must not be executed.
    pub cut: bool,
}

/// What a tool step recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    pub id: String,
    pub name: String,
    pub content: String,
    pub is_error: bool,
    /// The call could not be read as one of a tool: no such tool, or arguments that are not its.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub malformed: bool,
    /// The commit it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<crate::domain::forge::Sha>,
}

/// A conversation as far as it is recorded.
#[derive(Clone, Debug, Default)]
pub struct Talk {
    pub messages: Vec<Message>,
    pub pending: Vec<Call>,
    /// Model calls so far.
    pub calls: u32,
    pub tokens: u64,
    pub failed_finishes: u32,
    /// Answers in a row that called no tool.
    pub idle: u32,
    /// Answers in a row of which no call could be read.
    pub malformed: u32,
    /// Whether some call of the answer at hand could be read.
    readable: bool,
}

/// Makes the conversation from what was recorded.
pub fn rebuild(prepared: &Prepared, steps: &[StepRow]) -> Result<Talk> {
    let mut talk = Talk { messages: vec![Message::user(prepared.task.clone())], ..Talk::default() };
    let mut results: Vec<Part> = Vec::new();
    for step in steps.iter().skip(1).filter(|step| step.state == StepState::Done) {
        let value = step.result.clone().unwrap_or_default();
        if step.name == MODEL {
            talk.flush(&mut results);
            talk.heard(serde_json::from_value(value)?);
        } else if step.name.starts_with("tool:") {
            let result: ToolResult = serde_json::from_value(value)?;
            talk.failed_finishes += u32::from(result.is_error && result.name == "finish");
            talk.pending.retain(|call| call.id != result.id);
            talk.readable |= !result.malformed;
            if talk.pending.is_empty() {
                talk.malformed = if talk.readable { 0 } else { talk.malformed + 1 };
            }
            results.push(Part::ToolResult { id: result.id, name: result.name, content: result.content, is_error: result.is_error });
        }
    }
    talk.flush(&mut results);
    Ok(talk)
}

impl Talk {
    fn flush(&mut self, results: &mut Vec<Part>) {
        if !results.is_empty() {
            self.messages.push(Message { speaker: Speaker::User, parts: std::mem::take(results) });
        }
    }

    fn heard(&mut self, reply: ChatReply) {
        self.calls += 1;
        self.readable = false;
        let usage = reply.usage;
        self.tokens += usage.input + usage.output + usage.cache_read + usage.cache_write;
        let cut = reply.stop == Stop::MaxTokens;
        self.pending = reply
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::ToolCall { id, name, arguments } => {
                    Some(Call { id: id.clone(), name: name.clone(), arguments: arguments.clone(), cut })
                }
                _ => None,
            })
            .collect();
        self.messages.push(Message { speaker: Speaker::Assistant, parts: reply.parts });
        if self.pending.is_empty() {
            self.idle += 1;
            let nudge = match cut {
                true => "Your answer was cut because it was too long. Go on in smaller pieces, and work only through the tools.",
                false => {
                    "Nothing happens by talking: work through the tools. When you are done, call `finish`; if you cannot go on, call `ask_human`."
                }
            };
            self.messages.push(Message::user(nudge));
        } else {
            self.idle = 0;
        }
    }
}
