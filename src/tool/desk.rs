//! Everything a tool may touch.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::Value;

use super::args::problems;
use super::rule::{Rule, of_tree};
use super::{Outcome, PathPolicy, ToolScope, registry};
use crate::domain::path::{FileChange, RepoPath};
use crate::tree::{TreeError, WorkTree};

/// Bounds of what tools read and answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of an answer to a model.
    pub answer_bytes: usize,
    /// Largest file that is read or written, in bytes.
    pub file_bytes: u64,
    /// Most files one run may change.
    pub changed_files: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { answer_bytes: 24_000, file_bytes: 2 << 20, changed_files: 500 }
    }
}

/// The files of one run: what they were, what they are, what is not committed yet.
pub struct Desk {
    pub(super) tree: WorkTree,
    pub(super) policy: PathPolicy,
    pub(super) limits: Limits,
    finish_schema: Value,
    /// One for each tool of the registry, compiled once.
    validators: Vec<Validator>,
    /// What each touched file was at the base; `None` when it did not exist.
    originals: BTreeMap<RepoPath, Option<Vec<u8>>>,
    /// What each file touched since the last commit was at that commit.
    since_commit: BTreeMap<RepoPath, Option<Vec<u8>>>,
}

/// Why a desk could not be set up, or a recorded change not be made again.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error("the schema of the outcome cannot be used: {0}")]
    Schema(String),
    #[error("the recorded change of `{path}` could not be made again: {source}")]
    Replay { path: String, source: TreeError },
}

impl Desk {
    /// A desk over a tree at its base. `finish_schema` is the JSON schema of the outcome the run must end with.
    pub fn new(tree: WorkTree, policy: PathPolicy, limits: Limits, finish_schema: Value) -> Result<Desk, DeskError> {
        let scope = ToolScope { finish_schema };
        let compile = |schema: &Value| jsonschema::validator_for(schema).map_err(|error| DeskError::Schema(error.to_string()));
        let validators = registry().iter().map(|tool| compile(&tool.schema(&scope))).collect::<Result<_, _>>()?;
        let ToolScope { finish_schema } = scope;
        Ok(Desk { tree, policy, limits, finish_schema, validators, originals: BTreeMap::new(), since_commit: BTreeMap::new() })
    }

    /// What the schemas of this run depend on.
    pub fn scope(&self) -> ToolScope {
        ToolScope { finish_schema: self.finish_schema.clone() }
    }

    /// The tree itself, for whoever makes commits from it.
    pub fn tree(&self) -> &WorkTree {
        &self.tree
    }

    /// Lifts the protection of these files, after a person approved a change that names them.
    pub fn approve(&mut self, paths: impl IntoIterator<Item = RepoPath>) {
        self.policy.approved.extend(paths);
    }

    /// Makes recorded changes again, in order, on a fresh tree. They passed the policy when they were made.
    pub fn replay(&mut self, changes: &[FileChange]) -> Result<(), DeskError> {
        for change in changes {
            self.make(change).map_err(|source| DeskError::Replay { path: change.path.to_string(), source })?;
        }
        Ok(())
    }

    /// Files that differ from the last commit (the base, before the first), sorted by path.
    pub fn pending(&self) -> Result<Vec<FileChange>, TreeError> {
        self.differing(&self.since_commit)
    }

    /// Files that differ from the base, sorted by path.
    pub fn since_base(&self) -> Result<Vec<FileChange>, TreeError> {
        self.differing(&self.originals)
    }

    /// The pending changes are now a commit.
    pub fn committed(&mut self) {
        self.since_commit.clear();
    }

    /// What each touched file was at the base.
    pub(super) fn originals(&self) -> &BTreeMap<RepoPath, Option<Vec<u8>>> {
        &self.originals
    }

    /// The file's content now; `None` when it does not exist.
    pub(super) fn now(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, TreeError> {
        match self.tree.read(path, self.limits.file_bytes.max(64 << 20)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(TreeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn differing(&self, before: &BTreeMap<RepoPath, Option<Vec<u8>>>) -> Result<Vec<FileChange>, TreeError> {
        let mut changes = Vec::new();
        for (path, old) in before {
            let content = self.now(path)?;
            if content != *old {
                changes.push(FileChange { path: path.clone(), content });
            }
        }
        Ok(changes)
    }

    /// Makes one change and remembers what was there before.
    pub(super) fn make(&mut self, change: &FileChange) -> Result<(), TreeError> {
        let before = self.now(&change.path)?;
        match &change.content {
            Some(bytes) => self.tree.write(&change.path, bytes)?,
            None => self.tree.delete(&change.path)?,
        }
        self.originals.entry(change.path.clone()).or_insert_with(|| before.clone());
        self.since_commit.entry(change.path.clone()).or_insert(before);
        Ok(())
    }

    /// Makes one change for a tool and answers with it.
    pub(super) fn change(&mut self, path: RepoPath, content: Option<Vec<u8>>, text: String) -> Outcome {
        let size = content.as_ref().map_or(0, Vec::len) as u64;
        if size > self.limits.file_bytes {
            return Outcome::refused(format!(
                "`{path}` would have {size} bytes; files of more than {} are not written.",
                self.limits.file_bytes
            ));
        }
        if !self.originals.contains_key(&path) && self.originals.len() >= self.limits.changed_files {
            return Outcome::refused(format!(
                "This run has already changed {} files, which is the most it may. Finish, or use ask_human.",
                self.originals.len()
            ));
        }
        let change = FileChange { path, content };
        match self.make(&change) {
            Ok(()) => Outcome::Changed { text, changes: vec![change] },
            Err(error) => of_tree("Nothing was changed", &error),
        }
    }

    /// Checks arguments against the schema of the registry's tool `at`.
    pub(super) fn check_args(&self, at: usize, args: &Value) -> Result<(), String> {
        let problems = problems(&self.validators[at], args);
        if problems.is_empty() {
            return Ok(());
        }
        Err(format!("The arguments do not fit:\n- {}\nCorrect them and call the tool again.", problems.join("\n- ")))
    }
}

/// A path out of the arguments.
pub(super) fn path_arg(args: &Value, name: &str) -> Result<RepoPath, Outcome> {
    let text = args.get(name).and_then(Value::as_str).unwrap_or("");
    // A path that leads out of the tree is no slip: it belongs in the record.
    RepoPath::parse(text).map_err(|error| {
        Outcome::denied(Rule::Path, format!("The path {error}. Use a path relative to the repository's root, such as `src/main.rs`."))
    })
}

/// An optional whole number out of the arguments.
pub(super) fn number_arg(args: &Value, name: &str) -> Option<usize> {
    args.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}

/// An optional text out of the arguments; an empty one counts as left out.
pub(super) fn text_arg<'a>(args: &'a Value, name: &str) -> Option<&'a str> {
    args.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Cuts an answer at a line end, so that it fits together with a note on how to see the rest.
pub(super) fn bounded(text: String, most: usize, rest: &str) -> String {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let end = text[..end].rfind('\n').unwrap_or(end);
    format!("{}\n… {} more bytes. {rest}", &text[..end], text.len() - end)
}
