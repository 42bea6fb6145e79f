//! The end of a run: what is left is committed, and the outcome goes to the story as an intent.

use serde_json::{Value, json};

use crate::base::text::sha256_hex;
use crate::domain::agent::Outcome;
use crate::domain::path::{FileChange, RepoPath};
use crate::domain::speech::{Manners, quote_safe};
use crate::domain::workflow::effect::StartRun;
use crate::domain::workflow::facts::Limit;
use crate::domain::workflow::intent::Intent;
use crate::store::{ProjectTx, Release, RunRow, RunState};

use super::super::gather::RunResult;
use super::super::turn::post;
use super::super::{Engine, Result};
use super::talk::Call;
use super::tools::REFUSED;
use super::{Pace, RUNS, Session, defused, run_event, unreadable};

/// Longest plan file, in bytes.
const PLAN_MAX: usize = 200_000;

/// Where the plan of an issue stands in the repository.
pub fn plan_path(issue: i64) -> String {
    format!(".syndarix/plans/{issue}.md")
}

impl Session<'_> {
    /// `finish` was called with a result of the right form.
    pub(super) async fn finish(&mut self, call: &Call, value: Value) -> Result<Pace> {
        let outcome = match Outcome::read(self.start.purpose, &value) {
            Ok(outcome) => outcome,
            Err(faults) => {
                let content = format!("The result does not have the asked-for form:\n- {}", faults.join("\n- "));
                return self.record(call, content, true, None, REFUSED).await;
            }
        };
        if let Some(left) = self.unresolved().await? {
            return self.record(call, left, true, None, REFUSED).await;
        }
        if let Some(content) = self.left_out(&outcome) {
            return self.record(call, content, true, None, REFUSED).await;
        }
        let own_commits = match &outcome {
            Outcome::Design(design) => {
                self.write_plan(&design.plan_markdown).await?;
                self.commits
            }
            Outcome::Implement(work) | Outcome::Fix(work) => self.wrap_up(&work.summary).await?,
            Outcome::Merge(merge) => self.wrap_up_merge(&merge.summary).await?,
            _ => 0,
        };
        let moved = self.head.0 != self.prepared.base.0;
        let paths = match &self.prepared.merging {
            _ if !moved => Vec::new(),
            // What came with the base branch is not the agent's change.
            Some(merging) => self.decided_paths(&merging.theirs).await?,
            None => self.mirror.changed_paths(&self.prepared.base, &self.head).await?,
        };
        let plan = plan_path(self.start.input.issue);
        let result = RunResult {
            outcome: Some(value),
            head: moved.then(|| self.head.clone()),
            commits: own_commits,
            paths: paths.into_iter().filter(|path| *path != plan).collect(),
            ..RunResult::default()
        };
        self.end(&result).await
    }

    /// Each finding is settled with a commit or a reason; a result that leaves one out is not taken.
    fn left_out(&self, outcome: &Outcome) -> Option<String> {
        let Outcome::Fix(work) = outcome else { return None };
        let missing = (1..=self.prepared.findings).filter(|number| work.answers.iter().all(|answer| answer.finding != *number));
        let missing: Vec<String> = missing.map(|number| number.to_string()).collect();
        let list = missing.join(", ");
        (!missing.is_empty()).then(|| {
            format!("`answers` leaves these findings out: {list}. Give the commit or the reason for each, then call `finish` again.")
        })
    }

    /// The plan becomes a file of the branch, so that people can comment on its lines.
    async fn write_plan(&mut self, plan: &str) -> Result<()> {
        // Forges draw the file: it may load, link and notify no more than a comment.
        let text = quote_safe(plan, &Manners { links: &[], max: PLAN_MAX });
        let change = FileChange { path: path(&plan_path(self.start.input.issue))?, content: Some(with_newline(text).into_bytes()) };
        self.tree = self.mirror.apply(&self.tree, vec![change]).await?;
        self.commit(&format!("plan: issue {}", self.start.input.issue)).await?;
        Ok(())
    }

    /// Commits what the agent left uncommitted, then takes the plan file away. Gives the number of commits that hold work.
    async fn wrap_up(&mut self, summary: &str) -> Result<u32> {
        if self.is_dirty().await? {
            self.commit(summary).await?;
        }
        let work = self.commits;
        let plan = path(&plan_path(self.start.input.issue))?;
        let holds_plan = self.mirror.read_file(&self.head, &plan).await?.is_some();
        if work > 0 && holds_plan && !self.start.input.keep_plan {
            self.tree = self.mirror.apply(&self.tree, vec![FileChange { path: plan, content: None }]).await?;
            self.commit("plan: remove it, the work is done").await?;
        }
        Ok(work)
    }

    /// The merge is a commit even where the agent left everything as it lay, such as a file that one side had deleted.
    async fn wrap_up_merge(&mut self, summary: &str) -> Result<u32> {
        if self.commits == 0 || self.is_dirty().await? {
            self.commit(summary).await?;
        }
        Ok(self.commits)
    }

    /// The run ends without a result; the sentence goes to the people.
    pub(super) async fn give_up(&mut self, why: String, limit: Option<Limit>) -> Result<Pace> {
        self.end(&RunResult { gave_up: Some(why), limit, ..RunResult::default() }).await
    }

    async fn end(&mut self, result: &RunResult) -> Result<Pace> {
        let mut tx = self.begin().await?;
        self.keep_commits(&mut tx).await?;
        record_end(self.engine, &mut tx, &self.row, &self.start, result).await?;
        tx.release(self.claim, Release::Done).await?;
        self.engine.commit(tx).await?;
        self.clear_tree().await?;
        Ok(Pace::Rest)
    }
}

/// Writes the end of a run: its row, its entry in the record, and the intent for its story.
pub(super) async fn record_end(engine: &Engine, tx: &mut ProjectTx, row: &RunRow, start: &StartRun, result: &RunResult) -> Result<()> {
    let now = engine.clock.now();
    let value = serde_json::to_value(result)?;
    let ok = result.gave_up.is_none();
    tx.set_run(row.id, if ok { RunState::Finished } else { RunState::Failed }, Some(&value), now).await?;
    let mut payload = json!({
        "ok": ok,
        "outcome_sha256": sha256_hex(serde_json::to_vec(&value)?),
        "head": result.head,
        "commits": result.commits,
    });
    if let Some(outcome) = &result.outcome {
        defused::note(&mut payload, outcome);
    }
    tx.append(RUNS, row.id.0, None, &[run_event(engine, row, start, "run.ended", payload)]).await?;
    // A run that is taken up again after it ended badly ends again: the key counts the ends.
    let key = format!("run:{}:outcome:{}", row.id, row.changed_at.0);
    post(tx, row.subject, key, &Intent::RunEnded { run: row.id, purpose: start.purpose }, now).await
}

fn path(text: &str) -> Result<RepoPath> {
    RepoPath::parse(text).map_err(|_| unreadable("path"))
}

fn with_newline(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
