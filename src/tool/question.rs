//! `ask_human`: ask a person, and wait.

use serde_json::{Value, json};

use super::{Desk, Outcome, Tool, ToolScope};
use crate::base::text::visible;

pub(super) struct AskHuman;

impl Tool for AskHuman {
    fn name(&self) -> &'static str {
        "ask_human"
    }

    fn description(&self) -> &'static str {
        "Ask the people of this issue one question and wait for the answer. Use it when you cannot go on without a decision, a fact or an approval that only a person has. Say what you would do by default."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        json!({
            "type": "object",
            "properties": {"question": {"type": "string", "minLength": 5, "maxLength": 4000}},
            "required": ["question"],
            "additionalProperties": false
        })
    }

    fn mutates(&self) -> bool {
        false
    }

    fn call(&self, _: &mut Desk, args: &Value) -> Outcome {
        let question = visible(args.get("question").and_then(Value::as_str).unwrap_or("")).trim().to_owned();
        if question.len() < 5 {
            return Outcome::refused("The question is empty. Say what you need to know, and why.");
        }
        Outcome::Ask { question }
    }
}
