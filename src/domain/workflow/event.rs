//! What has been decided about a story. Events are appended to the journal and folded into [`super::Story`]; each is also an entry of the record,
//! so texts of people and models appear here only by hash or by the run that holds them.

use serde::{Deserialize, Serialize};

use crate::base::ids::RunId;
use crate::base::{Nano, Time};
use crate::domain::agent::Purpose;
use crate::domain::forge::{Sha, User};

use super::label::{Autonomy, Flag, Stage};

/// Something a person has to let through before the story goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checkpoint {
    /// The plan, bound to the commit that holds it.
    Plan,
    /// Pushing code to the branch (FULL_CONTROL).
    Push,
    /// Merging the pull request, bound to its head.
    Merge,
    /// Closing the issue (FULL_CONTROL).
    Close,
    /// Spending above the plan's estimate (FULL_CONTROL).
    Spend,
}

impl Checkpoint {
    /// What is let through, in words that fit behind "approve".
    pub fn words(self) -> &'static str {
        match self {
            Checkpoint::Plan => "the plan",
            Checkpoint::Push => "pushing this code",
            Checkpoint::Merge => "the merge",
            Checkpoint::Close => "closing the issue",
            Checkpoint::Spend => "spending above the estimate",
        }
    }
}

/// An event in the life of a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum StoryEvent {
    /// Somebody asked for a plan: a new round begins.
    Started {
        round: u32,
        requester: User,
        issue: i64,
        branch: String,
        base_branch: String,
        focus: Option<String>,
        autonomy: Autonomy,
    },
    RunStarted {
        run: RunId,
        purpose: Purpose,
        agent: String,
        name: String,
    },
    /// The run is over, whatever came of it.
    RunEnded {
        run: RunId,
        purpose: Purpose,
        ok: bool,
    },
    RunStopped {
        run: RunId,
    },
    /// Criteria stand in the outcome of this run.
    CriteriaWritten {
        run: RunId,
        count: u32,
    },
    /// The plan stands in the outcome of this run and in this commit. `estimate` is in nano-USD.
    PlanWritten {
        run: RunId,
        head: Sha,
        hash: String,
        estimate: Option<i64>,
    },
    /// Code was committed to the mirror, not pushed yet. The evidence stands in the run.
    CodeWritten {
        run: RunId,
        head: Sha,
        commits: u32,
    },
    /// The branch on the forge is at a commit of ours.
    BranchPushed {
        head: Sha,
    },
    PullOpened {
        number: i64,
        head: Sha,
    },
    CheckpointOpened {
        checkpoint: Checkpoint,
        version: String,
    },
    /// `by` is `None` when the autonomy level lets it through.
    CheckpointPassed {
        checkpoint: Checkpoint,
        version: String,
        by: Option<User>,
    },
    /// Plan or code goes back with a reason (by hash).
    SentBack {
        by: User,
        reason: Option<String>,
        remark: Option<String>,
    },
    Reviewed {
        run: RunId,
        head: Sha,
        findings: u32,
        blocking: u32,
    },
    /// A person's review asks for changes; `review` is its source.
    ChangesRequested {
        by: User,
        head: Sha,
    },
    CiFailed {
        head: Sha,
        context: String,
    },
    /// A vote for the merge given by command; reviews are read from the forge instead.
    Voted {
        by: User,
        head: Sha,
    },
    /// The merge gate held on this head; the merge is ordered.
    GateHeld {
        head: Sha,
        approvers: Vec<User>,
    },
    /// The gate does not hold any more.
    GateLost {
        head: Sha,
    },
    Merged {
        sha: Option<Sha>,
        by: Option<User>,
        gate_held: bool,
    },
    Tested {
        run: RunId,
        met: u32,
        unmet: u32,
    },
    QuestionAsked {
        run: RunId,
        /// Name of the comment that shows the question, without number and round; `None` in records from before it was kept.
        #[serde(default)]
        shown: Option<String>,
    },
    QuestionAnswered {
        by: User,
        comment: i64,
    },
    FlagRaised {
        flag: Flag,
        why: String,
    },
    FlagLowered {
        flag: Flag,
    },
    /// A person moved the branch: the engineer stops until `resume`.
    HumanPushed {
        by: Option<User>,
        head: Sha,
    },
    /// `resume` accepted the person's commits as the new base of work.
    HeadAdopted {
        head: Sha,
    },
    PullClosed {
        by: Option<User>,
    },
    PullReopened {
        by: Option<User>,
    },
    StageSet {
        stage: Stage,
        by: Option<User>,
    },
    AutonomyTightened {
        autonomy: Autonomy,
        by: Option<User>,
    },
    /// A move that is not allowed was put back; only said once per label and round.
    MovePutBack {
        label: String,
    },
    Done,
    Cancelled {
        by: Option<User>,
        why: String,
    },
    /// The base branch shall be merged into this head. `by` is `None` when Syndarix does it on its own.
    BaseAsked {
        head: Sha,
        by: Option<User>,
    },
    /// This commit of the base branch conflicts with this head; the engineer resolves it.
    BaseConflicts {
        head: Sha,
        base: Sha,
        files: u32,
    },
    /// The merge of the base branch is committed to the mirror, not pushed yet. `run`: the run that resolved conflicts.
    BaseMerged {
        head: Sha,
        base: Sha,
        run: Option<RunId>,
    },
    /// Nothing more is done about this head and this commit of the base branch: there is nothing to merge, or (`stuck`) only a person can.
    BaseSettled {
        head: Sha,
        base: Sha,
        stuck: bool,
    },
    /// A person gave the loops their tries back.
    TriesReset {
        by: Option<User>,
    },
    /// A text for the engineer, who is at work on something else: it is taken up when that is done.
    TextQueued {
        by: User,
        reason: Option<String>,
        remark: String,
    },
    /// The engineer's next run is given the queued texts.
    TextsTaken,
    /// A person asked for a further review of a head that was reviewed already.
    ReviewAgain {
        by: Option<User>,
        head: Sha,
    },
    /// The acceptance criteria were checked on the pull request's head, before the merge.
    HeadTested {
        run: RunId,
        head: Sha,
        met: u32,
        unmet: u32,
    },
    /// The merged work does not do: a further pull request of the same story begins on this branch. `report` is the test run that said so.
    Reworked {
        by: User,
        branch: String,
        report: Option<RunId>,
    },
    /// The plan is passed, and as many stories are at work here as may be: this one waits for a place.
    Queued {
        at: Time,
    },
    BranchDeleted {
        by: Option<User>,
    },
    /// The branch stands on the forge again.
    BranchRestored {
        head: Sha,
    },
    /// A person marked the pull request as a draft, or as ready.
    PullMarked {
        draft: bool,
        by: Option<User>,
    },
    /// A person pointed the pull request at another branch; `base` is `None` once it points at the story's own again.
    Retargeted {
        base: Option<String>,
        by: Option<User>,
    },
    /// The pull request cannot be opened again; another one takes its place.
    PullReplaced {
        number: i64,
    },
    /// It became known who pushed this head.
    PusherNamed {
        head: Sha,
        by: User,
    },
    /// Somebody closed or reopened the issue without ending the story by it.
    IssueState {
        open: bool,
        by: Option<User>,
    },
    /// A maintainer set the level of this story by command.
    AutonomySet {
        autonomy: Autonomy,
        by: Option<User>,
    },
    /// A maintainer set what this story may cost. Amounts in nano-USD; `None`: as configured.
    BudgetSet {
        soft: Option<Nano>,
        hard: Option<Nano>,
        by: Option<User>,
    },
    /// A writer chose who works on these from the next run on.
    Assigned {
        purposes: Vec<Purpose>,
        agent: String,
        name: String,
        by: Option<User>,
    },
}

impl StoryEvent {
    /// The name under which it stands in the journal and in the record.
    pub fn name(&self) -> String {
        let tagged = serde_json::to_value(self).unwrap_or_default();
        tagged.get("event").and_then(|name| name.as_str()).unwrap_or("unknown").to_owned()
    }
}
