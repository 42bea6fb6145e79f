//! `.syndarix.toml`: what a repository wishes for itself. It is the text of whoever writes to the repository, so one wrong line does not
//! take the others down, and nothing in it can loosen: that is for [`crate::domain::tighten`] to see to.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::Value;
use toml::de::DeTable;

use super::error::{ConfigError, position};
use super::models::Dollars;
use super::project::not_a_path;
use super::shape::{self, faults};
use crate::domain::guard::GuardLimits;
use crate::domain::tighten::{Refusal, Wish};

/// Its name, at the top of a repository.
pub const FILE: &str = ".syndarix.toml";
/// Most bytes that are read of it.
pub const MOST_BYTES: u64 = 64 * 1024;

/// A file as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryFile {
    /// What it wishes, without the lines that hold mistakes.
    pub wish: Wish,
    /// Its mistakes, by their places.
    pub mistakes: Vec<ConfigError>,
    places: BTreeMap<String, (usize, usize)>,
}

/// Reads the file. An error: it is no TOML, so that nothing of it can be believed.
pub fn read(text: &str) -> Result<RepositoryFile, Vec<ConfigError>> {
    let keys = shape::named("repository").map_or(&[][..], |file| file.keys);
    let mut mistakes = faults(FILE, text, keys);
    let Ok(table) = toml::from_str::<toml::Table>(text) else { return Err(mistakes) };
    let places = places(text);
    let mut file = RepositoryFile { places, ..RepositoryFile::default() };
    for (key, value) in table {
        if let Err(message) = file.take(&key, value)
            && !mistakes.iter().any(|known| known.at.map(|at| at.0) == file.place(&key).map(|at| at.0))
        {
            mistakes.push(ConfigError { file: FILE.to_owned(), at: file.place(&key), message });
        }
    }
    mistakes.sort_by_key(|mistake| mistake.at);
    file.mistakes = mistakes;
    Ok(file)
}

impl RepositoryFile {
    /// Where a key stands: line and column, from 1.
    pub fn place(&self, key: &str) -> Option<(usize, usize)> {
        self.places.get(key).copied()
    }

    /// A refused line as a mistake with its place.
    pub fn located(&self, refusal: &Refusal) -> ConfigError {
        ConfigError { file: FILE.to_owned(), at: self.place(&refusal.key), message: refusal.why.clone() }
    }

    /// Takes one key over into the wish. `Err`: its value does not fit.
    fn take(&mut self, key: &str, value: Value) -> Result<(), String> {
        let wish = &mut self.wish;
        match key {
            "autonomy" => wish.autonomy = Some(fit(value)?),
            "autonomy_ceiling" => wish.autonomy_ceiling = Some(fit(value)?),
            "one_person_team" => wish.one_person_team = Some(fit(value)?),
            "writers" => wish.writers = Some(fit(value)?),
            "listed_bots" => wish.listed_bots = Some(fit(value)?),
            "bots" => wish.bots = Some(fit(value)?),
            "soft_usd" => wish.soft_usd = Some(fit::<Dollars>(value)?.0),
            "hard_usd" => wish.hard_usd = Some(fit::<Dollars>(value)?.0),
            "fix_tries" => wish.fix_tries = Some(fit(value)?),
            "max_stories" => wish.max_stories = Some(fit(value)?),
            "protected_paths" => {
                let paths: Vec<String> = fit(value)?;
                let (good, bad): (Vec<String>, Vec<String>) = paths.into_iter().partition(|path| not_a_path(path).is_none());
                wish.protected_paths = Some(good);
                if let Some(why) = bad.first().and_then(|path| not_a_path(path)) {
                    return Err(why);
                }
            }
            "limits" => {
                let mut limits = GuardLimits::default();
                for (name, value) in fit::<toml::Table>(value)? {
                    // A wrong one is among the mistakes of the shape already.
                    if let Ok(most) = fit::<i64>(value)
                        && limits.set(&name, most).is_ok()
                    {
                        wish.limits.insert(name, most);
                    }
                }
            }
            "link" => {
                for (name, value) in fit::<toml::Table>(value)? {
                    // A wrong one is among the mistakes of the shape already.
                    let Ok(on) = fit::<bool>(value) else { continue };
                    match name.as_str() {
                        "inward" => wish.inward = Some(on),
                        "outward" => wish.outward = Some(on),
                        _ => {}
                    }
                }
            }
            // Named among the mistakes of the shape.
            _ => {}
        }
        Ok(())
    }
}

fn fit<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    value.try_into().map_err(|error: toml::de::Error| error.message().trim_end().to_owned())
}

/// Where every key stands, those of tables under the table's name.
fn places(text: &str) -> BTreeMap<String, (usize, usize)> {
    let (document, _) = DeTable::parse_recoverable(text);
    let mut found = BTreeMap::new();
    for (key, value) in document.get_ref() {
        found.insert(key.get_ref().to_string(), position(text, key.span().start));
        if let Some(table) = value.get_ref().as_table() {
            found.extend(table.keys().map(|inner| (format!("{}.{}", key.get_ref(), inner.get_ref()), position(text, inner.span().start))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Nano;
    use crate::config::Autonomy;

    #[test]
    fn an_empty_file_wishes_nothing() {
        for text in ["", "# nothing\n"] {
            assert_eq!(read(text).unwrap(), RepositoryFile::default());
        }
    }

    #[test]
    fn a_wrong_line_leaves_the_others_in_force() {
        let text = "autonomy = \"full-control\"\nautonmy_ceiling = \"milestone\"\nhard_usd = -1\nfix_tries = \"two\"\nsoft_usd = 0.5\n\
                    protected_paths = [\"db/**\", \"/etc\", \"{a\"]\n[limits]\nstory_runs = 5\nstory_run = 3\nstory_pushes = 0\n";
        let file = read(text).unwrap();
        let wish = Wish {
            autonomy: Some(Autonomy::FullControl),
            soft_usd: Some(Nano::from_usd(0.5)),
            protected_paths: Some(vec!["db/**".into()]),
            limits: BTreeMap::from([("story_runs".into(), 5)]),
            ..Wish::default()
        };
        assert_eq!(file.wish, wish);
        let wanted = [
            ".syndarix.toml:2:1: unknown key `autonmy_ceiling`; did you mean `autonomy_ceiling`?",
            ".syndarix.toml:3:12: -1 is not an amount",
            ".syndarix.toml:4:13: ",
            ".syndarix.toml:6:1: `/etc` is not a path",
            ".syndarix.toml:9:1: unknown key `story_run`; did you mean `story_runs`?",
            ".syndarix.toml:10:16: `0` is not a whole number from 1 on",
        ];
        let got: Vec<String> = file.mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(got.len(), wanted.len(), "{got:#?}");
        for (got, want) in got.iter().zip(wanted) {
            assert!(got.starts_with(want), "{got}\nwanted {want}");
        }
        assert_eq!(file.place("limits.story_runs"), Some((8, 1)));
    }

    #[test]
    fn what_is_no_toml_is_not_believed_in_part() {
        let errors = read("autonomy = \"full-control\"\nhard_usd = \n").unwrap_err();
        assert!(errors[0].to_string().starts_with(".syndarix.toml:2:"), "{errors:?}");
    }
}
