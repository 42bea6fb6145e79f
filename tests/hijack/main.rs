//! The hijacked model: whoever can write something that an agent reads has taken the agent over, and it does what it is told. What it can
//! bring about is judged by comparing everything the forge holds with what the rules allow; every forbidden thing it tried must stand in
//! the record. The tables of paths, names, commands, Markdown and approvals that the rules are made of stand beside it, one file each.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "helpers of tests; a failure here is a failed test")]

#[path = "../scenarios/account.rs"]
mod account;
#[path = "../scenarios/answers.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod answers;
#[path = "../scenarios/ending.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod ending;
#[path = "../scenarios/envelope.rs"]
mod envelope;
#[path = "../scenarios/mishaps.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod mishaps;
#[path = "../scenarios/model.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod model;
#[path = "../scenarios/people.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod people;
#[path = "../scenarios/reader.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod reader;
#[path = "../scenarios/tongue.rs"]
mod tongue;
#[path = "../scenarios/world.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod world;

mod attacks;
mod judge;
mod log;
mod puppet;
mod stage;
mod state;

mod broken;
mod surfaces;

mod approvals;
mod commands;
mod markdown;
mod paths;
mod refs;
mod votes;
