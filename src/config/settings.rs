//! Settings of this process: where it keeps its data, where it listens, which forges it serves, which secrets it holds.
//! A TOML file, and over it environment variables.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::env::{Env, forge_variable, provider_variable, secret_file};
use super::error::{ConfigError, ConfigErrors, parse};
use crate::base::secret::SecretString;
use crate::domain::forge::ForgeKind;

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
    pub forges: Vec<ForgeSettings>,
    /// Repositories that are served, `owner/name`, `owner/*` or `*`; see [`Settings::serves`].
    pub projects: Vec<String>,
    /// Keys of model providers by the provider's name.
    pub keys: BTreeMap<String, SecretString>,
    /// Addresses that replace those in `models.toml`, by the provider's name.
    pub provider_urls: BTreeMap<String, String>,
    pub timings: Timings,
    /// Filter of the log, such as `info,syndarix=debug`.
    pub log: String,
}

/// One forge and the bot's account on it. The account's name is asked of the forge, not configured.
#[derive(Clone, Debug)]
pub struct ForgeSettings {
    /// Name of the hook: deliveries come to `/hooks/<id>`.
    pub id: String,
    pub kind: ForgeKind,
    /// Base address, without a slash at its end.
    pub url: String,
    pub token: SecretString,
    pub hook_secret: SecretString,
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
    /// Between two comparisons with the forge.
    pub poll: Duration,
    /// Between two looks into the store when nobody wakes the worker.
    pub idle: Duration,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings {
            status_spacing: Duration::from_secs(5),
            audit_spacing: Duration::from_secs(10),
            subject_lease: Duration::from_secs(30),
            run_lease: Duration::from_secs(120),
            poll: Duration::from_secs(300),
            idle: Duration::from_secs(1),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    data_dir: Option<PathBuf>,
    listen: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
    store_url: Option<SecretString>,
    bot_config: Option<PathBuf>,
    prompts: Option<PathBuf>,
    log: Option<String>,
    projects: Vec<String>,
    forges: Vec<Spanned<RawForge>>,
    providers: BTreeMap<String, RawProvider>,
    timings: RawTimings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawForge {
    id: Spanned<String>,
    kind: ForgeKind,
    url: Spanned<String>,
    token: Option<SecretString>,
    token_file: Option<String>,
    hook_secret: Option<SecretString>,
    hook_secret_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProvider {
    url: Option<String>,
    key_file: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTimings {
    status_spacing_seconds: Option<u64>,
    audit_spacing_seconds: Option<u64>,
    subject_lease_seconds: Option<u64>,
    run_lease_seconds: Option<u64>,
    poll_seconds: Option<u64>,
    idle_seconds: Option<u64>,
}

impl Settings {
    /// Reads the file given, else the one that `SYNDARIX_CONFIG` names, else `syndarix-settings.toml` of the working directory if there is one, and the environment over it.
    pub fn load(env: &Env, file: Option<&Path>) -> Result<Settings, ConfigErrors> {
        let named = file.map(Path::to_path_buf).or_else(|| env.get("SYNDARIX_CONFIG").map(PathBuf::from));
        let default = Path::new("syndarix-settings.toml");
        let path = named.or_else(|| default.exists().then(|| default.to_path_buf()));
        let Some(path) = path else { return Settings::read(env, "syndarix-settings.toml", "") };
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(&path).map_err(|error| ConfigError::whole(&name, format!("the file cannot be read: {error}")))?;
        Settings::read(env, &name, &text)
    }

    /// Reads settings from the text of a file and an environment.
    pub fn read(env: &Env, file: &str, text: &str) -> Result<Settings, ConfigErrors> {
        Reader { env, file, text, errors: Vec::new() }.read()
    }

    /// The forge with this id.
    pub fn forge(&self, id: &str) -> Option<&ForgeSettings> {
        self.forges.iter().find(|forge| forge.id == id)
    }

    /// True when the repository may be served. Nobody is served by accident: an empty list serves none.
    pub fn serves(&self, path: &str) -> bool {
        self.projects.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path.eq_ignore_ascii_case(pattern),
        })
    }

    /// Every secret that is held, for masking.
    pub fn secrets(&self) -> Vec<SecretString> {
        let forges = self.forges.iter().flat_map(|forge| [forge.token.clone(), forge.hook_secret.clone()]);
        forges.chain(self.keys.values().cloned()).chain(self.store_url.clone()).collect()
    }
}

struct Reader<'a> {
    env: &'a Env,
    file: &'a str,
    text: &'a str,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Settings, ConfigErrors> {
        let raw: Raw = parse(self.file, self.text)?;
        let listen = self.listen(raw.listen.as_ref());
        let public_url = self.public_url(raw.public_url.as_ref(), listen);
        let forges = self.forges(&raw.forges);
        let ids: Vec<&str> = forges.iter().map(|forge| forge.id.as_str()).collect();
        self.errors.extend(self.env.unknown(&ids));
        let keys = self.keys(&raw.providers);
        let store_url = self.secret("SYNDARIX_STORE_URL").or(raw.store_url);
        let path = |name: &str, given: Option<PathBuf>| self.env.get(name).map(PathBuf::from).or(given);
        let settings = Settings {
            data_dir: path("SYNDARIX_DATA_DIR", raw.data_dir).unwrap_or_else(|| PathBuf::from("data")),
            listen,
            public_url,
            store_url,
            bot_config: path("SYNDARIX_BOT_CONFIG", raw.bot_config),
            prompts: path("SYNDARIX_PROMPTS", raw.prompts),
            forges,
            projects: self.projects(raw.projects),
            keys,
            provider_urls: self.provider_urls(&raw.providers),
            timings: self.timings(&raw.timings),
            log: self.env.get("SYNDARIX_LOG").map(str::to_owned).or(raw.log).unwrap_or_else(|| "info".to_owned()),
        };
        if self.errors.is_empty() { Ok(settings) } else { Err(ConfigErrors(self.errors)) }
    }

