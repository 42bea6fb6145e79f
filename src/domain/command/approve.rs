//! `/syndarix approve`: pass the open checkpoint.

use super::spec::{ArgSpec, CommandSpec, Where, Who};
use super::{Args, Command, CommandError};

pub static SPEC: CommandSpec = CommandSpec {
    name: "approve",
    aliases: &[],
    usage: "/syndarix approve [hash]",
    summary: "Approve the version of the plan or of the pull request that I showed last, or the one you name.",
    who: Who::Checkpoint,
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: false,
    options: &[],
    args: ArgSpec::Word("hash"),
    examples: &["/syndarix approve", "/syndarix approve 3f9c2d1a"],
    build,
};

fn build(args: Args) -> Result<Command, CommandError> {
    let hash = args.text.map(|text| text.trim_end_matches('\u{2026}').to_ascii_lowercase());
    match hash {
        Some(text) if !(7..=64).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Err(CommandError::BadHash { text })
        }
        hash => Ok(Command::Approve { hash }),
    }
}
