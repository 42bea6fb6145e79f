//! The inbox is kept for a time that is set, and no longer: a delivery that was dealt with matters only while somebody may ask about it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Retention;
use crate::store::DeliveryState;

use super::{Engine, Result};

/// Rows dropped in one transaction, so that nobody waits long for the writer.
const BATCH: i64 = 500;
/// Between two looks.
const EVERY: Duration = Duration::from_secs(3_600);
const DAY_MILLIS: i64 = 86_400_000;

/// Drops what is older than it is kept, and says how many deliveries that were.
pub async fn prune(engine: &Engine, keep: Retention) -> Result<u64> {
    let mut all = 0;
    let kinds =
        [(DeliveryState::Ignored, keep.ignored_days), (DeliveryState::Routed, keep.done_days), (DeliveryState::Failed, keep.failed_days)];
    for (state, days) in kinds.into_iter().filter(|(_, days)| *days > 0) {
        let before = engine.clock.now().plus_millis(-i64::from(days) * DAY_MILLIS);
        loop {
            let dropped = engine.store.drop_deliveries(state, before, BATCH).await?;
            all += dropped;
            if dropped < BATCH.unsigned_abs() {
                break;
            }
        }
    }
    Ok(all)
}

/// Looks again and again until `stop`. Several instances may do so at once: what one drops the other does not find.
pub async fn run(engine: Arc<Engine>, keep: Retention, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match prune(&engine, keep).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(deliveries = dropped, "dropped deliveries that are older than they are kept"),
            Err(error) => tracing::warn!("old deliveries could not be dropped: {error}"),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}
