//! Labels as the windows and doors of a story: what each name means, and which names a story should carry.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Where a story is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// No story yet.
    #[default]
    None,
    Analysis,
    Design,
    Implementation,
    Review,
    Testing,
    Done,
    Cancelled,
}

impl Stage {
    /// The stages a story walks through, in order.
    pub const WALK: [Stage; 6] = [Stage::Analysis, Stage::Design, Stage::Implementation, Stage::Review, Stage::Testing, Stage::Done];

    /// The word used in labels and on the status comment.
    pub fn word(self) -> &'static str {
        match self {
            Stage::None => "none",
            Stage::Analysis => "analysis",
            Stage::Design => "design",
            Stage::Implementation => "implementation",
            Stage::Review => "review",
            Stage::Testing => "testing",
            Stage::Done => "done",
            Stage::Cancelled => "cancelled",
        }
    }

    fn parse(word: &str) -> Option<Stage> {
        Stage::WALK.into_iter().find(|stage| stage.word() == word)
    }

    /// Work is under way or waited for.
    pub fn is_active(self) -> bool {
        matches!(self, Stage::Analysis | Stage::Design | Stage::Implementation | Stage::Review | Stage::Testing)
    }

    /// Before the merge, where closing, cancelling and merging by hand still mean something.
    pub fn is_before_merge(self) -> bool {
        self.is_active() && self != Stage::Testing
    }
}

/// Where the pull request of a story is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullStage {
    Submitted,
    Reviewing,
    ChangesRequested,
    Approved,
    Merged,
}

impl PullStage {
    const ALL: [PullStage; 5] =
        [PullStage::Submitted, PullStage::Reviewing, PullStage::ChangesRequested, PullStage::Approved, PullStage::Merged];

    /// The word used in labels.
    pub fn word(self) -> &'static str {
        match self {
            PullStage::Submitted => "submitted",
            PullStage::Reviewing => "reviewing",
            PullStage::ChangesRequested => "changes-requested",
            PullStage::Approved => "approved",
            PullStage::Merged => "merged",
        }
    }
}

/// Flags: several can stand at once, beside any stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// A person is asked for something.
    Waiting,
    /// A person stopped the work.
    Paused,
    /// A guard rail stopped the work.
    Halted,
    /// The story cannot go on by itself.
    Blocked,
    /// The hard budget limit is reached.
    OverBudget,
}

impl Flag {
    const ALL: [Flag; 5] = [Flag::Waiting, Flag::Paused, Flag::Halted, Flag::Blocked, Flag::OverBudget];

    /// The label's name.
    pub fn label(self) -> &'static str {
        match self {
            Flag::Waiting => "syndarix/waiting",
            Flag::Paused => "syndarix/paused",
            Flag::Halted => "syndarix/halted",
            Flag::Blocked => "syndarix/blocked",
            Flag::OverBudget => "syndarix/over-budget",
        }
    }
}

/// How much happens without a person. Ordered from tight to loose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Autonomy {
    FullControl,
    #[default]
    Milestone,
    Autonomous,
}

impl Autonomy {
    const ALL: [Autonomy; 3] = [Autonomy::FullControl, Autonomy::Milestone, Autonomy::Autonomous];

    /// The level of a word used in labels, in lower case.
    pub fn parse(word: &str) -> Option<Autonomy> {
        Autonomy::ALL.into_iter().find(|level| level.word() == word)
    }

    /// The word used in labels.
    pub fn word(self) -> &'static str {
        match self {
            Autonomy::FullControl => "full-control",
            Autonomy::Milestone => "milestone",
            Autonomy::Autonomous => "autonomous",
        }
    }

    /// The name used in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Autonomy::FullControl => "FULL_CONTROL",
            Autonomy::Milestone => "MILESTONE",
            Autonomy::Autonomous => "AUTONOMOUS",
        }
    }
}

/// A label that Syndarix understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Story(Stage),
    Pull(PullStage),
    Flag(Flag),
    Autonomy(Autonomy),
}

impl Label {
    /// Reads a label's name; `None` for the labels of other people.
    pub fn parse(name: &str) -> Option<Label> {
        if let Some(flag) = Flag::ALL.into_iter().find(|flag| flag.label() == name) {
            return Some(Label::Flag(flag));
        }
        match name.split_once('/')? {
            ("story", word) => Stage::parse(word).map(Label::Story),
            ("pr", word) => PullStage::ALL.into_iter().find(|stage| stage.word() == word).map(Label::Pull),
            ("autonomy", word) => Autonomy::parse(word).map(Label::Autonomy),
            _ => None,
        }
    }

    /// The label's name.
    pub fn name(self) -> String {
        match self {
            Label::Story(stage) => format!("story/{}", stage.word()),
            Label::Pull(stage) => format!("pr/{}", stage.word()),
            Label::Flag(flag) => flag.label().to_owned(),
            Label::Autonomy(level) => format!("autonomy/{}", level.word()),
        }
    }

    /// True for the labels that the bot itself keeps in step; the others (`autonomy/…`) belong to people.
    pub fn is_kept_by_bot(self) -> bool {
        !matches!(self, Label::Autonomy(_))
    }
}

/// Which labels to add and which to take off so that `now` carries exactly `wanted` among the labels that the bot keeps. Labels of others are never touched.
pub fn difference(now: &[String], wanted: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    let add = wanted.iter().filter(|name| !now.contains(name)).cloned().collect();
    let remove =
        now.iter().filter(|name| !wanted.contains(*name) && Label::parse(name).is_some_and(Label::is_kept_by_bot)).cloned().collect();
    (add, remove)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_left_alone() {
        let stages = Stage::WALK.into_iter().map(Label::Story).chain(PullStage::ALL.into_iter().map(Label::Pull));
        let rest = Flag::ALL.into_iter().map(Label::Flag).chain(Autonomy::ALL.into_iter().map(Label::Autonomy));
        for label in stages.chain(rest) {
            assert_eq!(Label::parse(&label.name()), Some(label));
        }
        assert_eq!(Label::parse("bug"), None);
        assert_eq!(Label::parse("story/none"), None);
    }

    #[test]
    fn foreign_labels_are_never_touched() {
        let now = ["bug", "story/design", "autonomy/milestone", "syndarix/waiting"].map(str::to_owned);
        let wanted = BTreeSet::from(["story/implementation".to_owned()]);
        let (add, remove) = difference(&now, &wanted);
        assert_eq!(add, ["story/implementation"]);
        assert_eq!(remove, ["story/design", "syndarix/waiting"]);
    }
}
