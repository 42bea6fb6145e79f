//! `/syndarix help`: what can be typed, read from the one table.

use super::spec::{ArgSpec, COMMANDS, CommandSpec, OptionValue, Where, Who, find, find_not_yet, nearest};
use super::{Args, Command, CommandError};

pub static SPEC: CommandSpec = CommandSpec {
    name: "help",
    aliases: &[],
    usage: "/syndarix help [verb]",
    summary: "List the commands, or explain one.",
    who: Who::Anyone,
    place: Where::Anywhere,
    side_effects: false,
    in_edits: true,
    options: &[],
    args: ArgSpec::Word("verb"),
    examples: &["/syndarix help", "/syndarix help approve"],
    build,
};

fn build(args: Args) -> Result<Command, CommandError> {
    let Some(verb) = args.text else { return Ok(Command::Help { verb: None }) };
    match (find(&verb), find_not_yet(&verb)) {
        (Some(spec), _) => Ok(Command::Help { verb: Some(spec.name.to_owned()) }),
        (None, Some(verb)) => Err(CommandError::NotYet { verb }),
        (None, None) => Err(CommandError::UnknownVerb { near: nearest(&verb), verb }),
    }
}

/// The answer to `help [verb]`, in Markdown. An unknown verb gets the whole list.
pub fn text(verb: Option<&str>) -> String {
    match verb.and_then(find) {
        Some(spec) => one(spec),
        None => list(),
    }
}

fn list() -> String {
    let mut out = String::from(
        "Type one of these at the start of a line; `/sx` is short for `/syndarix`.\n\n| command | what it does | who |\n|---|---|---|\n",
    );
    for spec in COMMANDS {
        out.push_str(&format!("| `{}` | {} | {} |\n", spec.usage, spec.summary, spec.who.in_words()));
    }
    out.push_str("\n`/syndarix help <verb>` explains one.");
    out
}

fn one(spec: &CommandSpec) -> String {
    let mut out = format!("`{}`: {}\n\nWho: {}. Where: {}.", spec.usage, spec.summary, spec.who.in_words(), spec.place.in_words());
    if !spec.aliases.is_empty() {
        let aliases: Vec<String> = spec.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        out.push_str(&format!(" Also: {}.", aliases.join(", ")));
    }
    out.push('\n');
    for line in options(spec) {
        out.push_str(&line);
    }
    let examples: Vec<String> = spec.examples.iter().map(|example| format!("`{example}`")).collect();
    out.push_str(&format!("\nFor example: {}.", examples.join(", ")));
    out
}

/// One list item per option.
pub(super) fn options(spec: &CommandSpec) -> Vec<String> {
    let line = |option: &super::OptionSpec| {
        let form = match option.value {
            OptionValue::Flag => format!("--{}", option.name),
            OptionValue::Text(what) => format!("--{}=<{what}>", option.name),
        };
        let who = option.who.map(|role| format!(" Needs: {}.", Who::Least(role).in_words())).unwrap_or_default();
        format!("\n- `{form}`: {}{who}", option.summary)
    };
    spec.options.iter().map(line).collect()
}
