//! What holds and where it comes from, line by line and without secrets.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use super::shape::{Key, Kind, SETTINGS};
use super::team::read_directory;
use super::{Config, ConfigErrors, Env, ProjectPolicy, Settings, TeamFiles, embedded};
use crate::base::text::without_login;

/// In place of a secret.
const HIDDEN: &str = "(set, not shown)";

/// One value in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub key: String,
    pub value: Value,
    /// Where it comes from: a variable, a file with its line, or `built in`.
    pub source: String,
}

/// The values of one file, or of what several files come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    pub title: String,
    pub lines: Vec<Line>,
}

/// Everything in force. `followed`: the files of the repository that the team is followed in, and what they are called.
pub fn sections(
    config: &Config,
    env: &Env,
    file: Option<&Path>,
    followed: Option<(&str, &TeamFiles)>,
) -> Result<Vec<Section>, ConfigErrors> {
    let mut sections = vec![settings(&config.settings, env, file)];
    let directory = config.settings.bot_config.as_deref();
    sections.extend(match followed {
        Some((place, files)) => team(files.team_files().clone(), &|name| format!("{name} of {place}")),
        None => team(directory.map(read_directory).transpose()?.unwrap_or_default(), &|name| {
            directory.map_or_else(|| name.to_owned(), |directory| directory.join(name).display().to_string())
        }),
    });
    for project in &config.team.projects {
        sections.push(Section { title: format!("project {} on {}", project.repo, project.forge), lines: policy(&project.policy) });
    }
    Ok(sections)
}

fn settings(settings: &Settings, env: &Env, file: Option<&Path>) -> Section {
    let path = Settings::file(env, file);
    let text = path.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let name = path.map_or_else(|| "syndarix-settings.toml".to_owned(), |path| path.display().to_string());
    let written = written(&name, &text);
    let mut lines = Vec::new();
    walk(SETTINGS, "", &mut |path, key| {
        let source = match key.variable {
            Some(variable) if env.get(variable).is_some() || env.get(&format!("{variable}_FILE")).is_some() => {
                format!("variable {variable}")
            }
            _ => written.get(path).cloned().unwrap_or_else(|| "built in".to_owned()),
        };
        if let Some(value) = value_of(settings, path) {
            lines.push(Line { key: path.to_owned(), value, source });
        }
    });
    for (at, forge) in settings.forges.iter().enumerate() {
        let mut add = |key: &str, value: Value| {
            let own = SETTINGS.iter().find_map(|all| match all.kind {
                Kind::Tables(keys) if all.name == "forges" => keys.iter().find(|known| known.name == key)?.variable,
                _ => None,
            });
            let variable = own.map(|name| name.replace("<ID>", &forge.id.to_uppercase().replace('-', "_")));
            let by_variable = variable.filter(|name| env.get(name).is_some() || env.get(&format!("{name}_FILE")).is_some());
            let place = || ["", "_file"].iter().find_map(|end| written.get(&format!("forges.{at}.{key}{end}")).cloned());
            let source = by_variable.map(|name| format!("variable {name}")).or_else(place).unwrap_or_else(|| "built in".to_owned());
            lines.push(Line { key: format!("forges.{}.{key}", forge.id), value, source });
        };
        add("kind", json!(forge.kind));
        add("url", json!(forge.url));
        add("public_url", json!(forge.public_url.as_ref().unwrap_or(&forge.url)));
        match &forge.app {
            Some(app) => {
                add("app_id", json!(app.id));
                add("private_key", json!(HIDDEN));
            }
            None => add("token", json!(HIDDEN)),
        }
        add("hook_secret", json!(HIDDEN));
    }
    for (name, url) in &settings.provider_urls {
        let source = written.get(&format!("providers.{name}.url")).cloned().unwrap_or_else(|| "a variable".to_owned());
        lines.push(Line { key: format!("providers.{name}.url"), value: json!(without_login(url)), source });
    }
    for name in settings.keys.keys() {
        let source = written.get(&format!("providers.{name}.key_file")).cloned().unwrap_or_else(|| "a variable".to_owned());
        lines.push(Line { key: format!("providers.{name}.key"), value: json!(HIDDEN), source });
    }
    Section { title: "settings".to_owned(), lines }
}

/// Every key that stands at one place, with its path.
fn walk(keys: &[Key], path: &str, visit: &mut dyn FnMut(&str, &Key)) {
    for key in keys {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        match key.kind {
            Kind::Table(keys) => walk(keys, &path, visit),
            Kind::Tables(_) | Kind::Map(_) => {}
            _ => visit(&path, key),
        }
    }
}

