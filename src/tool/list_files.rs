//! `list_files`: what is in the repository.

use serde_json::{Value, json};

use super::desk::{bounded, number_arg, path_arg, text_arg};
use super::rule::of_tree;
use super::{Desk, Outcome, Tool, ToolScope};
use crate::base::text::visible;
use crate::tree::{Kind, ListLimits};

pub(super) struct ListFiles;

impl Tool for ListFiles {
    fn name(&self) -> &'static str {
        "list_files"
    }

    fn description(&self) -> &'static str {
        "List the files of the repository, or of one directory, with their sizes. Directories deeper than `depth` are named but not opened."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "Directory, relative to the root. Leave out for the whole repository."},
                "depth": {"type": "integer", "minimum": 1, "maximum": 40, "description": "How many directories deep to go; 1 lists only the directory itself. Default 6."}
            },
            "additionalProperties": false
        })
    }

    fn mutates(&self) -> bool {
        false
    }

    fn call(&self, desk: &mut Desk, args: &Value) -> Outcome {
        let prefix = match text_arg(args, "path").filter(|path| !matches!(*path, "." | "./" | "/")) {
            None => None,
            Some(path) => match path_arg(&json!({ "path": path.trim_end_matches('/') }), "path") {
                Ok(path) => Some(path),
                Err(refused) => return refused,
            },
        };
        let limits = ListLimits { entries: 2_000, depth: number_arg(args, "depth").unwrap_or(6) };
        let listing = match desk.tree.list(prefix.as_ref(), limits) {
            Ok(listing) => listing,
            Err(error) => return of_tree("Nothing could be listed", &error),
        };
        if listing.entries.is_empty() {
            return Outcome::Text("There are no files here.".to_owned());
        }
        let mut text = String::new();
        for entry in &listing.entries {
            let path = visible(entry.path.as_str());
            match entry.kind {
                Kind::File => text.push_str(&format!("{path} ({} bytes)\n", entry.size)),
                Kind::Closed => text.push_str(&format!("{path}/ (not opened)\n")),
                Kind::Other => text.push_str(&format!("{path} (not a plain file; cannot be used)\n")),
            }
        }
        if listing.truncated {
            text.push_str("… and more. Name a directory in `path` to see its files.\n");
        }
        if listing.skipped > 0 {
            text.push_str(&format!("({} entries have names that cannot be used here.)\n", listing.skipped));
        }
        Outcome::Text(bounded(text, desk.limits.answer_bytes, "Name a directory in `path`, or a smaller `depth`, to see the rest."))
    }
}
