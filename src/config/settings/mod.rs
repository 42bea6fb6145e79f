//! Settings of this process: where it keeps its data, where it listens, which forges it serves, which secrets it holds.
//! A TOML file, and over it environment variables.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::env::Env;
use super::error::{ConfigError, ConfigErrors};
use crate::base::secret::SecretString;
use crate::domain::forge::ForgeKind;

mod read;
mod served;

pub use served::Served;

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Database, mirrors, work trees. Made when missing.
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    /// Address under which people and forges reach this process, without a slash at its end.
    pub public_url: String,
    /// `postgres://…`; `None`: SQLite inside the data directory.
    pub store_url: Option<SecretString>,
    /// Directory laid over the built-in team; `None`: the built-in one.
    pub bot_config: Option<PathBuf>,
    /// Directory laid over the built-in prompts.
    pub prompts: Option<PathBuf>,
    /// Repository that the team and its prompts are followed in; then there is neither of the two directories.
    pub config_repo: Option<ConfigRepo>,
    pub forges: Vec<ForgeSettings>,
    /// Repositories that are served.
    pub projects: Served,
    /// Keys of model providers by the provider's name.
    pub keys: BTreeMap<String, SecretString>,
    /// Addresses that replace those in `models.toml`, by the provider's name.
    pub provider_urls: BTreeMap<String, String>,
    pub timings: Timings,
    pub retention: Retention,
    pub git: GitSettings,
    /// Filter of the log, such as `info,syndarix=debug`.
    pub log: String,
    pub log_format: LogFormat,
    /// Where traces are sent, without a slash at its end; `None`: none are made.
    pub otlp_endpoint: Option<String>,
    /// `/metrics` asks for a token.
    pub metrics_need_token: bool,
}

/// Where the team's configuration is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRepo {
    /// `<forge id>:owner/name`, an address, or a path of this machine.
    pub place: String,
    /// Folder in it, without a slash at either end; empty: its top.
    pub path: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// One forge and the bot's account on it. The account's name is asked of the forge, not configured.
#[derive(Clone, Debug)]
pub struct ForgeSettings {
    /// Name of the hook: deliveries come to `/hooks/<id>`.
    pub id: String,
    pub kind: ForgeKind,
    /// Base address, without a slash at its end.
    pub url: String,
    /// Base address for people, where it differs.
    pub public_url: Option<String>,
    /// Empty where an App is signed in as.
    pub token: SecretString,
    /// GitHub alone: an App in place of an account with a token.
    pub app: Option<AppSettings>,
    pub hook_secret: SecretString,
}

/// A GitHub App that the bot is.
#[derive(Clone, Debug)]
pub struct AppSettings {
    pub id: u64,
    /// In PEM.
    pub private_key: SecretString,
}

/// Bounds of what a forge may send in one fetch; `None`: the built-in ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// Millions of bytes.
    pub max_fetch_megabytes: Option<u64>,
    pub max_fetch_objects: Option<u64>,
}

/// How often and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Least time between two edits of one status comment.
    pub status_spacing: Duration,
    /// Least time between two pushes to an audit repository.
    pub audit_spacing: Duration,
    /// How long a turn of a subject may hold it.
    pub subject_lease: Duration,
    /// How long an agent run holds its work without a sign of life.
    pub run_lease: Duration,
    /// Longest wait between two comparisons with the forge.
    pub poll: Duration,
    /// Shortest wait between two comparisons with the forge.
    pub poll_quick: Duration,
    /// Between two looks into the store when nobody wakes the worker.
    pub idle: Duration,
    /// How long one call to a forge may take.
    pub call: Duration,
    /// How long a process that was asked to stop ends what is under way.
    pub drain: Duration,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings {
            status_spacing: Duration::from_secs(5),
            audit_spacing: Duration::from_secs(10),
            subject_lease: Duration::from_secs(30),
            run_lease: Duration::from_secs(120),
            poll: Duration::from_secs(300),
            poll_quick: Duration::from_secs(12),
            idle: Duration::from_secs(1),
            call: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}

/// For how many days deliveries are kept, counted from when they last came or were replayed. 0: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Those that were deliberately not acted on.
    pub ignored_days: u32,
    /// Those that became somebody's intent.
    pub done_days: u32,
    /// Those that could not be read; until then they can be replayed.
    pub failed_days: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { ignored_days: 30, done_days: 90, failed_days: 365 }
    }
}

