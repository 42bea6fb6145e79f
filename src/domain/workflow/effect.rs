//! What shall happen to the outside world. Each effect is a desired state or carries a deterministic name, so that performing it twice is the same as once.

use serde::{Deserialize, Serialize};

use crate::base::Nano;
use crate::base::ids::RunId;
use crate::domain::agent::Purpose;
use crate::domain::budget::Caps;
use crate::domain::forge::{NewReviewComment, Sha, User};
use crate::domain::guard::Trip;

use super::inform::Setting;

/// An order to the world, stored with the decision and performed after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// A reaction on a comment: the cheap answer.
    React {
        /// What the comment stands on; 0 in rows from before it was kept.
        #[serde(default)]
        number: i64,
        comment: i64,
        content: String,
    },
    /// A comment with a marker. Where one with this key stands already, it is edited instead of repeated.
    Comment {
        number: i64,
        key: String,
        body: String,
    },
    /// The status comment, drawn from the story as it is when performed.
    Status,
    /// The labels of issue and pull request, brought in step with the story as it is when performed.
    Labels,
    /// Moves the branch on the forge from one commit to another, plainly.
    Push {
        branch: String,
        expect: Option<Sha>,
        to: Sha,
        what: PushedWhat,
    },
    OpenPull {
        branch: String,
        base: String,
        head: Sha,
        title: String,
        body: String,
    },
    /// Title, text and readiness of the pull request.
    EditPull {
        number: i64,
        title: Option<String>,
        body: Option<String>,
        draft: Option<bool>,
    },
    /// A COMMENT review with findings on lines of this head.
    PostReview {
        number: i64,
        run: RunId,
        head: Sha,
        body: String,
        comments: Vec<NewReviewComment>,
    },
    /// Merges this head if the gate still holds when performed.
    Merge {
        number: i64,
        head: Sha,
    },
    CloseIssue {
        number: i64,
    },
    ClosePull {
        number: i64,
    },
    ReopenPull {
        number: i64,
    },
    /// `pause --all` and `resume --all`: every other story of the project is told.
    SpreadHold {
        hold: bool,
        by: User,
    },
    /// Starts an agent. Performed by committing a run row in the same transaction.
    StartRun(Box<StartRun>),
    /// Stops a run within one step, for good.
    StopRun {
        run: RunId,
    },
    /// Stops a run within one step, until it is resumed.
    HoldRun {
        run: RunId,
    },
    /// Lets a held or failed run take up its work where it was.
    ResumeRun {
        run: RunId,
    },
    /// Gives a waiting run the comment that answers its question.
    AnswerRun {
        run: RunId,
        /// What the comment stands on.
        #[serde(default)]
        number: i64,
        comment: i64,
    },
    /// A guard rail of the project tripped: every other story is told. `story` is where it was said.
    HaltProject {
        trip: Trip,
        story: i64,
    },
    /// Counting for the guard rails begins anew. Performed in the turn's own transaction.
    LiftLimits,
    /// Looks how the base branch and this head go together, and commits the merge to the mirror where nobody has to decide anything. Pushes nothing.
    /// `comment` is the one that asked for it.
    MergeBase {
        branch: String,
        base_branch: String,
        head: Sha,
        comment: Option<i64>,
    },
    /// Waits until the forge shows this head on the pull request, then has the story look at its gate again.
    LookAgain {
        number: i64,
        head: Sha,
    },
    /// Of several comments with this marker, all but the oldest go.
    SweepDoubles {
        number: i64,
        object: String,
    },
    /// Stores a setting of the whole project, in the deciding transaction.
    SetProject {
        setting: Setting,
        by: User,
    },
    /// Stores the story's own limits where reservations read them, in the deciding transaction. `hard` is the limit that then holds.
    SetLimits {
        caps: Caps,
        hard: Nano,
    },
    /// The project's budget was raised: every other story of the project is told.
    SpreadBudget {
        by: User,
    },
    /// Creates and repairs the repository's labels, and says under this key what was done.
    SyncLabels {
        number: i64,
        key: String,
    },
}

