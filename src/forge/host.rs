//! A forge with the eyes of its administrator, for the one time when what the bot works with is made.

use async_trait::async_trait;

use crate::base::secret::SecretString;

use super::Result;

/// What the bot's token must be allowed, as Gitea names it. Writing includes reading.
pub const SCOPES: [&str; 4] = ["write:repository", "write:issue", "read:organization", "read:user"];

/// An account that shall be the bot's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// It was made just now.
    Made,
    /// It was made so before.
    Ours,
    /// Somebody else made it: it may be a person's.
    Foreign,
}

/// A forge whose administrator signs in by name and password, since forges give tokens to nobody else. Everything looks before it makes,
/// so that a run that was cut off is simply repeated.
///
/// *Errors*: those of [`super::Forge`]; `Unauthorized` means that name and password do not fit.
#[async_trait]
pub trait Host: Send + Sync {
    /// Whether who signs in administers the whole server.
    async fn is_admin(&self) -> Result<bool>;
    /// Makes an account whose password nobody knows, so that it signs in by tokens alone. One that administers the whole server is
    /// refused: the bot's token would, too.
    async fn ensure_account(&self, login: &str) -> Result<Account>;
    /// A new token of this account with the scopes that a bot needs. One of the same name is taken away: whoever had it has lost it.
    async fn new_token(&self, login: &str, name: &str) -> Result<SecretString>;
    /// Makes an organisation unless there is one, or a person, of this name. `false`: it was there.
    async fn ensure_owner(&self, owner: &str) -> Result<bool>;
    /// Makes a private, empty repository of an owner that is there. `false`: it was there.
    async fn ensure_repo(&self, owner: &str, name: &str) -> Result<bool>;
    /// Commits these files as the first commit of a repository, and waits until the forge knows that it has one. `false`: it has commits.
    async fn ensure_files(&self, owner: &str, name: &str, files: &[(&str, &str)], message: &str) -> Result<bool>;
    /// Lets an account write to a repository, or administer it.
    async fn ensure_part(&self, owner: &str, name: &str, login: &str, administers: bool) -> Result<()>;
    /// Opens the first issue of a repository. `false`: it has issues.
    async fn ensure_issue(&self, owner: &str, name: &str, title: &str, body: &str) -> Result<bool>;
}
