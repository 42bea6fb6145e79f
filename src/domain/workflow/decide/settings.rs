//! What is set by command: the autonomy level, budgets, who works. Whoever gets here has the permission; what is left to judge is whether it makes sense.

use serde_json::json;

use crate::base::Nano;
use crate::domain::budget::Caps;
use crate::domain::command::Choice;
use crate::domain::forge::User;
use crate::domain::refusal::Refusal;

use super::super::effect::Effect;
use super::super::event::{Checkpoint, StoryEvent};
use super::super::inform::{Money, Setting};
use super::super::label::{Autonomy, Flag};
use super::super::page;
use super::commands::{Said, refuse};
use super::turn::Turn;
use super::{answers, checkpoint};

/// `autonomy show|set`.
pub(super) fn autonomy(turn: &mut Turn<'_>, level: Choice<Autonomy>, project: bool) -> Result<Said, Refusal> {
    let wanted = match level {
        Choice::Show => return Ok(Said::Text(answers::autonomy(turn))),
        Choice::To(level) => Some(level),
        Choice::Default => None,
    };
    let ceiling = turn.facts.policy.ceiling;
    if wanted.is_some_and(|level| level > ceiling) {
        let words = format!("the configuration of this project allows {} at most to be set by command", ceiling.name());
        let way_out =
            "an administrator can raise `autonomy_ceiling` in the project's configuration; `/syndarix config` shows where that is";
        return refuse("above-ceiling", words, way_out);
    }
    let by = known_actor(turn)?;
    if project { level_of_project(turn, wanted, by) } else { level_of_story(turn, wanted, by) }
}

fn level_of_project(turn: &mut Turn<'_>, wanted: Option<Autonomy>, by: User) -> Result<Said, Refusal> {
    let setting = Setting::Autonomy(wanted);
    turn.note("setting", json!({"setting": "autonomy", "value": wanted.map_or("default", Autonomy::word)}));
    turn.effect(Effect::SetProject { setting, by });
    let what = match wanted {
        Some(level) => format!("New stories of this project begin at {}: {}.", level.name(), page::meaning(level)),
        None => "New stories of this project begin at the level of its configuration again.".to_owned(),
    };
    let here = if turn.story.stage.is_active() {
        format!(" This story stays at {}; `/syndarix autonomy set <level>` changes it.", turn.story.autonomy.name())
    } else {
        String::new()
    };
    Ok(Said::Text(format!("{what}{here}")))
}

fn level_of_story(turn: &mut Turn<'_>, wanted: Option<Autonomy>, by: User) -> Result<Said, Refusal> {
    if !turn.story.stage.is_active() {
        return no_story("`/syndarix autonomy set <level> --project` sets the level at which new stories begin");
    }
    let level = wanted.unwrap_or(turn.facts.policy.autonomy);
    let before = turn.story.autonomy;
    if level == before && turn.story.level_set.as_ref().is_some_and(|set| set.command) {
        return Ok(Said::Text(format!("This story is at {} already: {}.", level.name(), page::meaning(level))));
    }
    turn.event(StoryEvent::AutonomySet { autonomy: level, by: Some(by) });
    let open = turn.story.checkpoint.clone();
    let passed = checkpoint::reconsider(turn);
    let then = match (passed, open) {
        (Some(Checkpoint::Merge), _) => {
            " The merge that waited is ordered: at this level nobody has to approve it, and everything else it needs is there.".into()
        }
        (Some(passed), _) => {
            format!(" {} waited for an approval and is passed: at this level nobody has to give it.", capital(passed.words()))
        }
        (None, Some(open)) if !turn.story.may_run() => {
            format!(" The story is stopped, so {} goes on waiting until `/syndarix resume`.", open.checkpoint.words())
        }
        (None, Some(open)) => format!(" {} still waits for an approval.", capital(open.checkpoint.words())),
        (None, None) => String::new(),
    };
    let way = match level.cmp(&before) {
        std::cmp::Ordering::Less => " What was let through before stays so.",
        _ => "",
    };
    Ok(Said::Text(format!("This story is now at {}: {}.{then}{way}", level.name(), page::meaning(level))))
}

/// `budget show|set`.
pub(super) fn budget(turn: &mut Turn<'_>, amount: Choice<Nano>, soft: bool, project: bool) -> Result<Said, Refusal> {
    let Some(money) = turn.facts.inform.money.clone() else {
        return refuse("no-books", "the books could not be read", "type the command again");
    };
    let wanted = match amount {
        Choice::Show => return Ok(Said::Text(answers::budget(turn, &money))),
        Choice::To(amount) => Some(amount),
        Choice::Default => None,
    };
    let by = known_actor(turn)?;
    if project { budget_of_project(turn, &money, wanted, soft, by) } else { budget_of_story(turn, &money, wanted, soft, by) }
}

