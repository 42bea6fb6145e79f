//! How settings are read: the file's shape, the environment over it, and every mistake gathered with its place.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{AppSettings, ConfigRepo, ForgeSettings, GitSettings, LogFormat, Retention, Served, Settings, Timings};
use crate::base::secret::SecretString;
use crate::config::env::{Env, forge_variable, provider_variable, secret_file};
use crate::config::error::{ConfigError, ConfigErrors, did_you_mean, parse_as, suggest};
use crate::config::shape::SETTINGS;
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
    config_repo: Option<Spanned<String>>,
    config_path: Option<Spanned<String>>,
    log: Option<Spanned<String>>,
    log_format: Option<LogFormat>,
    metrics_need_token: Option<bool>,
    otlp_endpoint: Option<Spanned<String>>,
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
    public_url: Option<Spanned<String>>,
    token: Option<SecretString>,
    token_file: Option<String>,
    app_id: Option<u64>,
    private_key: Option<SecretString>,
    private_key_file: Option<String>,
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
    drain_seconds: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRetention {
    ignored_days: Option<u32>,
    done_days: Option<u32>,
    failed_days: Option<u32>,
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
        let raw: Raw = parse_as(self.file, self.text, SETTINGS).map_err(|mut errors| {
            errors.0.extend(self.env.unknown_beside(self.text));
            errors
        })?;
        let listen = self.listen(raw.listen.as_ref());
        let public_url = self.public_url(raw.public_url.as_ref(), listen);
        let forges = self.forges(&raw.forges);
        let ids: Vec<&str> = forges.iter().map(|forge| forge.id.as_str()).collect();
        self.errors.extend(self.env.unknown(&ids));
        let keys = self.keys(&raw.providers);
        let store_url = self.secret("SYNDARIX_STORE_URL").or(raw.store_url);
        let path = |name: &str, given: Option<PathBuf>| self.env.get(name).map(PathBuf::from).or(given);
        let (bot_config, prompts) = (path("SYNDARIX_BOT_CONFIG", raw.bot_config), path("SYNDARIX_PROMPTS", raw.prompts));
        let directory = bot_config.as_ref().map(|_| "bot_config").or(prompts.as_ref().map(|_| "prompts"));
        let ids: Vec<String> = forges.iter().map(|forge| forge.id.clone()).collect();
        let config_repo = self.config_repo(raw.config_repo.as_ref(), raw.config_path.as_ref(), directory, &ids);
        let settings = Settings {
            data_dir: path("SYNDARIX_DATA_DIR", raw.data_dir).unwrap_or_else(|| PathBuf::from("data")),
            listen,
            public_url,
            store_url,
            bot_config,
            prompts,
            config_repo,
            forges,
            projects: self.projects(raw.projects),
            keys,
            provider_urls: self.provider_urls(&raw.providers),
            timings: self.timings(&raw.timings),
            retention: self.retention(&raw.retention),
            git: self.git(&raw.git),
            log: self.text("SYNDARIX_LOG", raw.log.as_ref(), log_filter).unwrap_or_else(|| "info".to_owned()),
            log_format: self.word("SYNDARIX_LOG_FORMAT", log_formats).or(raw.log_format).unwrap_or_default(),
            otlp_endpoint: self.text("SYNDARIX_OTLP_ENDPOINT", raw.otlp_endpoint.as_ref(), web_url),
            metrics_need_token: self.word("SYNDARIX_METRICS_NEED_TOKEN", yes_or_no).or(raw.metrics_need_token).unwrap_or(false),
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

    /// The repository that the team is followed in. Directories beside it would make two answers to one question.
    fn config_repo(
        &mut self,
        repo: Option<&Spanned<String>>,
        path: Option<&Spanned<String>>,
        directory: Option<&str>,
        forges: &[String],
    ) -> Option<ConfigRepo> {
        let place = self.text("SYNDARIX_CONFIG_REPO", repo, |text| config_place(text, forges));
        let folder = self.text("SYNDARIX_CONFIG_PATH", path, config_folder);
        let span = repo.or(path).map(Spanned::span).unwrap_or_default();
        if let (Some(_), Some(directory)) = (&place, directory) {
            self.wrong(span, format!("`config_repo` and `{directory}` are both set, and only one can say who the team is: take one out"));
        } else if place.is_none() && folder.is_some() && repo.is_none() {
            self.wrong(span, "`config_path` is a folder of `config_repo`, which is not set");
        }
        Some(ConfigRepo { place: place?, path: folder.unwrap_or_default() })
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
            let public_url = self.text(&forge_variable(&id, "PUBLIC_URL"), raw.public_url.as_ref(), web_url);
            let kind = self.word(&forge_variable(&id, "KIND"), forge_kinds).unwrap_or(raw.kind);
            let app = self.app(&id, kind, span.clone(), raw);
            let token = match app {
                Some(_) => Some(SecretString::default()),
                None => self.forge_secret(&id, "TOKEN", span.clone(), &raw.token, &raw.token_file),
            };
            let hook_secret = self.forge_secret(&id, "HOOK_SECRET", span, &raw.hook_secret, &raw.hook_secret_file);
            if let (Some(url), Some(token), Some(hook_secret)) = (url, token, hook_secret) {
                forges.push(ForgeSettings { id, kind, url, public_url, token, app, hook_secret });
            }
        }
        forges
    }

    /// A GitHub App in place of a token. Half of one, one on another kind of forge and one beside a token are mistakes.
    fn app(&mut self, id: &str, kind: ForgeKind, span: Range<usize>, raw: &RawForge) -> Option<AppSettings> {
        let variable = forge_variable(id, "APP_ID");
        let number = match self.env.get(&variable) {
            Some(text) => match text.parse::<u64>() {
                Ok(number) => Some(number),
                Err(_) => {
                    self.errors.push(ConfigError::whole(&variable, format!("`{text}` is not the number of a GitHub App")));
                    return None;
                }
            },
            None => raw.app_id,
        };
        let key_variable = forge_variable(id, "PRIVATE_KEY");
        let named = raw.private_key.is_some() || raw.private_key_file.is_some() || self.env.is_set(&key_variable);
        let token_variable = forge_variable(id, "TOKEN");
        let has_token = raw.token.is_some() || raw.token_file.is_some() || self.env.is_set(&token_variable);
        match number {
            None if named => {
                self.wrong(span, format!("the forge `{id}` has the private key of a GitHub App, and no `app_id` or {variable} beside it"));
                None
            }
            None => None,
            Some(0) => {
                self.wrong(span, format!("the forge `{id}` has `app_id = 0`, which is no number of a GitHub App"));
                None
            }
            Some(_) if kind != ForgeKind::GitHub => {
                self.wrong(span, format!("the forge `{id}` has `app_id`, and only forges of kind `github` know Apps: use a token"));
                None
            }
            Some(_) if has_token => {
                self.wrong(span, format!("the forge `{id}` has a token and a GitHub App, and can sign in as one of them: take one out"));
                None
            }
            Some(number) => {
                let private_key = self.forge_secret(id, "PRIVATE_KEY", span, &raw.private_key, &raw.private_key_file)?;
                Some(AppSettings { id: number, private_key })
            }
        }
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

    /// The word of a variable, if it is set.
    fn word<T>(&mut self, variable: &str, words: fn() -> Vec<(&'static str, T)>) -> Option<T> {
        let text = self.env.get(variable)?;
        let known: Vec<&str> = words().iter().map(|(word, _)| *word).collect();
        let found = words().into_iter().find(|(word, _)| *word == text).map(|(_, value)| value);
        if found.is_none() {
            let near = did_you_mean(text, known.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.errors.push(ConfigError::whole(variable, format!("`{text}` is not one of {}{near}", known.join(", "))));
        }
        found
    }

    /// The whole number of the variable `SYNDARIX_<section>_<key>` if it is set, else that of the file.
    fn number<T: TryFrom<u64>>(&mut self, section: &str, key: &str, given: Option<T>) -> Option<T> {
        let variable = format!("SYNDARIX_{section}_{}", key.to_uppercase());
        let Some(text) = self.env.get(&variable) else { return given };
        let number = text.parse::<u64>().ok().and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.errors.push(ConfigError::whole(&variable, format!("`{text}` is not a whole number from 0 on, or too large")));
        }
        number
    }

    fn retention(&mut self, raw: &RawRetention) -> Retention {
        let standard = Retention::default();
        let mut days = |key: &str, given: Option<u32>, standard: u32| self.number("RETENTION", key, given).unwrap_or(standard);
        Retention {
            ignored_days: days("ignored_days", raw.ignored_days, standard.ignored_days),
            done_days: days("done_days", raw.done_days, standard.done_days),
            failed_days: days("failed_days", raw.failed_days, standard.failed_days),
        }
    }

    fn git(&mut self, raw: &RawGit) -> GitSettings {
        GitSettings {
            max_fetch_megabytes: self.number("GIT", "max_fetch_megabytes", raw.max_fetch_megabytes),
            max_fetch_objects: self.number("GIT", "max_fetch_objects", raw.max_fetch_objects),
        }
    }

    fn timings(&mut self, raw: &RawTimings) -> Timings {
        let standard = Timings::default();
        // Work may follow on work at once; a lease or a pause of nothing would be a busy loop.
        let mut seconds = |key: &str, given: Option<u64>, least: u64, standard: Duration| {
            self.number("TIMINGS", key, given).map_or(standard, |seconds: u64| Duration::from_secs(seconds.max(least)))
        };
        Timings {
            status_spacing: seconds("status_spacing_seconds", raw.status_spacing_seconds, 0, standard.status_spacing),
            audit_spacing: seconds("audit_spacing_seconds", raw.audit_spacing_seconds, 0, standard.audit_spacing),
            subject_lease: seconds("subject_lease_seconds", raw.subject_lease_seconds, 1, standard.subject_lease),
            run_lease: seconds("run_lease_seconds", raw.run_lease_seconds, 1, standard.run_lease),
            poll: seconds("poll_seconds", raw.poll_seconds, 1, standard.poll),
            poll_quick: seconds("poll_quick_seconds", raw.poll_quick_seconds, 1, standard.poll_quick),
            idle: seconds("idle_seconds", raw.idle_seconds, 1, standard.idle),
            call: seconds("call_seconds", raw.call_seconds, 1, standard.call),
            drain: seconds("drain_seconds", raw.drain_seconds, 1, standard.drain),
        }
    }
}

fn log_formats() -> Vec<(&'static str, LogFormat)> {
    vec![("text", LogFormat::Text), ("json", LogFormat::Json)]
}

fn yes_or_no() -> Vec<(&'static str, bool)> {
    vec![("true", true), ("false", false)]
}

fn forge_kinds() -> Vec<(&'static str, ForgeKind)> {
    vec![("gitea", ForgeKind::Gitea), ("forgejo", ForgeKind::Forgejo), ("github", ForgeKind::GitHub), ("gitlab", ForgeKind::GitLab)]
}

/// A word that is no level would be taken for the name of a part of the program, and everything else would fall silent.
fn log_filter(text: &str) -> Result<String, String> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',').map(str::trim) {
        let (name, level) = part.split_once('=').map_or((None, part), |(name, level)| (Some(name), level));
        let is_part = name.is_none() && (level.contains("::") || level.contains('[') || level.starts_with("syndarix"));
        if !is_part && !levels.contains(&level.to_lowercase().as_str()) {
            let near = did_you_mean(level, levels).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("`{level}` is not a level of the log, which are {}{near}", levels.join(", ")));
        }
    }
    Ok(text.to_owned())
}

