//! Git: bare mirrors of the projects' repositories, commits made as objects, plain pushes, and the audit repository.
//!
//! Two tools share the work. The `git` program talks to remotes and is only ever run inside bare mirrors that this process
//! created itself, because in a directory somebody else can write to it runs whatever the configuration and the hooks there say.
//! libgit2 reads and writes objects, and never touches an index or a work tree: trees are built as objects and written out file by file here.
//! A credential reaches the `git` program through its environment only; it is never an argument, part of an address or a file.

mod audit_repo;
mod branch;
mod carry;
mod checkout;
mod command;
mod default_branch;
mod error;
mod history;
mod merge;
mod message;
mod mirror;
mod objects;
mod packs;
mod remote;
mod tree;

pub use audit_repo::{Appended, AuditRemote, AuditRepo, read_repo_at};
pub use branch::{BadBranch, BranchName, PREFIX, slug};
pub use carry::Packed;
pub use checkout::{Checkout, CheckoutLimits, LeftOut};
pub use default_branch::read_kept;
pub use error::{GitError, Result};
pub use history::{CommitRow, ListedFile};
pub use merge::{Merge, Sides};
pub use message::{Disclosure, commit_message, merge_message, trailers};
pub use mirror::Mirror;
pub use objects::{NewCommit, Signature, TreeId};
pub use packs::FetchLimits;
pub use remote::{Pushed, git_version};
