//! Deciding: one intent, one story, the facts; out come events and effects. One file per kind of cause.

mod answers;
mod assign;
mod base;
mod branch;
mod checkpoint;
mod commands;
mod guard;
mod hold;
mod labels;
mod loops;
mod opened;
mod people;
mod places;
mod pull;
mod receipts;
mod runs;
mod settings;
#[cfg(test)]
mod tests;
mod turn;
mod work;

use serde_json::Value;

use super::effect::Effect;
use super::event::StoryEvent;
use super::facts::Facts;
use super::intent::{Intent, Wanted};
use super::story::Story;
use turn::Turn;

/// Something for the record that changes no state: a permission that was asked, a refusal that was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Action as it stands in the record, such as `permission`.
    pub action: &'static str,
    /// Integers, texts without content of people, booleans.
    pub details: Value,
}

/// What came of an intent. Committed as one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    pub events: Vec<StoryEvent>,
    pub effects: Vec<Effect>,
    /// Texts that events and run inputs name by hash.
    pub texts: Vec<String>,
    /// Names under which the lane is found from now on.
    pub aliases: Vec<String>,
    pub notes: Vec<Note>,
    /// The facts are not good enough to judge yet (an own change is still on its way); take the intent up again later.
    pub wait: Option<&'static str>,
    /// A person starts the story now, however many are at work.
    pub jumps_queue: bool,
}

/// Decides one intent. Pure: the same story, intent and facts always give the same decision.
pub fn decide(story: &Story, wanted: &Wanted, facts: &Facts) -> Decision {
    let mut turn = Turn::new(story, wanted, facts);
    match &wanted.intent {
        Intent::Commands { .. } => commands::decide(&mut turn),
        Intent::Remark { place, comment } => people::remark(&mut turn, *place, *comment),
        Intent::LabelsChanged { place } => labels::decide(&mut turn, place.number),
        Intent::IssueClosed => people::issue_closed(&mut turn),
        Intent::IssueReopened => people::issue_reopened(&mut turn),
        Intent::PullClosed { number } => pull::closed(&mut turn, *number),
        Intent::PullReopened { number } => pull::reopened(&mut turn, *number),
        Intent::PullMerged { number, sha } => pull::merged(&mut turn, *number, sha.clone()),
        Intent::Reviewed { number, .. } => people::reviewed(&mut turn, *number),
        Intent::Pushed { branch, after, .. } => branch::pushed(&mut turn, branch, after),
        Intent::BranchDeleted { branch } => branch::deleted(&mut turn, branch),
        Intent::CiChanged { sha, .. } => people::ci_changed(&mut turn, sha),
        Intent::RunEnded { run, purpose } => runs::ended(&mut turn, *run, *purpose),
        Intent::RunAsks { run } => runs::asks(&mut turn, *run),
        Intent::EffectDone { receipt, .. } => receipts::done(&mut turn, receipt),
        Intent::EffectFailed { what, error, .. } => receipts::failed(&mut turn, what, error),
        Intent::Hold { hold, by } => hold::hold_all(&mut turn, *hold, by),
        Intent::Halt { trip, story } => guard::halt(&mut turn, trip, *story),
        Intent::Wake => {
            places::look(&mut turn);
            checkpoint::look_at_gate(&mut turn);
        }
        Intent::PullEdited { number } => pull::edited(&mut turn, *number),
        Intent::IssueDeleted => people::issue_deleted(&mut turn),
        Intent::BudgetRaised { .. } => settings::budget_raised(&mut turn),
    }
    turn.finish()
}
