//! Talking to forges. [`Forge`] is the contract that every driver keeps; each driver is a folder of `client`, `wire`, `hook` and `convert`.

use std::time::Duration;

use async_trait::async_trait;

use crate::base::Time;
use crate::base::secret::SecretString;
use crate::domain::ability::{Ability, Has};
use crate::domain::approval::MergePermit;
use crate::domain::forge::*;

pub mod gitea;
#[cfg(feature = "github")]
pub mod github;
pub mod gitlab;
mod host;
pub(crate) mod http;
mod setup;

pub use host::{Account, Host, SCOPES};
pub use http::Timeouts;
pub use setup::{BranchRules, ForgeFacts, NameRule, NewFile, NewHook, RepoHook};

/// Why a call to a forge did not give what was asked for. The caller branches on the variant; the text is what the forge said, already free of secrets.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForgeError {
    #[error("not found on the forge: {0}")]
    NotFound(String),
    #[error("the forge does not accept the bot's token: {0}")]
    Unauthorized(String),
    #[error("the bot's account may not do this: {0}")]
    Forbidden(String),
    #[error("the forge refuses for now or by rule: {0}")]
    NotAllowed(String),
    #[error("conflict on the forge: {0}")]
    Conflict(String),
    #[error("the forge rejects the request: {0}")]
    Unprocessable(String),
    /// Not before this much time has passed.
    #[error("the forge asks to wait {0:?}")]
    RateLimited(Duration),
    /// The request was certainly not applied (connection refused, 502/503 from a proxy before sending): safe to repeat.
    #[error("the forge cannot be reached: {0}")]
    Unavailable(String),
    /// The request may have been applied (time-out or cut connection after sending, 5xx): look before repeating.
    #[error("the forge's answer was lost: {0}")]
    Uncertain(String),
    /// An answer that is not what the interface describes (HTML from a proxy, missing fields, redirect to another host).
    #[error("the forge answered something unexpected: {0}")]
    Malformed(String),
}

impl ForgeError {
    /// The same call may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, ForgeError::RateLimited(_) | ForgeError::Unavailable(_) | ForgeError::Uncertain(_) | ForgeError::Malformed(_))
    }
}

/// The result of a call to a forge.
pub type Result<T> = std::result::Result<T, ForgeError>;

/// Header names in lower case and their values, as received.
pub type Headers = std::collections::BTreeMap<String, String>;

/// What the headers of a delivery say, before anything is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryHead {
    /// Unique per hook, also on a redelivery of the same delivery.
    pub delivery_id: String,
    /// The most precise event name the forge gives.
    pub event: String,
}

/// A pull request to open.
#[derive(Clone, Debug)]
pub struct NewPull {
    pub title: String,
    pub body: String,
    pub head: String,
    pub base: String,
    pub draft: bool,
}

/// Fields of a pull request to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct PullPatch {
    pub title: Option<String>,
    pub body: Option<String>,
    pub state: Option<State>,
    /// Draft on or off; drivers that mark drafts by a title prefix read the current title first when `title` is `None`.
    pub draft: Option<bool>,
}

/// What a reaction is put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReactionTarget {
    /// A comment, on this issue or pull request.
    Comment {
        number: i64,
        id: i64,
    },
    Issue(i64),
}

/// What happened to a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reacted {
    /// It is there now.
    Done,
    /// This forge or installation does not offer it: say it in words instead.
    Unsupported,
}

/// A stretch of the forge's own time; both ends count. Forges keep whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub since: Time,
    /// `None`: up to now.
    pub until: Option<Time>,
    /// With more entries than this the answer is incomplete: ask for a shorter stretch.
    pub at_most: usize,
}

/// What was touched within a [`Window`].
#[derive(Clone, Debug)]
pub struct Touched<T> {
    pub items: Vec<T>,
    /// False when there was more than the window allows; `items` is then of no use.
    pub complete: bool,
    /// When the forge answered, by its own clock; `None` when it did not say.
    pub forge_time: Option<Time>,
    /// How many requests it took.
    pub requests: u32,
}

/// A comment with the issue or pull request it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedComment {
    pub number: i64,
    pub is_pull: bool,
    pub comment: Comment,
}

