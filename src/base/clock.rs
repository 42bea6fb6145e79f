//! Time as a value that is passed in. Nothing outside this file asks the machine what time it is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

/// A moment, in microseconds since the Unix epoch (UTC). The one representation in memory, in both databases and in the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// Parses RFC 3339. The zero times that forges send (`0001-01-01T00:00:00Z`, `1970-01-01T00:00:00Z`) read as `None`, as does anything unreadable.
    pub fn parse(text: &str) -> Option<Time> {
        let micros = DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros();
        (micros > 0).then_some(Time(micros))
    }

    /// RFC 3339 in UTC with microseconds, the form used on every surface.
    pub fn rfc3339(self) -> String {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// Whole seconds since the epoch, the resolution of Git dates.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment moved by a number of milliseconds, which may be negative.
    pub fn plus_millis(self, millis: i64) -> Time {
        Time(self.0.saturating_add(millis.saturating_mul(1_000)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Where the current time comes from: the machine, or a test.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's wall clock.
    #[default]
    System,
    /// Stands still until moved by [`Clock::advance`]. All clones share one hand.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start` until somebody moves it.
    pub fn manual(start: Time) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(start.0)))
    }

    /// The current moment.
    pub fn now(&self) -> Time {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            Clock::System => Time(chrono::Utc::now().timestamp_micros()),
            Clock::Manual(hand) => Time(hand.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the system clock moves by itself and ignores this.
    pub fn advance(&self, millis: i64) {
        if let Clock::Manual(hand) = self {
            hand.fetch_add(millis.saturating_mul(1_000), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forge_zero_times_read_as_absent() {
        for zero in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "", "yesterday"] {
            assert_eq!(Time::parse(zero), None, "{zero}");
        }
        let offset = Time::parse("2026-08-03T09:00:00+02:00").map(Time::rfc3339);
        assert_eq!(offset.as_deref(), Some("2026-08-03T07:00:00.000000Z"));
    }
}
