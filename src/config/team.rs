//! The team: `bot-config/`, a directory laid over the one that is built in. A file of the directory replaces the built-in file of the same name.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::error::{ConfigError, ConfigErrors, parse_as, suggest};
use super::models::ProviderConfig;
use super::project::{ProjectFile, ProjectPolicy};
use super::{agents, embedded, labels, link, models, project, shape};
use crate::domain::agent::kind::{AgentKind, Purpose};
use crate::domain::budget::Catalog;
use crate::domain::forge::LabelSpec;

/// Everything in `bot-config/`.
#[derive(Clone, Debug)]
pub struct Team {
    pub stories: Stories,
    pub identity: Identity,
    pub providers: Vec<ProviderConfig>,
    pub catalog: Catalog,
    pub labels: Vec<LabelSpec>,
    /// What holds for projects without a file of their own.
    pub defaults: ProjectPolicy,
    pub projects: Vec<ProjectFile>,
    /// Agent types by name.
    pub agents: BTreeMap<String, AgentKind>,
}

/// How stories run, for all projects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stories {
    /// Agent runs at the same time, over all projects.
    pub max_parallel_runs: u32,
    /// Times that an agent may correct an outcome that does not fit its schema.
    pub repair_tries: u32,
    /// Hours after which a command that was never seen is too old to run.
    pub command_max_age_hours: u32,
}

/// As whom commits are made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Address of commits; the agent's name stands before it.
    pub commit_email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMain {
    stories: Stories,
    identity: Identity,
}

/// File names and their texts.
pub(super) type Files = BTreeMap<String, String>;

impl Team {
    /// The built-in team, with the files of a directory laid over it.
    pub fn load(directory: Option<&Path>) -> Result<Team, ConfigErrors> {
        Team::over(directory.map(read_directory).transpose()?.unwrap_or_default())
    }

    /// The built-in team, with these files laid over it.
    pub fn over(own: BTreeMap<String, String>) -> Result<Team, ConfigErrors> {
        let mut files: Files = embedded::BOT_CONFIG.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
        files.extend(own);
        Team::read(&files)
    }

    /// A team from the texts of its files.
    pub fn read(files: &BTreeMap<String, String>) -> Result<Team, ConfigErrors> {
        let mut errors = unknown_files(files);
        let mut gather = |error: ConfigErrors| errors.extend(error.0);
        let main = one(files, "syndarix.toml", |file, text| {
            parse_as::<RawMain>(file, text, shape::named("syndarix").map_or(&[], |file| file.keys))
        })
        .map_err(&mut gather)
        .ok();
        let models = one(files, "models.toml", models::read).map_err(&mut gather).ok();
        let labels = one(files, "labels.toml", labels::read).map_err(&mut gather).ok();
        let defaults = one(files, "policy.toml", project::read_policy).map_err(&mut gather).ok();
        // Mistakes elsewhere in models.toml do not hide those of the agents.
        let groups = match &models {
            Some((_, catalog)) => catalog.groups.keys().cloned().collect(),
            None => group_names(files),
        };
        let mut kinds = BTreeMap::new();
        for (file, name, text) in folder(files, "agents/").filter(|_| !groups.is_empty()) {
            match agents::read(file, text, name, groups.iter().map(String::as_str)) {
                Ok(kind) => drop(kinds.insert(name.to_owned(), kind)),
                Err(error) => gather(error),
            }
        }
        let mut projects = Vec::new();
        for (file, _, text) in folder(files, "projects/") {
            let Some(defaults) = &defaults else { break };
            match project::read_project(file, text, defaults) {
                Ok(project) => projects.push(project),
                Err(error) => gather(error),
            }
        }
        errors.extend(link::tangled(&projects));
        if errors.is_empty() {
            errors.extend(vacant(&kinds));
        }
        match (main, models, labels, defaults) {
            (Some(main), Some((providers, catalog)), Some(labels), Some(defaults)) if errors.is_empty() => {
                Ok(Team { stories: main.stories, identity: main.identity, providers, catalog, labels, defaults, projects, agents: kinds })
            }
            _ => Err(ConfigErrors(errors)),
        }
    }

    /// The rules for a project on a forge.
    pub fn policy(&self, forge: &str, repo: &str) -> &ProjectPolicy {
        let own = self.projects.iter().find(|project| project.forge == forge && project.repo.eq_ignore_ascii_case(repo));
        own.map_or(&self.defaults, |project| &project.policy)
    }

    /// The agent type that serves a purpose when nobody is assigned. There always is one: loading fails otherwise.
    pub fn agent_for(&self, purpose: Purpose) -> Option<&AgentKind> {
        self.agents
            .get(purpose.default_agent())
            .filter(|kind| kind.can(purpose))
            .or_else(|| self.agents.values().find(|kind| kind.can(purpose)))
    }
}

/// The groups of a `models.toml` that holds mistakes.
fn group_names(files: &Files) -> Vec<String> {
    let (document, _) = toml::de::DeTable::parse_recoverable(files.get("models.toml").map_or("", String::as_str));
    let groups =
        document.get_ref().iter().find(|(name, _)| name.get_ref().as_ref() == "groups").and_then(|(_, groups)| groups.get_ref().as_table());
    groups.into_iter().flat_map(|groups| groups.keys().map(|name| name.get_ref().to_string()).collect::<Vec<_>>()).collect()
}

