//! `/syndarix fix`: let the engineer mend what is open.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "fix",
    aliases: &[],
    usage: "/syndarix fix [text]",
    summary: "Let the engineer act on open findings, requested changes, a red CI or the text; after a failed test, in a second pull request.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::Text("text"),
    examples: &["/syndarix fix", "/syndarix fix the total is wrong when the cart is empty"],
    build: |args| Ok(Command::Fix { text: args.text }),
};