    fn wrong(&mut self, span: std::ops::Range<usize>, message: impl Into<String>) {
        self.errors.push(ConfigError::at(self.file, self.text, span, message));
    }

    /// The variable if it is set, else the value of the file; `bad` says what is wrong with it, if anything.
    fn text<T>(&mut self, variable: &str, given: Option<&Spanned<String>>, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (text, span) = match (self.env.get(variable), given) {
            (Some(text), _) => (text, None),
            (None, Some(given)) => (given.as_ref().as_str(), Some(given.span())),
            (None, None) => return None,
        };
        match (read(text), span) {
            (Ok(value), _) => Some(value),
            (Err(message), Some(span)) => {
                self.wrong(span, message);
                None
            }
            (Err(message), None) => {
                self.errors.push(ConfigError::whole(variable, message));
                None
            }
        }
    }

    fn listen(&mut self, given: Option<&Spanned<String>>) -> SocketAddr {
        let read = |text: &str| text.parse().map_err(|_| format!("`{text}` is not an address to listen on; write it as 0.0.0.0:8620"));
        self.text("SYNDARIX_LISTEN", given, read).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8620)))
    }

    fn public_url(&mut self, given: Option<&Spanned<String>>, listen: SocketAddr) -> String {
        self.text("SYNDARIX_PUBLIC_URL", given, web_url).unwrap_or_else(|| format!("http://{listen}"))
    }

    fn forges(&mut self, given: &[Spanned<RawForge>]) -> Vec<ForgeSettings> {
        let mut forges: Vec<ForgeSettings> = Vec::new();
        for raw in given {
            let span = raw.span();
            let raw = raw.as_ref();
            let id = raw.id.as_ref().clone();
            if id.is_empty() || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
                self.wrong(
                    raw.id.span(),
                    format!("`{id}` cannot be a forge's id: use lower-case letters, digits and dashes; it becomes part of an address"),
                );
                continue;
            }
            if forges.iter().any(|forge| forge.id == id) {
                self.wrong(raw.id.span(), format!("there are two forges with the id `{id}`"));
                continue;
            }
            let url = self.text(&forge_variable(&id, "URL"), Some(&raw.url), web_url);
            let token = self.forge_secret(&id, "TOKEN", span.clone(), &raw.token, &raw.token_file);
            let hook_secret = self.forge_secret(&id, "HOOK_SECRET", span, &raw.hook_secret, &raw.hook_secret_file);
            if let (Some(url), Some(token), Some(hook_secret)) = (url, token, hook_secret) {
                forges.push(ForgeSettings { id, kind: raw.kind, url, token, hook_secret });
            }
        }
        forges
    }

    /// A forge without token or hook secret is refused: without a secret every delivery would have to be believed.
    fn forge_secret(
        &mut self,
        id: &str,
        field: &str,
        span: std::ops::Range<usize>,
        given: &Option<SecretString>,
        file: &Option<String>,
    ) -> Option<SecretString> {
        let variable = forge_variable(id, field);
        let errors_before = self.errors.len();
        let found = self.secret(&variable).or_else(|| given.clone()).or_else(|| file.as_ref().and_then(|path| self.file_secret(path)));
        if found.is_none() && self.errors.len() == errors_before {
            let key = field.to_lowercase();
            self.wrong(span, format!("the forge `{id}` has no {key}: set {variable}, {variable}_FILE or `{key}_file`"));
        }
        found
    }

    fn secret(&mut self, variable: &str) -> Option<SecretString> {
        self.env.secret(variable).unwrap_or_else(|error| {
            self.errors.push(error);
            None
        })
    }

    fn file_secret(&mut self, path: &str) -> Option<SecretString> {
        secret_file(self.file, path).map_err(|error| self.errors.push(error)).ok()
    }

    /// Keys under this program's own variables, then files, then the variables that the providers' own tools use.
    fn keys(&mut self, given: &BTreeMap<String, RawProvider>) -> BTreeMap<String, SecretString> {
        let common = [("anthropic", "ANTHROPIC_API_KEY"), ("openai", "OPENAI_API_KEY")];
        let mut keys: BTreeMap<String, SecretString> = common
            .iter()
            .filter_map(|(name, variable)| Some(((*name).to_owned(), SecretString::from(self.env.get(variable)?.to_owned()))))
            .collect();
        for (name, provider) in given {
            if let Some(key) = provider.key_file.as_ref().and_then(|path| self.file_secret(path)) {
                keys.insert(name.clone(), key);
            }
        }
        for name in self.env.named("_API_KEY") {
            if let Some(key) = self.secret(&provider_variable(&name, "API_KEY")) {
                keys.insert(name, key);
            }
        }
        keys
    }

    fn provider_urls(&self, given: &BTreeMap<String, RawProvider>) -> BTreeMap<String, String> {
        let ollama = self
            .env
            .get("OLLAMA_HOST")
            .map(|host| ("ollama".to_owned(), if host.contains("://") { host.to_owned() } else { format!("http://{host}") }));
        let from_file = given.iter().filter_map(|(name, provider)| Some((name.clone(), provider.url.clone()?)));
        let names =
            self.env.named("_URL").into_iter().filter(|name| !["public", "store"].contains(&name.as_str()) && !name.starts_with("forge-"));
        let from_env = names.filter_map(|name| Some((name.clone(), self.env.get(&provider_variable(&name, "URL"))?.to_owned())));
        ollama.into_iter().chain(from_file).chain(from_env).collect()
    }

    fn projects(&self, given: Vec<String>) -> Vec<String> {
        match self.env.get("SYNDARIX_PROJECTS") {
            Some(list) => list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            None => given,
        }
    }

    fn timings(&self, raw: &RawTimings) -> Timings {
        let standard = Timings::default();
        let or = |seconds: Option<u64>, standard: Duration| seconds.map_or(standard, |seconds| Duration::from_secs(seconds.max(1)));
        Timings {
            status_spacing: or(raw.status_spacing_seconds, standard.status_spacing),
            audit_spacing: or(raw.audit_spacing_seconds, standard.audit_spacing),
            subject_lease: or(raw.subject_lease_seconds, standard.subject_lease),
            run_lease: or(raw.run_lease_seconds, standard.run_lease),
            poll: or(raw.poll_seconds, standard.poll),
            idle: or(raw.idle_seconds, standard.idle),
        }
    }
}

/// An address for browsers, without a slash at its end.
fn web_url(text: &str) -> Result<String, String> {
    let url =
        reqwest::Url::parse(text).map_err(|error| format!("`{text}` is not an address ({error}); write it as https://git.example.org"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
        return Err(format!("`{text}` is not a web address; write it as https://git.example.org"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address must not hold a user name or password; there are keys for secrets".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
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
    fn mistakes_name_their_place() {
        let none = Env::default();
        let rows = [
            ("lisen = \"x\"\n".to_owned(), "s.toml:1:1: unknown key `lisen`, "),
            ("listen = \"here\"\n".to_owned(), "s.toml:1:10: `here` is not an address to listen on"),
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
}
