//! `create_file`: write a whole file.

use serde_json::{Value, json};

use super::desk::path_arg;
use super::rule::of_tree;
use super::{Desk, Outcome, Tool, ToolScope};
use crate::domain::path::RepoPath;
use crate::tree::{ListLimits, WorkTree};

pub(super) struct CreateFile;

impl Tool for CreateFile {
    fn name(&self) -> &'static str {
        "create_file"
    }

    fn description(&self) -> &'static str {
        "Create a text file with the given content; directories are made as needed. With `overwrite`, replace the whole content of a file that exists. For a small change, use edit_file."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "File, relative to the root."},
                "content": {"type": "string", "description": "The whole content."},
                "overwrite": {"type": "boolean", "description": "Replace a file that exists. Default false."}
            },
            "required": ["path", "content"],
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
        let content = args.get("content").and_then(Value::as_str).unwrap_or("");
        let overwrite = args.get("overwrite").and_then(Value::as_bool).unwrap_or(false);
        let before = match desk.now(&path) {
            Ok(before) => before,
            Err(error) => return of_tree("Nothing was written", &error),
        };
        match before {
            Some(_) if !overwrite => {
                return Outcome::refused(format!(
                    "`{path}` exists already. Use edit_file to change a part of it, or send `overwrite`: true to replace it."
                ));
            }
            Some(bytes) if bytes == content.as_bytes() => return Outcome::refused(format!("`{path}` already has exactly this content.")),
            Some(_) => {}
            None => {
                if let Err(error) = path.portable() {
                    return Outcome::refused(format!("Nothing was written: {error}. Choose another name."));
                }
                if let Some(twin) = twin(&desk.tree, &path) {
                    return Outcome::refused(format!(
                        "`{path}` differs from `{twin}` only in upper and lower case, which some systems do not tell apart. Use the existing spelling."
                    ));
                }
            }
        }
        let lines = content.lines().count();
        let verb = if overwrite { "was written" } else { "was created" };
        let text = format!("`{path}` {verb} with {lines} lines.");
        desk.change(path, Some(content.as_bytes().to_vec()), text)
    }
}

/// A file or directory that would be the same on a system that ignores case.
fn twin(tree: &WorkTree, path: &RepoPath) -> Option<String> {
    let mut above: Option<RepoPath> = None;
    for part in path.parts() {
        let whole = above.as_ref().map_or_else(|| RepoPath::parse(part), |above| above.join(part)).ok()?;
        let listing = tree.list(above.as_ref(), ListLimits { entries: 20_000, depth: 1 }).ok()?;
        let same = |name: &str| name == whole.as_str();
        if !listing.entries.iter().any(|entry| same(entry.path.as_str())) {
            let lower = whole.as_str().to_lowercase();
            let twin = listing.entries.into_iter().find(|entry| entry.path.as_str().to_lowercase() == lower);
            return twin.map(|entry| entry.path.to_string());
        }
        above = Some(whole);
    }
    None
}
