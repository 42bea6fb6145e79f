//! Carrying out the tool calls of an agent on its own work tree, and making that tree again after a restart.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::base::text::sha256_hex;
use crate::domain::agent::fence::fence;
use crate::domain::agent::outcome;
use crate::domain::forge::Sha;
use crate::domain::path::{FileChange, RepoPath};
use crate::domain::workflow::intent::Intent;
use crate::git::{Disclosure, NewCommit, Signature, TreeId, commit_message};
use crate::store::{DoneStep, Release, RunState, StepResult, StepRow, StepState};
use crate::tool::{self, Desk, Limits, Outcome, PathPolicy, Rule};
use crate::tree::WorkTree;

use super::super::gather::{RunResult, planned_paths};
use super::super::turn::post;
use super::super::{EngineError, Result, crash};
use super::talk::{Call, ToolResult};
use super::{Pace, RUNS, Session, defused};

/// How a call ended, for the record.
#[derive(Clone, Copy)]
pub(super) enum How {
    Done(&'static str),
    /// A rule stood against it.
    Against(&'static str, Rule),
}

const OK: How = How::Done("ok");
/// The agent can mend it.
pub(super) const REFUSED: How = How::Done("refused");

/// Longest answer of a person that is handed to an agent, in bytes.
const ANSWER_MAX: usize = 16_000;

impl Session<'_> {
    /// Brings tree, head and desk to where the recorded steps left them. `Err` is why the run cannot go on.
    pub(super) async fn catch_up(&mut self) -> Result<std::result::Result<(), String>> {
        self.steps.retain(|step| step.state == StepState::Done);
        let mut desk = self.fresh_desk().await?;
        for step in self.steps.clone() {
            if let Some(changes) = step.changes {
                let changes: Vec<FileChange> = serde_json::from_value(changes)?;
                self.tree = self.mirror.apply(&self.tree, changes.clone()).await?;
                if step.tree.as_ref() != Some(&self.tree.0) {
                    return Ok(Err("its recorded changes do not lead to the recorded tree any more".into()));
                }
                desk = with_desk(desk, move |desk| desk.replay(&changes).map_err(|error| error.to_string())).await?.0;
            }
            if let Some(commit) = step.result.as_ref().and_then(|result| result.get("commit")).and_then(Value::as_str) {
                self.head = Sha(commit.to_owned());
                self.engine.bring(self.site, &self.mirror, &self.head).await?;
                self.commits += 1;
                desk.committed();
            }
        }
        self.desk = Some(desk);
        Ok(Ok(()))
    }

    /// A work tree as the run's base is, made anew: nothing that an earlier process left on disk is trusted.
    async fn fresh_desk(&self) -> Result<Desk> {
        let root = self.tree_dir();
        remove_tree(root.clone()).await?;
        tokio::fs::create_dir_all(&root).await.map_err(|error| io(&root, &error))?;
        let ground = match &self.prepared.compare {
            Some(compare) => self.mirror.tree_of(compare).await?,
            None => self.tree.clone(),
        };
        self.mirror.checkout(&ground, &root).await?;
        let tree = WorkTree::open(&root).map_err(|error| EngineError::Setup(error.to_string()))?;
        let policy = PathPolicy::new(self.start.purpose.writes()).protect(&self.site.rules.protected);
        let policy = policy.map_err(|error| EngineError::Setup(error.to_string()))?;
        let desk = Desk::new(tree, policy, Limits::default(), self.finish_schema());
        let mut desk = desk.map_err(|error| EngineError::Setup(error.to_string()))?;
        desk.approve(self.approved_paths().await?);
        let change = self.compared().await?;
        let mut desk = with_desk(desk, move |desk| desk.replay(&change).map_err(|error| error.to_string())).await?.0;
        desk.committed();
        Ok(desk)
    }

    /// The files that an approved plan names. Approving a plan is approving a change of those, protected or not, and of no others.
    async fn approved_paths(&self) -> Result<Vec<RepoPath>> {
        let (true, Some(run)) = (self.start.input.plan_approved, self.start.input.plan) else {
            return Ok(Vec::new());
        };
        planned_paths(self.engine, self.site, run).await
    }

    /// The change under review as a patch on what it is compared with: laid over that tree, it is what `show_diff` shows.
    async fn compared(&self) -> Result<Vec<FileChange>> {
        let Some(compare) = &self.prepared.compare else { return Ok(Vec::new()) };
        let mut change = Vec::new();
        for path in self.mirror.changed_paths(compare, &self.prepared.base).await? {
            if let Ok(path) = RepoPath::parse(&path) {
                let content = self.mirror.read_file(&self.prepared.base, &path).await?;
                change.push(FileChange { path, content });
            }
        }
        Ok(change)
    }

    fn tree_dir(&self) -> PathBuf {
        self.engine.data.join("trees").join(self.row.id.to_string())
    }

    /// Takes the work tree away; what it held is in the mirror and in the steps.
    pub(super) async fn clear_tree(&mut self) -> Result<()> {
        self.desk = None;
        remove_tree(self.tree_dir()).await
    }

    pub(super) fn finish_schema(&self) -> Value {
        outcome::schema(self.start.purpose)
    }

    pub(super) async fn call_tool(&mut self, call: Call) -> Result<Pace> {
        if call.cut {
            let content =
                "Your answer was cut because it was too long, so this call was not carried out. Send it again, in smaller pieces.";
            return self.record(&call, content.into(), true, None, How::Done("cut")).await;
        }
        if call.name == "ask_human"
            && let Some(answer) = self.answer().await?
        {
            return self.record(&call, answer, false, None, How::Done("answered")).await;
        }
        let desk = self.desk.take().ok_or_else(|| EngineError::Setup("the run has no work tree".into()))?;
        let (allowed, name, arguments) = (self.kind.tools.clone(), call.name.clone(), call.arguments.clone());
        let (desk, outcome) = with_desk(desk, move |desk| Ok(tool::call(desk, &allowed, &name, &arguments))).await?;
        self.desk = Some(desk);
        match outcome {
            Outcome::Text(text) => self.record(&call, text, false, None, OK).await,
            Outcome::Malformed { reason, rule } => {
                let result = ToolResult { malformed: true, ..tool_result(&call, reason, true) };
                self.write_step(&call, result, None, How::Against("malformed", rule)).await
            }
            // Not the agent's fault and nothing it should hear of: the same call succeeds once there is room.
            Outcome::Refused { reason, .. } if reason.trim_end_matches('.').ends_with("No space left on device (os error 28)") => {
                Err(EngineError::Setup(reason))
            }
            Outcome::Refused { reason, rule } => {
                self.record(&call, reason, true, None, rule.map_or(REFUSED, |rule| How::Against("denied", rule))).await
            }
            Outcome::Changed { text, changes } => self.changed(&call, text, changes).await,
            Outcome::Commit { message } => self.commit_tool(&call, &message).await,
            Outcome::Ask { question } => self.ask(&call, question).await,
            Outcome::Finish { outcome } => self.finish(&call, outcome).await,
        }
    }

    async fn changed(&mut self, call: &Call, text: String, changes: Vec<FileChange>) -> Result<Pace> {
        self.tree = self.mirror.apply(&self.tree, changes.clone()).await?;
        self.record(call, text, false, Some(changes), OK).await
    }

    async fn commit_tool(&mut self, call: &Call, message: &str) -> Result<Pace> {
        if let Some(left) = self.unresolved().await? {
            return self.record(call, left, true, None, REFUSED).await;
        }
        let sha = self.commit(message).await?;
        let content = format!("Committed as {}.", sha.short());
        let result = ToolResult { commit: Some(sha), ..tool_result(call, content, false) };
        self.write_step(call, result, None, OK).await
    }

    /// Makes a commit of the tree as it is, in the agent's name, and keeps it from being collected.
    pub(super) async fn commit(&mut self, words: &str) -> Result<Sha> {
        let bot = &self.site.connection.bot;
        let email = format!("{}@noreply.invalid", bot.login);
        let by =
            Disclosure { agent: self.start.name.clone(), role: self.start.agent.clone(), run: self.row.id, issue: self.start.input.issue };
        let new = NewCommit {
            tree: self.tree.clone(),
            parents: self.parents(),
            author: Signature { name: format!("{} ({})", self.start.name, self.start.agent), email: email.clone() },
            committer: Signature { name: bot.login.clone(), email },
            message: commit_message(words, &by),
            at: self.engine.clock.now(),
        };
        let sha = self.mirror.commit(&new).await?;
        self.mirror.keep(&self.row.id.to_string(), &sha).await?;
        self.unkept.push((sha.clone(), self.mirror.pack(&sha).await?));
        self.head = sha.clone();
        self.commits += 1;
        if let Some(desk) = &mut self.desk {
            desk.committed();
        }
        Ok(sha)
    }

    pub(super) async fn record(
        &mut self,
        call: &Call,
        content: String,
        is_error: bool,
        changes: Option<Vec<FileChange>>,
        how: How,
    ) -> Result<Pace> {
        self.write_step(call, tool_result(call, content, is_error), changes, how).await
    }

    async fn write_step(&mut self, call: &Call, result: ToolResult, changes: Option<Vec<FileChange>>, how: How) -> Result<Pace> {
        let seq = self.next_seq();
        let arguments = sha256_hex(serde_json::to_vec(&call.arguments)?);
        let name = tool_step_name(&call.name);
        let (word, rule) = match how {
            How::Done(word) => (word, None),
            How::Against(word, rule) => (word, Some(rule)),
        };
        let mut payload = json!({
            "step": seq,
            "tool": name.trim_start_matches("tool:"),
            "how": word,
            "arguments_sha256": arguments,
            "result_sha256": sha256_hex(&result.content),
            "commit": result.commit,
            "paths": changes.iter().flatten().map(|change| sha256_hex(change.path.as_str())).collect::<Vec<_>>(),
        });
        if matches!(call.name.as_str(), "finish" | "commit") {
            defused::note(&mut payload, &call.arguments);
        }
        if let Some(rule) = rule {
            payload["rule"] = json!(rule.word());
        }
        if rule == Some(Rule::NoSuchTool) {
            payload["asked_sha256"] = json!(sha256_hex(&call.name));
        }
        let step = StepResult {
            result: serde_json::to_value(&result)?,
            tree: changes.as_ref().map(|_| self.tree.0.clone()),
            changes: changes.map(serde_json::to_value).transpose()?,
            cost: crate::base::Nano::ZERO,
        };
        let done = DoneStep {
            run: self.row.id,
            seq,
            name,
            input_hash: arguments,
            given: step,
            stream: RUNS,
            entry: self.event("tool.called", payload),
        };
        let recorded = self.record_done(done).await?;
        self.steps.push(recorded);
        Ok(Pace::On)
    }

    /// Most steps stand alone and may share their commit with other runs; one that made a commit is recorded together with it.
    async fn record_done(&mut self, done: DoneStep) -> Result<StepRow> {
        let project = self.site.project.id;
        if self.unkept.is_empty() {
            crash::point("commit-before");
            let recorded = self.engine.store.record_step(project, self.claim, done).await?;
            crash::point("commit-after");
            return Ok(recorded);
        }
        let mut tx = self.engine.store.begin(project).await?;
        let recorded = tx.record_step(self.claim, done).await?;
        self.keep_commits(&mut tx).await?;
        self.engine.commit(tx).await?;
        Ok(recorded)
    }

    /// The run waits for a person; the question becomes a comment by way of the story.
    async fn ask(&mut self, call: &Call, question: String) -> Result<Pace> {
        let result = RunResult { question: Some(question.clone()), ..RunResult::default() };
        let key = format!("run:{}:asks:{}", self.row.id, self.steps.len());
        let now = self.engine.clock.now();
        let mut tx = self.begin().await?;
        tx.set_run(self.row.id, RunState::Waiting, Some(&serde_json::to_value(&result)?), now).await?;
        let mut payload = json!({"question_sha256": sha256_hex(&question), "call": call.id});
        defused::note(&mut payload, &call.arguments);
        tx.append(RUNS, self.row.id.0, None, &[self.event("human.asked", payload)]).await?;
        post(&mut tx, self.row.subject, key, &Intent::RunAsks { run: self.row.id }, now).await?;
        tx.release(self.claim, Release::Done).await?;
        self.engine.commit(tx).await?;
        Ok(Pace::Rest)
    }

    /// The comment that answers the open question, fenced as data; `None` when nobody answered yet.
    async fn answer(&self) -> Result<Option<String>> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let given = tx.object("answer", &self.row.id.to_string()).await?;
        tx.rollback().await?;
        let given = given.and_then(|row| {
            let number = row.data.get("number").and_then(Value::as_i64).unwrap_or(self.start.input.issue);
            Some((number, row.data.get("comment")?.as_i64()?, row.seen_at))
        });
        let Some((number, id, seen)) = given else { return Ok(None) };
        // An answer given to an earlier question of this run is spent.
        if self.steps.iter().any(|step| step.name == "tool:ask_human" && step.finished_at.is_some_and(|at| at >= seen)) {
            return Ok(None);
        }
        let comment = self.site.connection.forge.comment(&self.site.repo, number, id).await?;
        let person = self.site.person(&comment.author).await?;
        let role = person.role.map_or_else(|| "unknown".to_owned(), |role| role.to_string());
        let fenced = fence(&comment.body, &[("kind", "answer"), ("author", &comment.author.login), ("permission", &role)], ANSWER_MAX);
        Ok(Some(fenced.text))
    }

