//! Configuration: what this process is (`settings`), what the team is (`team`, the `bot-config/` directory), and what agents are told
//! (`prompts`). The only room that reads the environment. Every mistake is an error that names file, line and column.

use std::path::Path;

use crate::base::secret::Redactor;

pub mod agents;
mod embedded;
pub mod endings;
pub mod env;
pub mod error;
pub mod files;
pub mod labels;
pub mod link;
pub mod models;
pub mod project;
pub mod prompts;
pub mod repository;
pub mod settings;
pub mod shape;
pub mod show;
pub mod standing;
pub mod team;

pub use env::Env;
pub use error::{ConfigError, ConfigErrors};
pub use files::TeamFiles;
pub use link::{LinkConfig, OUTWARD_LABEL};
pub use models::ProviderConfig;
pub use project::{Autonomy, ProjectPolicy};
pub use prompts::{Prompts, Rendered};
pub use settings::{AppSettings, ConfigRepo, ForgeSettings, LogFormat, Retention, Served, Settings, Timings};
pub use standing::Standing;
pub use team::Team;

/// Everything that is configured, read and checked as a whole.
#[derive(Clone, Debug)]
pub struct Config {
    pub settings: Settings,
    pub team: Team,
    pub prompts: Prompts,
}

impl Config {
    /// Reads the settings file (if one is given or found), the environment, `bot-config/` and `prompts/`, and checks that they fit together.
    /// Where the settings name a repository, the built-in team stands in for what is in it: see [`Config::of_files`].
    pub fn load(env: &Env, file: Option<&Path>) -> Result<Config, ConfigErrors> {
        let settings = Settings::load(env, file);
        // Mistakes in the settings do not hide those of the team.
        let (bot_config, prompts) = match &settings {
            Ok(settings) => (settings.bot_config.clone(), settings.prompts.clone()),
            Err(_) => Settings::directories(env, file),
        };
        let team = Team::load(bot_config.as_deref());
        let prompts = Prompts::load(prompts.as_deref());
        let checked = match (&team, &prompts) {
            (Ok(team), Ok(prompts)) => prompts.check(team.agents.values()),
            _ => Ok(()),
        };
        match (settings, team, prompts, checked) {
            (Ok(settings), Ok(team), Ok(prompts), Ok(())) => {
                let strangers = strangers(&settings, &team);
                if strangers.is_empty() { Ok(Config { settings, team, prompts }) } else { Err(ConfigErrors(strangers)) }
            }
            (settings, team, prompts, checked) => {
                let errors = [settings.err(), team.err(), prompts.err(), checked.err()];
                Err(ConfigErrors(errors.into_iter().flatten().flat_map(|errors| errors.0).collect()))
            }
        }
    }

    /// Masks every secret of this configuration.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.settings.secrets())
    }
}

/// Project files that name a forge which the settings do not have. Without any forge in the settings nothing is served, and nothing said.
fn strangers(settings: &Settings, team: &Team) -> Vec<ConfigError> {
    let known: Vec<&str> = settings.forges.iter().map(|forge| forge.id.as_str()).collect();
    let strange = team.projects.iter().filter(|project| !known.is_empty() && !known.contains(&project.forge.as_str()));
    let sentence = |name: &str| format!("there is no forge `{name}` in the settings; {}", error::suggest(name, known.iter().copied()));
    let links = link::strange(&team.projects, &known, |repo| settings.serves(repo));
    strange.map(|project| ConfigError { message: sentence(&project.forge), ..project.forge_at.clone() }).chain(links).collect()
}
