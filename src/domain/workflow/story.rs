//! The story as folded from its events.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::Nano;
use crate::base::ids::RunId;
use crate::domain::agent::Purpose;
use crate::domain::budget::Caps;
use crate::domain::forge::{Sha, User};

use super::base::BaseState;
use super::event::{Checkpoint, StoryEvent};
use super::label::{Autonomy, Flag, Label, PullStage, Stage};
use super::loops::Loops;

/// The agent at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveRun {
    pub run: RunId,
    pub purpose: Purpose,
    pub agent: String,
    pub name: String,
}

/// The accepted plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub run: RunId,
    pub head: Sha,
    /// SHA-256 of the plan's text.
    pub hash: String,
    pub estimate: Option<Nano>,
}

/// The story's pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullOf {
    pub number: i64,
    pub stage: PullStage,
    pub open: bool,
}

/// Something that waits for a person, bound to what the person was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCheckpoint {
    pub checkpoint: Checkpoint,
    /// Plan hash, head sha, or run id.
    pub version: String,
}

/// A story: an issue under the bot's care with its pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// Number of events folded.
    pub version: i64,
    pub issue: i64,
    /// 0: never planned. Each `plan` after an end starts the next.
    pub round: u32,
    pub stage: Stage,
    pub flags: BTreeSet<Flag>,
    pub requester: Option<User>,
    pub autonomy: Autonomy,
    /// The level was set for this story by a label or by command; its label stays as long as the story.
    pub tightened: bool,
    pub branch: String,
    pub base_branch: String,
    /// Hash of the text behind `plan`.
    pub focus: Option<String>,
    /// The commit on the forge's branch that we accept as ours.
    pub head: Option<Sha>,
    /// Every commit we ever made the tip of the branch: a push event for one of them is an echo.
    pub heads: BTreeSet<Sha>,
    /// Code that is committed but not pushed.
    pub unpushed: Option<Sha>,
    pub pull: Option<PullOf>,
    pub active: Option<ActiveRun>,
    /// The last run that ended badly, for `retry`.
    pub failed: Option<ActiveRun>,
    pub criteria: Option<RunId>,
    pub plan: Option<Plan>,
    pub plan_approved: bool,
    /// Who passed the plan; nobody where the autonomy level lets it through.
    pub plan_approver: Option<User>,
    pub code: Option<RunId>,
    pub review: Option<RunId>,
    pub tested: Option<RunId>,
    /// Hashes of reasons and remarks that the next run must respect.
    pub constraints: Vec<String>,
    /// Remarks that were taken up in this round: a second event about one of them changes nothing.
    pub heard: BTreeSet<String>,
    pub checkpoint: Option<OpenCheckpoint>,
    pub passed: BTreeSet<Checkpoint>,
    /// Votes for the merge by command, per head.
    pub votes: Vec<(User, Sha)>,
    /// How often each purpose ran in this round.
    pub rounds: BTreeMap<Purpose, u32>,
    pub review_rounds: u32,
    /// Blocking findings of the last review of this head.
    pub open_findings: u32,
    pub ci_fixes: u32,
    pub question: Option<RunId>,
    /// A head pushed by a person that `resume` has not accepted yet.
    pub foreign_head: Option<Sha>,
    /// Ids of people who pushed to the branch, whatever their commits say about their authors.
    pub pushers: BTreeSet<i64>,
    /// The gate held on this head and the merge is ordered.
    pub merging: Option<Sha>,
    pub merged: Option<Sha>,
    pub merged_by_hand: Option<User>,
    pub approvers: Vec<User>,
    /// Labels whose wrong use was answered already in this round.
    pub put_back: BTreeSet<String>,
    /// Why each flag was raised, for the status comment.
    pub reasons: BTreeMap<Flag, String>,
    /// Merging the base branch in.
    #[serde(default)]
    pub base: BaseState,
    /// What the loops remember.
    pub loops: Loops,
    /// Who moved the level away from that of the project, and whether it was by command.
    pub level_set: Option<LevelSet>,
    /// Limits that were set for this story; they outlive a round, as what is spent does.
    pub caps: Caps,
    /// Who was chosen to do what: type and name.
    pub assigned: BTreeMap<Purpose, (String, String)>,
}

/// Who set a story's level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelSet {
    pub by: Option<User>,
    /// False: by a label.
    pub command: bool,
}

impl Story {
    /// The story of an issue that nobody has asked anything for.
    pub fn of(issue: i64) -> Story {
        Story { issue, ..Story::default() }
    }

