//! `/syndarix explain`: why the last things happened, from the journal.

use super::spec::{ArgSpec, CommandSpec, Where, Who};
use super::{Args, Command, CommandError};

/// The most things explained at once.
pub const MOST: u32 = 10;

pub static SPEC: CommandSpec = CommandSpec {
    name: "explain",
    aliases: &["why"],
    usage: "/syndarix explain [how many]",
    summary: "Say why the last thing of this story happened, or the last few: who caused it, with which permission, by which model, at what cost, and what comes next.",
    who: Who::Anyone,
    place: Where::Anywhere,
    side_effects: false,
    in_edits: true,
    options: &[],
    args: ArgSpec::Word("how many"),
    examples: &["/syndarix explain", "/syndarix why 3"],
    build,
};

fn build(args: Args) -> Result<Command, CommandError> {
    let Some(text) = args.text else { return Ok(Command::Explain { last: 1 }) };
    match text.parse() {
        Ok(last) if (1..=MOST).contains(&last) => Ok(Command::Explain { last }),
        _ => Err(CommandError::BadCount { spec: &SPEC, text, most: MOST }),
    }
}
