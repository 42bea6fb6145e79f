//! Configuration: what this process is (`settings`), what the team is (`team`, the `bot-config/` directory), and what agents are told
//! (`prompts`). The only room that reads the environment. Every mistake is an error that names file, line and column.

use std::path::Path;

use crate::base::secret::Redactor;

pub mod agents;
mod embedded;
pub mod env;
pub mod error;
pub mod labels;
pub mod models;
pub mod project;
pub mod prompts;
pub mod settings;
pub mod team;

pub use env::Env;
pub use error::{ConfigError, ConfigErrors};
pub use models::ProviderConfig;
pub use project::{Autonomy, ProjectPolicy};
pub use prompts::{Prompts, Rendered};
pub use settings::{ForgeSettings, Retention, Served, Settings, Timings};
pub use team::Team;

/// Everything that is configured, read and checked once at the start.
#[derive(Clone, Debug)]
pub struct Config {
    pub settings: Settings,
    pub team: Team,
    pub prompts: Prompts,
}

impl Config {
    /// Reads the settings file (if one is given or found), the environment, `bot-config/` and `prompts/`, and checks that they fit together.
    pub fn load(env: &Env, file: Option<&Path>) -> Result<Config, ConfigErrors> {
        let settings = Settings::load(env, file)?;
        let team = Team::load(settings.bot_config.as_deref())?;
        let prompts = Prompts::load(settings.prompts.as_deref())?;
        prompts.check(team.agents.values())?;
        Ok(Config { settings, team, prompts })
    }

    /// Masks every secret of this configuration.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.settings.secrets())
    }
}
