//! `/syndarix resume`: go on after a pause.

use crate::domain::forge::Role;

use super::Command;
use super::pause::ALL;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "resume",
    aliases: &[],
    usage: "/syndarix resume [--all]",
    summary: "Go on after a pause, a halt or somebody else's push.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[ALL],
    args: ArgSpec::None,
    examples: &["/syndarix resume", "/syndarix resume --all"],
    build: |args| Ok(Command::Resume { all: args.flag(&ALL) }),
};
