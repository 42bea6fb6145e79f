//! The story and its pull request as a state machine: [`decide`] turns an intent and gathered facts into events and
//! effects, [`story::Story::evolve`] folds events into state. Nothing here touches the world.

pub mod base;
pub mod decide;
mod deeds;
pub mod effect;
pub mod event;
pub mod facts;
pub mod inform;
pub mod intent;
pub mod interpret;
pub mod label;
pub mod label_sync;
pub mod loops;
pub mod page;
pub mod say;
pub mod story;

pub use decide::{Decision, decide};
pub use effect::Effect;
pub use event::StoryEvent;
pub use facts::Facts;
pub use intent::Intent;
pub use story::Story;
