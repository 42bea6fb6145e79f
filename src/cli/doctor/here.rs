//! What has to be right on this machine: Git, disk, database, models, the serving process.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::app::{self, look_at_store, open_store};
use crate::base::Clock;
use crate::cli::report::{Report, Verdict};
use crate::config::Config;
use crate::domain::budget::Wire;
use crate::git::git_version;
use crate::llm::{Endpoint, Http, HttpOptions, Reached, reach};
use crate::store::{Schema, Store};
use crate::web::room;

/// Oldest Git whose transport speaks protocol 2 by itself and knows partial clones.
const OLDEST_GIT: (u32, u32) = (2, 30);
const SCARCE: u64 = 1_000_000_000;
const TOO_LITTLE: u64 = 100_000_000;

pub(super) async fn git(report: &mut Report) {
    let fix = "install Git 2.30 or newer where this program finds it (PATH)";
    match git_version().await {
        Ok(text) => {
            let numbers: Vec<u32> = text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
            match numbers[..] {
                [major, minor, ..] if (major, minor) >= OLDEST_GIT => report.add("git", Verdict::Ok, text.trim()),
                _ => report.fix("git", Verdict::Fails, format!("{} is too old", text.trim()), fix),
            }
        }
        Err(error) => report.fix("git", Verdict::Fails, error.to_string(), fix),
    }
}

/// The configuration with its team, where that is followed in a repository: the newest commit, or else the one that was in force last.
pub(super) async fn team(config: Config, report: &mut Report) -> Config {
    let what = "configuration in Git";
    let looked = match app::team::kept(&config) {
        Ok(Some(looked)) => looked,
        Ok(None) => return config,
        Err(error) => {
            report.fix(what, Verdict::Fails, format!("{error:#}"), "check `config_repo` in the settings file");
            return config;
        }
    };
    let kept = looked.kept.as_ref().and_then(|(_, files)| Config::of_files(&config.settings, files, true).ok());
    match app::team::newest(&config, &looked.place).await {
        Ok((commit, Ok(newest))) => {
            report.add(what, Verdict::Ok, format!("commit {} of {} holds together", commit.short(), looked.place.shown));
            return newest;
        }
        Ok((commit, Err(errors))) => {
            let stays = looked.kept.as_ref().map(|(kept, _)| format!("; {} stays in force", kept.short())).unwrap_or_default();
            for error in &errors.0 {
                let found = format!("commit {} of {} is not used: {}{stays}", commit.short(), looked.place.shown, error.brief());
                report.fix(what, Verdict::Fails, found, "mend it there with another commit, or revert the one that brought it");
            }
        }
        Err(error) => {
            let fix = "check that the bot's account may read the repository, and that this machine reaches it; what was in force stays";
            report.fix(what, Verdict::Fails, format!("{} cannot be read: {error:#}", looked.place.shown), fix);
        }
    }
    kept.unwrap_or(config)
}