/// The value of a plain setting; `None`: there is none to show.
fn value_of(settings: &Settings, path: &str) -> Option<Value> {
    let (timings, retention) = (&settings.timings, &settings.retention);
    Some(match path {
        "data_dir" => json!(settings.data_dir),
        "listen" => json!(settings.listen),
        "public_url" => json!(settings.public_url),
        "store_url" => match settings.store_url {
            Some(_) => json!(HIDDEN),
            None => json!("SQLite in the data directory"),
        },
        "bot_config" => settings.bot_config.as_ref().map_or_else(|| json!("the built-in team"), |path| json!(path)),
        "prompts" => settings.prompts.as_ref().map_or_else(|| json!("the built-in prompts"), |path| json!(path)),
        "config_repo" => json!(settings.config_repo.as_ref()?.place),
        "config_path" => json!(settings.config_repo.as_ref()?.path),
        "log" => json!(settings.log),
        "otlp_endpoint" => json!(settings.otlp_endpoint.as_ref()?),
        "metrics_need_token" => json!(settings.metrics_need_token),
        "log_format" => json!(format!("{:?}", settings.log_format).to_lowercase()),
        "projects" => json!(settings.projects.patterns()),
        "timings.status_spacing_seconds" => json!(timings.status_spacing.as_secs()),
        "timings.audit_spacing_seconds" => json!(timings.audit_spacing.as_secs()),
        "timings.subject_lease_seconds" => json!(timings.subject_lease.as_secs()),
        "timings.run_lease_seconds" => json!(timings.run_lease.as_secs()),
        "timings.poll_seconds" => json!(timings.poll.as_secs()),
        "timings.poll_quick_seconds" => json!(timings.poll_quick.as_secs()),
        "timings.idle_seconds" => json!(timings.idle.as_secs()),
        "timings.call_seconds" => json!(timings.call.as_secs()),
        "timings.drain_seconds" => json!(timings.drain.as_secs()),
        "retention.ignored_days" => json!(retention.ignored_days),
        "retention.done_days" => json!(retention.done_days),
        "retention.failed_days" => json!(retention.failed_days),
        "git.max_fetch_megabytes" => json!(settings.git.max_fetch_megabytes?),
        "git.max_fetch_objects" => json!(settings.git.max_fetch_objects?),
        _ => return None,
    })
}

/// File and line of every key of a text, by its path.
fn written(name: &str, text: &str) -> BTreeMap<String, String> {
    fn into(found: &mut BTreeMap<String, String>, table: &DeTable<'_>, path: &str, place: &dyn Fn(usize) -> String) {
        for (key, value) in table {
            let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            found.insert(path.clone(), place(key.span().start));
            match value.get_ref() {
                DeValue::Table(table) => into(found, table, &path, place),
                DeValue::Array(items) => {
                    for (at, item) in items.iter().enumerate() {
                        if let DeValue::Table(table) = item.get_ref() {
                            into(found, table, &format!("{path}.{at}"), place);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    let mut found = BTreeMap::new();
    let (document, _) = DeTable::parse_recoverable(text);
    let place = |at: usize| format!("{name}:{}", text.get(..at).unwrap_or(text).matches('\n').count() + 1);
    into(&mut found, document.get_ref(), "", &place);
    found
}

/// The files of the team that count: those of the directory, else the built-in ones.
fn team(own: BTreeMap<String, String>, place: &dyn Fn(&str) -> String) -> Vec<Section> {
    let built_in =
        embedded::BOT_CONFIG.iter().filter(|(name, _)| !own.contains_key(*name)).map(|(name, text)| ((*name).to_owned(), *text, None));
    let own = own.iter().map(|(name, text)| (name.clone(), text.as_str(), Some(place(name))));
    let mut files: Vec<(String, &str, Option<String>)> = built_in.chain(own).filter(|(name, _, _)| !name.contains("/_")).collect();
    files.sort();
    files.into_iter().map(|(name, text, path)| file_section(name, text, path)).collect()
}

fn file_section(name: String, text: &str, path: Option<String>) -> Section {
    let written = path.as_ref().map(|path| written(path, text));
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let mut lines = Vec::new();
    flat(&toml::Value::Table(table), "", &mut |key, value| {
        let source =
            written.as_ref().map_or_else(|| "built in".to_owned(), |written| written.get(key).cloned().unwrap_or_else(|| name.clone()));
        lines.push(Line { key: key.to_owned(), value: harmless(value), source });
    });
    Section { title: format!("bot-config/{name}"), lines }
}

fn flat(value: &toml::Value, path: &str, add: &mut dyn FnMut(&str, Value)) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flat(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, add);
            }
        }
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            items.iter().enumerate().for_each(|(at, item)| flat(item, &format!("{path}.{at}"), add));
        }
        other => add(path, serde_json::to_value(other).unwrap_or_default()),
    }
}

/// Addresses lose the login that they may hold.
fn harmless(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_login(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(harmless).collect()),
        other => other,
    }
}

