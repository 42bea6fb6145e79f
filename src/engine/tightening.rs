//! What a repository says about itself in the `.syndarix.toml` of its default branch. It is read when that branch is pushed to and whenever
//! the repository is looked at, kept with the project, and laid over the administrator's rules each time those are asked for: it can make
//! them tighter and nothing else. A file that is no TOML leaves the last one in force.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::base::ids::ProjectId;
use crate::base::text::sha256_hex;
use crate::config::ConfigError;
use crate::config::repository::{self, FILE, RepositoryFile};
use crate::config::shape;
use crate::config::standing::short;
use crate::domain::forge::{CiState, EventKind, Sha};
use crate::domain::path::RepoPath;
use crate::domain::tighten::{Bounds, Tightened, tighten};
use crate::forge::ForgeError;
use crate::store::{Claim, NewEvent, WorkKind};

use super::team::{CONTEXT, Status, first_of};
use super::turn::NOTES;
use super::world::{ProjectRules, Site};
use super::{Engine, EngineError, Result};

mod pulls;

pub use pulls::{ask, is_to_be_judged, judge};

/// Kind of the rows.
const KIND: &str = "config";
const ROW: &str = "repository";

/// What is kept with the project.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Hash of the file.
    blob: String,
    commit: String,
    text: String,
}

/// What was looked at last.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Seen {
    head: String,
    /// Hash of the file; `None`: there was none.
    blob: Option<String>,
    mistakes: Vec<String>,
}

/// Rules with what a repository says about itself.
pub struct Laid {
    pub rules: ProjectRules,
    /// The lines that are not taken, with their places.
    pub refused: Vec<ConfigError>,
}

/// Lays what is kept of a repository over the administrator's rules.
pub fn lay(base: &ProjectRules, kept: &str) -> Laid {
    let kept = serde_json::from_str::<Kept>(kept).ok().and_then(|kept| Some((repository::read(&kept.text).ok()?, kept.commit)));
    match kept {
        Some((file, commit)) => over(base, &file, &commit),
        // Written by a newer program that reads it otherwise.
        None => Laid { rules: base.clone(), refused: Vec::new() },
    }
}

fn over(base: &ProjectRules, file: &RepositoryFile, commit: &str) -> Laid {
    let Tightened { bounds, taken, refused } = tighten(&bounds(base), &file.wish);
    let mut rules = with(base.clone(), bounds);
    let names = shape::named("repository").map_or(&[][..], |file| file.keys).iter().map(|key| key.name);
    for name in names.filter(|name| taken.iter().any(|key| key.split('.').next() == Some(*name))) {
        rules.sources.insert(name, format!("{FILE} at {}", short(commit)));
    }
    let mut mistakes = file.mistakes.clone();
    mistakes.extend(refused.iter().map(|refusal| file.located(refusal)));
    mistakes.sort_by_key(|mistake| mistake.at);
    Laid { rules, refused: mistakes }
}

fn bounds(rules: &ProjectRules) -> Bounds {
    let policy = &rules.policy;
    Bounds {
        autonomy: policy.autonomy,
        ceiling: policy.ceiling,
        one_person_team: policy.one_person_team,
        writers: policy.writers.clone(),
        listed_bots: policy.listed_bots.clone(),
        bots: policy.bots.clone(),
        budget: rules.limits,
        protected: rules.protected.clone(),
        fix_tries: policy.max_ci_fixes,
        max_stories: policy.max_stories,
        limits: policy.limits.clone(),
        inward: rules.link.as_ref().is_some_and(|link| link.inward),
        outward: rules.link.as_ref().is_some_and(|link| link.outward),
    }
}

fn with(mut rules: ProjectRules, bounds: Bounds) -> ProjectRules {
    let policy = &mut rules.policy;
    (policy.autonomy, policy.ceiling, policy.one_person_team) = (bounds.autonomy, bounds.ceiling, bounds.one_person_team);
    (policy.writers, policy.listed_bots, policy.bots) = (bounds.writers, bounds.listed_bots, bounds.bots);
    (policy.soft_budget, policy.hard_budget) = (Some(bounds.budget.soft), Some(bounds.budget.hard));
    (policy.max_ci_fixes, policy.max_stories, policy.limits) = (bounds.fix_tries, bounds.max_stories, bounds.limits);
    (rules.limits, rules.protected) = (bounds.budget, bounds.protected);
    if let Some(link) = &mut rules.link {
        (link.inward, link.outward) = (bounds.inward, bounds.outward);
    }
    rules
}

/// Item of work under which one project's file is looked at.
pub fn item(project: ProjectId) -> Uuid {
    Uuid::from_u128(project.0.as_u128() ^ 0x7469_6768_7465_6e00)
}

/// Whether this event may have changed the file.
pub fn is_told_by(event: &EventKind, default_branch: &str) -> bool {
    matches!(event, EventKind::Push { branch, .. } if branch == default_branch)
}

/// The file may have changed: it is due for a look.
pub async fn wake(engine: &Engine, project: ProjectId) -> Result<()> {
    Ok(engine.store.schedule(WorkKind::Look, item(project), Some(project), None, None).await?)
}

/// The look that is due, at the file and at the pull requests that change it.
pub async fn handle(engine: &Engine, claim: &Claim, project: ProjectId) -> Result<()> {
    engine.hold(claim, engine.timings.call * 4).await?;
    let site = engine.site_of(project).await?;
    look(engine, &site).await?;
    pulls::judge(engine, &site).await?;
    engine.finish(claim).await
}

