//! `/syndarix retry`: run the failed step again.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "retry",
    aliases: &[],
    usage: "/syndarix retry",
    summary: "Run the step again that failed.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix retry"],
    build: |_| Ok(Command::Retry),
};
