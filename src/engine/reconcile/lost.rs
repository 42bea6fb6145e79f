//! Deliveries that never arrived, sent once more by forges that keep them. What they tell was found by looking in most cases; then they are
//! known by their source keys, and nothing is done twice.

use crate::base::Time;
use crate::domain::ability::{Ability, Has};
use crate::forge::ForgeError;

use super::super::Result;
use super::Look;

/// Between two such questions, in microseconds: each takes a few requests.
const APART: i64 = 30 * 60 * 1_000_000;
/// How far back the first one goes, in milliseconds. Forges keep deliveries for a few days.
const FIRST: i64 = 3 * 24 * 60 * 60 * 1000;
/// Overlap of two questions, in milliseconds: what was sent once more may have been lost again.
const OVERLAP: i64 = 6 * 60 * 60 * 1000;

impl Look<'_> {
    /// Asks for what the hooks that come to us could not deliver.
    pub(super) async fn lost(&mut self) -> Result<()> {
        let connection = self.site.connection;
        let now = self.engine.clock.now();
        let can = !matches!(connection.forge.ability((u32::MAX, 0), Ability::Redelivery), Has::No(_));
        if !can || !is_due(self.watch.asked_again_at, now) {
            return Ok(());
        }
        let since = self.watch.asked_again_at.map_or_else(|| now.plus_millis(-FIRST), |last| last.plus_millis(-OVERLAP));
        self.requests += 1;
        let hooks = match connection.forge.hooks(&self.site.repo).await {
            Ok(hooks) => hooks,
            // The bot does not administer the repository, so its hooks are not for it to see.
            Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_)) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let ours = format!("/hooks/{}", connection.id);
        for hook in hooks.iter().filter(|hook| hook.active && hook.url.ends_with(&ours)) {
            self.requests += 1;
            match connection.forge.redeliver_failed(&self.site.repo, hook.id, since).await {
                Ok(0) | Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_)) => {}
                Ok(sent) => {
                    tracing::info!(project.path = self.site.project.path, hook = hook.id, sent, "lost deliveries are sent once more");
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.watch.asked_again_at = Some(now);
        Ok(())
    }
}

/// A clock that was set back makes it due.
fn is_due(last: Option<Time>, now: Time) -> bool {
    last.is_none_or(|last| now.0 - last.0 >= APART || last > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_every_half_hour() {
        let now = Time(1_790_000_000_000_000);
        let rows = [(None, true), (Some(-29), false), (Some(-30), true), (Some(5), true)];
        for (minutes, due) in rows {
            let last = minutes.map(|minutes: i64| now.plus_millis(minutes * 60_000));
            assert_eq!(is_due(last, now), due, "{minutes:?}");
        }
    }
}
