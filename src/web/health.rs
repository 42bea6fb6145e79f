//! `/healthz`: the process answers. `/readyz`: it can also do its work, and if not, says in words what is missing.

use axum::extract::State;
use axum::http::StatusCode;

use super::WebState;

/// With less room than this in the data directory nothing new is safe, in bytes.
const LEAST_ROOM: u64 = 32 * 1024 * 1024;

/// The process is alive.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers, the data directory has room, and nobody asked the process to stop.
pub async fn readyz(State(state): State<WebState>) -> (StatusCode, String) {
    let mut missing = Vec::new();
    if state.stopping.is_cancelled() {
        missing.push("it is stopping and takes no new work".to_owned());
    }
    if let Err(error) = state.store.ping().await {
        tracing::warn!("not ready: {error}");
        missing.push("the database does not answer".to_owned());
    }
    match room(&state.data_dir) {
        None => missing.push("the data directory cannot be reached".to_owned()),
        Some(room) if room < LEAST_ROOM => {
            missing.push(format!("the data directory has {} MB left on its disk; make room", room / 1_000_000));
        }
        Some(_) => {}
    }
    if missing.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join("; ")))
}

/// Bytes that are left for this program on the disk of a directory; `None`: it cannot be told.
pub fn room(directory: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
