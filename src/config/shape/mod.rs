//! What may stand in each file of the configuration. One table from which follow the commented settings file, the reference in
//! `docs/configuration.md`, the JSON schemas for editors, and the check that finds every mistake of a file at once. Tests hold it
//! against what the program really reads.

mod check;
pub mod reference;
pub mod schema;
mod settings;
mod starter;
mod team;

use crate::domain::guard::GuardLimits;

pub(super) use check::faults;
pub use settings::SETTINGS;
pub use starter::{notes_of, settings_file, team_files};

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    /// A path of this machine.
    Path,
    /// A text that is never shown.
    Secret,
    Flag,
    /// A whole number from this one on.
    Whole(u64),
    /// US dollars.
    Amount,
    /// One of these words.
    Word(&'static [&'static str]),
    List(&'static Kind),
    Table(&'static [Key]),
    /// Tables, each begun with `[[name]]`.
    Tables(&'static [Key]),
    /// A table with keys of one's own choice.
    Map(&'static Kind),
    /// The limits of the guard rails.
    Limits,
}

/// One key of a file.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// The file is not complete without it.
    pub needed: bool,
    /// What it means, for people. Empty: the comment in the built-in file says it.
    pub note: &'static str,
    /// What holds where nobody says anything, as TOML.
    pub standard: Option<&'static str>,
    /// What somebody might write, as TOML, where there is no standard or it teaches nothing.
    pub sample: Option<&'static str>,
    /// The variable that goes over it.
    pub variable: Option<&'static str>,
}

impl Key {
    const fn new(name: &'static str, kind: Kind) -> Key {
        Key { name, kind, needed: false, note: "", standard: None, sample: None, variable: None }
    }

    const fn needed(name: &'static str, kind: Kind) -> Key {
        Key { needed: true, ..Key::new(name, kind) }
    }

    const fn note(self, note: &'static str) -> Key {
        Key { note, ..self }
    }

    const fn or(self, standard: &'static str) -> Key {
        Key { standard: Some(standard), ..self }
    }

    const fn like(self, sample: &'static str) -> Key {
        Key { sample: Some(sample), ..self }
    }

    const fn by(self, variable: &'static str) -> Key {
        Key { variable: Some(variable), ..self }
    }
}

/// One kind of file.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Name of the schema, and of the sub-command's argument.
    pub name: &'static str,
    /// Where such a file lies.
    pub place: &'static str,
    pub about: &'static str,
    /// A built-in file whose comments explain the keys.
    pub explained_by: Option<&'static str>,
    pub keys: &'static [Key],
}

/// Every kind of file there is.
pub const FILES: &[File] = &[
    File {
        name: "settings",
        place: "syndarix-settings.toml",
        about: "Settings of the process: where it keeps its data, where it listens, which forges it serves.",
        explained_by: None,
        keys: SETTINGS,
    },
    File {
        name: "syndarix",
        place: "bot-config/syndarix.toml",
        about: "How the team works, for all projects.",
        explained_by: Some("syndarix.toml"),
        keys: team::MAIN,
    },
    File {
        name: "models",
        place: "bot-config/models.toml",
        about: "Models, their prices and the groups that agents use.",
        explained_by: Some("models.toml"),
        keys: team::MODELS,
    },
    File {
        name: "labels",
        place: "bot-config/labels.toml",
        about: "Colour and description of every label that is kept.",
        explained_by: Some("labels.toml"),
        keys: team::LABELS,
    },
    File {
        name: "policy",
        place: "bot-config/policy.toml",
        about: "What holds for every project that has no file of its own.",
        explained_by: Some("policy.toml"),
        keys: team::POLICY,
    },
    File {
        name: "agents",
        place: "bot-config/agents/*.toml",
        about: "One type of agent; the file's name is the type's.",
        explained_by: Some("agents/engineer.toml"),
        keys: team::AGENT,
    },
    File {
        name: "projects",
        place: "bot-config/projects/*.toml",
        about: "What differs for one repository.",
        explained_by: Some("projects/_example.toml"),
        keys: team::PROJECT,
    },
    File {
        name: "repository",
        place: ".syndarix.toml",
        about: "What a repository says about itself, on its default branch: it may make the rules above tighter, never looser. What is left out stays as the administrator set it.",
        explained_by: Some("policy.toml"),
        keys: team::REPOSITORY,
    },
];

/// The kind of a file of `bot-config/`, by its path in it.
pub fn of_team_file(path: &str) -> Option<&'static File> {
    let name = match path.split_once('/') {
        Some((folder, _)) => folder,
        None => path.strip_suffix(".toml")?,
    };
    FILES.iter().skip(1).find(|file| file.name == name)
}

/// The kind of file with this name.
pub fn named(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

impl Kind {
    /// In a word, for the reference.
    pub fn word(&self) -> String {
        match self {
            Kind::Text => "text".to_owned(),
            Kind::Path => "path".to_owned(),
            Kind::Secret => "secret".to_owned(),
            Kind::Flag => "true or false".to_owned(),
            Kind::Whole(0) => "whole number".to_owned(),
            Kind::Whole(least) => format!("whole number, at least {least}"),
            Kind::Amount => "US dollars".to_owned(),
            Kind::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Kind::List(of) => format!("list of: {}", of.word()),
            Kind::Table(_) | Kind::Limits => "table".to_owned(),
            Kind::Tables(_) => "tables".to_owned(),
            Kind::Map(_) => "table with names of your own".to_owned(),
        }
    }
}

/// Names of the limits, which are a table of their own elsewhere.
fn limits() -> Vec<&'static str> {
    GuardLimits::keys().collect()
}

#[cfg(test)]
mod tests;