impl Settings {
    /// Reads the file given, else the one that `SYNDARIX_CONFIG` names, else `syndarix-settings.toml` of the working directory if there is one, and the environment over it.
    pub fn load(env: &Env, file: Option<&Path>) -> Result<Settings, ConfigErrors> {
        let Some(path) = Settings::file(env, file) else { return Settings::read(env, "syndarix-settings.toml", "") };
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(&path).map_err(|error| ConfigError::whole(&name, format!("the file cannot be read: {error}")))?;
        Settings::read(env, &name, &text)
    }

    /// The settings file that counts; `None`: there is none.
    pub fn file(env: &Env, file: Option<&Path>) -> Option<PathBuf> {
        let named = file.map(Path::to_path_buf).or_else(|| env.get("SYNDARIX_CONFIG").map(PathBuf::from));
        let default = Path::new("syndarix-settings.toml");
        named.or_else(|| default.exists().then(|| default.to_path_buf()))
    }

    /// The directories of the team and of its prompts, as far as they can be told from settings that hold mistakes.
    pub(super) fn directories(env: &Env, file: Option<&Path>) -> (Option<PathBuf>, Option<PathBuf>) {
        let text = Settings::file(env, file).and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let (document, _) = toml::de::DeTable::parse_recoverable(&text);
        let named = |key: &str| {
            document.get_ref().iter().find(|(name, _)| name.get_ref().as_ref() == key).and_then(|(_, value)| value.get_ref().as_str())
        };
        let path = |variable: &str, key: &str| env.get(variable).or_else(|| named(key)).map(PathBuf::from);
        (path("SYNDARIX_BOT_CONFIG", "bot_config"), path("SYNDARIX_PROMPTS", "prompts"))
    }

    /// Reads settings from the text of a file and an environment.
    pub fn read(env: &Env, file: &str, text: &str) -> Result<Settings, ConfigErrors> {
        read::Reader { env, file, text, errors: Vec::new() }.read()
    }

    /// The forge with this id.
    pub fn forge(&self, id: &str) -> Option<&ForgeSettings> {
        self.forges.iter().find(|forge| forge.id == id)
    }

    /// True when the repository may be served.
    pub fn serves(&self, path: &str) -> bool {
        self.projects.serves(path)
    }

