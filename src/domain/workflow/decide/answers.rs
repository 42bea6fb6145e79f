//! Answers from what was gathered: configuration, levels, budgets, reasons, the record. They change nothing.

use std::fmt::Write as _;

use crate::base::{Nano, Time};
use crate::domain::budget::{Limits, Pot};
use crate::domain::speech::code;

use super::super::inform::{AuditFacts, Money, RunStep, SetBy, Step};
use super::super::{page, say};
use super::turn::Turn;

/// `config`: one table, each line with its source.
pub(super) fn config(turn: &Turn<'_>) -> String {
    let mut table = format!(
        "The configuration in force in {}. Secrets are not part of it.\n\n| key | value | from |\n|---|---|---|\n",
        code(&turn.facts.repo.path)
    );
    for line in &turn.facts.inform.config {
        let _ = writeln!(table, "| {} | {} | {} |", cell(&line.key), cell(&line.value), cell(&line.source));
    }
    table.trim_end().to_owned()
}

/// A pipe would end the cell, even inside code.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn set_by(set: &SetBy) -> String {
    format!("set by {} on {}", code(&set.by.login), moment(set.at))
}

/// Day and minute in UTC.
fn moment(at: Time) -> String {
    let text = at.rfc3339();
    format!("{} {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

/// `autonomy show`.
pub(super) fn autonomy(turn: &Turn<'_>) -> String {
    let (facts, story) = (turn.facts, &turn.story);
    let mut said = String::new();
    if story.stage.is_active() {
        let from = match &story.level_set {
            Some(set) => {
                let by = set.by.as_ref().map_or_else(String::new, |user| format!(" by {}", code(&user.login)));
                if set.command { format!("set by command{by}") } else { format!("tightened{by} with a label") }
            }
            None => "the project's level when the story began".into(),
        };
        let _ = writeln!(said, "This story is at **{}** ({from}): {}.\n", story.autonomy.name(), page::meaning(story.autonomy));
    }
    let level = facts.policy.autonomy;
    let from = facts.inform.settings.autonomy.as_ref().map_or_else(|| "from its configuration".to_owned(), |(_, set)| set_by(set));
    let _ = write!(
        said,
        "New stories of this project begin at **{}** ({from}): {}. A maintainer may set up to {} with `/syndarix autonomy set <level>`; a label `autonomy/...` may only tighten.",
        level.name(),
        page::meaning(level),
        facts.policy.ceiling.name()
    );
    said
}

/// `budget show`.
pub(super) fn budget(turn: &Turn<'_>, money: &Money) -> String {
    let mut table = String::from("| | spent | reserved | soft limit | hard limit | limits from |\n|---|---|---|---|---|---|\n");
    let own = money.purse.own;
    let here = own.over(money.configured);
    let from = |set: Option<Nano>, source: &str| if set.is_some() { "set by command".to_owned() } else { source.to_owned() };
    let (soft, hard) = (from(own.soft, &money.sources.0), from(own.hard, &money.sources.1));
    let sources = if soft == hard { soft } else { format!("soft: {soft}; hard: {hard}") };
    let here_name = if turn.story.round == 0 { "a story here" } else { "this story" };
    let _ = writeln!(table, "{}", row(here_name, money.purse.story, Some(here), &sources));
    let set = turn.facts.inform.settings.budget.as_ref().map_or_else(|| "nobody set one".to_owned(), |(_, set)| set_by(set));
    let month = crate::domain::budget::month_of(turn.facts.now);
    let _ = writeln!(table, "{}", row(&format!("all stories in {month}"), money.month, money.purse.project.limits(), &set));
    let _ = writeln!(table, "{}", row("all stories ever", money.total, None, "not limited"));
    for agent in &money.agents {
        let calls = if agent.calls == 1 { "1 model call".to_owned() } else { format!("{} model calls", agent.calls) };
        let _ = write!(table, "\n- {} ({}): {} in {calls}{}", agent.name, agent.kind, agent.pot.spent, promised(agent.pot));
    }
    table.push_str(
        "\n\nReserved is what calls under way may still cost. A maintainer changes a limit with `/syndarix budget set <amount>`.",
    );
    table
}

fn promised(pot: Pot) -> String {
    if pot.reserved == Nano::ZERO { String::new() } else { format!(", {} reserved", pot.reserved) }
}

fn row(name: &str, pot: Pot, limits: Option<Limits>, from: &str) -> String {
    let amount =
        |limit: Option<Nano>| limit.filter(|limit| limit.0 != i64::MAX).map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let (soft, hard) = (amount(limits.map(|limits| limits.soft)), amount(limits.map(|limits| limits.hard)));
    format!("| {name} | {} | {} | {soft} | {hard} | {} |", pot.spent, pot.reserved, cell(from))
}

/// `explain`: the last things that changed the story, newest first.
pub(super) fn explain(turn: &Turn<'_>, last: u32) -> String {
    let steps = &turn.facts.inform.steps;
    if steps.is_empty() || turn.story.version == 0 {
        return "No story has begun here, so there is nothing to explain. Somebody with write permission starts one with `/syndarix plan` under an issue; `/syndarix whoami` says what you may do.".into();
    }
    let shown = steps.iter().take(usize::try_from(last).unwrap_or(1));
    let mut said: Vec<String> = shown.enumerate().map(|(index, one)| step(one, index == 0 && last == 1)).collect();
    said.push(format!("**Next:** {}", page::next(&turn.story)));
    said.join("\n\n")
}

fn step(step: &Step, alone: bool) -> String {
    let title = if alone { "The last thing that happened in this story" } else { "It happened" };
    let mut said = format!("**{title}** ({}):\n\n", moment(step.at));
    let place = step.link.as_ref().map_or_else(String::new, |link| format!(" ([look]({link}))"));
    let _ = writeln!(said, "- Cause: {}{place}.", step.cause);
    for asked in &step.permissions {
        let verdict = if asked.allowed { "allowed" } else { "refused" };
        let _ = writeln!(said, "- Permission for {}: the forge said `{}`, so it was {verdict}.", code(&asked.verb), asked.role);
    }
    let deeds: Vec<String> = step.events.iter().map(super::super::deeds::deed).collect();
    let _ = writeln!(said, "- What followed: {}.", deeds.join("; "));
    for run in &step.runs {
        let _ = writeln!(said, "- {}", models(run));
    }
    match &step.entry {
        Some((seq, hash)) => {
            let _ = write!(said, "- Record: entry {seq}, hash `{hash}`.");
        }
        None => said.push_str("- Record: written, and linked into the chain in a moment."),
    }
    said
}

fn models(run: &RunStep) -> String {
    let who = format!("{} ({})", run.name, run.kind);
    if run.models.is_empty() {
        return format!("Models: {who} has called none so far.");
    }
    let models: Vec<String> = run.models.iter().map(|(model, calls)| format!("{} {}", code(model), times(*calls))).collect();
    let unknown = if run.price_known { "" } else { " at most; the price of a model is unknown" };
    format!("Models: {who} called {} for {}{unknown}.", models.join(" and "), run.cost)
}

fn times(count: u32) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        many => format!("{many} times"),
    }
}

