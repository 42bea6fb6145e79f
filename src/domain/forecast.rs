//! One event decided twice, under the rules of today and under others: in what the two decisions differ, in words. Pure: decisions are
//! compared, nothing is done.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::budget::Limits;
use crate::domain::speech::code;
use crate::domain::workflow::effect::StartRun;
use crate::domain::workflow::{Decision, Effect};

/// Most characters of an answer that are quoted.
const QUOTED: usize = 120;
/// Most fields of one event that are named.
const FIELDS: usize = 4;

/// What an event comes to under some rules.
pub struct Outcome<'a> {
    pub decision: &'a Decision,
    /// What a story may cost.
    pub limits: Limits,
    /// Paths that need a person's approval.
    pub protected: &'a [String],
    /// What stands behind each type of agent, by its name: its models, and a hash of what it is told.
    pub agents: BTreeMap<String, Agent>,
}

/// What stands behind a type of agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Group of models with those in it, for people.
    pub models: String,
    /// Hash of what each purpose is told, by the purpose's word.
    pub told: BTreeMap<String, String>,
}

/// An event of the past, and what would be different about it; nothing: it goes as today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// What happened, such as "`ann` typed `/syndarix plan`".
    pub what: String,
    /// Where, such as `acme/shop#3`.
    pub place: String,
    /// `Err`: it could not be decided, with the reason.
    pub differs: Result<Vec<String>, String>,
}

/// In what the decisions differ; nothing: in nothing that anybody would notice.
pub fn differences(today: &Outcome<'_>, then: &Outcome<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let (one, other) = (names(today.decision), names(then.decision));
    if one == other {
        found.extend(fields(today.decision, then.decision));
    } else {
        found.push(format!("today: {}; then: {}", listed(&one), listed(&other)));
    }
    found.extend(answers(today.decision, then.decision));
    if permissions(today.decision) != permissions(then.decision) {
        found.push("who may do it is judged differently".to_owned());
    }
    if today.decision.wait.is_some() != then.decision.wait.is_some() {
        found.push(format!("it would {}wait", if then.decision.wait.is_some() { "" } else { "not " }));
    }
    for (before, after) in runs(today.decision).into_iter().zip(runs(then.decision)) {
        found.extend(run(before, after, today, then));
    }
    found
}

/// The story's events by their names, and the orders to the world by their words.
fn names(decision: &Decision) -> Vec<String> {
    let events = decision.events.iter().map(|event| event.name());
    let quiet = |effect: &&Effect| !matches!(effect, Effect::Status | Effect::Labels | Effect::StartRun(_));
    events.chain(decision.effects.iter().filter(quiet).map(|effect| effect.word().to_owned())).collect()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ") }
}

/// Fields of equal events that hold other values.
fn fields(today: &Decision, then: &Decision) -> Vec<String> {
    let mut found = Vec::new();
    for (one, other) in today.events.iter().zip(&then.events) {
        let (Ok(Value::Object(before)), Ok(Value::Object(after))) = (serde_json::to_value(one), serde_json::to_value(other)) else {
            continue;
        };
        for (key, value) in &after {
            let was = before.get(key).unwrap_or(&Value::Null);
            if was != value && found.len() < FIELDS {
                found.push(format!("{} of {}: {} instead of {}", code(key), code(&one.name()), shown(value), shown(was)));
            }
        }
    }
    found
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => code(text),
        other => code(&other.to_string()),
    }
}

/// Comments that would read differently. Whether there is one at all is told by the names.
fn answers(today: &Decision, then: &Decision) -> Vec<String> {
    let texts = |decision: &Decision| -> BTreeMap<(i64, String), String> {
        let comments = decision.effects.iter().filter_map(|effect| match effect {
            Effect::Comment { number, key, body } => Some(((*number, key.clone()), body.clone())),
            _ => None,
        });
        comments.collect()
    };
    let (before, after) = (texts(today), texts(then));
    let changed = after.into_iter().filter(|(at, text)| before.get(at) != Some(text));
    changed.map(|(_, text)| format!("it would be answered: {}", quoted(&text))).collect()
}

