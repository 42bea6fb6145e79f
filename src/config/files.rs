//! The team's files as they lie in a Git repository: which of its files count, how large they may be, and the whole configuration that
//! they give. What is read here may be the text of strangers: it is data, and its size is bounded before it is looked at.

use std::collections::BTreeMap;

use super::error::{ConfigError, ConfigErrors};
use super::{Config, Prompts, Settings, Team, strangers};

/// Most files that are read.
pub const MOST_FILES: usize = 500;
/// Most bytes of one file of `bot-config/`.
pub const MOST_BYTES: u64 = 256 * 1024;
/// Most bytes of one prompt.
pub const MOST_PROMPT: u64 = 64 * 1024;
/// Most bytes of all files together.
pub const MOST_TOGETHER: u64 = 4 * 1024 * 1024;

/// The texts of a team, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamFiles {
    team: BTreeMap<String, String>,
    prompts: BTreeMap<String, String>,
}

/// What a file of the repository is for.
enum Part<'a> {
    Team(&'a str),
    Prompt(&'a str),
}

/// What a path below the configuration's folder is for; `None`: it is none of the configuration's business.
fn part(path: &str) -> Option<Part<'_>> {
    if path.split('/').any(|name| name.starts_with('.')) {
        return None;
    }
    match path.strip_prefix("prompts/") {
        Some(name) => (name.ends_with(".md") && name.matches('/').count() <= 1).then_some(Part::Prompt(name)),
        None => (path.ends_with(".toml") && path.matches('/').count() <= 1).then_some(Part::Team(path)),
    }
}

/// Which of these files count, given paths below the configuration's folder with their sizes. An error: too many, or too large.
pub fn wanted(listed: impl IntoIterator<Item = (String, u64)>) -> Result<Vec<String>, ConfigErrors> {
    let (mut names, mut errors, mut together) = (Vec::new(), Vec::new(), 0_u64);
    for (path, size) in listed {
        let most = match part(&path) {
            None => continue,
            Some(Part::Team(_)) => MOST_BYTES,
            Some(Part::Prompt(_)) => MOST_PROMPT,
        };
        if size > most {
            errors.push(ConfigError::whole(&path, format!("it has {size} bytes; such a file may have {most}")));
        }
        together = together.saturating_add(size);
        names.push(path);
    }
    if names.len() > MOST_FILES {
        errors.push(ConfigError::whole(
            "the repository",
            format!("it holds {} files of a configuration; {MOST_FILES} are read at most", names.len()),
        ));
    }
    if together > MOST_TOGETHER {
        errors.push(ConfigError::whole(
            "the repository",
            format!("its configuration has {together} bytes; {MOST_TOGETHER} are read at most"),
        ));
    }
    if errors.is_empty() { Ok(names) } else { Err(ConfigErrors(errors)) }
}

