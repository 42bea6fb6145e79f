//! `/healthz`: the process answers. `/readyz`: it can also do its work, and if not, says in words what is missing.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;

use super::WebState;
use crate::config::standing::short;

/// With less room than this in the data directory nothing new is safe, in bytes.
const LEAST_ROOM: u64 = 4 * 1024 * 1024;

/// The process is alive.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_millis(3_500);

/// The database answers and can be written to, the data directory has room, and nobody asked the process to stop.
pub async fn readyz(State(state): State<WebState>) -> (StatusCode, String) {
    let mut missing = Vec::new();
    if state.stopping.is_cancelled() {
        missing.push("it is stopping and takes no new work".to_owned());
    }
    match tokio::time::timeout(PATIENCE, state.store.ping()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!("not ready: {error}");
            let full = "the database's disk is full; make room, and everything goes on by itself";
            missing.push(if error.is_disk_full() { full } else { "the database does not answer" }.to_owned());
        }
        Err(_) => {
            tracing::warn!("not ready: the database gave no answer within {PATIENCE:?}");
            missing.push("the database does not answer".to_owned());
        }
    }
    match room(&state.data_dir) {
        None => missing.push("the data directory cannot be reached".to_owned()),
        Some(room) if room < LEAST_ROOM => {
            missing.push(format!("the data directory has {} MB left on its disk; make room", room / 1_000_000));
        }
        Some(_) => {}
    }
    if missing.is_empty() {
        let ends = state.endings.warnings(state.clock.now());
        let ends: String = ends.iter().map(|warning| format!("note: {warning}\n")).collect();
        return (StatusCode::OK, format!("ready\n{}{ends}", note(&state)));
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join("; ")))
}

/// A line about a configuration that is not the newest one. Where its mistakes are is for the log, since anybody may read this.
fn note(state: &WebState) -> String {
    let Some(team) = state.team.as_ref().map(crate::config::Standing::get) else { return String::new() };
    match (&team.refused, &team.unreachable) {
        (Some((commit, mistakes)), _) => {
            let kept = team.in_force.as_deref().map(short).unwrap_or("none");
            let count = mistakes.len();
            let noun = if count == 1 { "mistake" } else { "mistakes" };
            format!(
                "note: commit {} of the configuration holds {count} {noun} and is not used; {kept} stays in force. `syndarix doctor` names them\n",
                short(commit)
            )
        }
        (None, Some(_)) => "note: the repository of the configuration cannot be asked; what is in force stays\n".to_owned(),
        (None, None) => String::new(),
    }
}

/// Bytes that are left for this program on the disk of a directory; `None`: it cannot be told.
pub fn room(directory: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
