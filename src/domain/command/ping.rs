//! `/syndarix ping`: is anybody there?

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "ping",
    aliases: &[],
    usage: "/syndarix ping",
    summary: "Answer, so that you see that I am awake.",
    who: Who::Anyone,
    place: Where::Anywhere,
    side_effects: false,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix ping"],
    build: |_| Ok(Command::Ping),
};
