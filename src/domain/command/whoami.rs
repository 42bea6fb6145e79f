//! `/syndarix whoami`: what the bot knows about the person who asks.

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "whoami",
    aliases: &[],
    usage: "/syndarix whoami",
    summary: "Say who I take you for and what you may do here.",
    who: Who::Anyone,
    place: Where::Anywhere,
    side_effects: false,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix whoami"],
    build: |_| Ok(Command::Whoami),
};
