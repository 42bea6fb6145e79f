//! What somebody or something wants of a story. Everything that reaches a lane is one of these.

use serde::{Deserialize, Serialize};

use crate::base::Time;
use crate::base::ids::{EffectId, RunId};
use crate::domain::agent::Purpose;
use crate::domain::forge::{CiState, Sha, User, Verdict};
use crate::domain::guard::Trip;

use super::base::BaseFound;

/// Where a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub number: i64,
    pub is_pull: bool,
}

/// One thing wanted of a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "kebab-case")]
pub enum Intent {
    /// One comment that is addressed to the bot: its text is parsed again when the turn is taken, so that the stored intent needs no grammar of its own.
    Commands {
        place: Place,
        comment: i64,
        body: String,
        /// Text before the edit; only lines that are new run.
        previous: Option<String>,
        written_at: Time,
    },
    /// A comment that holds no command: it may answer an open question.
    Remark {
        place: Place,
        comment: i64,
    },
    /// The labels of the issue or pull request may have changed.
    LabelsChanged {
        place: Place,
    },
    IssueClosed,
    IssueReopened,
    PullClosed {
        number: i64,
    },
    PullReopened {
        number: i64,
    },
    PullMerged {
        number: i64,
        sha: Option<Sha>,
    },
    /// A review was submitted; what counts is read from the forge. `seen` is what the event said.
    Reviewed {
        number: i64,
        seen: Verdict,
    },
    /// A branch moved.
    Pushed {
        branch: String,
        before: Sha,
        after: Sha,
    },
    BranchDeleted {
        branch: String,
    },
    /// A commit status or CI run changed.
    CiChanged {
        sha: Sha,
        context: String,
        state: CiState,
    },
    /// An agent run ended; the outcome is read from the run.
    RunEnded {
        run: RunId,
        purpose: Purpose,
    },
    /// An agent asks a person; the question is read from the run.
    RunAsks {
        run: RunId,
    },
    /// An effect that the story waits for is done.
    EffectDone {
        effect: EffectId,
        receipt: Receipt,
    },
    /// An effect failed for good.
    EffectFailed {
        effect: EffectId,
        what: String,
        error: String,
    },
    /// Somebody paused or resumed all stories of the project.
    Hold {
        hold: bool,
        by: User,
    },
    /// A timer of the story went off, or a place may be free: look again.
    Wake,
    /// A guard rail tripped. `story` is where people were told, when that is another one.
    Halt {
        trip: Trip,
        story: Option<i64>,
    },
    /// Title, text or base of the pull request changed.
    PullEdited {
        number: i64,
    },
    /// The issue was deleted, and its page with it.
    IssueDeleted,
    /// Somebody raised what all stories of the project may cost.
    BudgetRaised {
        by: User,
    },
}

/// What came of an effect, as far as the story needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "receipt", rename_all = "kebab-case")]
pub enum Receipt {
    Pushed {
        head: Sha,
    },
    /// The branch was not where we left it: a person pushed.
    Moved {
        head: Option<Sha>,
    },
    PullOpened {
        number: i64,
        head: Sha,
    },
    /// The head is merged. `sha` is the commit on the base branch, when the forge says so.
    Merged {
        number: i64,
        sha: Option<Sha>,
    },
    /// The gate did not hold any more when the merge was to happen.
    MergeHeldBack {
        reasons: Vec<String>,
    },
    /// How the base branch at `base` and the head go together. `comment` asked for it.
    BaseLooked {
        head: Sha,
        base: Sha,
        found: BaseFound,
        comment: Option<i64>,
    },
    /// The gate held, and still the head cannot be merged: it conflicts with the base branch, or must hold all of it first.
    BaseNeeded {
        head: Sha,
        base: Sha,
        conflicts: bool,
    },
    /// The forge shows this head on the pull request.
    Shown {
        head: Sha,
    },
}

/// Who wants it. `None` stands for Syndarix itself or for an event without a known sender.
pub type Actor = Option<User>;

/// An intent with its sender, as it lies in the lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub intent: Intent,
    pub actor: Actor,
    pub at: Time,
}
