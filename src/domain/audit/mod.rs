//! The record as arithmetic: one line for each thing that happened, each line bound to the one before it by a hash, so that anybody who holds the
//! files can check them without Syndarix. `docs/audit-format.md` is the format; this room builds it, cuts it into files and checks it.
//!
//! A line holds identifiers, numbers, hashes and links, never a text that a person or a model wrote: such texts can be erased elsewhere without
//! breaking the chain.

mod canonical;
pub mod chain;
pub mod entry;
pub mod segment;
mod tail;
pub mod tree;
pub mod verify;

pub use chain::{Broken, Check, GENESIS, Link, Summary, link, verify_lines};
pub use entry::{Actor, ActorKind, BadEntry, ChainId, Entry};
pub use segment::SegmentFile;
pub use tail::check_tail;
pub use verify::{Report, Verifier, verify_files};
