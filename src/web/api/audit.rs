//! How far the record is sealed and pushed.

use serde_json::{Value, json};

use super::projects::place_of;
use super::{Call, page};
use crate::base::ids::ProjectId;
use crate::domain::audit::ChainId;
use crate::store::{Project, Store, StoreError};
use crate::web::problem::Problem;

pub(super) async fn state(call: Call) -> Result<Value, Problem> {
    let mut rows = Vec::new();
    for project in call.projects_page().await? {
        let state = of_chain(&call.state.store, project.id, Some(&project)).await?;
        rows.push((Some(project), state));
    }
    // The system's own chain belongs to no project: it comes after them all, for those who see everything.
    if rows.len() <= call.asked.limit && call.caller.projects().is_none() {
        rows.push((None, of_chain(&call.state.store, Store::SYSTEM, None).await?));
    }
    Ok(page(rows, &call.asked, place, |(_, state)| state.clone()))
}

fn place((project, _): &(Option<Project>, Value)) -> String {
    project.as_ref().map(place_of).unwrap_or_default()
}

async fn of_chain(store: &Store, id: ProjectId, project: Option<&Project>) -> Result<Value, StoreError> {
    let (load, head) = (store.project_load(id).await?, store.chain_head(id).await?);
    let mut tx = store.begin_read(id).await?;
    let published = tx.audit_published().await?;
    let alarm = tx.object("audit-alarm", "diverged").await?;
    drop(tx);
    // A push that went well after the alarm ended it.
    let diverged = alarm.map(|row| row.seen_at).filter(|seen| published.as_ref().is_none_or(|(_, at)| *seen >= *at));
    let chain = if project.is_some() { ChainId::Project(id) } else { ChainId::System };
    Ok(json!({
        "chain": chain.to_string(), "project": project.map(|project| &project.path), "unsealed": load.unsealed, "entries": load.sealed,
        "pushed": load.pushed, "head": head.map(|row| row.hash), "commit": published.and_then(|(position, _)| position.head),
        "diverged_at": diverged.map(|at| at.rfc3339()),
    }))
}
