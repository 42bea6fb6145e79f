//! Projects that the configuration names by a pattern: every repository that the bot can see and that fits is taken in.

use std::collections::BTreeMap;

use crate::domain::forge::Repo;
use crate::forge::ForgeError;
use crate::store::{NewProject, WorkKind};

use super::super::{Connection, Engine, Result};

/// Registers what fits and is not registered yet. A forge that does not answer does not keep the others waiting.
pub(super) async fn look(engine: &Engine) -> Result<()> {
    let team = engine.hot.get();
    let rules = &team.rules;
    for connection in &engine.connections {
        let mut found: BTreeMap<i64, Repo> = BTreeMap::new();
        for owner in rules.owners() {
            match connection.forge.repos(owner.as_deref()).await {
                Ok(repos) => found.extend(repos.into_iter().map(|repo| (repo.id, repo))),
                // Of two forges one may not know the owner.
                Err(ForgeError::NotFound(_)) => {}
                Err(error) => {
                    let error = engine.redactor.mask(&error.to_string());
                    tracing::warn!(forge = connection.id, owner, "the repositories could not be listed: {error}");
                }
            }
        }
        for repo in found.into_values().filter(|repo| rules.serves(&repo.path) && rules.linked_to(&connection.id, &repo.path).is_none()) {
            take_in(engine, connection, repo).await?;
        }
    }
    Ok(())
}

async fn take_in(engine: &Engine, connection: &Connection, repo: Repo) -> Result<()> {
    // An archived repository is taken in when it can be worked on.
    if repo.archived || engine.store.project_by_repo(&connection.id, repo.id).await?.is_some() {
        return Ok(());
    }
    let new = NewProject { forge: connection.id.clone(), repo_id: repo.id, path: repo.path, default_branch: repo.default_branch };
    let project = engine.store.ensure_project(&new).await?;
    engine.store.schedule(WorkKind::Look, project.id.0, Some(project.id), None, None).await?;
    tracing::info!(project.id = %project.id, project.path = project.path, "a new repository fits the configured projects");
    Ok(())
}
