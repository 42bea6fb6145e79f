//! Errors of configuration: where, what, and what was probably meant.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

use super::shape::{Key, faults};

/// One mistake in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// File name, or the name of an environment variable.
    pub file: String,
    /// Line and column, both from 1; `None` when the whole file or variable is meant.
    pub at: Option<(usize, usize)>,
    pub message: String,
}

impl ConfigError {
    /// A mistake that concerns a whole file or variable.
    pub fn whole(file: impl Into<String>, message: impl Into<String>) -> ConfigError {
        ConfigError { file: file.into(), at: None, message: message.into() }
    }

    /// A mistake at a place in a text.
    pub fn at(file: impl Into<String>, text: &str, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        ConfigError { file: file.into(), at: Some(position(text, span.start)), message: message.into() }
    }
}

impl ConfigError {
    /// The same in short: where a suggestion says what was meant, without all the words that are known.
    pub fn brief(&self) -> String {
        let text = self.to_string();
        match (text.find(", expected one of "), text.rfind("; did you mean ")) {
            (Some(list), Some(meant)) if list < meant => format!("{}{}", &text[..list], &text[meant..]),
            _ => text,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

/// All mistakes that were found, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> ConfigErrors {
        ConfigErrors(vec![error])
    }
}

/// Reads TOML into a type that refuses unknown keys.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let message = explain(error.message());
        match error.span() {
            Some(span) => ConfigError::at(file, text, span, message),
            None => ConfigError::whole(file, message),
        }
    })
}

/// The same for a file whose shape is known: every mistake of its shape at once. Where the deserializer and the check of the shape complain of
/// one line, the deserializer's words stay.
pub fn parse_as<T: DeserializeOwned>(file: &str, text: &str, keys: &[Key]) -> Result<T, ConfigErrors> {
    parse(file, text).map_err(|first: ConfigError| {
        let line = first.at.map(|(line, _)| line);
        let mut all: Vec<ConfigError> =
            faults(file, text, keys).into_iter().filter(|fault| fault.at.map(|(line, _)| line) != line).collect();
        all.push(first);
        all.sort_by_key(|error| error.at);
        ConfigErrors(all)
    })
}

/// Line and column (in characters) of a byte offset, both from 1.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The deserializer's words, with a suggestion where it names what it expected.
pub(super) fn explain(message: &str) -> String {
    let message =
        message.replace("unknown field", "unknown key").replace("missing field", "missing key").replace("duplicate field", "duplicate key");
    let mut quoted = message.split('`').skip(1).step_by(2);
    let suggestion = match quoted.next() {
        Some(found) if message.contains("unknown") => did_you_mean(found, quoted),
        _ => None,
    };
    match suggestion {
        Some(word) => format!("{message}; did you mean `{word}`?"),
        None => message.trim_end().to_owned(),
    }
}

/// The nearest of the known words, when it is near enough to be a slip of the keyboard.
pub fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (found.chars().count() / 3).max(1);
    let near = known
        .into_iter()
        .map(|word| (distance(&found.to_lowercase(), &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= limit);
    near.min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

/// "did you mean" as the end of a sentence, or all known words when none is near.
pub fn suggest<'a>(found: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match did_you_mean(found, known.clone()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("there are: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

/// Edits between two words: insertions, deletions, replacements and swaps of neighbours.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let replace = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by the deserializer")]
    struct Sample {
        max_steps: u32,
        level: Option<Level>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Level {
        Low,
        High,
    }

    #[test]
    fn errors_name_place_and_suggestion() {
        let rows = [
            (
                "max_steps = 1\n  max_stesp = 2\n",
                "x.toml:2:3: unknown key `max_stesp`, expected `max_steps` or `level`; did you mean `max_steps`?",
            ),
            ("max_steps = 1\nzebra = 2\n", "x.toml:2:1: unknown key `zebra`, expected `max_steps` or `level`"),
            ("# ü\nmax_steps = \"ten\"\n", "x.toml:2:13: invalid type: string \"ten\", expected u32"),
            ("max_steps = 1\nlevel = \"hihg\"\n", "x.toml:2:9: unknown variant `hihg`, expected `low` or `high`; did you mean `high`?"),
            ("max_steps = \n", "x.toml:1:13: "),
            ("level = \"low\"\n", "x.toml:1:1: missing key `max_steps`"),
        ];
        for (text, want) in rows {
            let got = parse::<Sample>("x.toml", text).unwrap_err().to_string();
            assert!(got.starts_with(want), "{got}\nwanted {want}");
        }
    }

    #[test]
    fn suggestions_are_near() {
        let known = ["read_file", "edit_file", "finish"];
        assert_eq!(did_you_mean("raed_file", known), Some("read_file"));
        assert_eq!(did_you_mean("Finish", known), Some("finish"));
        assert_eq!(did_you_mean("push", known), None);
        assert_eq!(suggest("push", known), "there are: read_file, edit_file, finish");
    }
}
