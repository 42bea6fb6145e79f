//! Faults of everything outside: a proxy between program and forge, and doubles of models, let go wrong what goes wrong out there. The
//! stories, the people and the clock are those of the scenarios; what must hold at the end of a scenario must hold here.
//!
//! `SYNDARIX_FAULTS=full` fails every call of the story in every way instead of a sample, `SYNDARIX_FAULT_SEED=7` draws another sample.

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

mod double;
mod http;
mod proxy;
mod rules;
mod stage;

mod broken;
mod calls;
mod clock;
mod down;
mod forge;
mod hands;
mod limits;
mod llm;
mod loops;
mod nth;
mod poison;
mod stop;
mod window;

/// A line that is seen without asking for the output of tests.
fn say(line: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
}
