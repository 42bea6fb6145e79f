//! An agent's run: named, recorded steps. A recorded step answers from its row after a restart; the work tree is made again from its
//! base and the recorded changes; a call of a model that was in flight is repeated at most once. The agent holds no token and touches
//! no forge: it proposes, the engine performs.

mod defused;
mod finish;
mod merging;
mod model;
mod prepare;
mod talk;
mod tools;

use serde_json::{Value, json};

use crate::base::ids::RunId;
use crate::base::{Nano, Time};
use crate::domain::agent::AgentKind;
use crate::domain::forge::Sha;
use crate::domain::workflow::effect::StartRun;
use crate::git::{GitError, Mirror, Packed, TreeId};
use crate::store::{Claim, NewEvent, ProjectTx, Release, RunRow, RunState, StepResult, StepRow, StepState};
use crate::tool::Desk;

use super::world::Site;
use super::{Engine, EngineError, Result, carry, guard};
use prepare::Prepared;

/// Journal stream of runs.
pub const RUNS: &str = "run";

/// A run in progress.
struct Session<'a> {
    engine: &'a Engine,
    claim: &'a Claim,
    site: &'a Site<'a>,
    row: RunRow,
    start: StartRun,
    kind: AgentKind,
    mirror: Mirror,
    prepared: Prepared,
    steps: Vec<StepRow>,
    desk: Option<Desk>,
    /// The tree as the agent left it, and the commit on which it stands.
    tree: TreeId,
    head: Sha,
    commits: u32,
    /// Commits that the database does not hold yet.
    unkept: Vec<(Sha, Packed)>,
}

/// What a step came to.
enum Pace {
    On,
    /// The run is over, waits or was stopped; everything is recorded.
    Rest,
}

/// Takes a run as far as it goes: to its end, to a question, or to where somebody stopped it.
pub async fn handle(engine: &Engine, claim: &Claim) -> Result<()> {
    let site = engine.site(claim).await?;
    let run = RunId(claim.id);
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let row = tx.run(run).await?;
    let steps = tx.steps(run).await?;
    tx.rollback().await?;
    if row.stop_requested || !matches!(row.state, RunState::Pending | RunState::Running) {
        return engine.finish(claim).await;
    }
    let start: StartRun = serde_json::from_value(row.input.clone())?;
    // A run goes on as the agent that it began as, whatever the configuration says by now.
    let Some(kind) = prepare::begun_as(&steps)?.or_else(|| site.team.rules.kinds.get(&start.agent).cloned()) else {
        return give_up_early(engine, claim, &site, &row, &start, format!("there is no agent type `{}` in the configuration", start.agent))
            .await;
    };
    let mut session = match Session::open(engine, claim, &site, row, start, kind, steps).await? {
        Ok(session) => session,
        Err((row, start, why)) => return give_up_early(engine, claim, &site, &row, &start, why).await,
    };
    while let Pace::On = session.step().await? {}
    Ok(())
}

