//! Git's own housekeeping in the mirrors and in the copies of the record: without it, loose objects would pile up for years.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::git::Mirror;

use super::Engine;

/// Between two looks. Most of them find nothing to do.
const EVERY: Duration = Duration::from_secs(6 * 3_600);

/// The repositories of this process: nobody else writes to its data directory.
async fn repositories(engine: &Engine) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for room in ["git", "audit", "config"] {
        // A room that is missing has nothing to keep up.
        let Ok(mut entries) = tokio::fs::read_dir(engine.data.join(room)).await else { continue };
        while let Ok(Some(entry)) = entries.next_entry().await {
            if entry.path().extension().is_some_and(|ending| ending == "git") {
                found.push(entry.path());
            }
        }
    }
    found
}

/// Looks after each repository, one after the other, and says how many needed it. One that cannot be kept up is told in the log and
/// tried again the next time.
pub async fn keep_up(engine: &Engine) -> usize {
    let mut kept = 0;
    for path in repositories(engine).await {
        let done = match Mirror::open(&path).await {
            Ok(mirror) => mirror.maintain().await,
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => kept += usize::from(done),
            Err(error) => tracing::warn!("the repository {} could not be packed: {error}", path.display()),
        }
    }
    kept
}

/// Looks again and again until `stop`.
pub async fn run(engine: Arc<Engine>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        let kept = keep_up(&engine).await;
        if kept > 0 {
            tracing::info!(repositories = kept, "packed what had gathered in the mirrors");
        }
    }
}
