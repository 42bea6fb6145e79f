//! An issue that stands in two places and is to say the same in both. Pure arithmetic: from what both sides last agreed upon and what
//! each shows now follow the changes to make on either, what the agreement is afterwards, and which edits lost.
//!
//! Each field has a version vector that counts the changes seen on either side. A change on one side alone flows to the other. Where both
//! changed, the later one holds, by the time stamp that the forge of each side gives; equal stamps go to the side that is named as
//! primary. The edit that lost is a [`Conflict`]: it is for the caller to keep it where a person finds it.

pub mod comments;
mod labels;
mod plan;
#[cfg(test)]
mod tests;
mod vector;
pub mod words;

pub use labels::{LabelRules, is_workflow};
pub use plan::{Agreed, Base, Conflict, Field, Op, Plan, Rules, Seen, Text, plan};
pub use vector::{Order, Side, Vector};

use crate::base::text::sha256_hex;

/// A text by its hash, for comparing what stands with what stood. Forges change line ends and white space at the ends of lines; that is
/// no edit.
pub fn digest(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    sha256_hex(lines.join("\n"))[..32].to_owned()
}
