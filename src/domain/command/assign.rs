//! `/syndarix assign`: which agent works on the story.

use crate::domain::agent::Purpose;
use crate::domain::forge::Role;

use super::spec::{ArgSpec, CommandSpec, OptionSpec, OptionValue, Where, Who, closest};
use super::{Args, Command, CommandError};

static AGENT: OptionSpec = OptionSpec {
    name: "agent",
    value: OptionValue::Text("type or name"),
    summary: "An agent type such as `engineer`, a name such as `Dave`, or both as `engineer/Dave`.",
    who: None,
};
static STEP: OptionSpec = OptionSpec {
    name: "step",
    value: OptionValue::Text("step"),
    summary: "Only this step: `analyse`, `design`, `implement`, `fix`, `review` or `test`. Left out: every step that the agent is able to do.",
    who: None,
};
const STEPS: &[&str] = &["analyse", "design", "implement", "fix", "review", "test"];

pub static SPEC: CommandSpec = CommandSpec {
    name: "assign",
    aliases: &[],
    usage: "/syndarix assign --agent=<type or name> [--step=<step>]",
    summary: "Choose which agent works on this story from its next run on; alone it lists the agents.",
    who: Who::Least(Role::Writer),
    place: Where::IssueOrPull,
    side_effects: true,
    in_edits: true,
    options: &[AGENT, STEP],
    args: ArgSpec::None,
    examples: &["/syndarix assign --agent=Dave", "/syndarix assign --agent=engineer --step=fix"],
    build,
};

fn build(args: Args) -> Result<Command, CommandError> {
    let step = args.value(&STEP).map(|text| {
        let unknown = || CommandError::UnknownWord { spec: &SPEC, near: closest(text, STEPS), word: text.to_owned(), allowed: STEPS };
        text.to_ascii_lowercase().parse::<Purpose>().map_err(|_| unknown())
    });
    let step = step.transpose()?;
    let agent = args.value(&AGENT).map(|text| text.trim().trim_start_matches('@').to_owned()).filter(|text| !text.is_empty());
    if step.is_some() && agent.is_none() {
        return Err(CommandError::MissingValue { verb: SPEC.name, option: AGENT.name, what: "type or name" });
    }
    Ok(Command::Assign { agent, step })
}
