//! What a story remembers about its loops: texts that wait for the engineer, heads that were looked at, tries that are spent, branches and pull requests
//! that people moved, and the place it waits for. The fold of the events that concern nothing else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::Time;
use crate::domain::agent::Purpose;
use crate::domain::forge::Sha;

use super::event::StoryEvent;
use super::label::{Label, PullStage, Stage};
use super::story::Story;

/// A pull request that an earlier attempt of the same round left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierPull {
    pub number: i64,
    pub stage: PullStage,
    /// The commit on the base branch, where it was merged.
    pub merged: Option<Sha>,
}

/// Commits that somebody pushed whom the forge did not name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnnamedPush {
    /// The head before it; `None`: there was none.
    pub from: Option<Sha>,
    pub to: Sha,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Loops {
    /// Texts for the engineer, by hash or comment, that came while it was at work.
    pub texts: Vec<String>,
    /// The head that the reviewer agent judged last.
    pub reviewed: Option<Sha>,
    /// Heads that were reviewed a second time because somebody asked for it.
    pub again: BTreeSet<Sha>,
    /// The head whose red CI was answered already, by a try or by asking a person.
    pub red: Option<Sha>,
    /// Acceptance criteria that did not hold after the merge.
    pub unmet: u32,
    /// Pull requests before the present one, oldest first.
    pub earlier: Vec<EarlierPull>,
    /// Since when the story waits for a place.
    pub queued: Option<Time>,
    /// Somebody deleted the branch.
    pub branch_gone: bool,
    /// A person marked the pull request as a draft.
    pub draft: bool,
    /// The branch that a person pointed the pull request at.
    pub target: Option<String>,
    pub unnamed: Vec<UnnamedPush>,
    /// The issue was closed without ending the story.
    pub closed: bool,
    /// Name of the comment that shows the open question.
    pub question: Option<String>,
    /// What the run was for that was stopped last, until another one begins.
    pub stopped: Option<Purpose>,
}

impl Loops {
    /// The labels of a pull request of an earlier attempt.
    pub fn labels_of_earlier(&self, number: i64) -> BTreeSet<String> {
        self.earlier.iter().filter(|one| one.number == number).map(|one| Label::Pull(one.stage).name()).collect()
    }
}

/// Whether a story takes up one of the places of its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It needs none.
    Free,
    /// It waits for one since then.
    Queued(Time),
    Held,
}

impl Story {
    /// A place is held from the start of the implementation until the merge or the end.
    pub fn standing(&self) -> Standing {
        match (self.stage, self.loops.queued) {
            // A story that is stopped does not keep those behind it waiting.
            (Stage::Implementation, Some(since)) if self.may_run() && self.foreign_head.is_none() => Standing::Queued(since),
            (Stage::Implementation, Some(_)) => Standing::Free,
            (Stage::Implementation | Stage::Review, _) => Standing::Held,
            _ => Standing::Free,
        }
    }

    /// Whether the story has not heard of this pull request yet.
    pub fn is_new_pull(&self, number: i64) -> bool {
        self.pull.as_ref().is_none_or(|of| of.number != number) && self.loops.earlier.iter().all(|one| one.number != number)
    }

    /// What the engineer is started for in the implementation: the plan, or what a test of the merged work found missing.
    pub fn build_purpose(&self) -> Purpose {
        if self.loops.earlier.iter().any(|one| one.merged.is_some()) { Purpose::Fix } else { Purpose::Implement }
    }
}

/// The part of an event that concerns the loops. The story is still as it was before the event, less its version.
pub(super) fn evolve(story: &mut Story, event: &StoryEvent) {
    match event {
        StoryEvent::RunStarted { .. } => {
            story.loops.queued = None;
            story.loops.stopped = None;
        }
        StoryEvent::RunStopped { run } => {
            story.loops.stopped = story.active.as_ref().filter(|active| active.run == *run).map(|one| one.purpose)
        }
        StoryEvent::Merged { .. } => story.loops.stopped = None,
        StoryEvent::Reviewed { head, .. } => story.loops.reviewed = Some(head.clone()),
        StoryEvent::CiFailed { head, .. } => story.loops.red = Some(head.clone()),
        StoryEvent::HeadAdopted { .. } | StoryEvent::TriesReset { .. } => {
            story.loops.red = None;
            story.ci_fixes = 0;
            story.review_rounds = 0;
        }
        StoryEvent::TextQueued { reason, remark, .. } => {
            story.loops.texts.extend(reason.iter().cloned().chain([remark.clone()]));
            story.heard.insert(remark.clone());
        }
        StoryEvent::TextsTaken => story.constraints.append(&mut story.loops.texts),
        StoryEvent::ReviewAgain { head, .. } => {
            story.loops.again.insert(head.clone());
        }
        StoryEvent::Tested { unmet, .. } => story.loops.unmet = *unmet,
        StoryEvent::Reworked { branch, report, .. } => reworked(story, branch, report.map(|run| format!("test:{run}"))),
        StoryEvent::Queued { at } => {
            story.loops.queued = Some(*at);
            story.stage = Stage::Implementation;
        }
        StoryEvent::StageSet { .. } | StoryEvent::Cancelled { .. } | StoryEvent::Done => {
            story.loops.queued = None;
            story.loops.stopped = None;
        }
        StoryEvent::BranchDeleted { .. } => story.loops.branch_gone = true,
        StoryEvent::BranchRestored { .. } => story.loops.branch_gone = false,
        StoryEvent::PullMarked { draft, .. } => story.loops.draft = *draft,
        StoryEvent::Retargeted { base, .. } => story.loops.target.clone_from(base),
        StoryEvent::PullReplaced { .. } => {
            leave_pull(story);
            // What waits for a person is shown anew on the next one.
            story.checkpoint = None;
        }
        StoryEvent::HumanPushed { head, by: None } => {
            let from = story.foreign_head.clone().or_else(|| story.head.clone());
            story.loops.unnamed.push(UnnamedPush { from, to: head.clone() });
        }
        StoryEvent::PusherNamed { head, by } => {
            story.loops.unnamed.retain(|push| push.to != *head);
            story.pushers.insert(by.id);
        }
        StoryEvent::IssueState { open, .. } => story.loops.closed = !open,
        StoryEvent::QuestionAsked { shown, .. } => story.loops.question.clone_from(shown),
        _ => {}
    }
}

/// The present pull request becomes one of the earlier ones.
fn leave_pull(story: &mut Story) {
    if let Some(pull) = story.pull.take() {
        story.loops.earlier.push(EarlierPull { number: pull.number, stage: pull.stage, merged: story.merged.clone() });
    }
    story.loops.draft = false;
    story.loops.target = None;
}

/// The same story on a new branch: criteria and plan stay, what was said about the merged code does not.
fn reworked(story: &mut Story, branch: &str, report: Option<String>) {
    leave_pull(story);
    let earlier = std::mem::take(&mut story.loops.earlier);
    let texts = std::mem::take(&mut story.loops.texts);
    story.loops = Loops { earlier, texts, closed: story.loops.closed, ..Loops::default() };
    story.constraints.extend(report);
    story.stage = Stage::Implementation;
    branch.clone_into(&mut story.branch);
    (story.head, story.unpushed, story.foreign_head) = (None, None, None);
    (story.merged, story.merged_by_hand, story.merging) = (None, None, None);
    (story.review, story.tested, story.checkpoint) = (None, None, None);
    (story.review_rounds, story.ci_fixes, story.open_findings) = (0, 0, 0);
    story.base = Default::default();
    story.votes.clear();
    story.pushers.clear();
    story.put_back.clear();
}
