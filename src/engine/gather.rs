//! Gathering: everything a decision may need, read now. No transaction is open while the forge is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::base::Nano;
use crate::domain::agent::{Outcome, Purpose};
use crate::domain::approval::Person;
use crate::domain::command::{self, Command, ParseContext};
use crate::domain::forge::{Issue, Pull, Sha};
use crate::domain::guard::GuardFacts;
use crate::domain::marker;
use crate::domain::path::RepoPath;
use crate::domain::workflow::Effect;
use crate::domain::workflow::effect::StartRun;
use crate::domain::workflow::event::Checkpoint;
use crate::domain::workflow::facts::{Asked, LabelFacts, Limit, PlaceFacts, RunEnd, RunFacts, WorkFacts};
use crate::domain::workflow::intent::{Intent, Receipt, Wanted};
use crate::domain::workflow::label::Stage;
use crate::domain::workflow::{Facts, Story};
use crate::git::BranchName;
use crate::store::{EffectRow, ProjectTx, RunRow};

use super::turn::Peeked;
use super::world::{Site, is_program};
use super::{Engine, Result, manners, places};

mod config;
mod gate;
mod inform;
mod opened;
mod record;
mod steps;

pub use gate::gate_facts;
pub(in crate::engine) use steps::cause;

/// What an agent run left behind, beside what it said.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct RunResult {
    /// What `finish` was called with; `None` when the run gave up.
    pub outcome: Option<Value>,
    pub head: Option<Sha>,
    pub commits: u32,
    pub paths: Vec<String>,
    /// Why it gave up.
    pub gave_up: Option<String>,
    pub limit: Option<Limit>,
    /// What it asks a person.
    pub question: Option<String>,
}

/// Facts for one intent.
pub async fn facts(engine: &Engine, site: &Site<'_>, peeked: &Peeked, wanted: &Wanted) -> Result<Facts> {
    let story = &peeked.story;
    let stored = stored(engine, site, peeked, wanted).await?;
    let forge = &site.connection.forge;
    let suspect = stored.guard.suspect.is_some();
    let actor = match &wanted.actor {
        Some(user) if needs_role(story, &wanted.intent) => Some(site.person(user).await?),
        Some(user) => Some(Person { user: user.clone(), role: None, is_bot: is_program(user, site.connection.bot.id, &site.rules.policy) }),
        None => None,
    }
    .map(|person| Person { is_bot: person.is_bot || suspect, ..person });
    let issue = if peeked.is_story && needs_issue(&wanted.intent) { Some(forge.issue(&site.repo, peeked.number).await?) } else { None };
    let opened = opened::number(story, &wanted.intent);
    let pull = match story.pull.as_ref().map(|of| of.number).or(opened) {
        Some(number) if needs_pull(story, &wanted.intent) => Some(as_ordered(forge.pull(&site.repo, number).await?, &stored.edits)?),
        _ => None,
    };
    let gate = match &pull {
        Some(pull) if needs_gate(story) || opened.is_some() => Some(gate_facts(engine, site, story, pull.clone()).await?),
        _ => None,
    };
    let labels = match &wanted.intent {
        Intent::LabelsChanged { place } => BTreeMap::from([(place.number, label_facts(engine, site, place.number).await?)]),
        _ => match &pull {
            Some(pull) if opened.is_some() && opened::is_labelled(pull) => {
                BTreeMap::from([(pull.number, label_facts(engine, site, pull.number).await?)])
            }
            _ => BTreeMap::new(),
        },
    };
    let run = stored.run.as_ref().map(run_facts).transpose()?;
    let run = with_diff(engine, site, story, run).await?;
    let inform = inform::inform(engine, site, peeked, wanted).await?;
    Ok(Facts {
        now: engine.clock.now(),
        bot: site.connection.bot.clone(),
        repo: site.repo_now().await?,
        policy: inform::policy(site, &inform),
        crew: site.team.rules.crew(&peeked.subject.to_string()),
        shown: shown(engine, site, story, wanted).await?,
        branches: branches(engine, site, story, &wanted.intent).await?,
        actor,
        issue,
        pull,
        gate,
        labels_pending: stored.labels_pending,
        labels,
        run,
        spent: stored.spent,
        criteria: stored.criteria,
        work: stored.work,
        resolution: stored.resolution,
        record: stored.record,
        version: env!("CARGO_PKG_VERSION").into(),
        pulls_url: forge.web_url(&site.repo, "pulls/"),
        guard: stored.guard,
        places: stored.places,
        asked: stored.asked,
        inform,
    })
}

