//! What the record says about an agent's texts: not their words, but what a forge would have done on reading them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::speech::tries;

/// Adds `defused` to an entry when some text in `texts` would have done something on the forge, had it been posted as it is.
pub(super) fn note(payload: &mut Value, texts: &Value) {
    let mut found = BTreeSet::new();
    // Without recursion: what a model sends may be nested as deep as it likes.
    let mut waiting = vec![texts];
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(text) => found.extend(tries(text)),
            Value::Array(items) => waiting.extend(items),
            Value::Object(fields) => waiting.extend(fields.values()),
            _ => {}
        }
    }
    if !found.is_empty() {
        payload["defused"] = json!(found);
    }
}
