//! `/syndarix review`: one more review round now.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "review",
    aliases: &[],
    usage: "/syndarix review",
    summary: "Have the present head of the pull request reviewed once more.",
    who: Who::Least(Role::Writer),
    place: Where::Pull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix review"],
    build: |_| Ok(Command::Review),
};
