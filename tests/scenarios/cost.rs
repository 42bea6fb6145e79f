//! What a story costs the database.

use std::io::Write;

use super::answers::*;
use super::scenario;

/// A writing transaction is a wait for the disk: milliseconds on a small machine's card, and on a database across a network.
#[tokio::test]
async fn a_story_needs_few_writing_transactions() {
    scenario(smooth(), async |w| {
        let before = w.app.engine.store.writes();
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().approves(pull).await;
        w.settle().await;
        let writes = w.app.engine.store.writes() - before;
        let _ = writeln!(std::io::stderr(), "a story of issue {issue} took {writes} writing transactions");
        assert!(writes <= 430, "{writes} writing transactions");
    })
    .await;
}
