//! `/syndarix budget`: what may be spent, and what was.

use crate::domain::budget::read_amount;

use super::choice;
use super::spec::{ArgSpec, CommandSpec, OptionSpec, OptionValue, Where, Who};
use super::{Args, Command, CommandError};

const AMOUNTS: &[&str] = &["5", "2.50", "default"];

static SOFT: OptionSpec = OptionSpec {
    name: "soft",
    value: OptionValue::Flag,
    summary: "The soft limit, past which cheaper models go on, instead of the hard one, past which nothing is bought.",
    who: None,
};
static PROJECT: OptionSpec = OptionSpec {
    name: "project",
    value: OptionValue::Flag,
    summary: "What all stories of the project together may cost in one calendar month (UTC), instead of this story.",
    who: None,
};

pub static SPEC: CommandSpec = CommandSpec {
    name: "budget",
    aliases: &[],
    usage: "/syndarix budget [show] [set <amount>] [--soft] [--project]",
    summary: "Show what this story and the project have cost and may cost, or set a limit in US dollars (`default`: as configured); raising it lets a story that it stopped go on.",
    who: Who::Setting,
    place: Where::Anywhere,
    side_effects: true,
    in_edits: true,
    options: &[SOFT, PROJECT],
    args: ArgSpec::Words("show|set <amount>"),
    examples: &[
        "/syndarix budget",
        "/syndarix budget set 7.50",
        "/syndarix budget set 50 --project",
        "/syndarix budget set default --soft",
    ],
    build,
};

fn build(args: Args) -> Result<Command, CommandError> {
    let (soft, project) = (args.flag(&SOFT), args.flag(&PROJECT));
    let amount = choice::read(&SPEC, args.text.as_deref(), AMOUNTS, |text| {
        read_amount(text).map_err(|why| CommandError::BadAmount { spec: &SPEC, text: text.to_owned(), why })
    })?;
    Ok(Command::Budget { amount, soft, project })
}