    /// The tree that the head commit holds, to tell whether something is not committed yet.
    pub(super) async fn is_dirty(&self) -> Result<bool> {
        let committed: TreeId = self.mirror.tree_of(&self.head).await?;
        Ok(committed != self.tree)
    }
}

fn tool_result(call: &Call, content: String, is_error: bool) -> ToolResult {
    ToolResult { id: call.id.clone(), name: call.name.clone(), content, is_error, malformed: false, commit: None }
}

/// A model may send any name; only tools that exist are named in the record.
fn tool_step_name(name: &str) -> String {
    let known = tool::registry().iter().any(|tool| tool.name() == name);
    format!("tool:{}", if known { name } else { "unknown" })
}

/// Runs file work away from the async threads.
pub(super) async fn with_desk<T: Send + 'static>(
    mut desk: Desk,
    work: impl FnOnce(&mut Desk) -> std::result::Result<T, String> + Send + 'static,
) -> Result<(Desk, T)> {
    tokio::task::spawn_blocking(move || {
        let result = work(&mut desk).map_err(EngineError::Setup)?;
        Ok((desk, result))
    })
    .await
    .map_err(|error| EngineError::Setup(format!("a tool ended unexpectedly: {error}")))?
}

async fn remove_tree(root: PathBuf) -> Result<()> {
    match tokio::fs::remove_dir_all(&root).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io(&root, &error)),
    }
}

fn io(path: &std::path::Path, error: &std::io::Error) -> EngineError {
    EngineError::Setup(format!("the work tree {} cannot be made: {error}", path.display()))
}
