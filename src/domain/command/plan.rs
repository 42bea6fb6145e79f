//! `/syndarix plan`: start a story: analysis and design.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "plan",
    aliases: &[],
    usage: "/syndarix plan [focus]",
    summary: "Start a story for this issue: analyse it, draft a plan and ask for approval.",
    who: Who::Least(Role::Writer),
    place: Where::Issue,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::Text("focus"),
    examples: &["/syndarix plan", "/syndarix plan error handling first"],
    build: |args| Ok(Command::Plan { focus: args.text }),
};
