//! Words, quotes and options of one command line, as people type them: on a keyboard or on a phone that "improves" quotes and dashes.

use super::error::CommandError;
use super::spec::{ArgSpec, CommandSpec, OptionSpec, OptionValue};

/// The longest free text a command line may carry, in bytes. Longer texts belong into the issue.
pub const MAX_TEXT: usize = 8_000;

/// What was typed after the verb, checked against the command's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// Free text, or the one word a command takes; never empty.
    pub text: Option<String>,
    options: Vec<(&'static str, String)>,
}

impl Args {
    /// True when the flag was given and not switched off.
    pub fn flag(&self, option: &OptionSpec) -> bool {
        self.value(option) == Some("true")
    }

    /// The value of an option, if it was given.
    pub fn value(&self, option: &OptionSpec) -> Option<&str> {
        self.options.iter().find(|(name, _)| *name == option.name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Word<'a> {
    raw: &'a str,
    /// Without quotes.
    value: String,
    /// Begins with a quote or a backtick: never an option.
    quoted: bool,
}

/// Reads what stands after the verb.
pub(super) fn read(spec: &'static CommandSpec, rest: &str) -> Result<Args, CommandError> {
    let (words, open_quote) = split(rest);
    if open_quote && !matches!(spec.args, ArgSpec::Text(_)) {
        return Err(CommandError::OpenQuote { verb: spec.name });
    }
    let mut args = Args::default();
    let mut text: Vec<Word<'_>> = Vec::new();
    let mut words = words.into_iter().peekable();
    let mut only_text = false;
    while let Some(word) = words.next() {
        if !only_text && !word.quoted && word.raw == "--" {
            only_text = true;
        } else if let Some(body) = option_body(spec, &word).filter(|_| !only_text) {
            let next = || words.next_if(|next| option_body(spec, next).is_none()).map(|next| next.value);
            let (name, value) = option(spec, &body, next)?;
            if args.options.iter().any(|(known, _)| *known == name) {
                return Err(CommandError::RepeatedOption { verb: spec.name, option: name });
            }
            args.options.push((name, value));
        } else {
            text.push(word);
        }
    }
    args.text = joined(spec, text)?;
    Ok(args)
}

fn joined(spec: &'static CommandSpec, words: Vec<Word<'_>>) -> Result<Option<String>, CommandError> {
    let unexpected = |word: &Word<'_>| CommandError::UnexpectedArgument { spec, argument: word.raw.to_owned() };
    match (spec.args, words.as_slice()) {
        (_, []) => Ok(None),
        (ArgSpec::None, [first, ..]) => Err(unexpected(first)),
        (ArgSpec::Word(_), [word]) => Ok(Some(word.value.clone()).filter(|value| !value.is_empty())),
        (ArgSpec::Word(_), [_, second, ..]) => Err(unexpected(second)),
        (ArgSpec::Words(_), words) => {
            Ok(Some(words.iter().map(|word| word.value.as_str()).collect::<Vec<_>>().join(" ").trim().to_owned())
                .filter(|text| !text.is_empty()))
        }
        (ArgSpec::Text(_), [only]) if !only.raw.starts_with('`') => Ok(Some(only.value.trim().to_owned()).filter(|text| !text.is_empty())),
        (ArgSpec::Text(_), words) => {
            let text = words.iter().map(|word| word.raw).collect::<Vec<_>>().join(" ");
            if text.len() > MAX_TEXT { Err(CommandError::TextTooLong { verb: spec.name, bytes: text.len() }) } else { Ok(Some(text)) }
        }
    }
}

/// One option: its full name and its value. A flag's value is `true` or `false`.
fn option(spec: &'static CommandSpec, body: &str, next: impl FnOnce() -> Option<String>) -> Result<(&'static str, String), CommandError> {
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(unquoted(value))),
        None => (body, None),
    };
    let unknown = || CommandError::UnknownOption { spec, option: name.to_owned() };
    let (known, negated) = match (find(spec, name), name.strip_prefix("no-")) {
        (Some(known), _) => (known, false),
        (None, Some(flag)) => (find(spec, flag).filter(|known| known.value == OptionValue::Flag).ok_or_else(unknown)?, true),
        (None, None) => return Err(unknown()),
    };
    let value = match (known.value, value) {
        (OptionValue::Flag, None) => (!negated).to_string(),
        (OptionValue::Flag, Some(value)) => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" if !negated => "true".to_owned(),
            "false" | "no" | "off" if !negated => "false".to_owned(),
            _ => return Err(CommandError::UnwantedValue { verb: spec.name, option: known.name }),
        },
        (OptionValue::Text(what), value) => {
            let value = value.or_else(next).filter(|value| !value.is_empty());
            value.ok_or(CommandError::MissingValue { verb: spec.name, option: known.name, what })?
        }
    };
    Ok((known.name, value))
}

