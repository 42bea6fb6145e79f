//! The door that a forge closes: once it has asked to wait, nothing more is sent to it until the time is over, whoever asks.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::{Clock, Time};

/// One door for all callers of a forge, since a forge limits the account and not the caller.
pub struct Gate {
    clock: Clock,
    /// When the forge asked to wait, and for how long.
    closed: Mutex<Option<(Time, Duration)>>,
}

impl Gate {
    /// An open door.
    pub fn new(clock: Clock) -> Gate {
        Gate { clock, closed: Mutex::new(None) }
    }

    /// The same door by another clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Closes the door for this long. A shorter wait never opens what a longer one closed.
    pub fn close(&self, wait: Duration) {
        let now = self.clock.now();
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if remaining(*closed, now).is_none_or(|left| left < wait) {
            *closed = Some((now, wait));
        }
    }

    /// How long the door stays closed; `None`: it is open. A clock that was set back begins the wait again, so that it is never cut short and never grows.
    pub fn remaining(&self) -> Option<Duration> {
        let now = self.clock.now();
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, _)) = closed.as_mut()
            && *since > now
        {
            *since = now;
        }
        let left = remaining(*closed, now);
        if left.is_none() {
            *closed = None;
        }
        left
    }
}

fn remaining(closed: Option<(Time, Duration)>, now: Time) -> Option<Duration> {
    let (since, wait) = closed?;
    let passed = Duration::from_micros(u64::try_from(now.0 - since.0).unwrap_or(0));
    wait.checked_sub(passed).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> (Gate, Clock) {
        let clock = Clock::manual(Time(1_000_000_000_000));
        (Gate::new(clock.clone()), clock)
    }

    #[test]
    fn a_closed_door_opens_when_its_time_is_over_and_no_sooner() {
        let (gate, clock) = gate();
        assert_eq!(gate.remaining(), None);
        gate.close(Duration::from_secs(60));
        gate.close(Duration::from_secs(5));
        clock.advance(59_999);
        assert_eq!(gate.remaining(), Some(Duration::from_millis(1)), "the shorter wait did not open it");
        clock.advance(1);
        assert_eq!(gate.remaining(), None);
    }

    #[test]
    fn a_clock_that_jumps_neither_cuts_the_wait_short_nor_makes_it_longer() {
        let (gate, clock) = gate();
        gate.close(Duration::from_secs(60));
        clock.advance(-7_200_000);
        assert_eq!(gate.remaining(), Some(Duration::from_secs(60)));
        clock.advance(60_000);
        assert_eq!(gate.remaining(), None);
    }
}
