//! `commit`: propose the changes since the last commit as one.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::{Desk, Outcome, Rule, Tool, ToolScope};
use crate::base::text::visible;

pub(super) struct Commit;

impl Tool for Commit {
    fn name(&self) -> &'static str {
        "commit"
    }

    fn description(&self) -> &'static str {
        "Commit everything you changed since the last commit. The first line of the message says what changes, in at most 100 characters; after a blank line, say why."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        json!({
            "type": "object",
            "properties": {"message": {"type": "string", "minLength": 3, "maxLength": 5000}},
            "required": ["message"],
            "additionalProperties": false
        })
    }

    fn mutates(&self) -> bool {
        false
    }

    fn call(&self, desk: &mut Desk, args: &Value) -> Outcome {
        let message = visible(args.get("message").and_then(Value::as_str).unwrap_or("")).trim().to_owned();
        if let Some(refused) = objection(&message) {
            return refused;
        }
        match desk.pending() {
            Ok(changes) if changes.is_empty() => Outcome::refused("There is nothing to commit: no file differs from the last commit."),
            Ok(_) => Outcome::Commit { message },
            Err(error) => Outcome::refused(format!("The changes could not be collected: {error}.")),
        }
    }
}

static CLOSES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:close[sd]?|closing|fix(?:e[sd]|ing)?|resolve[sd]?|resolving|implement(?:s|ed|ing)?|reopen(?:s|ed)?)\b:?\s+(?:issues?\s+)?(?:[\w./-]*#\d+|https?://\S+/issues/\d+)").ok()
});

/// Trailers say who did something; only the one who makes the commit may say that.
const TRAILERS: [&str; 6] = ["co-authored-by:", "signed-off-by:", "reviewed-by:", "acked-by:", "tested-by:", "syndarix-"];

/// Why a message cannot be used.
fn objection(message: &str) -> Option<Outcome> {
    let first = message.lines().next().unwrap_or("");
    if first.trim().len() < 3 {
        return Some(Outcome::refused("The message is empty. Say in its first line what changes."));
    }
    if first.chars().count() > 100 {
        return Some(Outcome::refused(format!(
            "The first line of the message has {} characters; at most 100. Put the rest after a blank line.",
            first.chars().count()
        )));
    }
    if let Some(found) = CLOSES.as_ref().and_then(|regex| regex.find(message)) {
        let found = found.as_str();
        let reason = format!("`{found}` in a commit message makes a forge close the issue. Write `Refs` and the number instead.");
        return Some(Outcome::denied(Rule::CommitClaim, reason));
    }
    let trailer =
        message.lines().map(|line| line.trim().to_lowercase()).find(|line| TRAILERS.iter().any(|trailer| line.starts_with(trailer)));
    trailer.map(|line| {
        let name = line.split(':').next().unwrap_or("").to_owned();
        Outcome::denied(Rule::CommitClaim, format!("Leave the trailer `{name}` out: trailers are added when the commit is made."))
    })
}