/// Reads the file if the default branch has moved since it was read last.
pub async fn look(engine: &Engine, site: &Site<'_>) -> Result<()> {
    let project = site.project.id;
    let Some(head) = site.connection.forge.branch_head(&site.repo, &site.project.default_branch).await? else { return Ok(()) };
    let mut tx = engine.store.begin_read(project).await?;
    let seen = tx.object(KIND, ROW).await?.map(|row| serde_json::from_value::<Seen>(row.data)).transpose()?;
    // Where nothing ever happened there is no record to speak of.
    let is_idle = tx.subjects("story").await?.is_empty();
    tx.rollback().await?;
    if seen.as_ref().is_some_and(|seen| seen.head == head.0) {
        return Ok(());
    }
    // Most repositories have no such file, and are not fetched for it.
    let bytes = match site.connection.forge.has_file(&site.repo, &site.project.default_branch, FILE).await? {
        true => {
            let mirror = engine.mirror(project).await?;
            engine.bring(site, &mirror, &head).await?;
            mirror.read_file(&head, &RepoPath::parse(FILE).map_err(crate::git::GitError::from)?).await?
        }
        false => None,
    };
    let blob = bytes.as_deref().map(sha256_hex);
    let before = seen.unwrap_or_default();
    if before.blob == blob {
        return note(engine, project, &Seen { head: head.0, ..before }, None).await;
    }
    let found = bytes.as_deref().map(readable);
    let mistakes = match &found {
        None => {
            engine.store.set_tightening(project, None).await?;
            Vec::new()
        }
        Some(Ok((file, text))) => {
            let kept = Kept { blob: blob.clone().unwrap_or_default(), commit: head.0.clone(), text: text.clone() };
            engine.store.set_tightening(project, Some(&serde_json::to_string(&kept)?)).await?;
            let base = site.team.rules.of(&site.project);
            over(base, file, &head.0).refused
        }
        // The last one that could be read stays in force.
        Some(Err(errors)) => errors.clone(),
    };
    let sentences: Vec<String> = mistakes.iter().map(|mistake| engine.redactor.mask(&mistake.brief())).collect();
    for sentence in &sentences {
        tracing::warn!(project.path = site.project.path, commit = head.0, "{sentence}");
    }
    let entry = json!({"commit": head.0, "file_sha256": blob, "mistakes": sentences.len()});
    let now = Seen { head: head.0.clone(), blob, mistakes: sentences };
    note(engine, project, &now, (!is_idle).then_some(entry)).await?;
    match &found {
        None => Ok(()),
        Some(found) => tell(engine, site, &head, found.is_ok(), &mistakes).await,
    }
}

/// The file as far as it can be read.
fn readable(bytes: &[u8]) -> std::result::Result<(RepositoryFile, String), Vec<ConfigError>> {
    let whole = |message: String| vec![ConfigError::whole(FILE, message)];
    if bytes.len() as u64 > repository::MOST_BYTES {
        return Err(whole(format!("it has {} bytes; {} are read at most", bytes.len(), repository::MOST_BYTES)));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| whole("it is not text in UTF-8".to_owned()))?;
    Ok((repository::read(text)?, text.to_owned()))
}

/// Keeps what was seen, with an entry for the record.
async fn note(engine: &Engine, project: ProjectId, seen: &Seen, entry: Option<Value>) -> Result<()> {
    let mut tx = engine.store.begin(project).await?;
    if let Some(payload) = entry {
        let event = NewEvent {
            kind: "config.repository".into(),
            actor: json!({"type": "syndarix", "id": "engine"}),
            target: json!({}),
            payload,
            causation: None,
            at: engine.clock.now(),
        };
        tx.append(NOTES, project.0, None, &[event]).await?;
    }
    tx.put_object(KIND, ROW, &serde_json::to_value(seen)?, None).await?;
    engine.commit(tx).await
}

/// Says on a commit what became of its file. A forge that does not let the bot say it keeps nothing from holding.
async fn tell(engine: &Engine, site: &Site<'_>, commit: &Sha, is_read: bool, mistakes: &[ConfigError]) -> Result<()> {
    let tail = if is_read { "" } else { "; the last readable file holds" };
    let (state, sentence) = match mistakes {
        [] => (CiState::Success, format!("{FILE} holds together and loosens nothing")),
        mistakes => (CiState::Failure, first_of(mistakes, tail)),
    };
    let status = Status { context: CONTEXT, state, sentence: &sentence };
    match status.set(engine, site.connection, &site.repo, commit).await {
        Err(EngineError::Forge(error @ (ForgeError::Forbidden(_) | ForgeError::NotAllowed(_)))) => {
            tracing::warn!(project.path = site.project.path, commit = commit.0, "the status of {FILE} cannot be set: {error}");
            Ok(())
        }
        other => other,
    }
}

/// The mistakes of the file as it was read last, for people.
pub async fn mistakes(engine: &Engine, project: ProjectId) -> Result<Vec<String>> {
    let mut tx = engine.store.begin_read(project).await?;
    let seen = tx.object(KIND, ROW).await?;
    tx.rollback().await?;
    Ok(seen.map(|row| serde_json::from_value::<Seen>(row.data)).transpose()?.unwrap_or_default().mistakes)
}