    /// Every secret that is held, for masking.
    pub fn secrets(&self) -> Vec<SecretString> {
        let forges = self.forges.iter().flat_map(|forge| [forge.token.clone(), forge.hook_secret.clone()]);
        let apps = self.forges.iter().filter_map(|forge| forge.app.as_ref().map(|app| app.private_key.clone()));
        forges.chain(apps).chain(self.keys.values().cloned()).chain(self.store_url.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::ExposeSecret;

    const FORGE: &str = "[[forges]]\nid = \"home\"\nkind = \"gitea\"\nurl = \"https://git.example.org/\"\n";

    fn errors(env: &Env, text: &str) -> Vec<String> {
        Settings::read(env, "s.toml", text).err().map(|errors| errors.0.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }

    #[test]
    fn nothing_configured_is_a_local_installation_that_serves_nobody() {
        let settings = Settings::read(&Env::default(), "s.toml", "").unwrap();
        assert_eq!(settings.public_url, "http://127.0.0.1:8620");
        assert!(settings.store_url.is_none() && settings.forges.is_empty() && !settings.serves("acme/shop"));
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let env = Env::of([
            ("SYNDARIX_LISTEN", "0.0.0.0:1"),
            ("SYNDARIX_FORGE_HOME_TOKEN", "token-1"),
            ("SYNDARIX_FORGE_HOME_HOOK_SECRET", "hook-1"),
            ("SYNDARIX_OPENAI_API_KEY", "key-1"),
            ("OPENAI_API_KEY", "key-2"),
            ("OLLAMA_HOST", "10.0.0.1:11434"),
            ("SYNDARIX_PROJECTS", "acme/*, Solo/one"),
        ]);
        let settings = Settings::read(&env, "s.toml", &format!("listen = \"127.0.0.1:2\"\n{FORGE}")).unwrap();
        assert_eq!(settings.listen.port(), 1);
        let forge = settings.forge("home").unwrap();
        assert_eq!((forge.url.as_str(), forge.token.expose_secret()), ("https://git.example.org", "token-1"));
        assert_eq!(settings.keys["openai"].expose_secret(), "key-1");
        assert_eq!(settings.provider_urls["ollama"], "http://10.0.0.1:11434");
        assert!(settings.serves("acme/shop") && settings.serves("solo/One") && !settings.serves("acmex/shop"));
        assert_eq!(settings.secrets().len(), 3);
        assert!(!format!("{settings:?}").contains("token-1"));
    }

    #[test]
    fn deliveries_are_kept_as_long_as_is_set() {
        let retention = |text: &str| Settings::read(&Env::default(), "s.toml", text).unwrap().retention;
        assert_eq!(retention(""), Retention { ignored_days: 30, done_days: 90, failed_days: 365 });
        let set = retention("[retention]\nignored_days = 7\nfailed_days = 0\n");
        assert_eq!(set, Retention { ignored_days: 7, done_days: 90, failed_days: 0 });
    }

    #[test]
    fn mistakes_name_their_place() {
        let none = Env::default();
        let rows = [
            ("lisen = \"x\"\n".to_owned(), "s.toml:1:1: unknown key `lisen`, "),
            ("listen = \"here\"\n".to_owned(), "s.toml:1:10: `here` is not an address to listen on"),
            (
                "log = \"inof\"\n".to_owned(),
                "s.toml:1:7: `inof` is not a level of the log, which are off, error, warn, info, debug, trace; did you mean `info`?",
            ),
            ("public_url = \"ftp://x\"\n".to_owned(), "s.toml:1:14: `ftp://x` is not a web address"),
            (FORGE.to_owned(), "s.toml:1:1: the forge `home` has no token: set SYNDARIX_FORGE_HOME_TOKEN"),
            (FORGE.replace("home", "My Forge"), "s.toml:2:6: `My Forge` cannot be a forge's id"),
            (FORGE.replace("gitea", "gitee"), "s.toml:3:8: unknown variant `gitee`"),
            (FORGE.replace("//git", "//u:p@git"), "s.toml:4:7: an address must not hold a user name"),
        ];
        for (text, want) in rows {
            let got = errors(&none, &text);
            assert!(got.iter().any(|error| error.starts_with(want)), "{got:#?}\nwanted {want}");
            assert!(!got.join(" ").contains("u:p@"), "a password in an address is not repeated");
        }
        assert_eq!(errors(&Env::of([("SYNDARIX_LISTEN", "x")]), "").len(), 1);
    }

    #[test]
    fn a_github_app_takes_the_place_of_a_token() {
        let github = FORGE.replace("gitea", "github");
        let read = |text: &str| Settings::read(&Env::default(), "s.toml", text);
        let secret = "hook_secret = \"s\"\n";
        let app = "app_id = 12345\nprivate_key = \"key-canary\"\n";
        let settings = read(&format!("{github}{app}{secret}")).unwrap();
        let forge = &settings.forges[0];
        assert_eq!(forge.app.as_ref().map(|app| app.id), Some(12_345));
        assert!(forge.token.expose_secret().is_empty() && settings.secrets().iter().any(|secret| secret.expose_secret() == "key-canary"));
        assert!(!format!("{forge:?}").contains("key-canary"));
        for (text, said) in [
            (format!("{FORGE}{app}{secret}"), "only forges of kind `github`"),
            (format!("{github}{app}token = \"t\"\n{secret}"), "take one out"),
            (format!("{github}private_key = \"k\"\n{secret}"), "no `app_id`"),
            (format!("{github}app_id = 1\n{secret}"), "has no private_key"),
            (format!("{github}app_id = 0\nprivate_key = \"k\"\n{secret}"), "no number of a GitHub App"),
        ] {
            let all = errors(&Env::default(), &text).join("\n");
            assert!(all.contains(said) && !all.contains("key-canary"), "{said}: {all}");
        }
        let env = Env::of([
            ("SYNDARIX_FORGE_HOME_APP_ID", "7"),
            ("SYNDARIX_FORGE_HOME_PRIVATE_KEY", "key"),
            ("SYNDARIX_FORGE_HOME_HOOK_SECRET", "s"),
        ]);
        assert_eq!(Settings::read(&env, "s.toml", &github).unwrap().forges[0].app.as_ref().map(|app| app.id), Some(7));
    }
}
