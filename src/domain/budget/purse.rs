//! Whose money it is: each story has its own limits, and all stories of a project may share one for each calendar month.

use serde::{Deserialize, Serialize};

use super::limits::{Limits, Verdict, judge, judge_of};
use crate::base::{Nano, Time};

/// Limits that somebody set; `None`: as it is without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Caps {
    pub soft: Option<Nano>,
    pub hard: Option<Nano>,
}

impl Caps {
    /// Nothing is set.
    pub fn is_empty(self) -> bool {
        self.soft.is_none() && self.hard.is_none()
    }

    /// These over the configured ones. A soft limit is never above the hard one.
    pub fn over(self, configured: Limits) -> Limits {
        let hard = self.hard.unwrap_or(configured.hard);
        Limits { soft: self.soft.unwrap_or(configured.soft).min(hard), hard }
    }

    /// The limits of a purse that has none of its own.
    pub fn limits(self) -> Option<Limits> {
        let none = Nano(i64::MAX);
        (!self.is_empty()).then(|| self.over(Limits { soft: none, hard: none }))
    }
}

/// Money of one purse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pot {
    pub spent: Nano,
    /// Held for calls under way, or for calls whose end was never seen.
    pub reserved: Nano,
}

impl Pot {
    /// What is gone or promised.
    pub fn committed(self) -> Nano {
        self.spent + self.reserved
    }
}

/// Everything that decides about one more call of a story.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    pub story: Pot,
    /// Set for this story by command.
    pub own: Caps,
    /// All stories of the project in this calendar month; nothing where that is not limited.
    pub month: Pot,
    /// Set for the project by command, for each month.
    pub project: Caps,
}

impl Purse {
    /// May the next call be paid for? The story's own limits come first, then those that it shares with the project's other stories.
    pub fn judge(&self, amount: Nano, configured: Limits) -> Verdict {
        let own = judge(self.story.spent, self.story.reserved, amount, &self.own.over(configured));
        let shared = self.project.limits().map_or(Verdict::Go, |limits| {
            judge_of("The project's budget for this month", self.month.spent, self.month.reserved, amount, &limits)
        });
        match (own, shared) {
            (stop @ Verdict::Stop(_), _) | (_, stop @ Verdict::Stop(_)) => stop,
            (cheaper @ Verdict::GoCheaper(_), _) | (_, cheaper) => cheaper,
        }
    }
}

/// The calendar month of a moment in UTC, as `2026-08`.
pub fn month_of(at: Time) -> String {
    at.rfc3339().chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURED: Limits = Limits { soft: Nano(50), hard: Nano(100) };

    #[test]
    fn set_limits_go_over_configured_ones() {
        let caps = |soft: Option<i64>, hard: Option<i64>| Caps { soft: soft.map(Nano), hard: hard.map(Nano) };
        let rows = [
            (caps(None, None), (50, 100)),
            (caps(None, Some(200)), (50, 200)),
            (caps(None, Some(20)), (20, 20)),
            (caps(Some(150), Some(200)), (150, 200)),
            (caps(Some(150), None), (100, 100)),
        ];
        for (caps, (soft, hard)) in rows {
            assert_eq!(caps.over(CONFIGURED), Limits { soft: Nano(soft), hard: Nano(hard) }, "{caps:?}");
        }
    }

    #[test]
    fn the_tighter_purse_decides() {
        let verdict = |own: Option<i64>, month: i64, project: Option<i64>, project_soft: Option<i64>| {
            let purse = Purse {
                story: Pot { spent: Nano(10), reserved: Nano::ZERO },
                own: Caps { soft: None, hard: own.map(Nano) },
                month: Pot { spent: Nano(month), reserved: Nano::ZERO },
                project: Caps { soft: project_soft.map(Nano), hard: project.map(Nano) },
            };
            match purse.judge(Nano(10), CONFIGURED) {
                Verdict::Go => "go".to_owned(),
                Verdict::GoCheaper(_) => "cheaper".to_owned(),
                Verdict::Stop(why) => why.split(" of ").next().unwrap_or_default().to_owned(),
            }
        };
        assert_eq!(verdict(None, 10, None, None), "go");
        assert_eq!(verdict(Some(19), 10, None, None), "The budget");
        assert_eq!(verdict(None, 10, Some(20), None), "go");
        assert_eq!(verdict(None, 11, Some(20), None), "The project's budget for this month");
        assert_eq!(verdict(None, 11, Some(90), Some(20)), "cheaper");
        assert_eq!(verdict(None, 11, None, Some(20)), "cheaper");
    }

    #[test]
    fn months_are_of_utc() {
        assert_eq!(month_of(Time::parse("2026-08-31T23:59:59Z").unwrap_or_default()), "2026-08");
        assert_eq!(month_of(Time::parse("2026-09-01T01:00:00+02:00").unwrap_or_default()), "2026-08");
    }
}