impl TeamFiles {
    /// Sorts the files that count, given by their paths below the configuration's folder. An error: one is not text.
    pub fn sort(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<TeamFiles, ConfigErrors> {
        let (mut sorted, mut errors) = (TeamFiles::default(), Vec::new());
        for (path, bytes) in files {
            let Some(part) = part(&path) else { continue };
            match (String::from_utf8(bytes), part) {
                (Ok(text), Part::Team(name)) => drop(sorted.team.insert(name.to_owned(), text)),
                (Ok(text), Part::Prompt(name)) => drop(sorted.prompts.insert(name.to_owned(), text)),
                (Err(_), _) => errors.push(ConfigError::whole(&path, "it is not text in UTF-8")),
            }
        }
        if errors.is_empty() { Ok(sorted) } else { Err(ConfigErrors(errors)) }
    }

    /// The files of `bot-config/`, by their names.
    pub fn team_files(&self) -> &BTreeMap<String, String> {
        &self.team
    }

    /// The text of a file of `bot-config/`.
    pub fn team_file(&self, name: &str) -> Option<&str> {
        self.team.get(name).map(String::as_str)
    }
}

impl Config {
    /// The settings with the team that these files give, laid over the built-in one: what `config check` would say of them.
    /// `renders`: prompts are rendered as well, and not only compiled.
    pub fn of_files(settings: &Settings, files: &TeamFiles, renders: bool) -> Result<Config, ConfigErrors> {
        let team = Team::over(files.team.clone());
        let prompts = Prompts::over(files.prompts.clone());
        let checked = match (&team, &prompts) {
            (Ok(team), Ok(prompts)) if renders => prompts.check(team.agents.values()),
            _ => Ok(()),
        };
        match (team, prompts, checked) {
            (Ok(team), Ok(prompts), Ok(())) => {
                let strangers = strangers(settings, &team);
                if strangers.is_empty() { Ok(Config { settings: settings.clone(), team, prompts }) } else { Err(ConfigErrors(strangers)) }
            }
            (team, prompts, checked) => {
                let errors = [team.err(), prompts.err(), checked.err()];
                Err(ConfigErrors(errors.into_iter().flatten().flat_map(|errors| errors.0).collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Autonomy, Env};

    fn settings() -> Settings {
        Settings::read(&Env::default(), "s.toml", "").unwrap()
    }

    fn files(of: &[(&str, &str)]) -> TeamFiles {
        TeamFiles::sort(of.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))).unwrap()
    }

    #[test]
    fn files_are_laid_over_the_built_in_ones_and_others_are_left_alone() {
        let given = files(&[
            ("projects/shop.toml", "forge = \"home\"\nrepo = \"acme/shop\"\n[policy]\nautonomy = \"full-control\"\n"),
            ("prompts/engineer/fix.md", "Mend it.\n"),
            ("README.md", "{% if %}"),
            (".syndarix.toml", "nonsense"),
            (".gitea/x.toml", "nonsense"),
            ("prompts/a/b/c.md", "{% if %}"),
        ]);
        let config = Config::of_files(&settings(), &given, true).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.team.policy("home", "acme/shop").autonomy, Autonomy::FullControl);
        assert_eq!(given.team_file("projects/shop.toml").map(str::len), Some(69));
    }

    #[test]
    fn every_mistake_of_team_and_prompts_is_named() {
        let given = files(&[
            ("policy.toml", "[defaults]\nautonmy = \"milestone\"\n"),
            ("prompts/engineer/fix.md", "{% if %}"),
            ("modles.toml", ""),
        ]);
        let errors = Config::of_files(&settings(), &given, true).unwrap_err();
        let errors = errors.0.iter().map(ConfigError::brief).collect::<Vec<_>>().join("\n");
        for want in [
            "policy.toml:2:1: unknown key `autonmy`; did you mean `autonomy`?",
            "prompts/engineer/fix.md:1:",
            "did you mean `models.toml`?",
        ] {
            assert!(errors.contains(want), "{errors}\nwanted {want}");
        }
        assert!(TeamFiles::sort([("policy.toml".to_owned(), vec![0xff])]).unwrap_err().to_string().contains("not text in UTF-8"));
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let rows: [(&str, u64, bool); 5] = [
            ("policy.toml", MOST_BYTES, true),
            ("policy.toml", MOST_BYTES + 1, false),
            ("prompts/engineer/fix.md", MOST_PROMPT + 1, false),
            ("photos/cat.png", u64::MAX, true),
            (".git.toml", u64::MAX, true),
        ];
        for (name, size, fits) in rows {
            assert_eq!(wanted([(name.to_owned(), size)]).is_ok(), fits, "{name} {size}");
        }
        assert!(wanted((0..=MOST_FILES).map(|n| (format!("agents/{n}.toml"), 1))).is_err());
        assert!(wanted((0..100).map(|n| (format!("agents/{n}.toml"), MOST_BYTES))).is_err());
    }
}
