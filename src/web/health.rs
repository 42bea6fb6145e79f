//! `/healthz`: the process answers. `/readyz`: it can also do its work.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;

use super::WebState;

/// The process is alive.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_millis(3_500);

/// The database answers and can be written to.
pub async fn readyz(State(state): State<WebState>) -> (StatusCode, &'static str) {
    match tokio::time::timeout(PATIENCE, state.store.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(error)) => {
            tracing::warn!("not ready: {error}");
            let full = "the database's disk is full; make room, and everything goes on by itself\n";
            (StatusCode::SERVICE_UNAVAILABLE, if error.is_disk_full() { full } else { "the database does not answer\n" })
        }
        Err(_) => {
            tracing::warn!("not ready: the database gave no answer within {PATIENCE:?}");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