fn needs_role(story: &Story, intent: &Intent) -> bool {
    match intent {
        Intent::Commands { .. } | Intent::Reviewed { .. } => true,
        Intent::Remark { .. } => story.question.is_some(),
        _ => false,
    }
}

fn needs_issue(intent: &Intent) -> bool {
    matches!(intent, Intent::Commands { .. } | Intent::LabelsChanged { .. } | Intent::EffectDone { .. } | Intent::EffectFailed { .. })
}

fn needs_pull(story: &Story, intent: &Intent) -> bool {
    let relevant = match intent {
        Intent::Remark { .. } | Intent::IssueReopened => false,
        // Taking the label off goes on, which may mean the merge.
        Intent::LabelsChanged { .. } => !story.may_run(),
        _ => true,
    };
    relevant && story.stage.is_before_merge()
}

/// The gate matters while the plan or the merge waits for somebody.
fn needs_gate(story: &Story) -> bool {
    story.stage == Stage::Review
        || story.stage == Stage::Implementation
        || story.checkpoint.as_ref().is_some_and(|open| open.checkpoint == Checkpoint::Plan)
}

/// What the store knows.
struct Stored {
    run: Option<RunRow>,
    spent: Nano,
    criteria: Vec<String>,
    work: Option<WorkFacts>,
    resolution: Option<String>,
    record: Option<(i64, String)>,
    labels_pending: bool,
    guard: GuardFacts,
    /// Edits of the pull request that are ordered and not done yet.
    edits: Vec<EffectRow>,
    places: PlaceFacts,
    asked: Asked,
}

/// The pull request as it will be when the edits before this decision are done. Whatever is ordered now comes after them, so a draft that
/// is about to be none keeps nobody waiting; the merge itself looks again.
fn as_ordered(mut pull: Pull, edits: &[EffectRow]) -> Result<Pull> {
    for row in edits {
        if let Effect::EditPull { number, draft: Some(draft), .. } = serde_json::from_value(row.payload.clone())?
            && number == pull.number
        {
            pull.draft = draft;
        }
    }
    Ok(pull)
}

async fn stored(engine: &Engine, site: &Site<'_>, peeked: &Peeked, wanted: &Wanted) -> Result<Stored> {
    let story = &peeked.story;
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let run = match &wanted.intent {
        Intent::RunEnded { run, .. } | Intent::RunAsks { run } => Some(tx.run(*run).await?),
        _ => None,
    };
    let spent = tx.spent(peeked.subject).await?;
    let pending = tx.pending_effects(peeked.subject).await?;
    let labels_pending = matches!(wanted.intent, Intent::LabelsChanged { .. }) && pending.iter().any(|effect| effect.kind == "labels");
    let criteria = match story.criteria {
        Some(id) => criteria_of(&tx.run(id).await?)?,
        None => Vec::new(),
    };
    // The run whose outcome is being decided is newer than the one the story names.
    let code = run.as_ref().filter(|row| matches!(row.purpose.as_str(), "implement" | "fix")).map(|row| row.id).or(story.code);
    let mut work = match code {
        Some(id) => work_of(&tx.run(id).await?)?,
        None => None,
    };
    if let Some(work) = &mut work {
        work.paths = paths_of_branch(&tx.runs(peeked.subject).await?, &story.branch)?;
    }
    let guard = manners::facts(&mut tx, &site.rules.policy, site.connection.bot.id, peeked, wanted).await?;
    let resolution = match &wanted.intent {
        Intent::EffectDone { receipt: Receipt::Pushed { head }, .. } => resolution_of(&tx.runs(peeked.subject).await?, head)?,
        _ => None,
    };
    let places = match story.stage.is_active() {
        true => places::seen_by(&mut tx, peeked.subject, site.rules.policy.max_stories).await?,
        false => PlaceFacts::default(),
    };
    let asked = match &wanted.intent {
        Intent::Remark { .. } if story.question.is_some() => asked(&mut tx, peeked).await?,
        _ => Asked::Unknown,
    };
    tx.rollback().await?;
    let record = engine.store.chain_head(site.project.id).await?.map(|row| (i64::try_from(row.seq).unwrap_or(0) + 1, row.hash));
    let edits = pending.into_iter().filter(|effect| effect.kind == "edit-pull").collect();
    let spent = spent.spent + spent.reserved;
    Ok(Stored { run, spent, criteria, work, resolution, record, labels_pending, guard, edits, places, asked })
}

