//! Every mistake in the shape of a file at once: syntax, unknown and missing keys, wrong kinds of values. The deserializer stops at the first.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Key, Kind, limits};
use crate::config::error::{ConfigError, did_you_mean, explain};

/// What is wrong with the shape of a file, in the order of the places.
pub(in crate::config) fn faults(file: &str, text: &str, keys: &[Key]) -> Vec<ConfigError> {
    let (document, broken) = DeTable::parse_recoverable(text);
    let mut checker = Checker { found: Vec::new(), whole: broken.is_empty() };
    for error in broken {
        checker.found.push((error.span().unwrap_or_default(), explain(error.message())));
    }
    checker.table(document.get_ref(), document.span(), keys);
    checker.found.sort_by_key(|(span, _)| span.start);
    checker.found.into_iter().map(|(span, message)| ConfigError::at(file, text, span, message)).collect()
}

struct Checker {
    found: Vec<(Range<usize>, String)>,
    /// The text could be read to its end, so that what is missing is missing.
    whole: bool,
}

impl Checker {
    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.found.push((span, message.into()));
    }

    fn table(&mut self, table: &DeTable<'_>, span: Range<usize>, keys: &[Key]) {
        for (name, value) in table {
            match keys.iter().find(|key| key.name == name.get_ref().as_ref()) {
                Some(key) => self.value(value, &key.kind),
                None => self.unknown(name.get_ref(), name.span(), &keys.iter().map(|key| key.name).collect::<Vec<_>>()),
            }
        }
        for key in keys.iter().filter(|key| key.needed && self.whole) {
            if !table.keys().any(|name| name.get_ref().as_ref() == key.name) {
                self.found.push((span.clone(), format!("missing key `{}`", key.name)));
            }
        }
    }

    fn unknown(&mut self, name: &str, span: Range<usize>, known: &[&str]) {
        let suggestion = did_you_mean(name, known.iter().copied());
        let all = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        self.wrong(
            span,
            match suggestion {
                Some(word) => format!("unknown key `{name}`; did you mean `{word}`?"),
                None => format!("unknown key `{name}`, expected one of {all}"),
            },
        );
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, kind: &Kind) {
        let span = value.span();
        match (kind, value.get_ref()) {
            (Kind::Text | Kind::Path | Kind::Secret, DeValue::String(_)) | (Kind::Flag, DeValue::Boolean(_)) => {}
            (Kind::Word(words), DeValue::String(word)) => self.word(word, span, words),
            (Kind::Whole(least), DeValue::Integer(number)) => match u64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) if number >= *least => {}
                _ => self.wrong(span, format!("`{}` is not a whole number from {least} on", number.as_str())),
            },
            (Kind::Amount, DeValue::Integer(number)) => self.amount(number.as_str(), span),
            (Kind::Amount, DeValue::Float(number)) => self.amount(number.as_str(), span),
            (Kind::List(of), DeValue::Array(items)) => items.iter().for_each(|item| self.value(item, of)),
            (Kind::Table(keys), DeValue::Table(table)) => self.table(table, span, keys),
            (Kind::Tables(keys), DeValue::Array(items)) => items.iter().for_each(|item| self.value(item, &Kind::Table(keys))),
            (Kind::Map(of), DeValue::Table(table)) => table.values().for_each(|value| self.value(value, of)),
            (Kind::Limits, DeValue::Table(table)) => {
                for (name, value) in table {
                    if limits().contains(&name.get_ref().as_ref()) {
                        self.value(value, &Kind::Whole(1));
                    } else {
                        self.unknown(name.get_ref(), name.span(), &limits());
                    }
                }
            }
            (wanted, _) => self.wrong(span, format!("this must be {}", wants(wanted))),
        }
    }

    fn word(&mut self, word: &str, span: Range<usize>, words: &[&str]) {
        if !words.contains(&word) {
            let near = did_you_mean(word, words.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let all = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            self.wrong(span, format!("unknown variant `{word}`, expected one of {all}{near}"));
        }
    }

    fn amount(&mut self, text: &str, span: Range<usize>) {
        if !text.parse().is_ok_and(|usd: f64| (0.0..=1_000_000.0).contains(&usd)) {
            self.wrong(span, format!("{text} is not an amount of US dollars between 0 and 1,000,000"));
        }
    }
}

fn wants(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Path | Kind::Secret | Kind::Word(_) => "a text in quotes",
        Kind::Flag => "true or false",
        Kind::Whole(_) => "a whole number",
        Kind::Amount => "an amount of US dollars",
        Kind::List(_) => "a list in brackets",
        Kind::Table(_) | Kind::Map(_) | Kind::Limits => "a table",
        Kind::Tables(_) => "a list of tables, each begun with `[[…]]`",
    }
}
