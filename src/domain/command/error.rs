//! Why a line that is addressed to the bot is not run.

use crate::domain::refusal::Refusal;
use crate::domain::speech::code;

use super::scan::Block;
use super::spec::{CommandSpec, OptionValue};

/// What is wrong with a line; [`CommandError::refusal`] says it to the person.
#[derive(Clone, Debug)]
pub enum CommandError {
    UnknownVerb {
        verb: String,
        near: Option<&'static str>,
    },
    /// `/syndarx plan`.
    MisspeltName {
        typed: String,
    },
    /// Announced, but not in this version.
    NotYet {
        verb: &'static str,
    },
    /// Invisible characters or look-alike letters in the name or the verb.
    Disguised,
    /// Characters or an HTML comment in the arguments that hide or reorder what a person reads.
    HiddenText,
    /// The line starts with the name but Markdown counts it to another block.
    InsideBlock(Block),
    UnknownOption {
        spec: &'static CommandSpec,
        option: String,
    },
    RepeatedOption {
        verb: &'static str,
        option: &'static str,
    },
    MissingValue {
        verb: &'static str,
        option: &'static str,
        what: &'static str,
    },
    UnwantedValue {
        verb: &'static str,
        option: &'static str,
    },
    UnexpectedArgument {
        spec: &'static CommandSpec,
        argument: String,
    },
    BadHash {
        text: String,
    },
    OpenQuote {
        verb: &'static str,
    },
    TextTooLong {
        verb: &'static str,
        bytes: usize,
    },
    TooMany {
        count: usize,
        limit: usize,
    },
    CommentTooLong {
        bytes: usize,
        limit: usize,
    },
    /// The command may not be added by an edit.
    NotByEdit {
        verb: &'static str,
    },
    /// A word where one of a few is due.
    UnknownWord {
        spec: &'static CommandSpec,
        word: String,
        allowed: &'static [&'static str],
        near: Option<&'static str>,
    },
    /// Nothing where one of a few is due; the last of `allowed` may be an example.
    MissingWord {
        spec: &'static CommandSpec,
        after: &'static str,
        allowed: &'static [&'static str],
    },
    BadAmount {
        spec: &'static CommandSpec,
        text: String,
        why: String,
    },
    BadCount {
        spec: &'static CommandSpec,
        text: String,
        most: u32,
    },
}

