//! `/syndarix config`: the configuration in force here.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "config",
    aliases: &[],
    usage: "/syndarix config",
    summary: "Show the configuration in force here, line by line with where each comes from; secrets are never in it.",
    who: Who::Least(Role::Writer),
    place: Where::Anywhere,
    side_effects: false,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix config"],
    build: |_| Ok(Command::Config),
};
