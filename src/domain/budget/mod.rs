//! Money: what tokens cost, which models there are, and whether the next call may be paid for.

pub mod amount;
pub mod catalog;
pub mod limits;
pub mod price;
pub mod purse;

pub use amount::read_amount;
pub use catalog::{Catalog, Group, Model, ModelRef, Rate, Wire};
pub use limits::{Limits, RAISE, RAISE_PROJECT, Verdict, judge};
pub use price::{LongPrompt, Price, cost, estimate_tokens};
pub use purse::{Caps, Pot, Purse, month_of};
