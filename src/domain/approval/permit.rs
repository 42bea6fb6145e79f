//! The proof that a merge may happen.

use crate::domain::forge::Sha;

/// Good for merging one pull request at one commit, once, now. It has no public constructor, is neither `Clone` nor serialisable, and so can neither be kept nor made up:
/// whoever holds one has just passed the merge gate with fresh facts.
#[derive(Debug)]
pub struct MergePermit {
    pull: i64,
    head: Sha,
}

impl MergePermit {
    pub(super) fn mint(pull: i64, head: Sha) -> MergePermit {
        MergePermit { pull, head }
    }

    /// Number of the pull request.
    pub fn pull(&self) -> i64 {
        self.pull
    }

    /// The commit that may be merged, and no other.
    pub fn head(&self) -> &Sha {
        &self.head
    }
}