/// One forge, seen through one bot account.
///
/// *Identity*: repositories are addressed by [`RepoRef`]; a driver that finds the path outdated resolves the numeric id and goes on.
/// *Thread safety*: all methods may be called at the same time from many tasks.
/// *Pages*: list methods return everything, following pages to the end; those that take a [`Window`] stop at its bound.
/// *Repeating*: a driver repeats reads by itself on transient faults, a few times, with back-off. It never repeats a write: a lost answer to a write is [`ForgeError::Uncertain`].
/// *Secrets*: credentials never follow a redirect, never appear in an error.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Kind as detected or configured.
    fn kind(&self) -> ForgeKind;

    /// Address of a page for people, such as an issue: `web_url(repo, "issues/42")`, or a pull request: `web_url(repo, "pulls/43")`.
    fn web_url(&self, repo: &RepoRef, page: &str) -> String;

    /// Where to fetch from and push to.
    fn git_remote(&self, repo: &RepoRef) -> GitRemote;

    // ---- web hooks (no IO) ----

    /// Reads delivery id and event name. `None`: these are not headers of this forge.
    fn delivery_head(&self, headers: &Headers) -> Option<DeliveryHead>;

    /// The same where the headers alone do not tell one delivery from another.
    fn delivery(&self, headers: &Headers, body: &[u8]) -> Option<DeliveryHead> {
        let _ = body;
        self.delivery_head(headers)
    }

    /// Checks the signature over the raw body, in constant time. An empty or missing signature never passes.
    fn verify(&self, secret: &SecretString, headers: &Headers, body: &[u8]) -> bool;

    /// Translates a verified delivery. An error is a sentence about what could not be read.
    fn parse(&self, event: &str, body: &[u8]) -> std::result::Result<Parsed, String>;

    // ---- reading ----

    /// How many requests there were since the start, by what came of them.
    fn calls(&self) -> Vec<(&'static str, u64)>;

    /// The account behind the token.
    async fn whoami(&self) -> Result<User>;
    /// The server's version text.
    async fn version(&self) -> Result<String>;
    /// What this forge, in this version (major, minor), can do.
    fn ability(&self, version: (u32, u32), ability: Ability) -> Has;
    /// A repository by path or, when the path fails, by id.
    async fn repo(&self, repo: &RepoRef) -> Result<Repo>;
    /// A user's role, asked live. `Forbidden` when the bot may not ask.
    async fn role(&self, repo: &RepoRef, user: &User) -> Result<Role>;
    async fn issue(&self, repo: &RepoRef, number: i64) -> Result<Issue>;
    /// All plain comments, oldest first.
    async fn comments(&self, repo: &RepoRef, number: i64) -> Result<Vec<Comment>>;
    /// A comment by its id and the number of the issue or pull request it stands on, without which some forges do not find it.
    async fn comment(&self, repo: &RepoRef, number: i64, id: i64) -> Result<Comment>;
    /// Changes of labels with who made them, oldest first.
    async fn label_changes(&self, repo: &RepoRef, number: i64) -> Result<Vec<LabelChange>>;
    async fn pull(&self, repo: &RepoRef, number: i64) -> Result<Pull>;
    /// Pull requests whose head is this branch of this repository, newest first, open and closed.
    async fn pulls_of_branch(&self, repo: &RepoRef, branch: &str) -> Result<Vec<Pull>>;
    async fn reviews(&self, repo: &RepoRef, number: i64) -> Result<Vec<Review>>;
    async fn review_comments(&self, repo: &RepoRef, number: i64, review: i64) -> Result<Vec<ReviewComment>>;
    /// Commits of a pull request, oldest first.
    async fn pull_commits(&self, repo: &RepoRef, number: i64) -> Result<Vec<CommitInfo>>;
    /// Newest status of each context on a commit.
    async fn ci(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<CiStatus>>;

    // ---- writing ----

    async fn create_comment(&self, repo: &RepoRef, number: i64, body: &str) -> Result<Comment>;
    async fn edit_comment(&self, repo: &RepoRef, number: i64, id: i64, body: &str) -> Result<()>;
    async fn delete_comment(&self, repo: &RepoRef, number: i64, id: i64) -> Result<()>;
    /// Adds a reaction by its common name (`eyes`, `+1`, `-1`, `confused`). Adding twice is harmless.
    async fn react(&self, repo: &RepoRef, target: ReactionTarget, content: &str) -> Result<Reacted>;
    /// The labels that the repository itself has, without those of an organisation above it. Two may have one name.
    async fn labels(&self, repo: &RepoRef) -> Result<Vec<LabelSpec>>;
    /// Creates the missing ones and mends colour, description and exclusivity of the rest; never deletes. Returns the names it created or changed.
    async fn ensure_labels(&self, repo: &RepoRef, labels: &[LabelSpec]) -> Result<Vec<String>>;
    /// Adds and removes single labels, never replaces the set. A label that the repository does not have is `Unprocessable`, never made in passing. Returns the names that are on the issue afterwards, sorted.
    async fn change_labels(&self, repo: &RepoRef, number: i64, add: &[String], remove: &[String]) -> Result<Vec<String>>;
    async fn set_issue_state(&self, repo: &RepoRef, number: i64, state: State) -> Result<()>;
    async fn create_pull(&self, repo: &RepoRef, pull: &NewPull) -> Result<Pull>;
    async fn edit_pull(&self, repo: &RepoRef, number: i64, patch: &PullPatch) -> Result<()>;
    /// Posts a review of kind COMMENT; no driver offers a way to approve or to request changes.
    async fn post_review(&self, repo: &RepoRef, number: i64, head: &Sha, body: &str, comments: &[NewReviewComment]) -> Result<Review>;
    /// Merges exactly the head that the permit names, in this style.
    async fn merge(&self, repo: &RepoRef, permit: &MergePermit, style: MergeStyle, title: &str, message: &str) -> Result<()>;
    async fn delete_branch(&self, repo: &RepoRef, branch: &str) -> Result<()>;
    async fn post_status(&self, repo: &RepoRef, sha: &Sha, status: &CiStatus) -> Result<()>;

    // ---- looking for what was not announced ----

    /// Issues and pull requests touched within the window, in their newest state. An edit of a comment does not touch its issue.
    async fn issues_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<Issue>>;
    /// Comments of the whole repository that were written or edited within the window.
    async fn comments_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<PlacedComment>>;
    /// The commit that a branch stands on; `None` when there is no such branch.
    async fn branch_head(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>>;
    /// The repositories of a person or organisation that the bot can see; without a name, those that the bot has a part in.
    async fn repos(&self, owner: Option<&str>) -> Result<Vec<Repo>>;

    // ---- setting up ----

    /// What the forge says about itself and the bot's token.
    async fn facts(&self) -> Result<ForgeFacts>;
    /// When the bot's token stops to work; `None`: never, or the forge does not tell.
    async fn token_end(&self) -> Result<Option<Time>> {
        Ok(None)
    }
    /// The events that a hook has to list on this server, so that nothing has to be looked for.
    async fn hook_events(&self) -> Result<Vec<&'static str>>;
    /// The web hooks of the repository itself.
    async fn hooks(&self, repo: &RepoRef) -> Result<Vec<RepoHook>>;
    /// Makes an active hook for everything the bot wants to hear. Where there may be no second one like it, the one that is there gets the
    /// new secret.
    async fn create_hook(&self, repo: &RepoRef, hook: &NewHook) -> Result<RepoHook>;
    async fn delete_hook(&self, repo: &RepoRef, id: i64) -> Result<()>;
    /// Has the forge send a delivery that reports nothing new.
    async fn test_hook(&self, repo: &RepoRef, id: i64) -> Result<()>;
    /// Has deliveries of a hook sent once more that were sent since then and of which no try arrived. Returns how many. Forges that cannot
    /// do that send none; see [`Ability::Redelivery`].
    async fn redeliver_failed(&self, _repo: &RepoRef, _hook: i64, _since: Time) -> Result<u32> {
        Ok(0)
    }
    /// What holds for a branch; `None`: there is no such branch.
    async fn branch_rules(&self, repo: &RepoRef, branch: &str) -> Result<Option<BranchRules>>;
    /// The rule that would hold for a branch of this name, whether it is there or not; `None`: none would. Needs administrator rights.
    async fn rule_for_name(&self, repo: &RepoRef, branch: &str) -> Result<Option<NameRule>>;
    /// Protects a branch: nobody pushes, so many approvals before a merge, an approval falls with the next push.
    async fn protect_branch(&self, repo: &RepoRef, branch: &str, approvals: i64) -> Result<()>;
    /// Makes a private, empty repository.
    async fn create_repo(&self, owner: &str, name: &str) -> Result<Repo>;
    async fn has_file(&self, repo: &RepoRef, branch: &str, path: &str) -> Result<bool>;
    /// Commits a new file on a new branch.
    async fn commit_file(&self, repo: &RepoRef, file: &NewFile) -> Result<()>;

    // ---- issues of its own, for links between projects ----

    /// Opens an issue.
    async fn create_issue(&self, repo: &RepoRef, title: &str, body: &str) -> Result<Issue>;
    /// Gives an issue another title or text; `None` leaves it as it is.
    async fn edit_issue(&self, repo: &RepoRef, number: i64, title: Option<&str>, body: Option<&str>) -> Result<()>;
}