fn budget_of_story(turn: &mut Turn<'_>, money: &Money, wanted: Option<Nano>, soft: bool, by: User) -> Result<Said, Refusal> {
    if !turn.story.stage.is_active() {
        return no_story("`/syndarix budget set <amount> --project` limits what all stories together may cost in a month");
    }
    let caps = changed(turn.story.caps, wanted, soft);
    let limits = caps.over(money.configured);
    if let Some(most) = turn.facts.policy.most_budget.filter(|most| limits.hard > *most) {
        let words = format!("this installation was started with a limit of {most} for every story");
        return refuse("above-most", words, format!("set {most} or less, or have it started with a larger `--max-usd`"));
    }
    judge_amounts(wanted, soft, caps, limits.hard, money.purse.story.committed(), "this story")?;
    turn.event(StoryEvent::BudgetSet { soft: caps.soft, hard: caps.hard, by: Some(by) });
    turn.effect(Effect::SetLimits { caps, hard: limits.hard });
    let mut money = money.clone();
    money.purse.own = caps;
    let then = go_on(turn, &money).unwrap_or_default();
    Ok(Said::Text(format!("This story may cost {}, and from {} on cheaper models work.{then}", limits.hard, limits.soft)))
}

fn budget_of_project(turn: &mut Turn<'_>, money: &Money, wanted: Option<Nano>, soft: bool, by: User) -> Result<Said, Refusal> {
    let before = money.purse.project;
    let caps = changed(before, wanted, soft);
    let hard = caps.hard.unwrap_or(Nano(i64::MAX));
    judge_amounts(wanted, soft, caps, hard, money.month.committed(), "all stories of the project in this month")?;
    turn.note("setting", json!({"setting": "budget", "soft": caps.soft, "hard": caps.hard}));
    turn.effect(Effect::SetProject { setting: Setting::Budget(caps), by: by.clone() });
    let mut then = String::new();
    if hard > before.hard.unwrap_or(Nano(i64::MAX)) {
        turn.effect(Effect::SpreadBudget { by });
        let mut money = money.clone();
        money.purse.project = caps;
        then = go_on(turn, &money).unwrap_or_default();
    }
    let what = match (caps.hard, caps.soft) {
        (None, None) => "All stories of the project together have no limit for a month; each keeps its own.".to_owned(),
        (Some(hard), None) => format!("All stories of the project together may cost {hard} in a calendar month."),
        (Some(hard), Some(soft)) => {
            format!("All stories of the project together may cost {hard} in a calendar month, and from {soft} on cheaper models work.")
        }
        (None, Some(soft)) => {
            format!("Once all stories of the project together have cost {soft} in a calendar month, cheaper models work.")
        }
    };
    Ok(Said::Text(format!("{what}{then}")))
}

fn changed(mut caps: Caps, wanted: Option<Nano>, soft: bool) -> Caps {
    match soft {
        true => caps.soft = wanted,
        false => caps.hard = wanted,
    }
    caps
}

/// A limit below what is gone would be a promise that is broken already; a soft limit above the hard one would never be reached.
fn judge_amounts(wanted: Option<Nano>, soft: bool, caps: Caps, hard: Nano, committed: Nano, whose: &str) -> Result<(), Refusal> {
    if !soft && committed > hard {
        let words = format!("{committed} is spent or promised to calls under way for {whose} already, which is more than {hard}");
        return refuse("below-spent", words, "set a larger amount; `/syndarix pause` or `/syndarix cancel` stops further spending");
    }
    if soft && wanted.is_some() && caps.soft.is_some_and(|soft| soft > hard) {
        let words = format!("a soft limit above the hard one, which is {hard}, would never be reached");
        return refuse("soft-above-hard", words, "raise the hard limit first, with the same command without `--soft`");
    }
    Ok(())
}

/// A story that money stopped goes on when there is money again. Gives what to say about it.
fn go_on(turn: &mut Turn<'_>, money: &Money) -> Option<String> {
    if !turn.story.flags.contains(&Flag::OverBudget) {
        return None;
    }
    let own = money.purse.own.over(money.configured).hard > money.purse.story.committed();
    let shared = money.purse.project.hard.is_none_or(|hard| hard > money.month.committed());
    if !own || !shared {
        let whose = if own { "the project's budget for this month" } else { "the story's own budget" };
        return Some(format!(" The story still waits: {whose} is used up."));
    }
    turn.lower(Flag::OverBudget);
    let Some(failed) = turn.story.failed.clone() else {
        return Some(" The story is not over budget any more.".into());
    };
    turn.start(failed.purpose);
    Some(match turn.story.may_run() {
        true => format!(" {} ({}) takes the interrupted step up again.", failed.name, failed.agent),
        false => " The story is stopped; `/syndarix resume` lets it go on.".into(),
    })
}

/// The project's budget was raised from another story.
pub(super) fn budget_raised(turn: &mut Turn<'_>) {
    if let Some(money) = turn.facts.inform.money.clone() {
        go_on(turn, &money);
    }
}

fn known_actor(turn: &Turn<'_>) -> Result<User, Refusal> {
    match turn.actor() {
        Some(user) => Ok(user.clone()),
        None => refuse("unknown-actor", "the forge did not say who wants this", "type the command in a comment"),
    }
}

fn no_story<T>(way_out: &str) -> Result<T, Refusal> {
    refuse("no-story", "no story is under way here, so there is nothing to set", way_out)
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}