fn policy(policy: &ProjectPolicy) -> Vec<Line> {
    let Ok(Value::Object(fields)) = serde_json::to_value(policy) else { return Vec::new() };
    let line = |key: &str, value: Value| Line {
        key: key.to_owned(),
        value: harmless(value),
        source: policy.sources.get(key).cloned().unwrap_or_else(|| "built in".to_owned()),
    };
    let money = [("soft_usd", policy.budget.soft), ("hard_usd", policy.budget.hard)];
    let plain = fields.into_iter().filter(|(key, _)| key != "budget").map(|(key, value)| line(&key, value));
    money.into_iter().map(|(key, amount)| line(key, json!(amount.to_string()))).chain(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shape::settings_file;

    fn shown(env: &Env) -> BTreeMap<String, Line> {
        let all = settings(&Settings::read(env, "s.toml", "").unwrap(), env, Some(Path::new("/nowhere/s.toml")));
        all.lines.into_iter().map(|line| (line.key.clone(), line)).collect()
    }

    #[test]
    fn what_the_table_calls_built_in_is_built_in_and_every_variable_goes_over_it() {
        let standard = shown(&Env::default());
        walk(SETTINGS, "", &mut |path, key| {
            if let Some(text) = key.standard {
                let table: toml::Table = toml::from_str(&format!("value = {text}")).unwrap();
                assert_eq!(standard[path].value, serde_json::to_value(&table["value"]).unwrap(), "{path}");
            }
            let variable = key.variable.unwrap_or_else(|| panic!("{path} has no variable"));
            let other = match path {
                "listen" => "0.0.0.0:99",
                "public_url" => "http://bot.example",
                "store_url" => "postgres://u:pw-canary@h/n",
                "log" => "warn,syndarix::engine=debug",
                "log_format" => "json",
                "metrics_need_token" => "true",
                "otlp_endpoint" => "http://collector.example:4318",
                _ => "77",
            };
            let beside = (path == "config_path").then_some(("SYNDARIX_CONFIG_REPO", "/srv/team"));
            let env = Env::of([(variable, other)].into_iter().chain(beside));
            let now = shown(&env);
            assert_ne!(now.get(path).map(|line| &line.value), standard.get(path).map(|line| &line.value), "{path}");
            assert_eq!(now[path].source, format!("variable {variable}"));
            assert!(!format!("{now:?}").contains("pw-canary"));
        });
    }

    #[test]
    fn values_name_file_and_line_and_never_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.toml");
        let set = [
            ("forges.id", "\"home\"".to_owned()),
            ("forges.kind", "\"gitea\"".to_owned()),
            ("forges.url", "\"http://git\"".to_owned()),
            ("forges.token", "\"tok-canary\"".to_owned()),
            ("forges.hook_secret", "\"hook-canary\"".to_owned()),
            ("log", "\"debug\"".to_owned()),
        ];
        std::fs::write(&path, settings_file(&set, None)).unwrap();
        let env = Env::of([("SYNDARIX_FORGE_HOME_URL", "https://git.example.org"), ("OPENAI_API_KEY", "key-canary")]);
        let config = Config::load(&env, Some(&path)).unwrap_or_else(|errors| panic!("{errors}"));
        let all = sections(&config, &env, Some(&path), None).unwrap();
        let text = format!("{all:?}");
        for secret in ["tok-canary", "hook-canary", "key-canary"] {
            assert!(!text.contains(secret), "{secret}");
        }
        let source = |key: &str| all[0].lines.iter().find(|line| line.key == key).map(|line| line.source.clone()).unwrap();
        let line = std::fs::read_to_string(&path).unwrap().lines().position(|line| line.starts_with("log = ")).unwrap() + 1;
        assert_eq!(source("log"), format!("{}:{line}", path.display()));
        assert_eq!(source("forges.home.url"), "variable SYNDARIX_FORGE_HOME_URL");
        assert_eq!(source("listen"), "built in");
        assert!(all.iter().any(|section| section.title == "bot-config/policy.toml"));
    }
}
