//! What the commands that inform and set look at: gathered only where one of them was typed.

use serde::{Deserialize, Serialize};

use crate::base::{Nano, Time};
use crate::domain::agent::Purpose;
use crate::domain::budget::{Caps, Limits, Pot, Purse};
use crate::domain::forge::{Role, User};

use super::event::StoryEvent;
use super::label::Autonomy;

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Inform {
    pub settings: ProjectSettings,
    pub money: Option<Money>,
    /// The agent types, by name.
    pub team: Vec<AgentCard>,
    pub config: Vec<ConfigLine>,
    /// The last things that changed the story, newest first.
    pub steps: Vec<Step>,
    pub audit: Option<AuditFacts>,
}

/// A setting of the whole project, stored over its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "setting", content = "value", rename_all = "kebab-case")]
pub enum Setting {
    /// The level at which stories begin; `None`: as configured.
    Autonomy(Option<Autonomy>),
    /// What all stories together may cost in a calendar month.
    Budget(Caps),
}

impl Setting {
    /// Its name among the stored settings.
    pub fn key(self) -> &'static str {
        match self {
            Setting::Autonomy(_) => "autonomy",
            Setting::Budget(_) => "budget",
        }
    }
}

/// Who set something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetBy {
    pub by: User,
    pub at: Time,
}

/// The settings of a project that are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectSettings {
    pub autonomy: Option<(Autonomy, SetBy)>,
    pub budget: Option<(Caps, SetBy)>,
}

/// What was spent and may be spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    pub purse: Purse,
    /// The limits of a story without its own.
    pub configured: Limits,
    /// Where those come from: of the soft and of the hard one.
    pub sources: (String, String),
    /// All stories of the project, in this calendar month and since the beginning.
    pub month: Pot,
    pub total: Pot,
    pub agents: Vec<AgentCost>,
}

/// What one agent of the story cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCost {
    pub kind: String,
    pub name: String,
    pub calls: i64,
    pub pot: Pot,
}

/// An agent type, as far as people may choose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCard {
    pub kind: String,
    pub title: String,
    /// The instance that works on this story when none is named.
    pub name: String,
    /// Names an instance may have.
    pub pool: Vec<String>,
    pub able: Vec<Purpose>,
}

/// One line of the configuration in force. Texts are free of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigLine {
    pub key: String,
    /// Markdown that fits into a table.
    pub value: String,
    pub source: String,
}

/// One thing that changed the story, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Time,
    /// Who and what caused it, as a part of a sentence.
    pub cause: String,
    /// Address of the comment or page where it was caused.
    pub link: Option<String>,
    /// The permission that was found for each command.
    pub permissions: Vec<Asked>,
    pub events: Vec<StoryEvent>,
    pub runs: Vec<RunStep>,
    /// Where its last event stands in the record: place and hash; `None`: not sealed yet.
    pub entry: Option<(u64, String)>,
}

/// A permission that was asked of the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub verb: String,
    /// As recorded: `write`, or `unknown`.
    pub role: String,
    pub allowed: bool,
}

/// A run that began or ended with a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStep {
    pub name: String,
    pub kind: String,
    /// Models that answered, with the number of calls.
    pub models: Vec<(String, u32)>,
    pub cost: Nano,
    pub price_known: bool,
}

/// The state of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFacts {
    /// Name of the project's chain.
    pub chain: String,
    pub entries: u64,
    /// Place and hash of the last entry.
    pub head: Option<(u64, String)>,
    /// Journal entries that are not linked yet.
    pub waiting: i64,
    /// First and last entry that were checked just now, or what is wrong.
    pub checked: Result<(u64, u64), String>,
    pub published: Option<Published>,
    /// Since when the audit repository does not continue what was published.
    pub diverged: Option<Time>,
    /// Where the audit repository is, as Markdown.
    pub place: String,
    /// The last entry about this story; `None`: none is sealed.
    pub last: Option<(u64, String)>,
}

/// How far the record is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Number of entries.
    pub entries: u64,
    /// Commit of the audit repository.
    pub commit: Option<String>,
    pub at: Time,
}

/// A permission in the words of the record.
pub fn role_word(role: Option<Role>) -> String {
    role.map_or("unknown".to_owned(), |role| role.to_string())
}
