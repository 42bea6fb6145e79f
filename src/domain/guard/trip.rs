//! The circuit breaker: from counts to a verdict, and the words for it.

use serde::{Deserialize, Serialize};

use super::limits::{GuardLimits, LIMITS, LimitSpec, Scope, What, Window};

/// What the store has counted, the thing at hand included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub hour: i64,
    pub life: i64,
}

/// A limit that would be crossed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// Its key in the configuration.
    pub limit: String,
    /// What it allows.
    pub allowed: i64,
    /// What would have been reached.
    pub reached: i64,
}

/// Whether what was counted is still allowed; else the tightest limit that it crosses.
pub fn judge(scope: Scope, what: What, counted: Counted, limits: &GuardLimits) -> Option<Trip> {
    GuardLimits::on(scope, what).find_map(|spec| {
        let reached = match spec.window {
            Window::Hour => counted.hour,
            Window::Life => counted.life,
        };
        let allowed = limits.get(spec.key);
        (reached > allowed).then(|| Trip { limit: spec.key.to_owned(), allowed, reached })
    })
}

impl Trip {
    fn spec(&self) -> Option<&'static LimitSpec> {
        LIMITS.iter().find(|spec| spec.key == self.limit)
    }

    /// All stories of the project stop.
    pub fn is_of_project(&self) -> bool {
        self.spec().is_some_and(|spec| spec.scope == Scope::Project)
    }

    /// The line and what it means: `story_runs_per_hour = 20` allows 20 agent runs within an hour.
    pub fn rule(&self) -> String {
        format!("`{} = {}` allows {}", self.limit, self.allowed, self.counted())
    }

    fn counted(&self) -> String {
        let Some(spec) = self.spec() else { return "no more".to_owned() };
        let (one, many) = spec.what.noun();
        let noun = if self.allowed == 1 { one } else { many };
        let time = match spec.window {
            Window::Hour => "within an hour",
            Window::Life => "since the story began or was last let go on",
        };
        let of = if spec.scope == Scope::Project { "in this repository " } else { "" };
        format!("{} {noun} {of}{time}", self.allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_without_harm_and_crossed_with_a_trip() {
        let limits = GuardLimits::default();
        let rows = [
            (Scope::Story, What::Runs, 20, 20, None),
            (Scope::Story, What::Runs, 21, 21, Some("story_runs_per_hour")),
            (Scope::Story, What::Runs, 1, 81, Some("story_runs")),
            (Scope::Project, What::Runs, 200, 10_000, None),
            (Scope::Project, What::Runs, 201, 201, Some("project_runs_per_hour")),
            (Scope::Story, What::Labels, 60, 100_000, None),
            (Scope::Project, What::Pushes, 1_000, 1_000, None),
        ];
        for (scope, what, hour, life, expected) in rows {
            let trip = judge(scope, what, Counted { hour, life }, &limits);
            assert_eq!(trip.map(|trip| trip.limit), expected.map(str::to_owned), "{scope:?} {what:?} {hour} {life}");
        }
    }

    #[test]
    fn a_trip_says_what_was_counted() {
        let trip = |limit: &str, allowed| Trip { limit: limit.into(), allowed, reached: allowed + 1 };
        assert_eq!(trip("story_runs_per_hour", 20).rule(), "`story_runs_per_hour = 20` allows 20 agent runs within an hour");
        assert_eq!(trip("story_comments", 1).counted(), "1 comment since the story began or was last let go on");
        assert_eq!(trip("project_runs_per_hour", 2).counted(), "2 agent runs in this repository within an hour");
        assert!(trip("project_runs_per_hour", 2).is_of_project() && !trip("gone", 2).is_of_project());
        assert_eq!(trip("gone", 2).rule(), "`gone = 2` allows no more");
    }
}
