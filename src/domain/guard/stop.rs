//! What a stop stops: which effects of a story still happen while it is paused or halted.

use serde::{Deserialize, Serialize};

use crate::base::Time;
use crate::domain::workflow::Effect;

/// Words in the reason of a flag that was raised for all stories of a project at once.
pub const WHOLE_PROJECT: &str = "together with all stories";

/// Why a story stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// A person stopped it.
    Paused,
    /// A guard rail stopped it.
    Halted,
}

/// A stop that was put on a story or on all stories of a project, until it is lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub stop: Stop,
    /// Login of the person; nobody: a guard rail.
    pub by: Option<String>,
    /// What was counted and under which line, for a guard rail.
    pub why: String,
    pub at: Time,
}

/// What kind of thing an effect is, as the guard rails see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer to somebody's own words, or the sign of a stop itself. Limited per person and never held.
    Answer,
    /// Tells of something that a person did.
    Tells,
    /// The window: status comment and labels.
    Shows,
    /// Work of agents and what follows from it.
    Work,
}

/// Starts of comment keys that answer.
const ANSWERS: &[&str] = &["reply.", "limited.", "halted.", "put-back.", "program.", "vote."];
/// Starts of comment keys that tell what a person did to the story.
const TELLS: &[&str] = &["pushed.", "pull-closed.", "branch-deleted.", "cancelled"];

/// The kind of an effect.
pub fn kind_of(effect: &Effect) -> Kind {
    match effect {
        Effect::React { .. } | Effect::SpreadHold { .. } | Effect::HaltProject { .. } => Kind::Answer,
        Effect::Status | Effect::Labels => Kind::Shows,
        Effect::Comment { key, .. } => {
            // Keys begin with the number of the story's round.
            let key = key.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('.');
            let starts = |list: &[&str]| list.iter().any(|start| key.starts_with(start));
            match () {
                () if starts(ANSWERS) => Kind::Answer,
                () if starts(TELLS) => Kind::Tells,
                () => Kind::Work,
            }
        }
        _ => Kind::Work,
    }
}

/// Whether an effect happens although the story is stopped. The others wait in their order until it goes on.
pub fn passes(effect: &Effect, stop: Stop) -> bool {
    match kind_of(effect) {
        Kind::Answer | Kind::Shows => true,
        Kind::Tells => stop == Stop::Paused,
        Kind::Work => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::forge::Sha;

    fn comment(key: &str) -> Effect {
        Effect::Comment { number: 1, key: key.into(), body: String::new() }
    }

    #[test]
    fn a_stop_holds_work_and_lets_answers_through() {
        let rows = [
            (Effect::React { number: 1, comment: 1, content: "+1".into() }, true, true),
            (Effect::Status, true, true),
            (Effect::Labels, true, true),
            (comment("reply.17"), true, true),
            (comment("limited.3"), true, true),
            (comment("1.halted.9"), true, true),
            (comment("2.put-back.story-done"), true, true),
            (comment("1.pushed.abc"), true, false),
            // Anybody who can read can review: nobody shall halt a story by that.
            (comment("1.vote.3.abc"), true, true),
            (comment("1.gave-up.run_1"), false, false),
            (comment("1.checkpoint.plan.abc.2"), false, false),
            (comment("1.report"), false, false),
            (Effect::Merge { number: 1, head: Sha("a".into()) }, false, false),
            (Effect::CloseIssue { number: 1 }, false, false),
        ];
        for (effect, paused, halted) in rows {
            assert_eq!((passes(&effect, Stop::Paused), passes(&effect, Stop::Halted)), (paused, halted), "{effect:?}");
        }
    }
}
