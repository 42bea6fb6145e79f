//! `/syndarix start`: begin what waits for a place.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "start",
    aliases: &[],
    usage: "/syndarix start",
    summary: "Begin an approved story now that waits for a free place.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix start"],
    build: |_| Ok(Command::Start),
};