    /// Folds a stored history.
    pub fn fold<'a>(issue: i64, events: impl IntoIterator<Item = &'a StoryEvent>) -> Story {
        events.into_iter().fold(Story::of(issue), Story::evolve)
    }

    /// True when agents may work: nothing stopped the story.
    pub fn may_run(&self) -> bool {
        !self.flags.contains(&Flag::Paused) && !self.flags.contains(&Flag::Halted)
    }

    /// The labels that issue and pull request should carry, among those that the bot keeps.
    pub fn labels(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let flags: BTreeSet<String> = self.flags.iter().map(|flag| flag.label().to_owned()).collect();
        let mut issue = flags.clone();
        if Stage::WALK.contains(&self.stage) {
            issue.insert(Label::Story(self.stage).name());
        }
        if self.tightened && self.stage.is_active() {
            issue.insert(Label::Autonomy(self.autonomy).name());
        }
        let mut pull = flags;
        if let Some(of) = &self.pull {
            pull.insert(Label::Pull(of.stage).name());
        }
        (issue, pull)
    }

    /// The labels that this number should carry: the issue, the pull request, or one that was merged earlier in the same round.
    pub fn labels_of(&self, number: i64) -> BTreeSet<String> {
        let (issue, pull) = self.labels();
        match number {
            _ if number == self.issue => issue,
            _ if self.loops.earlier.iter().any(|one| one.number == number) => self.loops.labels_of_earlier(number),
            _ => pull,
        }
    }

    /// The state after one more event.
    pub fn evolve(mut self, event: &StoryEvent) -> Story {
        self.version += 1;
        self.base.evolve(event);
        super::loops::evolve(&mut self, event);
        match event {
            StoryEvent::Started { .. } => return self.started(event),
            StoryEvent::RunStarted { run, purpose, agent, name } => {
                *self.rounds.entry(*purpose).or_default() += 1;
                self.active = Some(ActiveRun { run: *run, purpose: *purpose, agent: agent.clone(), name: name.clone() });
                self.failed = None;
                self.stage = stage_of(*purpose, self.stage);
                if *purpose == Purpose::Fix {
                    self.set_pull(PullStage::ChangesRequested);
                }
                if *purpose == Purpose::Review {
                    self.set_pull(PullStage::Reviewing);
                }
            }
            StoryEvent::RunEnded { run, ok, .. } => {
                if let Some(active) = self.active.take_if(|active| active.run == *run)
                    && !ok
                {
                    self.failed = Some(active);
                }
            }
            StoryEvent::RunStopped { run } => {
                self.active.take_if(|active| active.run == *run);
                self.question.take_if(|asked| asked == run);
            }
            StoryEvent::CriteriaWritten { run, .. } => self.criteria = Some(*run),
            StoryEvent::PlanWritten { run, head, hash, estimate } => {
                self.plan = Some(Plan { run: *run, head: head.clone(), hash: hash.clone(), estimate: estimate.map(Nano) });
                self.plan_approved = false;
                self.plan_approver = None;
                self.unpushed = Some(head.clone());
                self.heads.insert(head.clone());
            }
            StoryEvent::CodeWritten { run, head, .. } => {
                self.code = Some(*run);
                self.unpushed = Some(head.clone());
                self.heads.insert(head.clone());
                self.constraints.clear();
            }
            StoryEvent::BranchPushed { head } => {
                self.head = Some(head.clone());
                self.unpushed.take_if(|sha| sha == head);
                self.merging = None;
                if !self.base.is_clean_merge(head) {
                    self.open_findings = 0;
                }
            }
            StoryEvent::PullOpened { number, head } => {
                self.pull = Some(PullOf { number: *number, stage: PullStage::Submitted, open: true });
                self.head = Some(head.clone());
            }
            StoryEvent::CheckpointOpened { checkpoint, version } => {
                self.checkpoint = Some(OpenCheckpoint { checkpoint: *checkpoint, version: version.clone() });
            }
            StoryEvent::CheckpointPassed { checkpoint, by, .. } => {
                self.checkpoint.take_if(|open| open.checkpoint == *checkpoint);
                self.passed.insert(*checkpoint);
                if *checkpoint == Checkpoint::Plan {
                    self.plan_approved = true;
                    self.plan_approver.clone_from(by);
                    self.constraints.clear();
                    self.approvers.extend(by.clone());
                }
            }
            StoryEvent::SentBack { reason, remark, .. } => {
                self.constraints.extend(reason.iter().chain(remark).cloned());
                self.heard.extend(remark.clone());
                self.checkpoint = None;
                self.merging = None;
            }
            StoryEvent::Reviewed { run, blocking, .. } => {
                self.review = Some(*run);
                self.open_findings = *blocking;
                self.review_rounds += 1;
            }
            StoryEvent::ChangesRequested { .. } => {
                self.set_pull(PullStage::ChangesRequested);
                self.merging = None;
                self.checkpoint.take_if(|open| open.checkpoint == Checkpoint::Merge);
            }
            StoryEvent::CiFailed { .. } => {
                self.ci_fixes += 1;
                self.merging = None;
            }
            StoryEvent::Voted { by, head } => self.votes.push((by.clone(), head.clone())),
            StoryEvent::GateHeld { head, approvers } => {
                self.merging = Some(head.clone());
                self.approvers.clone_from(approvers);
                self.set_pull(PullStage::Approved);
            }
            StoryEvent::GateLost { .. } => {
                self.merging = None;
                self.set_pull(PullStage::Reviewing);
            }
            StoryEvent::Merged { sha, by, gate_held } => {
                self.merged = sha.clone().or_else(|| self.head.clone());
                self.merged_by_hand = by.clone().filter(|_| !gate_held);
                self.merging = None;
                self.checkpoint = None;
                self.stage = Stage::Testing;
                self.set_pull(PullStage::Merged);
                if let Some(pull) = &mut self.pull {
                    pull.open = false;
                }
            }
            StoryEvent::Tested { run, .. } => self.tested = Some(*run),
            StoryEvent::QuestionAsked { run, .. } => self.question = Some(*run),
            StoryEvent::QuestionAnswered { .. } => self.question = None,
            StoryEvent::FlagRaised { flag, why } => {
                self.flags.insert(*flag);
                self.reasons.insert(*flag, why.clone());
            }
            StoryEvent::FlagLowered { flag } => {
                self.flags.remove(flag);
                self.reasons.remove(flag);
            }
            StoryEvent::HumanPushed { head, by } => {
                self.pushers.extend(by.as_ref().map(|user| user.id));
                self.foreign_head = Some(head.clone());
                self.merging = None;
                self.unpushed = None;
            }
            StoryEvent::HeadAdopted { head } => {
                self.head = Some(head.clone());
                self.heads.insert(head.clone());
                self.foreign_head = None;
                self.unpushed = None;
                self.checkpoint.take_if(|open| open.checkpoint == Checkpoint::Merge);
            }
            StoryEvent::PullClosed { .. } => self.set_open(false),
            StoryEvent::PullReopened { .. } => self.set_open(true),
            StoryEvent::StageSet { stage, .. } => {
                self.stage = *stage;
                self.checkpoint = None;
                self.merging = None;
                self.active = None;
                self.question = None;
            }
            StoryEvent::AutonomyTightened { autonomy, by } => {
                self.autonomy = *autonomy;
                self.tightened = true;
                self.level_set = Some(LevelSet { by: by.clone(), command: false });
            }
            StoryEvent::MovePutBack { label } => {
                self.put_back.insert(label.clone());
            }
            StoryEvent::Done => self.end(Stage::Done),
            StoryEvent::Cancelled { .. } => self.end(Stage::Cancelled),
            StoryEvent::BaseMerged { head, .. } => {
                self.unpushed = Some(head.clone());
                self.heads.insert(head.clone());
                self.merging = None;
                self.checkpoint.take_if(|open| open.checkpoint == Checkpoint::Merge);
            }
            StoryEvent::BaseConflicts { .. } => {
                self.checkpoint.take_if(|open| open.checkpoint == Checkpoint::Merge);
            }
            StoryEvent::AutonomySet { autonomy, by } => {
                self.autonomy = *autonomy;
                self.tightened = true;
                self.level_set = Some(LevelSet { by: by.clone(), command: true });
            }
            StoryEvent::BudgetSet { soft, hard, .. } => self.caps = Caps { soft: *soft, hard: *hard },
            StoryEvent::Assigned { purposes, agent, name, .. } => {
                self.assigned.extend(purposes.iter().map(|purpose| (*purpose, (agent.clone(), name.clone()))));
            }
            _ => {}
        }
        self
    }

    /// A new round forgets everything of the one before but the number of events and the issue.
    fn started(self, event: &StoryEvent) -> Story {
        let StoryEvent::Started { round, requester, issue, branch, base_branch, focus, autonomy } = event else {
            return self;
        };
        Story {
            version: self.version,
            issue: *issue,
            round: *round,
            stage: Stage::Analysis,
            requester: Some(requester.clone()),
            autonomy: *autonomy,
            branch: branch.clone(),
            base_branch: base_branch.clone(),
            focus: focus.clone(),
            caps: self.caps,
            ..Story::default()
        }
    }

    fn end(&mut self, stage: Stage) {
        self.stage = stage;
        self.flags.clear();
        self.reasons.clear();
        self.active = None;
        self.checkpoint = None;
        self.question = None;
        self.merging = None;
    }

    pub(super) fn set_pull(&mut self, stage: PullStage) {
        if let Some(pull) = &mut self.pull {
            pull.stage = stage;
        }
    }

    fn set_open(&mut self, open: bool) {
        if let Some(pull) = &mut self.pull {
            pull.open = open;
        }
    }
}

/// The stage that a run of this purpose belongs to.
fn stage_of(purpose: Purpose, now: Stage) -> Stage {
    match purpose {
        Purpose::Analyse => Stage::Analysis,
        Purpose::Design => Stage::Design,
        Purpose::Implement => Stage::Implementation,
        // A fix keeps the stage it is asked in: review before the merge, implementation after a failed test. The merge itself begins the testing;
        // a test before it moves nothing.
        Purpose::Fix | Purpose::Test => now,
        Purpose::Review => Stage::Review,
        // Conflicts with the base branch are resolved wherever the story is.
        Purpose::Merge => now,
    }
}
