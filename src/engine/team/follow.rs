//! From the newest commit to the configuration in force. Nothing is written down before a commit holds together, and what is written down
//! after that (the kept commit, the row, the entries of the record) is written again by whoever finds it missing: a crash anywhere leaves
//! the old configuration or the new one.

use serde_json::json;

use crate::config::standing::short;
use crate::config::{Config, ConfigError, ConfigErrors, Settings, Standing};
use crate::domain::forge::Sha;
use crate::git::{GitError, Mirror};
use crate::store::{NewEvent, Store};

use super::super::turn::NOTES;
use super::super::{Engine, EngineError, Result, crash};
use super::place::GOOD;
use super::{KIND, Place, Source};

/// What a start found.
pub struct First {
    pub config: Config,
    pub commit: Sha,
    /// The newest commit and its mistakes, if it could be asked for.
    pub checked: Option<(Sha, Option<ConfigErrors>)>,
}

/// The configuration to begin with: the newest commit if it holds together, else the last one that did. An error is a sentence: there is
/// none, and beginning with another than the configured team would loosen its rules.
pub async fn first(
    place: &Place,
    mirror: &Mirror,
    store: &Store,
    settings: &Settings,
    standing: &Standing,
) -> std::result::Result<First, String> {
    let newest = match newest(place, mirror).await {
        Ok(Some(commit)) => Some(commit),
        Ok(None) => {
            standing.set(|now| now.unreachable = Some("nothing was pushed there yet".into()));
            None
        }
        Err(error) => {
            standing.set(|now| now.unreachable = Some(error.to_string()));
            None
        }
    };
    let mut checked = None;
    if let Some(commit) = newest {
        match place.config(mirror, &commit, settings, true).await.map_err(|error| error.to_string())? {
            Ok(config) => return Ok(First { config, commit: commit.clone(), checked: Some((commit, None)) }),
            Err(errors) => {
                refused(standing, &commit, &errors);
                checked = Some((commit, Some(errors)));
            }
        }
    }
    let why = standing.get();
    for commit in good(place, mirror, store).await.map_err(|error| error.to_string())? {
        if let Ok(Ok(config)) = place.config(mirror, &commit, settings, true).await {
            return Ok(First { config, commit, checked });
        }
    }
    let why = why.trouble().unwrap_or_default();
    Err(format!(
        "there is no configuration to begin with: {why}. Mend it there, or take `config_repo` out of the settings to begin with the built-in team"
    ))
}

/// The commits that held together last, by the mirror and by the database, which may know it when the data directory is new.
async fn good(place: &Place, mirror: &Mirror, store: &Store) -> Result<Vec<Sha>> {
    let mut found: Vec<Sha> = mirror.kept(GOOD).await?.into_iter().collect();
    let mut tx = store.begin_read(Store::SYSTEM).await?;
    let row = tx.object(KIND, &format!("good.{}", place.key())).await?;
    tx.rollback().await?;
    if let Some(commit) = row.and_then(|row| row.data["commit"].as_str().map(|id| Sha(id.to_owned())))
        && mirror.has(&commit).await?
        && !found.contains(&commit)
    {
        found.push(commit);
    }
    Ok(found)
}

/// The newest commit of the default branch, brought into the mirror.
pub async fn newest(place: &Place, mirror: &Mirror) -> std::result::Result<Option<Sha>, GitError> {
    let Some((_, head)) = mirror.remote_default(&place.remote).await? else { return Ok(None) };
    if !mirror.has(&head).await? {
        mirror.fetch(&place.remote).await?;
    }
    Ok(Some(head))
}

fn refused(standing: &Standing, commit: &Sha, errors: &ConfigErrors) {
    let mistakes = errors.0.iter().map(ConfigError::brief).collect();
    standing.set(|now| (now.refused, now.unreachable) = (Some((commit.0.clone(), mistakes)), None));
}