fn quoted(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let short: String = line.chars().take(QUOTED).collect();
    format!("\"{}{}\"", short.replace('@', ""), if short.len() < line.len() { "…" } else { "" })
}

fn permissions(decision: &Decision) -> Vec<&Value> {
    decision.notes.iter().filter(|note| note.action == "permission").map(|note| &note.details).collect()
}

fn runs(decision: &Decision) -> Vec<&StartRun> {
    let started = decision.effects.iter().filter_map(|effect| match effect {
        Effect::StartRun(start) => Some(start.as_ref()),
        _ => None,
    });
    started.collect()
}

/// The same run begun under other rules.
fn run(before: &StartRun, after: &StartRun, today: &Outcome<'_>, then: &Outcome<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if (&before.agent, &before.name) != (&after.agent, &after.name) {
        found.push(format!(
            "{} ({}) would work instead of {} ({})",
            code(&after.name),
            code(&after.agent),
            code(&before.name),
            code(&before.agent)
        ));
    }
    let agent = |outcome: &Outcome<'_>, name: &str| outcome.agents.get(name).cloned().unwrap_or_default();
    let (one, other) = (agent(today, &before.agent), agent(then, &after.agent));
    if one.models != other.models {
        found.push(format!("{} would ask {} instead of {}", code(&after.agent), other.models, one.models));
    }
    let purpose = after.purpose.as_str();
    if one.told.get(purpose) != other.told.get(purpose) {
        found.push(format!("{} would be told something else to {purpose}", code(&after.agent)));
    }
    if today.limits != then.limits {
        let money = |limits: Limits| format!("{} (cheaper from {} on)", limits.hard, limits.soft);
        found.push(format!("the story may cost {} instead of {}", money(then.limits), money(today.limits)));
    }
    if after.purpose.writes() {
        found.extend(paths("would need a person's approval", today.protected, then.protected));
        found.extend(paths("would not need a person's approval any more", then.protected, today.protected));
    }
    found
}

/// Paths of the second list that the first one lacks.
fn paths(what: &str, one: &[String], other: &[String]) -> Option<String> {
    let new: Vec<String> = other.iter().filter(|path| !one.contains(path)).take(10).map(|path| code(path)).collect();
    (!new.is_empty()).then(|| format!("{} {what}", new.join(", ")))
}

/// The report in one short line: "of the last 20 events 18 as today, 2 differently".
pub fn short(played: &[Played]) -> String {
    let as_today = played.iter().filter(|event| matches!(&event.differs, Ok(list) if list.is_empty())).count();
    let failed = played.iter().filter(|event| event.differs.is_err()).count();
    let differ = played.len() - as_today - failed;
    let mut parts = vec![format!("{as_today} as today")];
    if differ > 0 {
        parts.push(format!("{differ} differently"));
    }
    if failed > 0 {
        parts.push(format!("{failed} not known"));
    }
    match played.len() {
        0 => "no event yet that it could be tried on".to_owned(),
        1 => format!(
            "the last event {}",
            if as_today == 1 {
                "as today"
            } else if differ == 1 {
                "differently"
            } else {
                "not known"
            }
        ),
        count => format!("of the last {count} events {}", parts.join(", ")),
    }
}

/// The events that would go differently, as a list for a comment; empty: there are none.
pub fn page(played: &[Played]) -> String {
    let mut text = String::new();
    for event in played {
        match &event.differs {
            Ok(list) if list.is_empty() => {}
            Ok(list) => {
                text.push_str(&format!("- {}, {}:\n", event.place, event.what));
                list.iter().for_each(|line| text.push_str(&format!("  - {line}\n")));
            }
            Err(why) => text.push_str(&format!("- {}, {}: not known, {why}\n", event.place, event.what)),
        }
    }
    text
}

#[cfg(test)]
mod tests;
