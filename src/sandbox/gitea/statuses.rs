//! Commit statuses.

use axum::extract::Path;
use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::known_state;
use super::web::{Answer, Body, Call, created, ok};
use crate::base::Time;
use crate::sandbox::act::{STATES, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Status};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct StatusBody {
    state: String,
    context: String,
    description: String,
    target_url: String,
}

pub async fn create(call: Call, Path((owner, name, sha)): Path<(String, String, String)>, Body(body): Body<StatusBody>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Write)?;
    call.me()?;
    if !STATES.contains(&body.state.as_str()) {
        return Err(Problem::invalid(format!("unknown status state: {}", body.state)).into());
    }
    let git = call.forge.git(repo.id);
    let commit = git.with_files(git.commit(&sha).await?).await?;
    let context = if body.context.is_empty() { "default".to_owned() } else { body.context };
    let status = Status {
        id: 0,
        repo: repo.id,
        sha: commit.sha.clone(),
        state: body.state,
        context,
        description: body.description,
        url: body.target_url,
        creator: 0,
        at: Time(0),
    };
    let id = call.act(|act| act.post_status(repo.id, commit, status))?;
    created(call.show(|view| view.world.statuses.get(id).map(|status| view.status(status))).ok_or_else(no_such)?)
}

/// The latest status of each context and what they come to.
pub async fn combined(call: Call, Path((owner, name, wanted)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let sha = call.forge.resolve(&repo, Some(&wanted)).await?;
    ok(call.show(|view| {
        let latest = view.world.latest_statuses(repo.id, &sha);
        let states: Vec<&str> = latest.iter().map(|status| known_state(&status.state)).collect();
        let shapes: Vec<Value> = latest.iter().map(|status| view.status(status)).collect();
        json!({
            "state": worst(&states), "sha": sha, "total_count": shapes.len(), "statuses": if shapes.is_empty() { Value::Null } else { shapes.into() },
            "repository": view.repo(&repo), "commit_url": "", "url": "",
        })
    }))
}

/// The state that decides; nothing posted yet counts as pending.
fn worst<'a>(states: &[&'a str]) -> &'a str {
    const ORDER: [&str; 6] = ["error", "failure", "warning", "pending", "success", "skipped"];
    let rank = |state: &&&str| ORDER.iter().position(|known| known == *state).unwrap_or(ORDER.len());
    match states.iter().min_by_key(rank) {
        None => "pending",
        Some(&"error") => "failure",
        Some(&"skipped") => "success",
        Some(state) => state,
    }
}

pub async fn list(call: Call, Path((owner, name, wanted)): Path<(String, String, String)>) -> Answer {
    let repo = call.repo(&owner, &name, Grant::Read)?;
    let sha = call.forge.resolve(&repo, Some(&wanted)).await?;
    Ok(call.page(call.show(|view| {
        let of_commit = view.world.statuses.all().rev().filter(|status| status.repo == repo.id && status.sha == sha);
        of_commit.map(|status| view.status(status)).collect()
    })))
}

#[cfg(test)]
mod tests {
    use super::worst;

    #[test]
    fn the_worst_status_decides() {
        let rows: [(&[&str], &str); 5] = [
            (&[], "pending"),
            (&["success", "skipped"], "success"),
            (&["success", "pending"], "pending"),
            (&["pending", "error"], "failure"),
            (&["skipped"], "success"),
        ];
        for (states, want) in rows {
            assert_eq!(worst(states), want, "{states:?}");
        }
    }
}
