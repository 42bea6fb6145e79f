//! Who may let what through, and on which version.

mod permit;

pub use permit::MergePermit;