/// `audit`: what holds, how far it is published, and how to check it without trusting this program.
pub(super) fn audit(audit: &AuditFacts) -> String {
    let mut said = String::new();
    if let Some(since) = audit.diverged {
        let _ = writeln!(
            said,
            "**Alarm:** the audit repository does not continue what was published (seen {}). Somebody else wrote to it or rewrote it. Nothing was overwritten, and the record goes on locally. \
             An administrator has to compare it with a copy and restore its branch.\n",
            moment(since)
        );
    }
    match &audit.checked {
        Err(why) => {
            let _ = writeln!(said, "**Alarm:** the record does not hold: {why}.\n");
        }
        Ok((from, to)) if audit.entries > 0 => {
            let part = if *from == 0 { "all of them".to_owned() } else { format!("the newest {}, from entry {from}", to - from + 1) };
            let _ = writeln!(
                said,
                "- Entries: {}. Checked just now: {part}. Each line has the hash that the next one names, up to entry {to}.",
                audit.entries
            );
        }
        Ok(_) => said.push_str("- Entries: none so far.\n"),
    }
    if audit.waiting > 0 {
        let _ = writeln!(
            said,
            "- Not linked yet: {}; that takes a moment.",
            say::count(usize::try_from(audit.waiting).unwrap_or(usize::MAX), "journal line")
        );
    }
    match &audit.published {
        Some(published) => {
            let commit = published.commit.as_deref().map_or_else(String::new, |sha| format!(" as commit {}", sha.get(..10).unwrap_or(sha)));
            let left = audit.entries.saturating_sub(published.entries);
            let behind = if left == 0 { String::new() } else { format!("; {left} more are on their way") };
            let _ = writeln!(
                said,
                "- Published: {} entries{commit} on {}, to {}{behind}.",
                published.entries,
                moment(published.at),
                audit.place
            );
        }
        None => {
            let _ = writeln!(said, "- Published: nothing so far; the audit repository is {}.", audit.place);
        }
    }
    match &audit.last {
        Some((seq, hash)) => {
            let _ = writeln!(said, "- The last entry about this story: {seq}, hash `{hash}`.");
        }
        None => said.push_str("- About this story nothing is in the record yet.\n"),
    }
    let since = audit.last.as_ref().map_or_else(String::new, |(seq, hash)| format!(" --since {hash}:{seq}"));
    let _ = write!(
        said,
        "\nCheck it on your own machine, without this server: clone the audit repository and run\n\n```\nsyndarix audit verify --repo <clone> --project {}{since}\n```\n\n\
         It reads every line from the first; with `--since` it also finds a record that was rewritten before that entry. Write the hash down where Syndarix cannot change it.",
        audit.chain
    );
    said
}
