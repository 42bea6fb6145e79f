//! Merging the base branch into the story's branch: asked for by a person, or begun because the forge would not merge otherwise.

use crate::base::ids::RunId;
use crate::domain::agent::Purpose;
use crate::domain::conflict::Conflict;
use crate::domain::forge::{Sha, User};
use crate::domain::refusal::Refusal;

use super::super::base::{BaseFound, MAX_TRIES};
use super::super::effect::{Effect, PushedWhat};
use super::super::event::{Checkpoint, StoryEvent};
use super::super::label::{Flag, Stage};
use super::super::say;
use super::checkpoint;
use super::commands::{Said, refuse};
use super::turn::Turn;

/// `rebase` was typed.
pub(super) fn command(turn: &mut Turn<'_>, comment: i64) -> Result<Said, Refusal> {
    standing(turn)?;
    let by = turn.actor().cloned();
    turn.lower(Flag::Blocked);
    ask(turn, by, Some(comment));
    Ok(Said::Begun)
}

/// Why the base branch cannot be merged in now, if so.
fn standing(turn: &Turn<'_>) -> Result<(), Refusal> {
    let story = &turn.story;
    let open = story.pull.as_ref().is_some_and(|pull| pull.open);
    if !story.stage.is_before_merge() || !open || story.head.is_none() {
        let way_out = "`/syndarix status` shows where the story is";
        return refuse("no-branch", "there is no open pull request of a story here that the base branch could be merged into", way_out);
    }
    if !story.may_run() {
        return refuse("paused", "the story is paused", "type `/syndarix resume` first");
    }
    if story.foreign_head.is_some() {
        return refuse(
            "foreign-head",
            "a person pushed to this branch and the agents have not taken that over yet",
            "type `/syndarix resume` first",
        );
    }
    if let Some(active) = &story.active {
        let words = format!("{} ({}) works on this branch right now", active.name, active.agent);
        return refuse("busy", words, "type `/syndarix rebase` again when that is done");
    }
    if story.base.asked.is_some() {
        return refuse("under-way", "the base branch is being merged in already", "`/syndarix status` shows how far it is");
    }
    if story.merging.is_some() {
        return refuse("merging", "this pull request is being merged right now", "`/syndarix status` shows how far it is");
    }
    if story.unpushed.is_some() {
        let words = "a commit for this branch is made and not pushed yet";
        return refuse("unpushed", words, "type `/syndarix approve` if it waits for that, or `/syndarix retry` if the push failed");
    }
    Ok(())
}

/// Has it looked at how both branches go together.
pub(super) fn ask(turn: &mut Turn<'_>, by: Option<User>, comment: Option<i64>) {
    if let Some(head) = turn.story.head.clone() {
        turn.event(StoryEvent::BaseAsked { head, by });
        order(turn, comment);
    }
}

/// The look that is asked for, ordered; also once more, after a pause or a failure.
pub(super) fn order(turn: &mut Turn<'_>, comment: Option<i64>) {
    if let Some(head) = turn.story.base.asked.clone() {
        let (branch, base_branch) = (turn.story.branch.clone(), turn.story.base_branch.clone());
        turn.effect(Effect::MergeBase { branch, base_branch, head, comment });
    }
}

/// What the look found.
pub(super) fn looked(turn: &mut Turn<'_>, head: &Sha, base: &Sha, found: &BaseFound, comment: Option<i64>) {
    let story = &turn.story;
    let open = story.pull.as_ref().is_some_and(|pull| pull.open);
    let wanted = story.base.asked.as_ref() == Some(head) && story.head.as_ref() == Some(head);
    // While the story is paused the question stays open; `resume` asks it again.
    if !wanted || !open || !story.stage.is_before_merge() || !story.may_run() || story.active.is_some() {
        return;
    }
    let (head, base) = (head.clone(), base.clone());
    match found {
        BaseFound::UpToDate => {
            turn.event(StoryEvent::BaseSettled { head: head.clone(), base: base.clone(), stuck: false });
            if let Some(comment) = comment {
                let desk = turn.desk();
                let body = say::base_up_to_date(&turn.story, &base);
                turn.effect(Effect::Comment { number: desk, key: format!("reply.{comment}"), body });
            }
            look_again(turn, head);
        }
        BaseFound::Clean { commit } => {
            turn.event(StoryEvent::BaseMerged { head: commit.clone(), base, run: None });
            turn.lower(Flag::Waiting);
            checkpoint::push(turn, PushedWhat::Base);
        }
        BaseFound::Conflicts { files } => conflicts(turn, head, base, files),
    }
}

