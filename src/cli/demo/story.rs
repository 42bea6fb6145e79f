//! Which repository and which change a demo is about, and which of its stories is under way.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::base::text::sha256_hex;
use crate::git::read_repo_at;
use crate::llm::{Rule, Script, ScriptedTurn};
use crate::sandbox::seed::{SAMPLE_ISSUE, SAMPLE_SCRIPT, SAMPLE_TITLE};
use serde_json::json;

/// What the story is about.
pub struct Subject {
    /// `None`: the bundled sample.
    pub import: Option<PathBuf>,
    pub name: String,
    pub title: String,
    pub issue: String,
    pub script: Script,
    /// What the scripted model changes, when that is not the point of the issue.
    pub says: Option<String>,
}

/// One story of the demo, remembered on disk.
pub struct Story {
    file: PathBuf,
    state: State,
    /// `owner/name` on the sandbox forge.
    pub repo: String,
    pub name: String,
    pub resumed: bool,
    pub says: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// Number of the story under way, from 1.
    story: u32,
    finished: bool,
}

/// The stage that a label names, on any forge.
pub fn stage(label: &str) -> Option<&str> {
    label.strip_prefix("story/").or_else(|| label.strip_prefix("story::"))
}

impl Subject {
    /// The bundled sample, or a repository of the user's with one small change that fits any project.
    pub fn choose(repo: Option<&Path>) -> Result<Subject> {
        let Some(path) = repo else {
            let script = Script::parse(SAMPLE_SCRIPT).map_err(anyhow::Error::msg)?;
            return Ok(Subject {
                import: None,
                name: "shop".into(),
                title: SAMPLE_TITLE.into(),
                issue: SAMPLE_ISSUE.into(),
                script,
                says: None,
            });
        };
        let path = path.canonicalize().with_context(|| format!("there is no repository at {}; check --repo", path.display()))?;
        if !path.join(".git").exists() && !path.join("HEAD").is_file() {
            bail!("{} is not a Git repository; give --repo its top directory, or leave --repo out for the bundled sample", path.display());
        }
        let files = read_repo_at(&path, Some("HEAD")).with_context(|| {
            format!("{} has nothing to work on; commit something first, or leave --repo out for the bundled sample", path.display())
        })?;
        if files.is_empty() {
            bail!("{} has no files on its current branch; commit some first, or leave --repo out for the bundled sample", path.display());
        }
        let name = path.file_name().map(|name| repo_name(&name.to_string_lossy())).unwrap_or_default();
        let change = Change::for_files(&files);
        Ok(Subject {
            import: Some(path),
            name,
            title: format!("Add {}", change.path),
            issue: format!("{}\n\nPlease add it at `{}`.", change.why, change.path),
            says: Some(format!("the scripted model adds one small file, {}", change.path)),
            script: change.script(),
        })
    }
}

fn repo_name(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let plain = plain.trim_matches(['-', '.']).trim_end_matches(".git").to_owned();
    if plain.is_empty() { "project".into() } else { plain }
}

/// A small, real, harmless change: rules for editors, drawn from how the files are indented.
struct Change {
    path: String,
    content: String,
    why: String,
}

impl Change {
    fn for_files(files: &[(String, Vec<u8>)]) -> Change {
        let taken = |path: &str| files.iter().any(|(name, _)| name == path);
        let tabs = files.iter().filter(|(_, bytes)| bytes.windows(2).any(|pair| pair == b"\n\t")).count();
        let spaces = files.iter().filter(|(_, bytes)| bytes.windows(3).any(|three| three == b"\n  ")).count();
        if !taken(".editorconfig") {
            let indent = if tabs > spaces { "indent_style = tab" } else { "indent_style = space" };
            let content = format!("root = true\n\n[*]\ncharset = utf-8\nend_of_line = lf\ninsert_final_newline = true\n{indent}\n");
            let why = format!("Editors should keep the indentation of this repository (files that use tabs: {tabs}, spaces: {spaces}).");
            return Change { path: ".editorconfig".into(), content, why };
        }
        let path = (1..).map(|n| format!("docs/file-count-{n}.md")).find(|path| !taken(path)).unwrap_or_default();
        let content = format!("# Files\n\nFiles in this repository: {}.\n", files.len());
        Change { path, content, why: "A note on the size of this repository would help newcomers.".into() }
    }