impl<'a> Session<'a> {
    async fn open(
        engine: &'a Engine,
        claim: &'a Claim,
        site: &'a Site<'a>,
        row: RunRow,
        start: StartRun,
        kind: AgentKind,
        mut steps: Vec<StepRow>,
    ) -> Result<std::result::Result<Session<'a>, (RunRow, StartRun, String)>> {
        let mirror = engine.mirror(site.project.id).await?;
        if steps.is_empty() {
            match prepare::prepare(engine, claim, site, &row, &start, &kind, &mirror).await {
                Ok(step) => steps.push(step),
                // Waiting would not make the repository smaller.
                Err(EngineError::Git(error @ GitError::Limit(_))) => return Ok(Err((row, start, error.to_string()))),
                Err(error) => return Err(error),
            }
        }
        let prepared: Prepared = serde_json::from_value(steps[0].result.clone().unwrap_or_default())?;
        let tree = TreeId(prepared.tree.clone());
        let head = prepared.base.clone();
        for commit in [Some(&prepared.base), prepared.compare.as_ref()].into_iter().flatten() {
            engine.bring(site, &mirror, commit).await?;
        }
        let unkept = Vec::new();
        let mut session =
            Session { engine, claim, site, row, start, kind, mirror, prepared, steps, desk: None, tree, head, commits: 0, unkept };
        if let Err(why) = session.merged_as_before().await? {
            return Ok(Err((session.row, session.start, why)));
        }
        if let Err(why) = session.catch_up().await? {
            return Ok(Err((session.row, session.start, why)));
        }
        Ok(Ok(session))
    }

    /// One step; before each, whoever wants the run to stop is heard.
    async fn step(&mut self) -> Result<Pace> {
        if self.engine.stopping.is_cancelled() {
            // Another instance goes on from here at once.
            let at = self.engine.clock.now();
            self.engine.store.release(self.claim, Release::Retry { at }).await?;
            return Ok(Pace::Rest);
        }
        if self.is_stopped().await? {
            self.engine.finish(self.claim).await?;
            return Ok(Pace::Rest);
        }
        if self.engine.stands_still(self.claim).await? {
            return Ok(Pace::Rest);
        }
        let talk = talk::rebuild(&self.prepared, &self.steps)?;
        if let Some(why) = self.over_cap(&talk) {
            return self.give_up(why, None).await;
        }
        match talk.pending.first().cloned() {
            Some(call) => self.call_tool(call).await,
            None => self.call_model(talk).await,
        }
    }

    async fn is_stopped(&self) -> Result<bool> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let stopped = self.is_stopped_in(&mut tx).await?;
        tx.rollback().await?;
        Ok(stopped)
    }

    /// Whoever paused or halted the run, its story or the project is heard in the transaction that claims the next step.
    async fn is_stopped_in(&self, tx: &mut ProjectTx) -> Result<bool> {
        let row = tx.run(self.row.id).await?;
        let runs = !row.stop_requested && matches!(row.state, RunState::Pending | RunState::Running);
        Ok(!runs || !guard::may_step(tx, self.row.subject).await?)
    }

    /// A sentence when a cap of the agent type is reached.
    fn over_cap(&self, talk: &talk::Talk) -> Option<String> {
        let caps = &self.kind.caps;
        let worked: i64 = self.steps.iter().filter_map(|step| Some(step.finished_at?.0 - step.started_at.0)).sum();
        let cost: Nano = self.steps.iter().map(|step| step.cost).sum();
        if talk.calls >= caps.max_steps {
            return Some(format!(
                "it used all {} model calls that an agent of type {} may make in one run",
                caps.max_steps, self.kind.name
            ));
        }
        if worked > i64::from(caps.max_minutes) * 60_000_000 {
            return Some(format!("it worked longer than {} minutes", caps.max_minutes));
        }
        if talk.tokens > caps.max_tokens {
            return Some(format!("it used more than {} tokens", caps.max_tokens));
        }
        if cost > caps.max_usd && caps.max_usd > Nano::ZERO {
            return Some(format!("it cost more than {}", caps.max_usd));
        }
        if [talk.failed_finishes, talk.idle, talk.malformed].into_iter().any(|count| count >= talk::MAX_REPAIRS) {
            return Some("its answers did not have the asked-for form, even after it was told what was wrong".into());
        }
        None
    }

    async fn begin(&self) -> Result<ProjectTx> {
        let mut tx = self.engine.store.begin(self.site.project.id).await?;
        tx.guard(self.claim).await?;
        Ok(tx)
    }

    /// Puts what was committed into the transaction that records it, for whoever goes on elsewhere.
    async fn keep_commits(&mut self, tx: &mut ProjectTx) -> Result<()> {
        for (commit, packed) in self.unkept.drain(..) {
            carry::keep(tx, &commit, &packed).await?;
        }
        Ok(())
    }

    fn next_seq(&self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }

    fn event(&self, kind: &str, payload: Value) -> NewEvent {
        run_event(self.engine, &self.row, &self.start, kind, payload)
    }
}

/// An entry for the record about a run; the agent is its actor.
fn run_event(engine: &Engine, row: &RunRow, start: &StartRun, kind: &str, payload: Value) -> NewEvent {
    NewEvent {
        kind: kind.to_owned(),
        actor: json!({"type": "agent", "id": row.agent.to_string(), "kind": start.agent, "name": start.name}),
        target: json!({"subject": row.subject.to_string(), "run": row.id.to_string(), "number": start.input.issue}),
        payload,
        causation: Some(row.id.to_string()),
        at: engine.clock.now(),
    }
}

/// Ends a run whose every try failed. What its steps recorded stays, and the story hears of it.
pub async fn give_up(engine: &Engine, claim: &Claim, why: String) -> Result<()> {
    let site = engine.site(claim).await?;
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let row = tx.run(RunId(claim.id)).await?;
    tx.rollback().await?;
    let start: StartRun = serde_json::from_value(row.input.clone())?;
    give_up_early(engine, claim, &site, &row, &start, why).await
}

/// A run that cannot even begin ends with a sentence like any other.
async fn give_up_early(engine: &Engine, claim: &Claim, site: &Site<'_>, row: &RunRow, start: &StartRun, why: String) -> Result<()> {
    let mut tx = engine.store.begin(site.project.id).await?;
    tx.guard(claim).await?;
    finish::record_end(engine, &mut tx, row, start, &super::gather::RunResult { gave_up: Some(why), ..Default::default() }).await?;
    tx.release(claim, Release::Done).await?;
    engine.commit(tx).await
}

/// A step as it reads once its result is recorded.
fn finished(step: StepRow, given: StepResult, at: Time) -> StepRow {
    StepRow {
        state: StepState::Done,
        result: Some(given.result),
        changes: given.changes,
        tree: given.tree,
        cost: given.cost,
        finished_at: Some(at),
        ..step
    }
}

/// Why a stored run cannot be read.
fn unreadable(what: &str) -> EngineError {
    EngineError::Setup(format!("a recorded step holds no {what}"))
}
