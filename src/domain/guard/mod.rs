//! Guard rails: how much may happen before a person has to look, what stops while a story is stopped, and how much one person may ask
//! for. Counting is the store's; here is the judging.

mod bucket;
mod limits;
mod stop;
mod trip;

pub use bucket::{Bucket, Drawn};
pub use limits::{GuardLimits, LIMITS, LimitSpec, QUICK_ANSWERS, Scope, What, Window};
pub use stop::{Hold, Kind, Stop, WHOLE_PROJECT, kind_of, passes};
pub use trip::{Counted, Trip, judge};

/// Whether a comment came within two seconds after one of the bot's own. Forges keep whole seconds.
pub fn is_quick(spoke: crate::base::Time, answered: crate::base::Time) -> bool {
    let seconds = |at: crate::base::Time| at.0.div_euclid(1_000_000);
    (0..2).contains(&(seconds(answered) - seconds(spoke)))
}

/// What was gathered about the guard rails before a decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuardFacts {
    /// All stories of the project are stopped.
    pub hold: Option<Hold>,
    /// The last things that happened to the story, oldest first, as lines for people.
    pub recent: Vec<String>,
    /// The speaker has given more answers than one person may; until then.
    pub answers_until: Option<crate::base::Time>,
    /// Login of the program whose command was run since a person last spoke here.
    pub bot_spoke: Option<String>,
    /// The speaker answered so quickly so often that it is taken for a program. `true`: only now, so it has to be said.
    pub suspect: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::is_quick;
    use crate::base::Time;

    #[test]
    fn quick_is_less_than_two_whole_seconds() {
        let second = |n: i64| Time(n * 1_000_000 + 500_000);
        let rows = [(10, 10, true), (10, 11, true), (10, 12, false), (10, 9, false), (10, 3_600, false)];
        for (spoke, answered, quick) in rows {
            assert_eq!(is_quick(second(spoke), second(answered)), quick, "{spoke} {answered}");
        }
    }
}