    fn script(&self) -> Script {
        let rule = |agent: &str, purpose: &str, replies| Rule { agent: agent.into(), purpose: purpose.into(), round: None, replies };
        let finish = |arguments| ScriptedTurn::call("finish", arguments);
        let list = || ScriptedTurn::call("list_files", json!({"depth": 1}));
        let summary = format!("Adds `{}`.", self.path);
        let criterion = format!("`{}` is on the main branch.", self.path);
        let plan = format!("# Add {}\n\n{}\n\n## Steps\n1. Create `{}`.\n", self.path, self.why, self.path);
        Script {
            name: "small-change".into(),
            rules: vec![
                rule(
                    "product-owner",
                    "analyse",
                    vec![list(), finish(json!({"summary": self.why, "criteria": [criterion], "questions": []}))],
                ),
                rule(
                    "architect",
                    "design",
                    vec![
                        list(),
                        finish(json!({
                            "summary": summary, "plan_markdown": plan, "files": [{"path": self.path, "why": self.why}],
                            "steps": ["create the file"], "risks": [], "tests": [], "estimate_usd": 0.01,
                        })),
                    ],
                ),
                rule(
                    "engineer",
                    "implement",
                    vec![
                        ScriptedTurn::call("create_file", json!({"path": self.path, "content": self.content})),
                        ScriptedTurn::call("commit", json!({"message": format!("add {}\n\n{}", self.path, self.why)})),
                        finish(json!({"summary": summary, "answers": [], "notes": ""})),
                    ],
                ),
                rule(
                    "reviewer",
                    "review",
                    vec![ScriptedTurn::call("show_diff", json!({})), finish(json!({"summary": summary, "findings": []}))],
                ),
                rule(
                    "tester",
                    "test",
                    vec![
                        ScriptedTurn::call("read_file", json!({"path": self.path})),
                        finish(json!({
                            "summary": "By reading: the file is there. Nothing was executed.",
                            "results": [{"criterion": 1, "met": true, "evidence": format!("`{}` can be read on the main branch.", self.path)}],
                        })),
                    ],
                ),
            ],
        }
    }
}

impl Story {
    /// The unfinished story of this subject, or the next one. Each story has a repository of its own on the sandbox forge.
    pub fn open(dir: &Path, subject: &Subject) -> Result<Story> {
        let key = subject
            .import
            .as_ref()
            .map_or_else(|| "sample".to_owned(), |path| sha256_hex(path.to_string_lossy().as_bytes())[..12].to_owned());
        let file = dir.join(format!("story-{key}.json"));
        let mut state: State = match std::fs::read(&file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{} cannot be read; start over with --fresh", file.display()))?
            }
            Err(_) => State { story: 0, finished: true },
        };
        let resumed = !state.finished;
        if state.finished {
            state = State { story: state.story + 1, finished: false };
        }
        let name = if state.story == 1 { subject.name.clone() } else { format!("{}-{}", subject.name, state.story) };
        let story = Story { file, state, repo: format!("acme/{name}"), name, resumed, says: subject.says.clone() };
        story.save(&story.state)?;
        Ok(story)
    }

    /// The next demo starts a new story.
    pub fn finished(&self) -> Result<()> {
        self.save(&State { story: self.state.story, finished: true })
    }

    fn save(&self, state: &State) -> Result<()> {
        let temporary = self.file.with_extension("new");
        std::fs::write(&temporary, serde_json::to_vec(state)?).with_context(|| format!("{} cannot be written", temporary.display()))?;
        std::fs::rename(&temporary, &self.file).with_context(|| format!("{} cannot be written", self.file.display()))
    }
}
