//! `/syndarix reject`: turn the plan or the pull request down.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "reject",
    aliases: &[],
    usage: "/syndarix reject [text]",
    summary: "Turn the plan or the pull request down with a reason; it is drafted anew.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::Text("text"),
    examples: &["/syndarix reject", "/syndarix reject we agreed not to add a dependency"],
    build: |args| Ok(Command::Reject { text: args.text }),
};
