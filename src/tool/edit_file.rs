//! `edit_file`: change a part of a file.

use serde_json::{Value, json};

use super::desk::{bounded, path_arg};
use super::rule::of_tree;
use super::{Desk, Outcome, Tool, ToolScope};
use crate::domain::edit::{EditRequest, Edits, How, Pair, apply_edit, numbered};

pub(super) struct EditFile;

impl Tool for EditFile {
    fn name(&self) -> &'static str {
        "edit_file"
    }

    fn description(&self) -> &'static str {
        "Change a part of a file. Send `old` (lines as they are now, enough to be found only once) and `new` (the same lines as they should become); \
         or several such pairs in `edits`; or in `edit` one or more search/replace blocks or a unified diff. All parts are applied, or none. \
         Do not copy the line numbers of read_file."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        let text = |description: &str| json!({"type": "string", "description": description});
        json!({
            "type": "object",
            "properties": {
                "path": text("File, relative to the root."),
                "old": text("Lines to find, exactly as they are now."),
                "new": text("Lines to put there. Empty to delete the old ones."),
                "edits": {
                    "type": "array", "minItems": 1, "maxItems": 100,
                    "items": {
                        "type": "object",
                        "properties": {"old": {"type": "string"}, "new": {"type": "string"}},
                        "required": ["old", "new"],
                        "additionalProperties": false
                    },
                    "description": "Several changes of the same file."
                },
                "edit": text("Blocks of `<<<<<<< SEARCH`, old lines, `=======`, new lines, `>>>>>>> REPLACE`; or a unified diff.")
            },
            "required": ["path"],
            "additionalProperties": false
        })
    }

    fn mutates(&self) -> bool {
        true
    }

    fn call(&self, desk: &mut Desk, args: &Value) -> Outcome {
        let path = match path_arg(args, "path") {
            Ok(path) => path,
            Err(refused) => return refused,
        };
        if let Err(denial) = desk.policy.may_write(&path).and_then(|()| desk.policy.may_read(&path)) {
            return Outcome::denied(denial.rule, denial.to_string());
        }
        let edits = match edits(args) {
            Ok(edits) => edits,
            Err(reason) => return Outcome::refused(reason),
        };
        let bytes = match desk.tree.read(&path, desk.limits.file_bytes) {
            Ok(bytes) => bytes,
            Err(error) if error.leads_out() => return of_tree("Nothing was changed", &error),
            Err(error) => return Outcome::refused(format!("Nothing was changed: {error}. Use create_file for a new file.")),
        };
        let Ok(old) = String::from_utf8(bytes) else {
            return Outcome::refused(format!("`{path}` is not UTF-8 text and cannot be edited."));
        };
        let edited = match apply_edit(&old, &EditRequest { path: Some(path.to_string()), edits }) {
            Ok(edited) => edited,
            Err(error) => return Outcome::refused(bounded(error.message, desk.limits.answer_bytes, "")),
        };
        let mut text = format!("`{path}` was changed.");
        for note in &edited.notes {
            text.push(' ');
            text.push_str(note);
        }
        // An exact edit needs no second look; a tolerant one shows what it made of it.
        if edited.how > How::Inline {
            text.push_str(" It now reads:\n");
            text.push_str(&changed_part(&old, &edited.text));
        }
        desk.change(path, Some(edited.text.into_bytes()), text)
    }
}

fn edits(args: &Value) -> Result<Edits, String> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    match (text(args, "old"), text(args, "new"), args.get("edits").and_then(Value::as_array), text(args, "edit")) {
        (Some(old), Some(new), None, None) => Ok(Edits::Pairs(vec![Pair { old, new }])),
        (None, None, Some(pairs), None) => {
            let pair = |value: &Value| Some(Pair { old: text(value, "old")?, new: text(value, "new")? });
            pairs
                .iter()
                .map(pair)
                .collect::<Option<_>>()
                .map(Edits::Pairs)
                .ok_or_else(|| "Every item of `edits` needs `old` and `new`.".to_owned())
        }
        (None, None, None, Some(edit)) => Ok(Edits::Text(edit)),
        (Some(_), None, None, None) => Err("`new` is missing: send the lines that `old` should become (empty to delete them).".to_owned()),
        (None, Some(_), None, None) => {
            Err("`old` is missing: send the lines to change as they are now. To write a whole file, use create_file.".to_owned())
        }
        (None, None, None, None) => Err("The change is missing: send `old` and `new`, or `edits`, or `edit`.".to_owned()),
        _ => Err("Send only one of: `old` with `new`, `edits`, or `edit`.".to_owned()),
    }
}

/// The lines around what differs.
fn changed_part(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count().min(new.len() - head).min(old.len() - head);
    let from = head.saturating_sub(2);
    let to = (new.len() - tail + 2).min(new.len());
    let shown = numbered(from + 1, new[from..to].iter().take(60).copied());
    if to - from > 60 { format!("{shown}\n…") } else { shown }
}
