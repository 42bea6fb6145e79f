//! `/syndarix revise`: send the plan or the pull request back.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "revise",
    aliases: &[],
    usage: "/syndarix revise [text]",
    summary: "Send the plan or the pull request back, with the text and the open comments as constraints.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::Text("text"),
    examples: &["/syndarix revise", "/syndarix revise keep the old file format readable"],
    build: |args| Ok(Command::Revise { text: args.text }),
};