impl CommandError {
    /// The sentence for the person who typed it.
    pub fn refusal(&self) -> Refusal {
        use CommandError::*;
        match self {
            UnknownVerb { verb, near } => {
                let hint = near.map(|near| format!("Did you mean `/syndarix {near}`? ")).unwrap_or_default();
                Refusal::new(
                    "unknown-verb",
                    format!("I do not know the command {}.", code(verb)),
                    format!("{hint}`/syndarix help` lists what I understand."),
                )
            }
            MisspeltName { typed } => Refusal::new(
                "misspelt-name",
                format!("{} looks like a command for me with a slip in my name.", code(typed)),
                "My name is `/syndarix`, or `/sx` for short.",
            ),
            NotYet { verb } => Refusal::new(
                "not-yet",
                format!("`{verb}` is not available in this version of Syndarix."),
                "`/syndarix help` lists what is.",
            ),
            Disguised => Refusal::new(
                "disguised",
                "This line looks like a command for me but holds an invisible character or a letter of another alphabet that looks like a Latin one, so I did not run it.",
                "Type it by hand instead of pasting it.",
            ),
            HiddenText => Refusal::new(
                "hidden-text",
                "This command holds text that a reader cannot see or would see in another order (a control character or an HTML comment), so I did not run it.",
                "Type it by hand instead of pasting it.",
            ),
            InsideBlock(block) => {
                let block = match block {
                    Block::Quote => "the quote above it",
                    Block::List => "the list above it",
                    Block::Footnote => "the footnote above it",
                    Block::Heading => "a heading, because of the line below it",
                    Block::Table => "the table above it",
                    Block::Html => "the HTML above it",
                };
                Refusal::new(
                    "inside-block",
                    format!("Markdown counts this line to {block}, and there I do not take commands."),
                    "Write it again with an empty line before and after it.",
                )
            }
            UnknownOption { spec, option } => Refusal::new(
                "unknown-option",
                format!("`{}` has no option {}{}.", spec.name, code(&format!("--{option}")), known(spec)),
                quoting(spec),
            ),
            RepeatedOption { verb, option } => {
                Refusal::new("repeated-option", format!("`--{option}` stands twice in this `{verb}`."), "Type it once.")
            }
            MissingValue { verb, option, what } => Refusal::new(
                "missing-value",
                format!("`--{option}` of `{verb}` needs a value: {what}."),
                format!("Type `--{option}=<{what}>`."),
            ),
            UnwantedValue { verb, option } => Refusal::new(
                "unwanted-value",
                format!("`--{option}` of `{verb}` is a switch."),
                format!("Type `--{option}` or `--no-{option}`, or give it `true` or `false`."),
            ),
            UnexpectedArgument { spec, argument } => Refusal::new(
                "unexpected-argument",
                format!("`{}` does not take {}.", spec.name, code(argument)),
                format!("Type {}.", code(spec.usage)),
            ),
            BadHash { text } => Refusal::new(
                "bad-hash",
                format!("{} is not a version I can have shown: it takes 7 to 64 digits of `0`-`9` and `a`-`f`.", code(text)),
                "Copy the version from my request for approval, or type `/syndarix approve` alone for the version shown last.",
            ),
            OpenQuote { verb } => {
                Refusal::new("open-quote", format!("A quote in this `{verb}` is opened and never closed."), "Close it, or leave it out.")
            }
            TextTooLong { verb, bytes } => Refusal::new(
                "text-too-long",
                format!("The text of this `{verb}` has {bytes} bytes; I take {} on a command line.", super::words::MAX_TEXT),
                "Put the text into the issue or a comment of its own and keep the command short.",
            ),
            TooMany { count, limit } => Refusal::new(
                "too-many",
                format!("This comment holds {count} commands; I take {limit} at most and ran none of them."),
                "Split them over several comments.",
            ),
            CommentTooLong { bytes, limit } => Refusal::new(
                "comment-too-long",
                format!("This comment has {bytes} bytes; I look for commands in comments of up to {limit}."),
                "Type the command in a comment of its own.",
            ),
            NotByEdit { verb } => Refusal::new(
                "not-by-edit",
                format!(
                    "`{verb}` does not count when it is added by editing a comment, because an edit leaves no clear moment of consent."
                ),
                "Type it in a new comment.",
            ),
            UnknownWord { spec, word, allowed, near } => {
                let hint = near.map(|near| format!("Did you mean `{near}`? ")).unwrap_or_default();
                Refusal::new(
                    "unknown-word",
                    format!("`{}` does not know {} there; it knows {}.", spec.name, code(word), listed(allowed)),
                    format!("{hint}Type {}.", whole(spec.usage)),
                )
            }
            MissingWord { spec, after, allowed } => Refusal::new(
                "missing-word",
                format!("`{} {after}` needs to know to what, such as {}.", spec.name, listed(allowed)),
                format!("Type {}.", whole(spec.usage)),
            ),
            BadAmount { spec, text, why } => Refusal::new(
                "bad-amount",
                format!("{} is not an amount I can take: {why}.", code(text)),
                format!("Type {}.", whole(spec.usage)),
            ),
            BadCount { spec, text, most } => Refusal::new(
                "bad-count",
                format!("`{}` takes a number from 1 to {most}; {} is none.", spec.name, code(text)),
                format!("Type {}.", whole(spec.usage)),
            ),
        }
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A usage line as code, however long.
fn whole(usage: &str) -> String {
    format!("`{usage}`")
}

fn known(spec: &CommandSpec) -> String {
    if spec.options.is_empty() {
        return "; it takes no options".to_owned();
    }
    let names = spec.options.iter().map(|option| match option.value {
        OptionValue::Flag => format!("`--{0}` and `--no-{0}`", option.name),
        OptionValue::Text(what) => format!("`--{}=<{what}>`", option.name),
    });
    format!("; it knows {}", names.collect::<Vec<_>>().join(", "))
}

fn quoting(spec: &CommandSpec) -> String {
    match spec.args {
        super::spec::ArgSpec::Text(_) => "If it is part of the text, put the text in quotes or write `--` before it.".to_owned(),
        _ => format!("Type {}.", code(spec.usage)),
    }
}
