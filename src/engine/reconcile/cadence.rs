//! When to look again: soon where somebody waits and nothing else would tell us, seldom where web hooks evidently arrive.

use std::time::Duration;

use crate::base::Time;

/// Between which waits the looks keep, by configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub quick: Duration,
    pub slow: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { quick: Duration::from_secs(12), slow: Duration::from_secs(300) }
    }
}

/// How long a missed delivery speaks against the web hooks, in microseconds.
const DISTRUST: i64 = 30 * 60 * 1_000_000;
/// Longest wait, in multiples of the quick one, where no web hook has ever proved itself: a command is noticed by looking only.
const UNPROVEN: u32 = 5;
/// The wait, in multiples of the quick one, while a story is under way and its web hooks arrive.
const TRUSTED: u32 = 4;
/// Most doublings of a wait.
const DOUBLINGS: u32 = 16;

/// What is known about a project when a look at it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// A story is under way.
    pub active: bool,
    /// Something was left for the next look.
    pub behind: bool,
    /// The repository cannot be worked on: archived or out of reach.
    pub still: bool,
    /// How many looks in a row found nothing.
    pub quiet_looks: u32,
    /// When a web hook was last heard.
    pub heard_at: Option<Time>,
    /// When a look last found something that a web hook should have announced.
    pub missed_at: Option<Time>,
}

impl Pulse {
    /// Web hooks arrive, as far as can be told.
    fn trusts_hooks(&self, now: Time) -> bool {
        let missed_lately = self.missed_at.is_some_and(|missed| now.0 - missed.0 < DISTRUST);
        self.heard_at.is_some() && !missed_lately
    }
}

/// How long to wait after a look that went well.
pub fn next(bounds: Bounds, now: Time, pulse: &Pulse) -> Duration {
    let Bounds { quick, slow } = bounds;
    let trusted = pulse.trusts_hooks(now);
    let longest = if trusted { slow } else { quick.saturating_mul(UNPROVEN) };
    let wait = if pulse.behind {
        Duration::from_secs(1)
    } else if pulse.still {
        slow
    } else if pulse.active {
        if trusted { quick.saturating_mul(TRUSTED) } else { quick }
    } else {
        // The longer nothing happens, the longer the waits.
        quick.saturating_mul(1 << pulse.quiet_looks.min(DOUBLINGS)).min(longest)
    };
    wait.min(slow)
}

/// How long to wait after a look that failed: twice as long each time, and never shorter than the forge asked for.
pub fn after_failure(bounds: Bounds, failures: u32, asked: Option<Duration>) -> Duration {
    let doubled = bounds.quick.saturating_mul(1 << failures.min(DOUBLINGS));
    doubled.min(bounds.slow).max(asked.unwrap_or_default())
}

/// Up to a tenth longer, so that many projects and instances do not all look at the same moment. `seed`: anything that differs.
pub fn spread(wait: Duration, seed: i64) -> Duration {
    // The finalizer of SplitMix64.
    let mut mixed = seed.unsigned_abs().wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    wait + wait.mul_f64((mixed >> 33) as f64 / (1_u64 << 31) as f64 / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_790_000_000_000_000);
    const BOUNDS: Bounds = Bounds { quick: Duration::from_secs(12), slow: Duration::from_secs(300) };

    fn seconds(pulse: Pulse) -> u64 {
        next(BOUNDS, NOW, &pulse).as_secs()
    }

    #[test]
    fn waits_follow_from_what_is_known() {
        let heard = Some(NOW.plus_millis(-60_000));
        let rows = [
            ("nothing ever heard", Pulse::default(), 12),
            ("nothing for long, no web hook", Pulse { quiet_looks: 40, ..Pulse::default() }, 60),
            ("a story without web hooks", Pulse { active: true, quiet_looks: 40, ..Pulse::default() }, 12),
            ("a story with web hooks", Pulse { active: true, heard_at: heard, ..Pulse::default() }, 48),
            ("a story whose web hooks lose things", Pulse { active: true, heard_at: heard, missed_at: Some(NOW), ..Pulse::default() }, 12),
            ("quiet, with web hooks", Pulse { heard_at: heard, quiet_looks: 40, ..Pulse::default() }, 300),
            ("just quiet, with web hooks", Pulse { heard_at: heard, quiet_looks: 2, ..Pulse::default() }, 48),
            ("missed long ago", Pulse { active: true, heard_at: heard, missed_at: Some(Time(NOW.0 - DISTRUST)), ..Pulse::default() }, 48),
            ("behind", Pulse { behind: true, quiet_looks: 9, heard_at: heard, ..Pulse::default() }, 1),
            ("archived", Pulse { still: true, active: true, ..Pulse::default() }, 300),
        ];
        for (what, pulse, want) in rows {
            assert_eq!(seconds(pulse), want, "{what}");
        }
        let short = Bounds { quick: Duration::from_secs(12), slow: Duration::from_secs(5) };
        assert_eq!(next(short, NOW, &Pulse::default()).as_secs(), 5, "the longest wait is the longest wait");
    }

    #[test]
    fn failures_wait_longer_and_as_long_as_asked() {
        let after = |failures, asked: Option<u64>| after_failure(BOUNDS, failures, asked.map(Duration::from_secs)).as_secs();
        assert_eq!([after(1, None), after(2, None), after(9, None), after(u32::MAX, None)], [24, 48, 300, 300]);
        assert_eq!([after(1, Some(3)), after(1, Some(3_600))], [24, 3_600]);
    }

    #[test]
    fn waits_are_spread_by_a_tenth_at_most() {
        let waits: Vec<Duration> = (0..50).map(|seed| spread(Duration::from_secs(100), seed)).collect();
        assert!(waits.iter().all(|wait| (100..=110).contains(&wait.as_secs())), "{waits:?}");
        assert!(waits.iter().max().unwrap().as_secs() - waits.iter().min().unwrap().as_secs() > 5, "{waits:?}");
    }
}
