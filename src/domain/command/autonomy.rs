//! `/syndarix autonomy`: how much happens without a person.

use crate::domain::workflow::label::Autonomy;

use super::choice::{self, Choice};
use super::spec::{ArgSpec, CommandSpec, OptionSpec, OptionValue, Where, Who, closest};
use super::{Args, Command, CommandError};

const LEVELS: &[&str] = &["full-control", "milestone", "autonomous", "default"];

static PROJECT: OptionSpec = OptionSpec {
    name: "project",
    value: OptionValue::Flag,
    summary: "The level at which new stories of the whole project begin; stories under way keep theirs.",
    who: None,
};

pub static SPEC: CommandSpec = CommandSpec {
    name: "autonomy",
    aliases: &[],
    usage: "/syndarix autonomy [show] [set <level>] [--project]",
    summary: "Show or set (`full-control`, `milestone`, `autonomous`, `default`) what waits for a person, in this story or for new stories of the project; never looser than `autonomy_ceiling` of the configuration.",
    who: Who::Setting,
    place: Where::Anywhere,
    side_effects: true,
    in_edits: true,
    options: &[PROJECT],
    args: ArgSpec::Words("show|set <level>"),
    examples: &["/syndarix autonomy", "/syndarix autonomy set full-control", "/syndarix autonomy set milestone --project"],
    build,
};

fn build(args: Args) -> Result<Command, CommandError> {
    let project = args.flag(&PROJECT);
    let level = choice::read(&SPEC, args.text.as_deref(), LEVELS, |word| {
        let plain = word.to_ascii_lowercase().replace('_', "-");
        let unknown = || CommandError::UnknownWord { spec: &SPEC, near: closest(&plain, LEVELS), word: word.to_owned(), allowed: LEVELS };
        Autonomy::parse(&plain).ok_or_else(unknown)
    })?;
    Ok(Command::Autonomy { level, project })
}

impl Choice<Autonomy> {
    /// For notes in the record.
    pub fn word(&self) -> &'static str {
        match self {
            Choice::Show => "show",
            Choice::Default => "default",
            Choice::To(level) => level.word(),
        }
    }
}
