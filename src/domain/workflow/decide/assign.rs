//! Choosing who works: `assign`.

use crate::domain::agent::Purpose;
use crate::domain::command::{self, slips};
use crate::domain::refusal::Refusal;
use crate::domain::speech::code;

use super::super::event::StoryEvent;
use super::super::inform::AgentCard;
use super::commands::{Said, refuse};
use super::turn::Turn;

/// An agent as it was named.
#[derive(Debug, PartialEq, Eq)]
struct Found<'a> {
    card: &'a AgentCard,
    name: String,
}

pub(super) fn assign(turn: &mut Turn<'_>, agent: Option<&str>, step: Option<Purpose>) -> Result<Said, Refusal> {
    let team = turn.facts.inform.team.clone();
    let Some(agent) = agent else {
        return Ok(Said::Text(format!("{}\n\nType {}.", list(turn, &team), code(command::assign::SPEC.usage))));
    };
    if !turn.story.stage.is_active() {
        return refuse(
            "no-story",
            "no story is under way here, so there is no work to assign",
            "start one with `/syndarix plan` under the issue",
        );
    }
    let found = find(&team, agent)?;
    let purposes = match step {
        Some(step) if !found.card.able.contains(&step) => return Err(unable(&team, found.card, step)),
        Some(step) => vec![step],
        None => found.card.able.clone(),
    };
    let (kind, name) = (found.card.kind.clone(), found.name);
    let steps = steps(&purposes);
    if purposes.iter().all(|purpose| at_work(turn, *purpose).as_ref() == Some(&(kind.clone(), name.clone()))) {
        return Ok(Said::Text(format!("{name} ({kind}) does that in this story already: {steps}.")));
    }
    let by = turn.actor().cloned();
    turn.event(StoryEvent::Assigned { purposes: purposes.clone(), agent: kind.clone(), name: name.clone(), by });
    let now = match turn.story.active.as_ref().filter(|active| purposes.contains(&active.purpose)) {
        Some(active) => format!(" {} ({}) is at work and finishes the present run.", active.name, active.agent),
        None => String::new(),
    };
    Ok(Said::Text(format!("From the next run on, {name} ({kind}) works on this story: {steps}.{now}")))
}

/// Who does this in the story as it stands.
fn at_work(turn: &Turn<'_>, purpose: Purpose) -> Option<(String, String)> {
    turn.story.assigned.get(&purpose).or_else(|| turn.facts.crew.get(&purpose)).cloned()
}

fn list(turn: &Turn<'_>, team: &[AgentCard]) -> String {
    let mut table = String::from("| step | agent |\n|---|---|\n");
    for purpose in Purpose::ALL {
        let who = at_work(turn, purpose).map_or_else(|| "nobody".to_owned(), |(kind, name)| format!("{name} ({kind})"));
        table.push_str(&format!("| {purpose} | {who} |\n"));
    }
    let cards: Vec<String> =
        team.iter().map(|card| format!("- `{}` ({}): {}", card.kind, steps(&card.able), names(&card.pool, 12))).collect();
    format!("{table}\nAgents to choose from:\n\n{}", cards.join("\n"))
}

fn steps(purposes: &[Purpose]) -> String {
    purposes.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>().join(", ")
}

