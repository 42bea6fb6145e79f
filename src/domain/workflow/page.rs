//! The status comment: one page that is edited in place, drawn from the story alone.

use std::fmt::Write as _;

use crate::base::Nano;
use crate::domain::forge::Role;

use super::facts::Policy;
use super::label::{Flag, Stage};
use super::story::Story;

/// Draws the status of a story. `spent` is what its models cost so far.
pub fn status(story: &Story, spent: Nano, policy: &Policy, web_url: &str) -> String {
    if story.round == 0 {
        return format!("No story here yet. Somebody with {} permission can start one with `/syndarix plan`.", Role::Writer);
    }
    let mut page = String::from("### Syndarix\n\n");
    for stage in Stage::WALK {
        let _ = writeln!(page, "- [{}] {}{}", mark(story, stage), stage.word(), note(story, stage));
    }
    page.push('\n');
    let _ = writeln!(page, "{}", now(story));
    if let Some(pull) = &story.pull {
        let _ = writeln!(page, "\nPull request: [#{}]({web_url}/pulls/{})", pull.number, pull.number);
    }
    let _ = writeln!(page, "\nCost so far: {spent}{} · Autonomy: {}", budget(policy), story.autonomy.name());
    page
}

fn mark(story: &Story, stage: Stage) -> char {
    let reached = match story.stage {
        Stage::Cancelled => Stage::None,
        now => now,
    };
    if stage < reached || story.stage == Stage::Done { 'x' } else { ' ' }
}

fn note(story: &Story, stage: Stage) -> &'static str {
    if stage == story.stage && story.stage != Stage::Done { " ← now" } else { "" }
}

fn budget(policy: &Policy) -> String {
    match (policy.hard_budget, policy.soft_budget) {
        (Some(hard), _) => format!(" of {hard}"),
        (None, Some(soft)) => format!(" (soft limit {soft})"),
        (None, None) => String::new(),
    }
}

fn now(story: &Story) -> String {
    match story.stage {
        Stage::Done => return "Done.".into(),
        Stage::Cancelled => return "Cancelled. `/syndarix plan` starts over.".into(),
        _ => {}
    }
    let reason = |flag| story.reasons.get(flag).map_or("see below", |why| why.trim_end_matches('.'));
    let flags: Vec<String> = story.flags.iter().map(|flag| format!("**{}:** {}.", flag_word(*flag), reason(flag))).collect();
    if !flags.is_empty() {
        return flags.join("\n\n");
    }
    match &story.active {
        Some(active) => format!("{} ({}) is at work.", active.name, active.agent),
        None if story.merging.is_some() => "The merge is under way.".into(),
        None => "Waiting for the forge.".into(),
    }
}

fn flag_word(flag: Flag) -> &'static str {
    match flag {
        Flag::Waiting => "Waiting for a person",
        Flag::Paused => "Paused",
        Flag::Halted => "Halted",
        Flag::Blocked => "Blocked",
        Flag::OverBudget => "Over budget",
    }
}