/// What a push carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PushedWhat {
    Plan,
    Code,
    /// The base branch, merged in.
    Base,
    /// What stood there before somebody deleted it.
    Restored,
}

/// Everything an agent run is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRun {
    pub run: RunId,
    pub purpose: Purpose,
    pub round: u32,
    /// Agent type and name.
    pub agent: String,
    pub name: String,
    pub input: RunInput,
}

/// What a run works on. Texts are gathered when it starts, from the forge and from earlier runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    pub issue: i64,
    pub pull: Option<i64>,
    /// Commit to work on; `None`: the base branch as it is at the start.
    pub base: Option<Sha>,
    pub base_branch: String,
    pub branch: String,
    /// Runs whose outcomes are given as context: criteria, plan, findings.
    pub criteria: Option<RunId>,
    pub plan: Option<RunId>,
    pub review: Option<RunId>,
    pub code: Option<RunId>,
    /// Texts by hash: focus of the request, reasons for sending back.
    pub focus: Option<String>,
    pub constraints: Vec<String>,
    /// A person approved the plan, and with it changes of the files it names, protected ones included.
    pub plan_approved: bool,
    /// What the story may cost before a person is asked: the plan's estimate, where the autonomy level says so.
    pub ceiling: Option<Nano>,
    /// Leave the plan file in the tree.
    pub keep_plan: bool,
    /// The commit of the base branch that is to be merged into `base`.
    #[serde(default)]
    pub merge: Option<Sha>,
}

impl Effect {
    /// Word for the journal and for sentences about failures.
    pub fn word(&self) -> &'static str {
        match self {
            Effect::React { .. } => "react",
            Effect::Comment { .. } => "comment",
            Effect::Status => "status",
            Effect::Labels => "labels",
            Effect::Push { .. } => "push",
            Effect::OpenPull { .. } => "open-pull",
            Effect::EditPull { .. } => "edit-pull",
            Effect::PostReview { .. } => "post-review",
            Effect::Merge { .. } => "merge",
            Effect::CloseIssue { .. } => "close-issue",
            Effect::ClosePull { .. } => "close-pull",
            Effect::ReopenPull { .. } => "reopen-pull",
            Effect::SpreadHold { .. } => "spread-hold",
            Effect::StartRun(_) => "start-run",
            Effect::StopRun { .. } => "stop-run",
            Effect::HoldRun { .. } => "hold-run",
            Effect::ResumeRun { .. } => "resume-run",
            Effect::AnswerRun { .. } => "answer-run",
            Effect::HaltProject { .. } => "halt-project",
            Effect::LiftLimits => "lift-limits",
            Effect::MergeBase { .. } => "merge-base",
            Effect::LookAgain { .. } => "look-again",
            Effect::SweepDoubles { .. } => "sweep-doubles",
            Effect::SetProject { .. } => "set-project",
            Effect::SetLimits { .. } => "set-limits",
            Effect::SpreadBudget { .. } => "spread-budget",
            Effect::SyncLabels { .. } => "sync-labels",
        }
    }

    /// Effects with the same key replace each other while they wait: only the newest state matters.
    pub fn coalesce_key(&self) -> Option<&'static str> {
        match self {
            Effect::Status => Some("status"),
            Effect::Labels => Some("labels"),
            _ => None,
        }
    }

    /// How long it is not to be performed yet, in milliseconds.
    pub fn delay(&self) -> i64 {
        match self {
            // The forge takes a moment to notice a push.
            Effect::LookAgain { .. } => 1_000,
            _ => 0,
        }
    }

    /// The story stands still until this is done or has failed.
    pub fn is_waited_for(&self) -> bool {
        matches!(self, Effect::Push { .. } | Effect::OpenPull { .. } | Effect::Merge { .. } | Effect::MergeBase { .. })
    }
}
