//! What has been decided about a story. Events are appended to the journal and folded into [`super::Story`]; each is also an entry of the record,
//! so texts of people and models appear here only by hash or by the run that holds them.

use serde::{Deserialize, Serialize};

use crate::base::Nano;
use crate::base::ids::RunId;
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
