//! Words for what is set up in a repository before the bot can work there.

use crate::base::Time;
use crate::base::secret::SecretString;

/// A web hook of a repository. Nobody can read its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoHook {
    pub id: i64,
    pub url: String,
    /// Names of the events, as the forge lists them.
    pub events: Vec<String>,
    pub active: bool,
    /// It sends JSON, not a form.
    pub json: bool,
    /// Branches it is limited to; empty: none.
    pub branch_filter: String,
}

/// A web hook to make.
#[derive(Clone, Debug)]
pub struct NewHook {
    pub url: String,
    pub secret: SecretString,
}

/// The rules that hold for one branch, as the bot's account meets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchRules {
    /// Name of the rule; empty: no rule holds.
    pub rule: String,
    pub required_approvals: i64,
    pub bot_may_push: bool,
    pub bot_may_merge: bool,
    /// False: the branch is protected, and what the rule says the forge tells administrators alone; the numbers above are no more than a guess.
    pub told: bool,
}

/// A rule that would hold for a branch of some name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRule {
    /// Its name, often a pattern.
    pub rule: String,
    /// `None`: it cannot be told.
    pub bot_may_push: Option<bool>,
}

/// A file to commit through the forge, on a new branch.
#[derive(Clone, Debug)]
pub struct NewFile {
    pub path: String,
    pub content: String,
    pub message: String,
    /// The branch to begin at.
    pub base: String,
    /// The branch to make.
    pub branch: String,
}

/// What a forge says about itself and the bot's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeFacts {
    pub version: String,
    /// The forge's clock when it answered.
    pub time: Option<Time>,
    /// What the token may do, in the forge's words; `None`: the forge does not tell.
    pub scopes: Option<Vec<String>>,
    /// When the token stops to work; `None`: never, or the forge does not tell.
    pub expires_at: Option<Time>,
}
