//! `/syndarix audit`: the state of the record, and how to check it.

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "audit",
    aliases: &[],
    usage: "/syndarix audit",
    summary: "Check the newest part of the record now, say how far it is published, and how to check all of it yourself.",
    who: Who::Anyone,
    place: Where::Anywhere,
    side_effects: false,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix audit"],
    build: |_| Ok(Command::Audit),
};