fn names(pool: &[String], most: usize) -> String {
    let more = if pool.len() > most { format!(" and {} more", pool.len() - most) } else { String::new() };
    if pool.is_empty() {
        "no names".to_owned()
    } else {
        format!("{}{more}", pool.iter().take(most).cloned().collect::<Vec<_>>().join(", "))
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// A type, a name, or `type/name`.
fn find<'a>(team: &'a [AgentCard], typed: &str) -> Result<Found<'a>, Refusal> {
    let (kind, name) = typed.split_once('/').map_or((typed, None), |(kind, name)| (kind, Some(name)));
    let by_kind = team.iter().find(|card| same(&card.kind, kind) || same(&card.title, kind));
    match (by_kind, name) {
        (Some(card), None) => return Ok(Found { card, name: card.name.clone() }),
        (Some(card), Some(name)) => match card.pool.iter().find(|known| same(known, name)) {
            Some(known) => return Ok(Found { card, name: known.clone() }),
            None => {
                let words = format!("no agent of type `{}` is called {}; there are: {}", card.kind, code(name), names(&card.pool, 20));
                return refuse(
                    "unknown-agent",
                    words,
                    format!("{}type one of these names", meant(name, card.pool.iter().map(String::as_str))),
                );
            }
        },
        (None, _) => {}
    }
    let holders: Vec<(&AgentCard, &String)> =
        team.iter().flat_map(|card| card.pool.iter().map(move |known| (card, known))).filter(|(_, known)| same(known, typed)).collect();
    match holders[..] {
        [(card, known)] => Ok(Found { card, name: known.clone() }),
        [] => {
            let kinds: Vec<String> = team.iter().map(|card| format!("`{}`", card.kind)).collect();
            let known = team.iter().flat_map(|card| card.pool.iter().chain([&card.kind])).map(String::as_str);
            let words = format!("there is no agent type and no agent called {}; the types are: {}", code(typed), kinds.join(", "));
            refuse("unknown-agent", words, format!("{}`/syndarix assign` alone lists the agents with their names", meant(typed, known)))
        }
        _ => {
            let whole: Vec<String> = holders.iter().map(|(card, known)| format!("`{}/{known}`", card.kind)).collect();
            refuse(
                "ambiguous-agent",
                format!("{} is the name of agents of several types", code(typed)),
                format!("write {}", whole.join(" or ")),
            )
        }
    }
}

fn meant<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> String {
    let typed: String = typed.chars().take(40).flat_map(char::to_lowercase).collect();
    let near =
        known.map(|word| (slips(&typed, &word.to_lowercase()), word)).filter(|(slips, word)| *slips <= 2 && *slips * 2 < word.len().max(3));
    near.min_by_key(|(slips, _)| *slips).map(|(_, word)| format!("did you mean `{word}`? ")).unwrap_or_default()
}

fn unable(team: &[AgentCard], card: &AgentCard, step: Purpose) -> Refusal {
    let able: Vec<String> = team.iter().filter(|card| card.able.contains(&step)).map(|card| format!("`{}`", card.kind)).collect();
    Refusal::new(
        "unable-agent",
        format!("The configuration does not let agents of type `{}` do `{step}`.", card.kind),
        format!("{} can.", super::settings::capital(&able.join(", "))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(kind: &str, title: &str, pool: &[&str], able: &[Purpose]) -> AgentCard {
        let pool: Vec<String> = pool.iter().map(|name| (*name).to_owned()).collect();
        AgentCard { kind: kind.into(), title: title.into(), name: pool[0].clone(), pool, able: able.to_vec() }
    }

    fn team() -> Vec<AgentCard> {
        vec![
            card("architect", "Architect", &["Vera", "Omar"], &[Purpose::Design]),
            card("engineer", "Engineer", &["Dave", "Sam"], &[Purpose::Implement, Purpose::Fix]),
            card("reviewer", "Reviewer", &["Rosa", "Sam"], &[Purpose::Review]),
        ]
    }

    #[test]
    fn agents_are_found_by_type_and_name() {
        let rows = [
            ("engineer", Ok(("engineer", "Dave"))),
            ("Engineer", Ok(("engineer", "Dave"))),
            ("vera", Ok(("architect", "Vera"))),
            ("reviewer/sam", Ok(("reviewer", "Sam"))),
            ("Sam", Err("ambiguous-agent")),
            ("engineer/Vera", Err("unknown-agent")),
            ("Davee", Err("unknown-agent")),
            ("", Err("unknown-agent")),
            ("\u{202e}x`", Err("unknown-agent")),
        ];
        for (typed, want) in rows {
            let team = team();
            let got = find(&team, typed).map(|found| (found.card.kind.clone(), found.name));
            match (got, want) {
                (Ok(got), Ok((kind, name))) => assert_eq!(got, (kind.to_owned(), name.to_owned()), "{typed}"),
                (Err(refusal), Err(code)) => assert_eq!(refusal.code, code, "{typed}"),
                (got, _) => panic!("{typed}: {got:?}"),
            }
        }
    }

    #[test]
    fn slips_and_choices_are_named() {
        let said = |typed: &str| find(&team(), typed).expect_err(typed).to_string();
        assert!(said("Davee").contains("Did you mean `Dave`?"), "{}", said("Davee"));
        assert!(said("enginer").contains("Did you mean `engineer`?"));
        assert!(said("Sam").contains("`engineer/Sam` or `reviewer/Sam`"));
        assert!(said("zzz").contains("the types are: `architect`, `engineer`, `reviewer`"));
    }
}
