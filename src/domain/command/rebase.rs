//! `/syndarix rebase`: merge the base branch in.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "rebase",
    aliases: &[],
    usage: "/syndarix rebase",
    summary: "Merge the base branch into the pull request's branch; the engineer resolves conflicts. Nothing is ever force-pushed.",
    who: Who::Least(Role::Writer),
    place: Where::Pull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix rebase"],
    build: |_| Ok(Command::Rebase),
};
