//! `/syndarix label sync`: create and repair the labels.

use crate::domain::forge::Role;

use super::spec::{ArgSpec, CommandSpec, Where, Who, closest};
use super::{Args, Command, CommandError};

const WORDS: &[&str] = &["sync"];

pub static SPEC: CommandSpec = CommandSpec {
    name: "label",
    aliases: &[],
    usage: "/syndarix label sync",
    summary: "Create the labels that are missing in this repository and repair those that were changed; none is ever deleted.",
    who: Who::Least(Role::Maintainer),
    place: Where::Anywhere,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::Word("sync"),
    examples: &["/syndarix label sync"],
    build,
};

fn build(args: Args) -> Result<Command, CommandError> {
    match args.text {
        None => Ok(Command::Label { sync: false }),
        Some(word) if word.eq_ignore_ascii_case("sync") => Ok(Command::Label { sync: true }),
        Some(word) => Err(CommandError::UnknownWord { spec: &SPEC, near: closest(&word, WORDS), word, allowed: WORDS }),
    }
}