/// Where the open question stands: only what is written after it can answer it.
async fn asked(tx: &mut ProjectTx, peeked: &Peeked) -> Result<Asked> {
    let Some(name) = &peeked.story.loops.question else { return Ok(Asked::Unknown) };
    if let Some(id) = tx.object("comment", name).await?.and_then(|row| row.data.get("id").and_then(Value::as_i64)) {
        return Ok(Asked::As(id));
    }
    let is_it = |payload: &Value| match serde_json::from_value(payload.clone()) {
        Ok(Effect::Comment { number, key, .. }) => format!("{number}.{key}") == *name,
        _ => false,
    };
    let pending = tx.pending_effects(peeked.subject).await?.iter().any(|effect| is_it(&effect.payload));
    Ok(if pending { Asked::Pending } else { Asked::Unknown })
}

/// What a finished run left.
pub fn result_of(row: &RunRow) -> Result<RunResult> {
    Ok(row.outcome.clone().map(serde_json::from_value).transpose()?.unwrap_or_default())
}

/// The outcome of a finished run; `None` when there is none or it does not fit its schema any more.
pub fn outcome_of(row: &RunRow) -> Result<Option<Outcome>> {
    let (Some(value), Ok(purpose)) = (result_of(row)?.outcome, row.purpose.parse()) else {
        return Ok(None);
    };
    Ok(Outcome::read(purpose, &value).ok())
}

/// The acceptance criteria that an analysis wrote.
pub fn criteria_of(row: &RunRow) -> Result<Vec<String>> {
    Ok(match outcome_of(row)? {
        Some(Outcome::Analyse(analysis)) => analysis.criteria,
        _ => Vec::new(),
    })
}

fn work_of(row: &RunRow) -> Result<Option<WorkFacts>> {
    let result = result_of(row)?;
    Ok(match outcome_of(row)? {
        Some(Outcome::Implement(work) | Outcome::Fix(work)) => {
            Some(WorkFacts { summary: work.summary, notes: work.notes, paths: result.paths, commits: result.commits })
        }
        _ => None,
    })
}

/// What the run that made this merge commit said about it.
fn resolution_of(runs: &[RunRow], head: &Sha) -> Result<Option<String>> {
    for row in runs.iter().filter(|row| row.purpose == Purpose::Merge.as_str()) {
        if result_of(row)?.head.as_ref() == Some(head)
            && let Some(Outcome::Merge(resolution)) = outcome_of(row)?
        {
            return Ok(Some(resolution.summary));
        }
    }
    Ok(None)
}

/// The files that a plan names.
pub async fn planned_paths(engine: &Engine, site: &Site<'_>, plan: crate::base::ids::RunId) -> Result<Vec<RepoPath>> {
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let row = tx.run(plan).await?;
    tx.rollback().await?;
    Ok(match outcome_of(&row)? {
        Some(Outcome::Design(design)) => design.files.iter().filter_map(|file| RepoPath::parse(&file.path).ok()).collect(),
        _ => Vec::new(),
    })
}

/// Every path that a run changed on this branch.
fn paths_of_branch(runs: &[RunRow], branch: &str) -> Result<Vec<String>> {
    let mut paths = BTreeSet::new();
    for row in runs.iter().filter(|row| matches!(row.purpose.as_str(), "implement" | "fix")) {
        let start: StartRun = serde_json::from_value(row.input.clone())?;
        if start.input.branch == branch {
            paths.extend(result_of(row)?.paths);
        }
    }
    Ok(paths.into_iter().collect())
}

fn run_facts(row: &RunRow) -> Result<RunFacts> {
    let result = result_of(row)?;
    let started = serde_json::from_value(row.input.clone())?;
    let end = match (outcome_of(row)?, result.question, result.gave_up) {
        (_, _, Some(why)) => RunEnd::GaveUp { why, limit: result.limit },
        (Some(outcome), _, _) => {
            RunEnd::Outcome { outcome: Box::new(outcome), head: result.head, commits: result.commits, paths: result.paths, diff: None }
        }
        (None, Some(question), _) => RunEnd::Asks { question },
        (None, None, None) => RunEnd::GaveUp { why: "its result cannot be read any more".into(), limit: None },
    };
    Ok(RunFacts { started, end })
}

