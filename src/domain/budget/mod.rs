//! Money: what tokens cost, which models there are, and whether the next call may be paid for.

pub mod catalog;
pub mod limits;
pub mod price;

pub use catalog::{Catalog, Group, Model, ModelRef, Rate, Wire};
pub use limits::{Limits, Verdict, judge};
pub use price::{LongPrompt, Price, cost, estimate_tokens};