fn find(spec: &CommandSpec, name: &str) -> Option<&'static OptionSpec> {
    spec.options.iter().find(|option| option.name.eq_ignore_ascii_case(name))
}

fn is_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The word without its leading dashes when it is an option. A phone turns `--all` into an em-dash and `all`; in free text such a word counts only when
/// the command knows that option, because a dash before a word is also ordinary punctuation.
fn option_body(spec: &'static CommandSpec, word: &Word<'_>) -> Option<String> {
    if word.quoted {
        return None;
    }
    if let Some(body) = word.raw.strip_prefix("--") {
        return body.starts_with(|c: char| c.is_ascii_alphanumeric()).then(|| body.to_owned());
    }
    let body = word.raw.strip_prefix(is_dash).map(|rest| rest.trim_start_matches(is_dash))?;
    let starts_well = body.starts_with(|c: char| c.is_ascii_alphabetic());
    let name = body.split('=').next().unwrap_or(body);
    let known = find(spec, name).is_some() || name.strip_prefix("no-").is_some_and(|flag| find(spec, flag).is_some());
    (starts_well && (known || !matches!(spec.args, ArgSpec::Text(_)))).then(|| body.to_owned())
}

/// Which quotes belong together; a backtick closes a backtick.
fn quote_class(c: char) -> Option<char> {
    match c {
        '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '«' | '»' => Some('"'),
        '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => Some('\''),
        '`' => Some('`'),
        _ => None,
    }
}

fn unquoted(value: &str) -> String {
    let mut chars = value.chars();
    match (chars.next().and_then(quote_class), chars.next_back().and_then(quote_class)) {
        (Some(open), Some(close)) if open == close => chars.as_str().to_owned(),
        _ => value.to_owned(),
    }
}

/// Splits at white space outside quotes. A quote opens only at the start of a word or after `=`, so that `don't` is a word; one that never closes is an
/// ordinary character, which the flag reports.
fn split(rest: &str) -> (Vec<Word<'_>>, bool) {
    let mut words = Vec::new();
    let mut unclosed = false;
    let mut at = 0;
    while let Some(start) = rest[at..].find(|c: char| !c.is_whitespace()).map(|skip| at + skip) {
        let end = match word_end(rest, start, !unclosed) {
            Some(end) => end,
            None => {
                // From here on quotes are plain characters: each character is looked at twice at most.
                unclosed = true;
                word_end(rest, start, false).unwrap_or(rest.len())
            }
        };
        let raw = &rest[start..end];
        let quoted = !unclosed && raw.starts_with(|c| quote_class(c).is_some());
        words.push(Word { raw, value: if unclosed { raw.to_owned() } else { unquoted(raw) }, quoted });
        at = end;
    }
    (words, unclosed)
}