/// Where a person has to see code before it is pushed, the change itself is a fact.
async fn with_diff(engine: &Engine, site: &Site<'_>, story: &Story, run: Option<RunFacts>) -> Result<Option<RunFacts>> {
    let Some(mut run) = run else { return Ok(None) };
    if story.autonomy == crate::domain::workflow::label::Autonomy::FullControl
        && let RunEnd::Outcome { head: Some(head), diff, commits, .. } = &mut run.end
        && *commits > 0
    {
        let mirror = engine.mirror(site.project.id).await?;
        let base = match (&story.head, BranchName::parse(&story.base_branch)) {
            (Some(base), _) => Some(base.clone()),
            // Nothing of this branch is on the forge yet.
            (None, Ok(branch)) => mirror.branch_head(&branch).await?,
            (None, Err(_)) => None,
        };
        if let Some(base) = base {
            engine.bring(site, &mirror, &base).await?;
            engine.bring(site, &mirror, head).await?;
            *diff = Some(mirror.diff(&base, head, 40_000).await?);
        }
    }
    Ok(Some(run))
}

async fn label_facts(engine: &Engine, site: &Site<'_>, number: i64) -> Result<LabelFacts> {
    let forge = &site.connection.forge;
    let issue: Issue = forge.issue(&site.repo, number).await?;
    let mut changes = forge.label_changes(&site.repo, number).await?;
    changes.reverse();
    let mut people = Vec::new();
    let actors: BTreeMap<i64, _> = changes.iter().map(|change| (change.actor.id, &change.actor)).collect();
    for user in actors.into_values().filter(|user| user.id != site.connection.bot.id) {
        people.push(site.person(user).await?);
    }
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let confirmed = tx.object("labels", &number.to_string()).await?;
    tx.rollback().await?;
    let confirmed = confirmed.map(|row| serde_json::from_value(row.data)).transpose()?.unwrap_or_default();
    Ok(LabelFacts { now: issue.labels.into_iter().collect(), confirmed, changes, people })
}

/// Which checkpoints the bot had shown before the comment was written: a bare `approve` can mean no other.
async fn shown(engine: &Engine, site: &Site<'_>, story: &Story, wanted: &Wanted) -> Result<Option<BTreeSet<String>>> {
    let Intent::Commands { body, written_at, place, comment: asking, .. } = &wanted.intent else {
        return Ok(None);
    };
    let parsed = command::parse(body, &ParseContext { bot_login: &site.connection.bot.login });
    if story.checkpoint.is_none() || !parsed.runnable().iter().any(|(_, command)| matches!(command, Command::Approve { hash: None })) {
        return Ok(None);
    }
    let mut numbers = BTreeSet::from([place.number, story.issue]);
    numbers.extend(story.pull.as_ref().map(|pull| pull.number));
    let mut keys = BTreeSet::new();
    for number in numbers {
        for comment in site.connection.forge.comments(&site.repo, number).await? {
            // Ids grow with every comment; a clock that was set back does not.
            let before = comment.created_at <= *written_at || comment.id < *asking;
            let ours = comment.author.id == site.connection.bot.id && before;
            if let Some(marker) = marker::find(&comment.body).filter(|marker| ours && marker.is_genuine(&engine.marker_key))
                && let Some((_, key)) = marker.object.split_once("checkpoint.")
            {
                // What follows the version counts how often it was asked for.
                keys.insert(key.splitn(3, '.').take(2).collect::<Vec<_>>().join("."));
            }
        }
    }
    Ok(Some(keys))
}

/// Branch names that are taken, when a new one is about to be chosen; those that stand, when one is said to be deleted.
async fn branches(engine: &Engine, site: &Site<'_>, story: &Story, intent: &Intent) -> Result<BTreeSet<String>> {
    let may_start = (!story.stage.is_active() || story.stage == Stage::Testing)
        && matches!(intent, Intent::Commands { .. } | Intent::LabelsChanged { .. });
    let is_gone = matches!(intent, Intent::BranchDeleted { branch } if *branch == story.branch);
    if !may_start && !is_gone {
        return Ok(BTreeSet::new());
    }
    let mirror = engine.mirror(site.project.id).await?;
    mirror.fetch(&site.remote()).await?;
    let mut taken: BTreeSet<String> = mirror.branches().await?.into_iter().map(|(name, _)| name.as_str().to_owned()).collect();
    if may_start {
        // A branch that was deleted after its story keeps its name in the record.
        taken.insert(story.branch.clone());
    }
    Ok(taken)
}
