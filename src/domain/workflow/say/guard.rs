//! What the guard rails say: once, and with the line that decides.

use std::fmt::Write as _;

use crate::base::Time;
use crate::domain::guard::{Hold, Stop, Trip, What};
use crate::domain::speech::code;

use super::super::story::Story;
use super::to;

/// Where the lines of the limits stand.
const WHERE: &str = "under `limits` in `policy.toml` or in the project's own file";

/// A limit was crossed.
pub fn halted(story: &Story, trip: &Trip, recent: &[String]) -> String {
    let project = trip.is_of_project();
    let what = if project { "all stories of this repository" } else { "this story" };
    let mut body = format!(
        "{}**Halted.** A guard rail stopped {what}: {} ({WHERE}), and the next step would have made it {}. \
         No agent works, and I say nothing more here, until a person decides.\n\n",
        to(story.requester.as_ref()),
        trip.rule(),
        trip.reached,
    );
    if !recent.is_empty() {
        body.push_str("What happened last:\n\n");
        for line in recent {
            let _ = writeln!(body, "- {line}");
        }
        body.push('\n');
    }
    let resume = if project {
        "a maintainer types `/syndarix resume --all`"
    } else {
        "type `/syndarix resume` or take the label `syndarix/halted` off (write permission)"
    };
    let _ = write!(
        body,
        "- If this is a loop, find out what answers whom and mend that first, or end the story with `/syndarix cancel`.\n\
         - To let it go on, {resume}. Counting then begins anew.\n\
         - If this much is in order here, raise that line of the configuration."
    );
    body
}

/// A story begins while its project is stopped.
pub fn begins_stopped(hold: &Hold) -> String {
    let why = match (hold.stop, &hold.by) {
        (Stop::Paused, Some(by)) => format!("{} paused all stories of this repository on {}", code(by), minute(hold.at)),
        (Stop::Paused, None) => format!("all stories of this repository were paused on {}", minute(hold.at)),
        (Stop::Halted, _) => format!("all stories of this repository were halted on {}, because {}", minute(hold.at), hold.why),
    };
    format!(
        "The story is noted, and its work waits: {why}. It begins by itself once a maintainer types `/syndarix resume --all`; \
         to take it back, type `/syndarix cancel`."
    )
}

/// Somebody asked for too much.
pub fn limited(login: &str, what: What, per_hour: i64, until: Time) -> String {
    let (one, many) = what.noun();
    let noun = if per_hour == 1 { one } else { many };
    let key = match what {
        What::Answers => "user_answers_per_hour",
        _ => "user_commands_per_hour",
    };
    format!(
        "{}: limited until {}. Nobody may give more than {per_hour} {noun} an hour here (`{key} = {per_hour}` {WHERE}). \
         What you write before then is recorded and not run; type it again afterwards. Others are not affected.",
        code(login),
        second(until),
    )
}

/// Somebody answers like a program.
pub fn taken_for_a_program(login: &str, times: i64) -> String {
    format!(
        "{} wrote within two seconds after a comment of mine {times} times in a row, so I take that account for a program and do not react to it \
         any more. If it is a person, a maintainer can list it under `people` in the project's configuration; if it is a program that may give \
         commands, under `listed_bots`.",
        code(login)
    )
}

/// Day and minute in UTC.
fn minute(at: Time) -> String {
    at.rfc3339().get(..16).unwrap_or_default().replace('T', " ") + " UTC"
}

fn second(at: Time) -> String {
    // Rounded up: at the second that is named, the next one is served.
    let at = Time(at.0.saturating_add(999_999));
    at.rfc3339().get(..19).unwrap_or_default().replace('T', " ") + " UTC"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::forge::User;

    #[test]
    fn a_halt_names_count_line_and_way_out() {
        let story = Story { requester: Some(User { id: 2, login: "alice".into() }), ..Story::of(1) };
        let trip = Trip { limit: "story_runs_per_hour".into(), allowed: 3, reached: 4 };
        let said = halted(&story, &trip, &["09:00:00 UTC: run started (fix)".into()]);
        assert!(
            said.starts_with(
                "@alice: **Halted.** A guard rail stopped this story: `story_runs_per_hour = 3` allows 3 agent runs within an hour (under"
            ),
            "{said}"
        );
        for part in ["made it 4.", "- 09:00:00 UTC: run started (fix)\n", "`/syndarix resume`", "`/syndarix cancel`"] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        let trip = Trip { limit: "project_runs_per_hour".into(), allowed: 3, reached: 4 };
        assert!(halted(&story, &trip, &[]).contains("a maintainer types `/syndarix resume --all`"));
    }

    #[test]
    fn a_limited_person_is_told_until_when_and_pinged_by_nobody() {
        let said = limited("eve", What::Commands, 60, Time::parse("2026-08-03T09:01:00.000001Z").unwrap());
        assert!(said.starts_with("`eve`: limited until 2026-08-03 09:01:01 UTC.") && !said.contains('@'), "{said}");
        assert!(said.contains("`user_commands_per_hour = 60`"), "{said}");
    }
}
