//! Merging the base branch into the story's branch: what is found, and how far it has come.

use serde::{Deserialize, Serialize};

use crate::domain::conflict::Conflict;
use crate::domain::forge::Sha;

use super::event::StoryEvent;

/// Most merges of the base branch in a row that nobody asked for.
pub const MAX_TRIES: u32 = 3;

/// How the base branch and the story's branch go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "kebab-case")]
pub enum BaseFound {
    /// The branch holds all of the base branch.
    UpToDate,
    /// This commit brings them together; nobody had to decide anything.
    Clean {
        commit: Sha,
    },
    Conflicts {
        files: Vec<Conflict>,
    },
}

/// Where the merge of the base branch stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BaseState {
    /// The head for which it is being looked at how both go together.
    pub asked: Option<Sha>,
    /// The commit of the base branch that the engineer is to merge.
    pub conflict: Option<Sha>,
    /// The newest merge commit.
    pub merged: Option<BaseMerged>,
    /// Merges that nobody asked for, since somebody last did.
    pub tries: u32,
    /// This head and this commit of the base branch: only a person gets them together.
    pub stuck: Option<(Sha, Sha)>,
}

/// A merge commit on the story's branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseMerged {
    pub head: Sha,
    pub base: Sha,
    /// Made without an agent.
    pub clean: bool,
}

impl BaseState {
    /// True for a merge commit in which nobody decided anything: what was found in the branch before is in it still.
    pub fn is_clean_merge(&self, head: &Sha) -> bool {
        self.merged.as_ref().is_some_and(|merged| merged.clean && merged.head == *head)
    }

    /// The merge commit with this id, if it is the newest one.
    pub fn merge_at(&self, head: &Sha) -> Option<&BaseMerged> {
        self.merged.as_ref().filter(|merged| merged.head == *head)
    }

    /// The state after one more event of the story.
    pub(super) fn evolve(&mut self, event: &StoryEvent) {
        match event {
            StoryEvent::BaseAsked { head, by } => {
                self.asked = Some(head.clone());
                self.conflict = None;
                self.stuck = None;
                self.tries = if by.is_some() { 0 } else { self.tries + 1 };
            }
            StoryEvent::BaseConflicts { base, .. } => {
                self.asked = None;
                self.conflict = Some(base.clone());
            }
            StoryEvent::BaseMerged { head, base, run } => {
                self.asked = None;
                self.conflict = None;
                self.merged = Some(BaseMerged { head: head.clone(), base: base.clone(), clean: run.is_none() });
            }
            StoryEvent::BaseSettled { head, base, stuck } => {
                self.asked = None;
                self.stuck = stuck.then(|| (head.clone(), base.clone()));
            }
            StoryEvent::HumanPushed { .. }
            | StoryEvent::StageSet { .. }
            | StoryEvent::RunStarted { .. }
            | StoryEvent::PullClosed { .. } => {
                self.asked = None;
            }
            StoryEvent::Done | StoryEvent::Cancelled { .. } | StoryEvent::Merged { .. } => *self = BaseState::default(),
            _ => {}
        }
    }
}