pub(super) fn disk(config: &Config, report: &mut Report) {
    let data = &config.settings.data_dir;
    // Before the first start the directory is not there yet; its parent's disk is the one.
    let there = data.ancestors().find(|path| path.exists() && !path.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let shown = data.display();
    match room(there) {
        None => report.fix("disk", Verdict::Unknown, format!("{shown} cannot be looked at"), "check who may read the directory"),
        Some(room) if room < TOO_LITTLE => {
            report.fix(
                "disk",
                Verdict::Fails,
                format!("{} MB are left for {shown}", room / 1_000_000),
                "make room, or move `data_dir` to a larger disk",
            );
        }
        Some(room) if room < SCARCE => {
            report.fix(
                "disk",
                Verdict::Note,
                format!("{} MB are left for {shown}", room / 1_000_000),
                "mirrors of large repositories need more",
            );
        }
        Some(room) => report.add("disk", Verdict::Ok, format!("{} GB are left for {shown}", room / 1_000_000_000)),
    }
    if data.exists() && rustix::fs::access(data, rustix::fs::Access::WRITE_OK).is_err() {
        report.fix(
            "disk",
            Verdict::Fails,
            format!("this user may not write to {shown}"),
            "run as the user of the service, or give it the directory",
        );
    }
}

pub(super) async fn database(config: &Config, report: &mut Report, clock: Clock) -> Option<Store> {
    let embedded = config.settings.store_url.is_none();
    if embedded && !config.settings.data_dir.join("syndarix.db").exists() {
        report.add("database", Verdict::Note, "there is none yet; `syndarix serve` makes it at its first start");
        return None;
    }
    // Looking must not bring the schema up to date: that is for whoever serves, at a time of their choice.
    match look_at_store(config).await {
        Ok(Schema::Current) | Err(_) => {}
        Ok(Schema::Empty) => {
            report.add("database", Verdict::Note, "it is empty; the next `syndarix serve` sets it up");
            return None;
        }
        Ok(Schema::Older { found, known }) => {
            let said = format!("its schema is of version {found}; the next `syndarix serve` of this program brings it to {known}");
            report.fix("database", Verdict::Note, said, "take a backup before, as docs/backup.md says");
            return None;
        }
    }
    let opened = match open_store(config, clock).await {
        Ok(store) => store.ping().await.map(|()| store).map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match opened {
        Ok(store) => {
            report.add("database", Verdict::Ok, if embedded { "SQLite in the data directory answers" } else { "PostgreSQL answers" });
            Some(store)
        }
        Err(error) => {
            let fix = if embedded {
                "check who owns the file; a newer program's database needs that program"
            } else {
                "check `store_url`, and that the server runs and lets this machine in"
            };
            report.fix("database", Verdict::Fails, format!("{error:#}"), fix);
            None
        }
    }
}

/// Each provider once, then each group that an agent uses.
pub(super) async fn models(config: &Config, report: &mut Report) {
    let options = HttpOptions { connect: Duration::from_secs(5), total: Duration::from_secs(10), ..HttpOptions::default() };
    let http = match Http::new(options) {
        Ok(http) => http,
        Err(error) => return report.add("models", Verdict::Unknown, error),
    };
    let used: BTreeSet<&str> = config.team.agents.values().map(|kind| kind.model_group.as_str()).collect();
    let wanted: BTreeSet<&str> = used
        .iter()
        .filter_map(|group| config.team.catalog.groups.get(*group))
        .flat_map(|group| group.models.iter().map(|model| model.provider.as_str()))
        .collect();
    let mut usable: Vec<(String, Option<Vec<String>>)> = Vec::new();
    for provider in
        config.team.providers.iter().filter(|provider| wanted.contains(provider.name.as_str()) && provider.wire != Wire::Scripted)
    {
        let what = format!("models of {}", provider.name);
        let key = config.settings.keys.get(&provider.name).cloned();
        let variable = format!("SYNDARIX_{}_API_KEY", provider.name.to_uppercase().replace('-', "_"));
        if provider.needs_key && key.is_none() {
            report.add(what, Verdict::Note, format!("left alone: it has no key ({variable})"));
            continue;
        }
        let url = config.settings.provider_urls.get(&provider.name).unwrap_or(&provider.url).clone();
        match reach(provider.wire, &Endpoint { name: provider.name.clone(), url: url.clone(), key }, &http).await {
            Reached::Ready(models) => {
                report.add(what, Verdict::Ok, format!("{url} answers"));
                usable.push((provider.name.clone(), (provider.wire == Wire::Ollama).then_some(models)));
            }
            Reached::KeyRefused => {
                report.fix(what, Verdict::Fails, format!("{url} does not accept the key"), format!("set {variable} to a valid key"))
            }
            Reached::Odd(status) => report.fix(
                what,
                Verdict::Note,
                format!("{url} answers with status {status}"),
                "check the provider's address in models.toml",
            ),
            Reached::Unreachable(text) => {
                report.fix(
                    what,
                    Verdict::Note,
                    format!("{url} cannot be reached: {text}"),
                    "start it, or check its address; other models of a group are used meanwhile",
                );
            }
        }
    }
    for group in used {
        let models = config.team.catalog.groups.get(group).map(|group| group.models.as_slice()).unwrap_or_default();
        let there = |model: &&crate::domain::budget::ModelRef| {
            usable
                .iter()
                .any(|(name, pulled)| *name == model.provider && pulled.as_ref().is_none_or(|pulled| pulled.contains(&model.model)))
        };
        match models.iter().find(there) {
            Some(model) => report.add(format!("model group {group}"), Verdict::Ok, format!("{model} can be asked")),
            None => {
                let names = models.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let fix = "give one of its providers a key (SYNDARIX_ANTHROPIC_API_KEY, SYNDARIX_OPENAI_API_KEY), or start Ollama and pull its model";
                report.fix(format!("model group {group}"), Verdict::Fails, format!("none of its models can be asked: {names}"), fix);
            }
        }
    }
}

/// Whether a serving process answers under the address that forges use.
pub(super) async fn serving(config: &Config, http: &reqwest::Client, report: &mut Report) -> bool {
    let url = &config.settings.public_url;
    match http.get(format!("{url}/readyz")).send().await {
        Ok(answer) => {
            let status = answer.status();
            let text = answer.text().await.unwrap_or_default();
            if status.is_success() && text.starts_with("ready") {
                report.add("serve", Verdict::Ok, format!("{url} is ready"));
            } else if text.starts_with("not ready") {
                report.fix("serve", Verdict::Fails, format!("{url} says: {}", text.trim()), "mend what it names");
            } else {
                report.fix(
                    "serve",
                    Verdict::Fails,
                    format!("something else answers at {url}, with status {}", status.as_u16()),
                    "set `public_url` to the address under which this program is reached",
                );
            }
            status.is_success() && text.starts_with("ready")
        }
        Err(_) => {
            report.fix(
                "serve",
                Verdict::Unknown,
                format!("nothing answers at {url}"),
                "start `syndarix serve`; if it runs, set `public_url` to the address under which it is reached",
            );
            false
        }
    }
}
