//! `show_diff`: what this run has changed so far.

use std::time::Duration;

use serde_json::{Value, json};
use similar::TextDiff;

use super::desk::{bounded, path_arg, text_arg};
use super::{Desk, Outcome, Tool, ToolScope};
use crate::base::text::visible;
use crate::domain::path::RepoPath;

pub(super) struct ShowDiff;

impl Tool for ShowDiff {
    fn name(&self) -> &'static str {
        "show_diff"
    }

    fn description(&self) -> &'static str {
        "Show everything you have changed since the start of this run as a unified diff, committed or not. Use it to check your work before a commit."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        json!({
            "type": "object",
            "properties": {"path": {"type": "string", "description": "Show only this file."}},
            "additionalProperties": false
        })
    }

    fn mutates(&self) -> bool {
        false
    }

    fn call(&self, desk: &mut Desk, args: &Value) -> Outcome {
        let only = match text_arg(args, "path").map(|_| path_arg(args, "path")).transpose() {
            Ok(only) => only,
            Err(refused) => return refused,
        };
        let changes = match desk.since_base() {
            Ok(changes) => changes,
            Err(error) => return Outcome::refused(format!("The changes could not be shown: {error}.")),
        };
        let mut text = String::new();
        for change in changes.iter().filter(|change| only.as_ref().is_none_or(|path| *path == change.path)) {
            if desk.policy.may_read(&change.path).is_err() {
                text.push_str(&format!("{}: changed; its content is not shown.\n", change.path));
                continue;
            }
            let old = desk.originals().get(&change.path).cloned().flatten();
            text.push_str(&file_diff(&change.path, old.as_deref(), change.content.as_deref()));
        }
        if text.is_empty() {
            text.push_str("Nothing differs from the start of this run.");
        }
        Outcome::Text(bounded(text, desk.limits.answer_bytes, "Name a file in `path` to see its changes alone."))
    }
}

fn file_diff(path: &RepoPath, old: Option<&[u8]>, new: Option<&[u8]>) -> String {
    let text = |bytes: Option<&[u8]>| std::str::from_utf8(bytes.unwrap_or_default()).map(str::to_owned).ok();
    let (Some(old_text), Some(new_text)) = (text(old), text(new)) else {
        return format!("{path}: a binary file differs.\n");
    };
    let from = old.map_or_else(|| "/dev/null".to_owned(), |_| format!("a/{path}"));
    let to = new.map_or_else(|| "/dev/null".to_owned(), |_| format!("b/{path}"));
    let (old_text, new_text) = (visible(&old_text), visible(&new_text));
    if old_text == new_text {
        return format!(
            "--- {from}\n+++ {to}\n(the difference is in line ends or in characters that are not shown, or the file is empty)\n"
        );
    }
    // Two large unrelated texts take long to compare well; a coarser diff after this time says the same.
    let diff = TextDiff::configure().timeout(Duration::from_millis(500)).diff_lines(&old_text, &new_text);
    diff.unified_diff().context_radius(3).header(&from, &to).to_string()
}
