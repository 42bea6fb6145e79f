//! How often one token may ask. Counted by each instance for itself, and forgotten when it ends: the bound keeps one program from
//! keeping the others waiting, and is nobody's quota.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::base::ids::TokenId;

/// Requests that may come at once.
pub const BURST: u32 = 60;
/// The time in which one more is earned.
const EACH: Duration = Duration::from_millis(100);

/// When each token's requests will all have been earned.
#[derive(Clone, Default)]
pub struct Pace(Arc<Mutex<HashMap<TokenId, Instant>>>);

impl Pace {
    /// Counts a request of a token that holds; the error is the number of seconds until the next is answered.
    pub fn take(&self, token: TokenId, now: Instant) -> Result<(), u64> {
        let mut earned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What lies in the past says nothing more.
        earned.retain(|_, until| *until > now);
        let until = earned.get(&token).copied().unwrap_or(now) + EACH;
        let ahead = until.saturating_duration_since(now).saturating_sub(EACH * BURST);
        if !ahead.is_zero() {
            return Err(ahead.as_secs() + 1);
        }
        earned.insert(token, until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_each_tenth_of_a_second_and_nobody_pays_for_others() {
        let (pace, one, other) = (Pace::default(), TokenId::named("one"), TokenId::named("other"));
        let begun = Instant::now();
        for _ in 0..BURST {
            assert_eq!(pace.take(one, begun), Ok(()));
        }
        assert_eq!(pace.take(one, begun), Err(1));
        assert_eq!(pace.take(other, begun), Ok(()));
        let soon = begun + EACH;
        assert_eq!(pace.take(one, soon), Ok(()));
        assert_eq!(pace.take(one, soon), Err(1));
        let later = soon + EACH * (BURST - 1);
        assert_eq!(pace.take(other, later), Ok(()));
        assert_eq!(pace.0.lock().unwrap().len(), 2, "the burst is not earned to the end");
        assert_eq!(pace.take(other, later + Duration::from_secs(60)), Ok(()));
        assert_eq!(pace.0.lock().unwrap().len(), 1, "who has been quiet is forgotten");
    }
}