/// The end of the word that starts at `start`; `None` when a quote in it never closes.
fn word_end(rest: &str, start: usize, quotes: bool) -> Option<usize> {
    let mut open = None;
    let mut before = '=';
    for (at, c) in rest[start..].char_indices() {
        match (open, quote_class(c)) {
            (Some(class), closing) if closing == Some(class) => open = None,
            (Some(_), _) => {}
            (None, Some(class)) if quotes && before == '=' => open = Some(class),
            (None, _) if c.is_whitespace() => return Some(start + at),
            (None, _) => {}
        }
        before = c;
    }
    if open.is_some() { None } else { Some(rest.len()) }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Place, Who};
    use super::super::{Command, Where};
    use super::*;

    const DEEP: OptionSpec = OptionSpec { name: "deep", value: OptionValue::Flag, summary: "", who: None };
    const AGENT: OptionSpec = OptionSpec { name: "agent", value: OptionValue::Text("name"), summary: "", who: None };

    const fn spec(args: ArgSpec) -> CommandSpec {
        CommandSpec {
            name: "try",
            aliases: &[],
            usage: "/syndarix try",
            summary: "",
            who: Who::Anyone,
            place: Where::Anywhere,
            side_effects: false,
            in_edits: true,
            options: &[DEEP, AGENT],
            args,
            examples: &[],
            build: |_| Ok(Command::Ping),
        }
    }
    static TEXT: CommandSpec = spec(ArgSpec::Text("text"));
    static WORD: CommandSpec = spec(ArgSpec::Word("word"));
    static BARE: CommandSpec = spec(ArgSpec::None);

    fn shown(spec: &'static CommandSpec, rest: &str) -> String {
        match read(spec, rest) {
            Ok(args) => format!("{:?} deep={:?} agent={:?}", args.text.as_deref().unwrap_or(""), args.value(&DEEP), args.value(&AGENT)),
            Err(error) => error.refusal().code.to_owned(),
        }
    }

    #[test]
    fn options_and_quotes() {
        let rows = [
            (&TEXT, "", r#""" deep=None agent=None"#),
            (&TEXT, "a  b", r#""a b" deep=None agent=None"#),
            (&TEXT, "--deep --agent=dave a", r#""a" deep=Some("true") agent=Some("dave")"#),
            (&TEXT, "a --no-deep --agent dave", r#""a" deep=Some("false") agent=Some("dave")"#),
            (&TEXT, "--deep=no", r#""" deep=Some("false") agent=None"#),
            (&TEXT, "--agent=\"big dave\" x", r#""x" deep=None agent=Some("big dave")"#),
            (&TEXT, "--agent “big dave” x", r#""x" deep=None agent=Some("big dave")"#),
            (&TEXT, "—deep –agent=‘big dave’", r#""" deep=Some("true") agent=Some("big dave")"#),
            (&TEXT, "don't break \"the thing\"", r#""don't break \"the thing\"" deep=None agent=None"#),
            (&TEXT, "“the whole thing”", r#""the whole thing" deep=None agent=None"#),
            (&TEXT, "an \"open one --deep", r#""an \"open one" deep=Some("true") agent=None"#),
            (&TEXT, "use `git push --force` not", r#""use `git push --force` not" deep=None agent=None"#),
            (&TEXT, "-- use --force", r#""use --force" deep=None agent=None"#),
            (&TEXT, "this — and —that", r#""this — and —that" deep=None agent=None"#),
            (&TEXT, "use --force", "unknown-option"),
            (&TEXT, "--config.x=y", "unknown-option"),
            (&TEXT, "--deep --deep", "repeated-option"),
            (&TEXT, "--agent", "missing-value"),
            (&TEXT, "--agent --deep", "missing-value"),
            (&TEXT, "--agent=", "missing-value"),
            (&TEXT, "--no-agent", "unknown-option"),
            (&TEXT, "--deep=maybe", "unwanted-value"),
            (&TEXT, "--no-deep=yes", "unwanted-value"),
            (&WORD, "`0123abc`", r#""0123abc" deep=None agent=None"#),
            (&WORD, "one two", "unexpected-argument"),
            (&WORD, "\"one", "open-quote"),
            (&BARE, "; rm", "unexpected-argument"),
            (&BARE, "—fast", "unknown-option"),
        ];
        for (spec, rest, expected) in rows {
            assert_eq!(shown(spec, rest), expected, "{rest}");
        }
        assert_eq!(shown(&TEXT, &"a ".repeat(MAX_TEXT)), "text-too-long");
        assert!(Where::Anywhere.allows(Place::Pull));
    }
}
