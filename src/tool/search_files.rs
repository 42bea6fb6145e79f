//! `search_files`: lines that match a pattern.

use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::desk::{bounded, number_arg, path_arg, text_arg};
use super::rule::of_tree;
use super::{Desk, Outcome, Tool, ToolScope};
use crate::base::text::visible;
use crate::domain::path::RepoPath;
use crate::domain::path::glob::Glob;
use crate::tree::{Found, SearchLimits};

pub(super) struct SearchFiles;

impl Tool for SearchFiles {
    fn name(&self) -> &'static str {
        "search_files"
    }

    fn description(&self) -> &'static str {
        "Search the files line by line with a regular expression (Rust syntax: no look-around, no back-references), or for a plain text with `literal`. Hits come as `path:number|text`."
    }

    fn schema(&self, _: &ToolScope) -> Value {
        json!({
            "type": "object",
            "properties": {
                "pattern": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "Regular expression, or plain text when `literal` is true."},
                "literal": {"type": "boolean", "description": "Take the pattern as plain text. Default false."},
                "ignore_case": {"type": "boolean", "description": "Default false."},
                "path": {"type": "string", "description": "File or directory to search in. Default: everything."},
                "files": {"type": "string", "description": "Only files whose path matches this pattern, such as `*.rs` or `src/**`."},
                "context": {"type": "integer", "minimum": 0, "maximum": 10, "description": "Lines to show before and after each hit. Default 0."}
            },
            "required": ["pattern"],
            "additionalProperties": false
        })
    }

    fn mutates(&self) -> bool {
        false
    }

    fn call(&self, desk: &mut Desk, args: &Value) -> Outcome {
        match search(desk, args) {
            Ok(text) => Outcome::Text(bounded(text, desk.limits.answer_bytes, "Use a narrower pattern, `path` or `files`.")),
            Err(refused) => refused,
        }
    }
}

fn search(desk: &Desk, args: &Value) -> Result<String, Outcome> {
    let regex = regex(args)?;
    let files =
        text_arg(args, "files").map(Glob::new).transpose().map_err(|error| Outcome::refused(format!("Nothing was searched: {error}.")))?;
    let prefix = match text_arg(args, "path").filter(|path| !matches!(*path, "." | "./" | "/")) {
        None => None,
        Some(path) => Some(path_arg(&json!({ "path": path.trim_end_matches('/') }), "path")?),
    };
    let wanted = |path: &RepoPath| desk.policy.may_read(path).is_ok() && files.as_ref().is_none_or(|glob| glob.matches(path));
    let limits =
        SearchLimits { context: number_arg(args, "context").unwrap_or(0), bytes: desk.limits.answer_bytes, ..SearchLimits::default() };
    let found = desk.tree.search(&regex, prefix.as_ref(), &wanted, limits);
    Ok(show(&found.map_err(|error| of_tree("Nothing was searched", &error))?))
}

fn regex(args: &Value) -> Result<Regex, Outcome> {
    let pattern = text_arg(args, "pattern").unwrap_or("");
    let flag = |name: &str| args.get(name).and_then(Value::as_bool).unwrap_or(false);
    let pattern = if flag("literal") { regex::escape(pattern) } else { pattern.to_owned() };
    let built = RegexBuilder::new(&pattern)
        .case_insensitive(flag("ignore_case"))
        .size_limit(2 << 20)
        .dfa_size_limit(4 << 20)
        .nest_limit(100)
        .build();
    built.map_err(|error| {
        let error: String = error.to_string().chars().take(600).collect();
        Outcome::refused(format!("The pattern cannot be used: {error}\nSend `literal`: true to search for it as plain text."))
    })
}

fn show(found: &Found) -> String {
    if found.hits.is_empty() {
        let more = if found.truncated { " The search ended early because there is too much to read; name a `path`." } else { "" };
        return format!("No line matches, in {} files.{more}", found.files);
    }
    let mut text = String::new();
    let mut shown: Option<(&RepoPath, usize)> = None;
    for hit in &found.hits {
        for (number, line) in &hit.lines {
            // The contexts of neighbouring hits overlap.
            if shown.is_some_and(|(path, last)| *path == hit.path && *number <= last) {
                continue;
            }
            let line = visible(line).replace('\n', " ");
            text.push_str(&format!("{}:{number}|{line}\n", visible(hit.path.as_str())));
            shown = Some((&hit.path, *number));
        }
    }
    if found.truncated {
        text.push_str("… there are more hits. Use a narrower pattern, `path` or `files`.\n");
    }
    if found.passed_over > 0 {
        text.push_str(&format!("({} files are binary, too large or not plain files, and were passed over.)\n", found.passed_over));
    }
    text
}
