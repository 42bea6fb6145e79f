//! How settings are read: the file's shape, the environment over it, and every mistake gathered with its place.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{ForgeSettings, GitSettings, Retention, Served, Settings, Timings};
use crate::base::secret::SecretString;
use crate::config::env::{Env, forge_variable, provider_variable, secret_file};
use crate::config::error::{ConfigError, ConfigErrors, parse};
use crate::domain::forge::ForgeKind;

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
    retention: RawRetention,
    git: RawGit,
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
    poll_quick_seconds: Option<u64>,
    idle_seconds: Option<u64>,
    call_seconds: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRetention {
    ignored_days: Option<u32>,
    done_days: Option<u32>,
    failed_days: Option<u32>,
}

impl RawRetention {
    fn or_standard(&self) -> Retention {
        let standard = Retention::default();
        Retention {
            ignored_days: self.ignored_days.unwrap_or(standard.ignored_days),
            done_days: self.done_days.unwrap_or(standard.done_days),
            failed_days: self.failed_days.unwrap_or(standard.failed_days),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawGit {
    max_fetch_megabytes: Option<u64>,
    max_fetch_objects: Option<u64>,
}

/// Reads one file and one environment.
pub(super) struct Reader<'a> {
    pub env: &'a Env,
    pub file: &'a str,
    pub text: &'a str,
    pub errors: Vec<ConfigError>,
}

impl Reader<'_> {
    pub fn read(mut self) -> Result<Settings, ConfigErrors> {
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
            retention: raw.retention.or_standard(),
            git: GitSettings { max_fetch_megabytes: raw.git.max_fetch_megabytes, max_fetch_objects: raw.git.max_fetch_objects },
            log: self.env.get("SYNDARIX_LOG").map(str::to_owned).or(raw.log).unwrap_or_else(|| "info".to_owned()),
        };
        if self.errors.is_empty() { Ok(settings) } else { Err(ConfigErrors(self.errors)) }
    }

    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>) {
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
        span: Range<usize>,
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

    fn projects(&self, given: Vec<String>) -> Served {
        match self.env.get("SYNDARIX_PROJECTS") {
            Some(list) => Served::new(list.split(',').map(str::to_owned).collect()),
            None => Served::new(given),
        }
    }

    fn timings(&self, raw: &RawTimings) -> Timings {
        let standard = Timings::default();
        // Work may follow on work at once; a lease or a pause of nothing would be a busy loop.
        let spacing = |seconds: Option<u64>, standard: Duration| seconds.map_or(standard, Duration::from_secs);
        let or = |seconds: Option<u64>, standard: Duration| seconds.map_or(standard, |seconds| Duration::from_secs(seconds.max(1)));
        Timings {
            status_spacing: spacing(raw.status_spacing_seconds, standard.status_spacing),
            audit_spacing: spacing(raw.audit_spacing_seconds, standard.audit_spacing),
            subject_lease: or(raw.subject_lease_seconds, standard.subject_lease),
            run_lease: or(raw.run_lease_seconds, standard.run_lease),
            poll: or(raw.poll_seconds, standard.poll),
            poll_quick: or(raw.poll_quick_seconds, standard.poll_quick),
            idle: or(raw.idle_seconds, standard.idle),
            call: or(raw.call_seconds, standard.call),
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
