//! `/syndarix cancel`: end the story.

use crate::domain::forge::Role;

use super::Command;
use super::spec::{ArgSpec, CommandSpec, Where, Who};

pub static SPEC: CommandSpec = CommandSpec {
    name: "cancel",
    aliases: &[],
    usage: "/syndarix cancel",
    summary: "End this story: agents stop, the draft is closed, the branch is kept.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[],
    args: ArgSpec::None,
    examples: &["/syndarix cancel"],
    build: |_| Ok(Command::Cancel),
};