fn one<T>(files: &Files, name: &str, read: impl Fn(&str, &str) -> Result<T, ConfigErrors>) -> Result<T, ConfigErrors> {
    match files.get(name) {
        Some(text) => read(name, text),
        None => Err(ConfigError::whole(name, "the file is missing").into()),
    }
}

/// File, name without folder and ending, text. Files that begin with an underscore are samples and not read.
fn folder<'a>(files: &'a Files, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let named = files
        .iter()
        .filter_map(move |(file, text)| Some((file.as_str(), file.strip_prefix(folder)?.strip_suffix(".toml")?, text.as_str())));
    named.filter(|(_, name, _)| !name.starts_with('_'))
}

fn unknown_files(files: &Files) -> Vec<ConfigError> {
    let top = ["syndarix.toml", "models.toml", "labels.toml", "policy.toml"];
    let known = |file: &str| {
        top.contains(&file) || ((file.starts_with("agents/") || file.starts_with("projects/")) && file.matches('/').count() == 1)
    };
    files
        .keys()
        .filter(|file| !known(file))
        .map(|file| ConfigError::whole(file, format!("this file is not part of the configuration; {}", suggest(file, top))))
        .collect()
}

fn vacant(kinds: &BTreeMap<String, AgentKind>) -> Vec<ConfigError> {
    let vacant = Purpose::ALL.into_iter().filter(|purpose| !kinds.values().any(|kind| kind.can(*purpose)));
    vacant
        .map(|purpose| {
            ConfigError::whole("agents/", format!("no agent type has the capability `{purpose}`, so a story could never get past it"))
        })
        .collect()
}

/// All TOML files of a directory and of the folders in it, by their path with `/`.
pub(super) fn read_directory(directory: &Path) -> Result<Files, ConfigErrors> {
    let mut files = Files::new();
    let mut pending = vec![(directory.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = pending.pop() {
        let fail = |error: std::io::Error| ConfigError::whole(folder.display().to_string(), format!("cannot be read: {error}"));
        for entry in std::fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let path = entry.path();
            if path.is_dir() && !name.starts_with('.') && prefix.is_empty() {
                pending.push((path, format!("{name}/")));
            } else if name.ends_with(".toml") {
                files.insert(name, std::fs::read_to_string(&path).map_err(fail)?);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::project::Autonomy;

    #[test]
    fn the_built_in_team_is_complete() {
        let team = Team::load(None).unwrap_or_else(|errors| panic!("{errors}"));
        let names: Vec<&str> = team.agents.keys().map(String::as_str).collect();
        assert_eq!(names, ["architect", "engineer", "product-owner", "reviewer", "tester"]);
        for purpose in Purpose::ALL {
            assert_eq!(team.agent_for(purpose).map(|kind| kind.name.as_str()), Some(purpose.default_agent()));
        }
        for kind in team.agents.values() {
            let writes = kind.tools.iter().any(|tool| crate::domain::agent::kind::is_mutating(tool) == Some(true));
            assert_eq!(writes, kind.name == "engineer", "{}", kind.name);
        }
        let catalog = &team.catalog;
        for (name, group) in &catalog.groups {
            let known = group.models.iter().all(|model| catalog.model(model).rate.is_known());
            assert!(known, "every shipped model of `{name}` has a price");
        }
    }

    #[test]
    fn a_directory_is_laid_over_the_built_in_team() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("projects")).unwrap();
        std::fs::write(
            dir.path().join("projects/shop.toml"),
            "forge = \"home\"\nrepo = \"acme/Shop\"\n[policy]\nautonomy = \"autonomous\"\n",
        )
        .unwrap();
        let team = Team::load(Some(dir.path())).unwrap();
        assert_eq!(team.policy("home", "acme/shop").autonomy, Autonomy::Autonomous);
        assert_eq!(team.policy("other", "acme/shop").autonomy, Autonomy::Milestone);

        std::fs::write(dir.path().join("modles.toml"), "").unwrap();
        std::fs::write(dir.path().join("projects/bad.toml"), "forge = 1\n").unwrap();
        let errors = Team::load(Some(dir.path())).unwrap_err().to_string();
        assert!(errors.contains("modles.toml: this file is not part of the configuration; did you mean `models.toml`?"), "{errors}");
        assert!(errors.contains("projects/bad.toml:1:9: "), "{errors}");
    }

    #[test]
    fn a_vacant_post_is_an_error() {
        let mut files: Files = embedded::BOT_CONFIG.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
        files.remove("agents/tester.toml");
        assert!(Team::read(&files).unwrap_err().to_string().contains("no agent type has the capability `test`"));
    }

    #[test]
    fn every_key_of_the_built_in_files_is_commented() {
        for (name, text) in embedded::BOT_CONFIG.iter().filter(|(name, _)| *name != "labels.toml" && *name != "models.toml") {
            let lines: Vec<&str> = text.lines().collect();
            for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with(['#', ' '])) {
                assert!(line.contains(" # ") || (at > 0 && lines[at - 1].starts_with('#')), "{name}: no comment at `{line}`");
            }
        }
    }
}
