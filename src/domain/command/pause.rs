//! `/syndarix pause`: stop within one step.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, OptionSpec, OptionValue, Where, Who};

/// For the whole project instead of one story.
pub const ALL: OptionSpec =
    OptionSpec { name: "all", value: OptionValue::Flag, summary: "Every story of this repository.", who: Some(Role::Maintainer) };

pub static SPEC: CommandSpec = CommandSpec {
    name: "pause",
    aliases: &[],
    usage: "/syndarix pause [--all]",
    summary: "Stop all work on this story within one step, until `resume`.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[ALL],
    args: ArgSpec::None,
    examples: &["/syndarix pause", "/syndarix pause --all"],
    build: |args| Ok(Command::Pause { all: args.flag(&ALL) }),
};