/// `<forge>:owner/name`, an address that Git can be given, or a path.
fn config_place(text: &str, forges: &[String]) -> Result<String, String> {
    let text = text.trim();
    if text.contains("://") {
        let url = reqwest::Url::parse(text).map_err(|error| format!("`{text}` is not an address ({error})"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "the address of `config_repo` must not hold a user name or password; name a forge instead, as in `home:acme/bot-config`"
                    .to_owned(),
            );
        }
        if !["http", "https", "file"].contains(&url.scheme()) {
            return Err(format!("`{text}` cannot be followed: only https://, http:// and paths are"));
        }
        return Ok(text.to_owned());
    }
    let Some((forge, repo)) = text.split_once(':').filter(|_| !text.starts_with(['/', '.'])) else { return Ok(text.to_owned()) };
    if !forges.iter().any(|id| id == forge) {
        return Err(format!("there is no forge `{forge}` in the settings; {}", suggest(forge, forges.iter().map(String::as_str))));
    }
    match repo.split('/').collect::<Vec<_>>()[..] {
        [owner, name] if !owner.is_empty() && !name.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("`{repo}` is not a repository: write it as `{forge}:owner/name`")),
    }
}

/// A folder of a repository, without slashes around it.
fn config_folder(text: &str) -> Result<String, String> {
    let folder = text.trim().trim_matches('/');
    match folder.split('/').all(|name| !matches!(name, "." | "..")) {
        true => Ok(folder.to_owned()),
        false => Err(format!("`{text}` is not a folder of a repository; write it as `team/config`")),
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
