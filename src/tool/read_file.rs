//! `read_file`: a file, or some of its lines, with line numbers.

use serde_json::{Value, json};

use super::desk::{number_arg, path_arg};
use super::rule::of_tree;
use super::{Desk, Outcome, Tool, ToolScope};
use crate::base::text::visible;

pub(super) struct ReadFile;

impl Tool for ReadFile {
    fn name(&self) -> &'static str {
        "read_file"
    }

    fn description(&self) -> &'static str {
        "Read a text file. Each line comes as `number|text`; the number and the bar are not part of the file. Long files come in parts: use `start_line` and `end_line`."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "File, relative to the root."},
                "start_line": {"type": "integer", "minimum": 1, "description": "First line to show. Default 1."},
                "end_line": {"type": "integer", "minimum": 1, "description": "Last line to show. Default: as many as fit."}
            },
            "required": ["path"],
            "additionalProperties": false
        })
    }

    fn mutates(&self) -> bool {
        false
    }

    fn call(&self, desk: &mut Desk, args: &Value) -> Outcome {
        let path = match path_arg(args, "path") {
            Ok(path) => path,
            Err(refused) => return refused,
        };
        if let Err(denial) = desk.policy.may_read(&path) {
            return Outcome::denied(denial.rule, denial.to_string());
        }
        let bytes = match desk.tree.read(&path, desk.limits.file_bytes) {
            Ok(bytes) => bytes,
            Err(error) => return of_tree("Nothing was read", &error),
        };
        let Some(text) = std::str::from_utf8(&bytes).ok().filter(|text| !text.contains('\u{0}')) else {
            return Outcome::Text(format!("`{path}` is a binary file of {} bytes; its content cannot be shown.", bytes.len()));
        };
        if text.is_empty() {
            return Outcome::Text(format!("`{path}` is empty."));
        }
        let lines: Vec<&str> = text.lines().collect();
        let start = number_arg(args, "start_line").unwrap_or(1);
        let end = number_arg(args, "end_line").unwrap_or(lines.len()).min(lines.len());
        if start > lines.len() || end < start {
            return Outcome::refused(format!("`{path}` has {} lines; lines {start} to {end} are not among them.", lines.len()));
        }
        Outcome::Text(show(path.as_str(), &lines, start, end, desk.limits.answer_bytes))
    }
}

/// Longest line shown in full, in bytes.
const LINE_BYTES: usize = 2_000;

fn show(path: &str, lines: &[&str], start: usize, end: usize, most: usize) -> String {
    let mut text = String::new();
    for number in start..=end {
        // A lone carriage return would look like a line end and shift the numbers.
        let line = visible(&lines[number - 1].replace('\r', " "));
        let line = if line.len() > LINE_BYTES { crate::base::text::clip(&line, LINE_BYTES).replace('\n', " ") } else { line };
        let next = format!("{number:>5}|{line}\n");
        if text.len() + next.len() > most && number > start {
            text.push_str(&format!("… `{path}` has {} lines; read on with `start_line`: {number}.", lines.len()));
            return text;
        }
        text.push_str(&next);
    }
    if end < lines.len() {
        text.push_str(&format!("… `{path}` has {} lines.", lines.len()));
    }
    text
}
