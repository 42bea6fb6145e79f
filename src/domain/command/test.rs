//! `/syndarix test`: check the acceptance criteria now.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "test",
    aliases: &[],
    usage: "/syndarix test",
    summary: "Have the acceptance criteria checked now: on the merged code, or on the pull request before the merge.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix test"],
    build: |_| Ok(Command::Test),
};
