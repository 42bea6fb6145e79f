//! Gathering: everything a decision may need, read now. No transaction is open while the forge is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::base::Nano;
use crate::domain::agent::Outcome;
use crate::domain::approval::{GateFacts, Person};
use crate::domain::command::{self, Command, ParseContext};
use crate::domain::forge::{CommitInfo, Issue, Pull, Review, Sha, Verdict};
use crate::domain::marker;
use crate::domain::path::{RepoPath, glob};
use crate::domain::workflow::effect::StartRun;
use crate::domain::workflow::event::Checkpoint;
use crate::domain::workflow::facts::{LabelFacts, Limit, RunEnd, RunFacts, WorkFacts};
use crate::domain::workflow::intent::{Intent, Wanted};
use crate::domain::workflow::label::{Flag, Stage};
use crate::domain::workflow::{Facts, Story};
use crate::store::{Claim, RunRow};
use crate::tool::PathPolicy;

use super::turn::Peeked;
use super::world::Site;
use super::{Engine, EngineError, Result};

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
pub async fn facts(engine: &Engine, claim: &Claim, peeked: &Peeked, wanted: &Wanted) -> Result<Facts> {
    let site = engine.site(claim).await?;
    let story = &peeked.story;
    let stored = stored(engine, &site, peeked, wanted).await?;
    let forge = &site.connection.forge;
    let actor = match &wanted.actor {
        Some(user) if needs_role(story, &wanted.intent) => Some(site.person(user).await?),
        Some(user) => Some(Person { user: user.clone(), role: None, is_bot: user.id == site.connection.bot.id }),
        None => None,
    };
    let issue = if peeked.is_story && needs_issue(&wanted.intent) { Some(forge.issue(&site.repo, peeked.number).await?) } else { None };
    let pull = match &story.pull {
        Some(of) if needs_pull(story, &wanted.intent) => Some(forge.pull(&site.repo, of.number).await?),
        _ => None,
    };
    let gate = match &pull {
        Some(pull) if needs_gate(story) => Some(gate_facts(engine, &site, story, pull.clone()).await?),
        _ => None,
    };
    let labels = match &wanted.intent {
        Intent::LabelsChanged { place } => BTreeMap::from([(place.number, label_facts(engine, &site, place.number).await?)]),
        _ => BTreeMap::new(),
    };
    let run = stored.run.as_ref().map(run_facts).transpose()?;
    let run = with_diff(engine, &site, story, run).await?;
    Ok(Facts {
        now: engine.clock.now(),
        bot: site.connection.bot.clone(),
        repo: site.repo_now().await?,
        policy: site.rules.policy.clone(),
        crew: engine.rules.crew(&peeked.subject.to_string()),
        shown: shown(engine, &site, story, wanted).await?,
        branches: branches(engine, &site, story, &wanted.intent).await?,
        actor,
        issue,
        pull,
        gate,
        labels_pending: stored.labels_pending,
        labels,
        run,
        own_pushes: BTreeSet::new(),
        spent: stored.spent,
        criteria: stored.criteria,
        work: stored.work,
        record: stored.record,
        version: env!("CARGO_PKG_VERSION").into(),
        web_url: forge.web_url(&site.repo, "").trim_end_matches('/').to_owned(),
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
    matches!(intent, Intent::Commands { .. } | Intent::LabelsChanged { .. } | Intent::EffectDone { .. })
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
    record: Option<(i64, String)>,
    labels_pending: bool,
}

async fn stored(engine: &Engine, site: &Site<'_>, peeked: &Peeked, wanted: &Wanted) -> Result<Stored> {
    let story = &peeked.story;
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let run = match &wanted.intent {
        Intent::RunEnded { run, .. } | Intent::RunAsks { run } => Some(tx.run(*run).await?),
        _ => None,
    };
    let spent = tx.spent(peeked.subject).await?;
    let labels_pending = match &wanted.intent {
        Intent::LabelsChanged { .. } => tx.pending_effects(peeked.subject).await?.iter().any(|effect| effect.kind == "labels"),
        _ => false,
    };
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
    tx.rollback().await?;
    let record = engine.store.chain_head(site.project.id).await?.map(|row| (i64::try_from(row.seq).unwrap_or(0) + 1, row.hash));
    Ok(Stored { run, spent: spent.spent + spent.reserved, criteria, work, record, labels_pending })
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
        && let Some(base) = &story.head
    {
        let mirror = engine.mirror(site.project.id).await?;
        engine.bring(site, &mirror, base).await?;
        engine.bring(site, &mirror, head).await?;
        *diff = Some(mirror.diff(base, head, 40_000).await?);
    }
    Ok(Some(run))
}

/// The gate's view of a pull request, read now.
pub async fn gate_facts(engine: &Engine, site: &Site<'_>, story: &Story, pull: Pull) -> Result<GateFacts> {
    let forge = &site.connection.forge;
    let (reviews, commits, ci) = tokio::try_join!(
        forge.reviews(&site.repo, pull.number),
        forge.pull_commits(&site.repo, pull.number),
        forge.ci(&site.repo, &pull.head.sha),
    )?;
    let people = people(site, story, &reviews).await?;
    let head = story.head.clone().unwrap_or_else(|| pull.head.sha.clone());
    let protected = protected_paths(engine, site, &pull, &head).await?;
    Ok(GateFacts {
        autonomy: story.autonomy,
        authors: authors(&commits, &people, site.connection.bot.id).union(&story.pushers).copied().collect(),
        people,
        head,
        reviews,
        commands: story.votes.clone(),
        plan_head: story.plan.as_ref().map(|plan| plan.head.clone()),
        requester: story.requester.clone(),
        one_person_team: site.rules.policy.one_person_team,
        ci,
        stopped: !story.may_run() || story.flags.contains(&Flag::OverBudget),
        open_findings: story.open_findings,
        protected,
        pull,
    })
}

async fn people(site: &Site<'_>, story: &Story, reviews: &[Review]) -> Result<Vec<Person>> {
    let speakers = reviews.iter().filter(|review| matches!(review.verdict, Verdict::Approved | Verdict::ChangesRequested));
    let users: BTreeMap<i64, _> =
        speakers.map(|review| &review.author).chain(story.votes.iter().map(|(user, _)| user)).map(|user| (user.id, user)).collect();
    let mut people = Vec::new();
    for user in users.into_values() {
        people.push(site.person(user).await?);
    }
    Ok(people)
}

/// Everybody who made a commit: author, committer, and those whom a trailer names as co-author.
fn authors(commits: &[CommitInfo], people: &[Person], bot: i64) -> BTreeSet<i64> {
    let mut ids: BTreeSet<i64> =
        commits.iter().flat_map(|commit| commit.author.iter().chain(&commit.committer)).map(|user| user.id).collect();
    for person in people {
        let named = commits
            .iter()
            .flat_map(|commit| commit.message.lines())
            .filter_map(co_author)
            .any(|mailbox| belongs_to(&mailbox, &person.user.login));
        if named {
            ids.insert(person.user.id);
        }
    }
    ids.remove(&bot);
    ids
}

fn co_author(line: &str) -> Option<String> {
    let (key, value) = line.split_once(':')?;
    key.trim().eq_ignore_ascii_case("co-authored-by").then(|| value.trim().to_lowercase())
}

/// Forges give people no-reply addresses made of id and login; a display name equal to the login counts as well.
fn belongs_to(mailbox: &str, login: &str) -> bool {
    let login = login.to_lowercase();
    let (name, address) = mailbox.split_once('<').unwrap_or(("", mailbox));
    let local = address.trim_end_matches('>').split('@').next().unwrap_or_default();
    name.trim() == login || local == login || local.rsplit_once('+').is_some_and(|(_, user)| user == login)
}

/// Paths that the branch changes and that are protected.
async fn protected_paths(engine: &Engine, site: &Site<'_>, pull: &Pull, head: &Sha) -> Result<Vec<String>> {
    let mirror = engine.mirror(site.project.id).await?;
    let base = match mirror.merge_base(&pull.base.sha, head).await {
        Ok(base) => base,
        // The base moved since the last fetch.
        Err(_) => {
            mirror.fetch(&site.remote()).await?;
            mirror.merge_base(&pull.base.sha, head).await?
        }
    };
    let Some(base) = base else { return Ok(Vec::new()) };
    let changed = mirror.changed_paths(&base, head).await?;
    let guarded = PathPolicy::new(true).protect(&site.rules.protected).map_err(|error| EngineError::Setup(error.to_string()))?.protected;
    let hit = |path: &String| RepoPath::parse(path).map_or(true, |path| glob::first_match(&guarded, &path).is_some());
    Ok(changed.into_iter().filter(hit).collect())
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
    let Intent::Commands { body, written_at, place, .. } = &wanted.intent else {
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
            let ours = comment.author.id == site.connection.bot.id && comment.created_at <= *written_at;
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

/// Branch names that are taken, when a new one is about to be chosen.
async fn branches(engine: &Engine, site: &Site<'_>, story: &Story, intent: &Intent) -> Result<BTreeSet<String>> {
    let may_start = !story.stage.is_active() && matches!(intent, Intent::Commands { .. } | Intent::LabelsChanged { .. });
    if !may_start {
        return Ok(BTreeSet::new());
    }
    let mirror = engine.mirror(site.project.id).await?;
    mirror.fetch(&site.remote()).await?;
    let mut taken: BTreeSet<String> = mirror.branches().await?.into_iter().map(|(name, _)| name.as_str().to_owned()).collect();
    // A branch that was deleted after its story keeps its name in the record.
    taken.insert(story.branch.clone());
    Ok(taken)
}
