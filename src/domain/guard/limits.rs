//! The limits: one table gives the keys of the configuration, their defaults, the sentences and the documentation.

use std::collections::BTreeMap;

use serde::Serialize;

/// Whose doings are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One story.
    Story,
    /// All stories of a repository together.
    Project,
    /// One person in a repository.
    Person,
}

impl Scope {
    /// The word in the store.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Story => "story",
            Scope::Project => "project",
            Scope::Person => "person",
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// New comments that nobody asked for by a command.
    Comments,
    Reviews,
    /// Agent runs that were started.
    Runs,
    /// Tokens of model calls, in and out.
    Tokens,
    /// Changes of labels.
    Labels,
    Pushes,
    /// Lines addressed to the bot.
    Commands,
    /// Answers to questions of agents.
    Answers,
}

impl What {
    /// The word in the store.
    pub fn word(self) -> &'static str {
        match self {
            What::Comments => "comments",
            What::Reviews => "reviews",
            What::Runs => "runs",
            What::Tokens => "tokens",
            What::Labels => "labels",
            What::Pushes => "pushes",
            What::Commands => "commands",
            What::Answers => "answers",
        }
    }

    /// The word for people, one and many.
    pub fn noun(self) -> (&'static str, &'static str) {
        match self {
            What::Comments => ("comment", "comments"),
            What::Reviews => ("review", "reviews"),
            What::Runs => ("agent run", "agent runs"),
            What::Tokens => ("token", "tokens"),
            What::Labels => ("change of labels", "changes of labels"),
            What::Pushes => ("push", "pushes"),
            What::Commands => ("command", "commands"),
            What::Answers => ("answer", "answers"),
        }
    }
}

/// Over which time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last hour.
    Hour,
    /// Since the story began, or since a person let it go on.
    Life,
}

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSpec {
    /// Its key in the configuration.
    pub key: &'static str,
    pub scope: Scope,
    pub what: What,
    pub window: Window,
    /// What holds where the configuration says nothing.
    pub default: i64,
}

const fn limit(key: &'static str, scope: Scope, what: What, window: Window, default: i64) -> LimitSpec {
    LimitSpec { key, scope, what, window, default }
}

/// All limits. An ordinary story posts fewer than ten comments and starts five to ten runs; the defaults leave room for a hard one and
/// stop a loop within minutes.
pub const LIMITS: &[LimitSpec] = &[
    limit("story_comments_per_hour", Scope::Story, What::Comments, Window::Hour, 30),
    limit("story_comments", Scope::Story, What::Comments, Window::Life, 150),
    limit("story_reviews_per_hour", Scope::Story, What::Reviews, Window::Hour, 10),
    limit("story_reviews", Scope::Story, What::Reviews, Window::Life, 50),
    limit("story_runs_per_hour", Scope::Story, What::Runs, Window::Hour, 20),
    limit("story_runs", Scope::Story, What::Runs, Window::Life, 80),
    limit("story_tokens_per_hour", Scope::Story, What::Tokens, Window::Hour, 10_000_000),
    limit("story_tokens", Scope::Story, What::Tokens, Window::Life, 50_000_000),
    limit("story_labels_per_hour", Scope::Story, What::Labels, Window::Hour, 60),
    limit("story_pushes_per_hour", Scope::Story, What::Pushes, Window::Hour, 20),
    limit("story_pushes", Scope::Story, What::Pushes, Window::Life, 80),
    limit("project_comments_per_hour", Scope::Project, What::Comments, Window::Hour, 300),
    limit("project_runs_per_hour", Scope::Project, What::Runs, Window::Hour, 200),
    limit("project_tokens_per_hour", Scope::Project, What::Tokens, Window::Hour, 100_000_000),
    limit("user_commands_per_hour", Scope::Person, What::Commands, Window::Hour, 60),
    limit("user_answers_per_hour", Scope::Person, What::Answers, Window::Hour, 60),
];

/// Key of how many answers within two seconds, one after the other, make an account a program.
pub const QUICK_ANSWERS: &str = "quick_answers";
const QUICK_DEFAULT: i64 = 5;

/// The limits in force for a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct GuardLimits(BTreeMap<&'static str, i64>);

impl Default for GuardLimits {
    fn default() -> GuardLimits {
        let quick = std::iter::once((QUICK_ANSWERS, QUICK_DEFAULT));
        GuardLimits(LIMITS.iter().map(|spec| (spec.key, spec.default)).chain(quick).collect())
    }
}

impl GuardLimits {
    /// All keys.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        LIMITS.iter().map(|spec| spec.key).chain(std::iter::once(QUICK_ANSWERS))
    }

    /// The value of a key; nothing is allowed under a name that does not exist.
    pub fn get(&self, key: &str) -> i64 {
        self.0.get(key).copied().unwrap_or(0)
    }

    /// Sets a limit. `Err` is a sentence: there is no such key, or the value is below one.
    pub fn set(&mut self, key: &str, value: i64) -> Result<(), String> {
        let Some(slot) = self.0.iter_mut().find_map(|(name, slot)| (*name == key).then_some(slot)) else {
            let known: Vec<&str> = GuardLimits::keys().collect();
            return Err(format!("unknown limit `{key}`; there are {}", known.join(", ")));
        };
        if value < 1 {
            return Err(format!("`{key}` must be at least 1; to allow more or less than that, say how much"));
        }
        *slot = value;
        Ok(())
    }

    /// The limits on this, of this scope.
    pub fn on(scope: Scope, what: What) -> impl Iterator<Item = &'static LimitSpec> {
        LIMITS.iter().filter(move |spec| spec.scope == scope && spec.what == what)
    }

    /// What one person may do in an hour.
    pub fn of_person(&self, what: What) -> i64 {
        GuardLimits::on(Scope::Person, what).map(|spec| self.get(spec.key)).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_says_what_it_limits() {
        for spec in LIMITS {
            let scope = if spec.scope == Scope::Person { "user" } else { spec.scope.word() };
            let hour = if spec.window == Window::Hour { "_per_hour" } else { "" };
            assert_eq!(spec.key, format!("{scope}_{}{hour}", spec.what.word()));
            assert_eq!(GuardLimits::default().get(spec.key), spec.default);
        }
    }

    #[test]
    fn a_limit_is_a_known_key_and_at_least_one() {
        let mut limits = GuardLimits::default();
        limits.set("story_runs", 3).unwrap();
        assert_eq!(limits.get("story_runs"), 3);
        assert!(limits.set("story_run", 3).unwrap_err().contains("unknown limit `story_run`; there are story_comments_per_hour, "));
        assert!(limits.set("story_runs", 0).unwrap_err().contains("at least 1"));
        assert_eq!(limits.of_person(What::Commands), 60);
    }
}
