//! The door that a forge closes: once it has asked to wait, nothing more is sent to it until the time is over, whoever asks.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::Time;

/// One door for all callers with one token, since a forge limits the account and not the caller.
#[derive(Default)]
pub struct Gate {
    /// When the forge asked to wait, and for how long.
    closed: Mutex<Option<(Time, Duration)>>,
}

impl Gate {
    /// Closes the door for this long. A shorter wait never opens what a longer one closed.
    pub fn close(&self, now: Time, wait: Duration) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.and_then(|(since, wait)| left(since, wait, now)).is_none_or(|left| left < wait) {
            *closed = Some((now, wait));
        }
    }

    /// How long the door stays closed; `None`: it is open. A clock that was set back begins the wait again, so that it is never cut short and never grows.
    pub fn remaining(&self, now: Time) -> Option<Duration> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, _)) = closed.as_mut() {
            *since = (*since).min(now);
        }
        let left = closed.and_then(|(since, wait)| left(since, wait, now));
        if left.is_none() {
            *closed = None;
        }
        left
    }
}

/// What is left of a wait; `None`: nothing. A clock that was set back makes it whole again, never longer.
pub fn left(since: Time, wait: Duration, now: Time) -> Option<Duration> {
    let passed = Duration::from_micros(u64::try_from(now.0 - since.0).unwrap_or(0));
    wait.checked_sub(passed).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time(1_000_000_000_000);

    #[test]
    fn a_closed_door_opens_when_its_time_is_over_and_no_sooner() {
        let gate = Gate::default();
        assert_eq!(gate.remaining(START), None);
        gate.close(START, Duration::from_secs(60));
        gate.close(START, Duration::from_secs(5));
        assert_eq!(gate.remaining(START.plus_millis(59_999)), Some(Duration::from_millis(1)), "the shorter wait did not open it");
        assert_eq!(gate.remaining(START.plus_millis(60_000)), None);
    }

    #[test]
    fn a_clock_that_jumps_neither_cuts_the_wait_short_nor_makes_it_longer() {
        let gate = Gate::default();
        gate.close(START, Duration::from_secs(60));
        let back = START.plus_millis(-7_200_000);
        assert_eq!(gate.remaining(back), Some(Duration::from_secs(60)));
        assert_eq!(gate.remaining(back.plus_millis(60_000)), None);
    }
}
