//! `show`, `set <value>` and `set default`: the words that the commands for settings share.

use serde::{Deserialize, Serialize};

use super::error::CommandError;
use super::spec::{CommandSpec, closest};

/// What is asked of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice<T> {
    Show,
    /// Takes the setting back: what stands behind it holds again.
    Default,
    To(T),
}

impl<T> Choice<T> {
    /// True when something is to be changed.
    pub fn sets(&self) -> bool {
        !matches!(self, Choice::Show)
    }
}

/// Reads the words after the verb; `value` reads what `set` is followed by.
pub(super) fn read<T>(
    spec: &'static CommandSpec,
    text: Option<&str>,
    values: &'static [&'static str],
    value: impl FnOnce(&str) -> Result<T, CommandError>,
) -> Result<Choice<T>, CommandError> {
    const FIRST: &[&str] = &["show", "set"];
    let text = text.unwrap_or("show").trim();
    let (first, rest) = text.split_once(char::is_whitespace).map_or((text, ""), |(first, rest)| (first, rest.trim()));
    match first.to_ascii_lowercase().as_str() {
        "show" if rest.is_empty() => Ok(Choice::Show),
        "show" => Err(CommandError::UnexpectedArgument { spec, argument: rest.to_owned() }),
        "set" if rest.is_empty() => Err(CommandError::MissingWord { spec, after: "set", allowed: values }),
        "set" if rest.eq_ignore_ascii_case("default") => Ok(Choice::Default),
        "set" => value(rest).map(Choice::To),
        _ => Err(CommandError::UnknownWord { spec, near: closest(first, FIRST), word: first.to_owned(), allowed: FIRST }),
    }
}