fn conflicts(turn: &mut Turn<'_>, head: Sha, base: Sha, files: &[Conflict]) {
    let hard: Vec<Conflict> = files.iter().filter(|conflict| !conflict.kind.is_for_agent()).cloned().collect();
    if hard.is_empty() {
        let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
        turn.event(StoryEvent::BaseConflicts { head, base, files: count });
        return turn.start(Purpose::Merge);
    }
    let body = say::base_needs_a_person(&turn.story, &base, &hard, files.len());
    stuck(turn, head, base, "only a person can bring the base branch in", body);
}

/// Only a person gets these two commits together; it is said once for them.
fn stuck(turn: &mut Turn<'_>, head: Sha, base: Sha, why: &str, body: String) {
    let key = format!("base.{}.{}", head.short(), base.short());
    turn.event(StoryEvent::BaseSettled { head, base, stuck: true });
    turn.raise(Flag::Waiting, why);
    let desk = turn.desk();
    turn.say(desk, key, body);
}

/// The gate held and the forge would not merge: the base branch has to come in first.
pub(super) fn needed(turn: &mut Turn<'_>, head: &Sha, base: &Sha, conflicting: bool) {
    if turn.story.merging.as_ref() != Some(head) {
        return;
    }
    let (head, base) = (head.clone(), base.clone());
    turn.event(StoryEvent::GateLost { head: head.clone() });
    if checkpoint::waits(turn.story.autonomy, Checkpoint::Push) {
        let body = say::base_asks_first(&turn.story, &base, conflicting);
        return stuck(turn, head, base, "the base branch has to be merged in first", body);
    }
    if turn.story.base.tries >= MAX_TRIES {
        let body = say::base_tried_enough(&turn.story, &base);
        return stuck(turn, head, base, "the base branch keeps moving", body);
    }
    let body = say::base_comes_in(&turn.story, &head, &base, conflicting);
    let desk = turn.desk();
    turn.say(desk, format!("base.{}.{}", head.short(), base.short()), body);
    ask(turn, None, None);
}

/// The engineer has resolved the conflicts.
pub(super) fn resolved(turn: &mut Turn<'_>, run: RunId, head: Option<Sha>, paths: &[String], diff: Option<&str>) {
    let (Some(head), Some(base)) = (head, turn.story.base.conflict.clone()) else {
        return turn.raise(Flag::Blocked, "the merge of the base branch could not be committed");
    };
    turn.event(StoryEvent::BaseMerged { head: head.clone(), base, run: Some(run) });
    if checkpoint::waits(turn.story.autonomy, Checkpoint::Push) {
        let ask = say::ask_push(&turn.story, &head, paths, diff);
        return checkpoint::arrive(turn, Checkpoint::Push, head.0, ask);
    }
    checkpoint::push(turn, PushedWhat::Base);
}

/// The merge of the base branch is on the forge.
pub(super) fn pushed(turn: &mut Turn<'_>, head: Sha) {
    let Some(merged) = turn.story.base.merge_at(&head).cloned() else { return };
    let before = turn.story.head.clone();
    let summary = turn.facts.resolution.clone().filter(|_| !merged.clean);
    turn.event(StoryEvent::BranchPushed { head: head.clone() });
    let body = say::base_merged(&turn.story, before.as_ref(), &merged, summary.as_deref());
    let desk = turn.desk();
    turn.say(desk, format!("base-merged.{}", head.short()), body);
    match turn.story.stage {
        Stage::Design => super::receipts::plan_shown(turn),
        Stage::Review if merged.clean && turn.story.review.is_some() => look_again(turn, head),
        Stage::Review => turn.start(Purpose::Review),
        // The engineer has stopped before, and the comment about that says what to type.
        _ => {}
    }
}

fn look_again(turn: &mut Turn<'_>, head: Sha) {
    if let Some(number) = turn.story.pull.as_ref().map(|pull| pull.number) {
        turn.effect(Effect::LookAgain { number, head });
    }
}