/// Looks at the newest commit and puts it in force if it holds together. Gives the newest commit with its mistakes; `None`: the repository
/// could not be asked, which is kept in the standing.
pub async fn follow(engine: &Engine) -> Result<Option<(Sha, Option<ConfigErrors>)>> {
    let Some(source) = &engine.source else { return Ok(None) };
    let mut checked = source.checked.lock().await;
    let mirror = source.place.mirror(&engine.data, engine.fetch).await?;
    let head = match newest(&source.place, &mirror).await {
        Ok(Some(head)) => head,
        Ok(None) => return Ok(unreachable(source, "nothing was pushed there yet".into())),
        Err(error) => return Ok(unreachable(source, engine.redactor.mask(&error.to_string()))),
    };
    source.standing.set(|now| now.unreachable = None);
    if let Some((commit, errors)) = checked.as_ref()
        && *commit == head
    {
        let found = (commit.clone(), errors.clone());
        if found.1.is_none() && engine.hot.get().commit.as_ref() == Some(&head) {
            keep(engine, source, &mirror, &head).await?;
        }
        return Ok(Some(found));
    }
    let built = match source.place.config(&mirror, &head, &source.settings, true).await? {
        Ok(config) => {
            Ok((source.build)(&config, Some(&head)).map_err(|why| ConfigErrors(vec![ConfigError::whole("the configuration", why)])))
        }
        Err(errors) => Err(errors),
    };
    crash::point("config-read");
    match built.and_then(|built| built) {
        Ok(next) => {
            let before = engine.hot.set(next).commit.clone();
            source.standing.set(|now| {
                now.refused = None;
                now.in_force = Some(head.0.clone());
                now.since = Some(engine.clock.now());
            });
            tracing::warn!(
                place = source.place.shown,
                commit = head.0,
                before = before.map(|sha| sha.0),
                "a new configuration is in force"
            );
            *checked = Some((head.clone(), None));
            crash::point("config-applied");
            keep(engine, source, &mirror, &head).await?;
        }
        Err(errors) => {
            refused(&source.standing, &head, &errors);
            tracing::error!(alarm = "config-refused", "{}", engine.redactor.mask(&source.standing.get().trouble().unwrap_or_default()));
            *checked = Some((head.clone(), Some(errors)));
        }
    }
    Ok(checked.clone())
}

fn unreachable(source: &Source, why: String) -> Option<(Sha, Option<ConfigErrors>)> {
    if source.standing.get().unreachable.is_none() {
        tracing::warn!(place = source.place.shown, "the repository of the configuration cannot be asked, so what is in force stays: {why}");
    }
    source.standing.set(|now| now.unreachable = Some(why));
    None
}

/// Remembers a commit in force for the next start, and has every project's record say so.
async fn keep(engine: &Engine, source: &Source, mirror: &Mirror, commit: &Sha) -> Result<()> {
    if mirror.kept(GOOD).await?.as_ref() != Some(commit) {
        mirror.keep(GOOD, commit).await?;
    }
    let (key, value) = (format!("good.{}", source.place.key()), json!({"commit": commit.0}));
    let mut tx = engine.store.begin(Store::SYSTEM).await?;
    if tx.object(KIND, &key).await?.is_some_and(|row| row.data == value) {
        tx.rollback().await?;
    } else {
        tx.put_object(KIND, &key, &value, None).await?;
        engine.commit(tx).await?;
    }
    record(engine, source, mirror, commit).await
}

/// One entry for each project that ever had a story, by whichever instance is first. One that lags behind does not say again what was replaced since.
pub async fn record(engine: &Engine, source: &Source, mirror: &Mirror, commit: &Sha) -> Result<()> {
    for project in engine.store.projects().await? {
        let mut tx = engine.store.begin_read(project.id).await?;
        let known = tx.object(KIND, "in-force").await?;
        // Where nothing ever happened there is no record to speak of.
        let is_idle = tx.subjects("story").await?.is_empty();
        tx.rollback().await?;
        if is_idle {
            continue;
        }
        if is_behind(mirror, known.map(|row| row.data).as_ref(), commit).await? {
            continue;
        }
        let mut tx = engine.store.begin(project.id).await?;
        let known = tx.object_for_update(KIND, "in-force").await?.map(|row| row.data);
        if known.as_ref().and_then(|known| known["commit"].as_str()) == Some(commit.0.as_str()) {
            tx.rollback().await?;
            continue;
        }
        let before = known.as_ref().and_then(|known| known["commit"].as_str());
        let event = NewEvent {
            kind: "config.in-force".into(),
            actor: json!({"type": "syndarix", "id": "engine"}),
            target: json!({}),
            payload: json!({"commit": commit.0, "before": before, "place": source.place.shown}),
            causation: None,
            at: engine.clock.now(),
        };
        tx.append(NOTES, project.id.0, None, &[event]).await?;
        tx.put_object(KIND, "in-force", &json!({"commit": commit.0}), None).await?;
        engine.commit(tx).await?;
        tracing::info!(project.id = %project.id, commit = short(&commit.0), "the record names the configuration in force");
    }
    Ok(())
}

/// Whether the record names this commit already, or one that builds on it.
async fn is_behind(mirror: &Mirror, known: Option<&serde_json::Value>, commit: &Sha) -> Result<bool> {
    let Some(known) = known.and_then(|known| known["commit"].as_str()).map(|id| Sha(id.to_owned())) else { return Ok(false) };
    if known == *commit {
        return Ok(true);
    }
    if !mirror.has(&known).await? {
        return Ok(false);
    }
    mirror.is_ancestor(commit, &known).await.map_err(EngineError::from)
}
