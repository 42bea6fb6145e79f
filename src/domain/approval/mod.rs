//! Who may let what through, and on which version.

mod gate;
mod permit;
mod vote;

pub use gate::{Gate, GateFacts, gate, permit};
pub use permit::MergePermit;
pub use vote::{MOVED, Person, Vote, plan_vote, standing_objections, standing_word, votes};
