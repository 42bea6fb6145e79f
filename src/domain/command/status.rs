//! `/syndarix status`: where the story stands.

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "status",
    aliases: &[],
    usage: "/syndarix status",
    summary: "Say where this story stands, what it waits for and what it has cost.",
    who: Who::Anyone,
    place: Where::Anywhere,
    side_effects: false,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix status"],
    build: |_| Ok(Command::Status),
};
