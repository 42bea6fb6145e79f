//! `delete_file`: delete one file.

use serde_json::{Value, json};

use super::desk::path_arg;
use super::rule::of_tree;
use super::{Desk, Outcome, Tool, ToolScope};

pub(super) struct DeleteFile;

impl Tool for DeleteFile {
    fn name(&self) -> &'static str {
        "delete_file"
    }

    fn description(&self) -> &'static str {
        "Delete one file. Directories that become empty go with it."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        json!({
            "type": "object",
            "properties": {"path": {"type": "string", "description": "File, relative to the root."}},
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
        if let Err(denial) = desk.policy.may_write(&path) {
            return Outcome::denied(denial.rule, denial.to_string());
        }
        match desk.now(&path) {
            Ok(Some(_)) => {}
            Ok(None) => return Outcome::refused(format!("There is no file `{path}`. Use list_files to see what there is.")),
            Err(error) => return of_tree("Nothing was deleted", &error),
        }
        let text = format!("`{path}` was deleted.");
        desk.change(path, None, text)
    }
}
