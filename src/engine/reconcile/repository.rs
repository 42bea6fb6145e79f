//! The repository as a whole: renamed, moved, archived, gone. Work stands still while it cannot be worked on, and goes on afterwards.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::Time;
use crate::base::ids::ProjectId;
use crate::forge::ForgeError;
use crate::store::{NewEvent, NewProject, ProjectTx};

use super::super::turn::NOTES;
use super::super::world::Site;
use super::super::{Engine, EngineError, Result};

const KIND: &str = "reconcile";
const STANDING: &str = "standing";

/// Why nothing is done in a project for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standstill {
    /// Archived: it can be read, nothing can be written.
    Archived,
    /// Deleted, or the bot may not see it any more; the forge does not tell the two apart.
    Gone,
    /// The forge does not accept the bot's token.
    Refused,
}

impl Standstill {
    fn word(self) -> &'static str {
        match self {
            Standstill::Archived => "archived",
            Standstill::Gone => "gone",
            Standstill::Refused => "refused",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Standstill::Archived => "the repository is archived: its stories and agents stand still until it is taken out of the archive",
            Standstill::Gone => {
                "the repository is deleted or the bot's account may not see it any more: its stories and agents stand still until the bot has access again"
            }
            Standstill::Refused => "the forge does not accept the bot's token: all work there stands still until the token is renewed",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Standing {
    why: Standstill,
    since: Time,
}

/// Why nothing is done in a project for now, as far as is known. `None`: it can be worked on.
pub async fn standstill(engine: &Engine, project: ProjectId) -> Result<Option<Standstill>> {
    let mut tx = engine.store.begin_read(project).await?;
    let standing = known(&mut tx).await?;
    tx.rollback().await?;
    Ok(standing)
}

async fn known(tx: &mut ProjectTx) -> Result<Option<Standstill>> {
    let row = tx.object(KIND, STANDING).await?;
    Ok(row.map(|row| serde_json::from_value::<Standing>(row.data)).transpose()?.map(|standing| standing.why))
}

/// Asks the forge for the repository itself: before a failure is believed, since an archive or a lost permission makes everything fail.
pub async fn stands_still_now(engine: &Engine, site: &Site<'_>) -> bool {
    match look(engine, site.project.id).await {
        Ok(standstill) => standstill.is_some(),
        Err(error) => {
            tracing::info!(project.id = %site.project.id, "the repository could not be asked for: {}", engine.redactor.mask(&error.to_string()));
            false
        }
    }
}

/// Reads the repository and keeps path, default branch and standing up to date. An error: the forge could not be asked.
pub(super) async fn look(engine: &Engine, project: ProjectId) -> Result<Option<Standstill>> {
    let site = engine.site_of(project).await?;
    let now = match site.repo_now().await {
        Ok(repo) => {
            follow(engine, &site, &repo.path, &repo.default_branch).await?;
            repo.archived.then_some(Standstill::Archived)
        }
        Err(EngineError::Forge(ForgeError::NotFound(_) | ForgeError::Forbidden(_))) => Some(Standstill::Gone),
        Err(EngineError::Forge(ForgeError::Unauthorized(_))) => Some(Standstill::Refused),
        Err(error) => return Err(error),
    };
    let before = standstill(engine, project).await?;
    if now != before {
        set(engine, &site, before, now).await?;
    }
    Ok(now)
}

/// The numeric id is the project; path and default branch follow what the forge says.
async fn follow(engine: &Engine, site: &Site<'_>, path: &str, default_branch: &str) -> Result<()> {
    let old = &site.project;
    if old.path == path && old.default_branch == default_branch {
        return Ok(());
    }
    let new = NewProject { forge: old.forge.clone(), repo_id: old.repo_id, path: path.into(), default_branch: default_branch.into() };
    engine.store.ensure_project(&new).await?;
    tracing::info!(project.id = %old.id, from = old.path, to = path, default_branch, "the repository has a new name or default branch");
    let mut tx = engine.store.begin(old.id).await?;
    note(engine, &mut tx, "repository.moved", json!({"from": old.path, "to": path, "default_branch": default_branch})).await?;
    engine.commit(tx).await
}

async fn set(engine: &Engine, site: &Site<'_>, before: Option<Standstill>, now: Option<Standstill>) -> Result<()> {
    let project = site.project.id;
    let mut tx = engine.store.begin(project).await?;
    // Another instance may have noted it since.
    if known(&mut tx).await? != before {
        return Ok(tx.rollback().await?);
    }
    match now {
        Some(why) => {
            let standing = Standing { why, since: engine.clock.now() };
            tx.put_object(KIND, STANDING, &serde_json::to_value(standing)?, None).await?;
            note(engine, &mut tx, &format!("repository.{}", why.word()), json!({"path": site.project.path})).await?;
        }
        None => {
            tx.drop_object(KIND, STANDING).await?;
            note(engine, &mut tx, "repository.back", json!({"path": site.project.path})).await?;
            tx.stir().await?;
        }
    }
    engine.commit(tx).await?;
    match now {
        Some(why) => tracing::error!(alarm = why.word(), project.id = %project, project.path = site.project.path, "{}", why.sentence()),
        None => tracing::warn!(project.id = %project, project.path = site.project.path, "the repository can be worked on again"),
    }
    Ok(())
}

/// An entry for the record that belongs to the project as a whole.
async fn note(engine: &Engine, tx: &mut ProjectTx, kind: &str, payload: Value) -> Result<()> {
    let event = NewEvent {
        kind: kind.to_owned(),
        actor: json!({"type": "syndarix", "id": "engine"}),
        target: json!({}),
        payload,
        causation: None,
        at: engine.clock.now(),
    };
    let stream = tx.project().0;
    tx.append(NOTES, stream, None, &[event]).await?;
    Ok(())
}
