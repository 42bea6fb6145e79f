//! Scenarios: conversations between people, the sandbox forge and the shipped program. Each reads from top to bottom; what is expected
//! is what a person would read on the page. Every scenario ends by checking that nothing was left over: see `ending.rs`.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "helpers of tests; a failure here is a failed test")]

mod account;
mod answers;
mod database;
mod ending;
mod envelope;
mod mishaps;
mod model;
mod people;
mod reader;
mod relay;
mod sample;
mod tongue;
mod world;

mod assigned;
mod autonomy;
mod backup;
mod ci;
mod commands;
mod cost;
mod deliveries;
mod flood;
mod gate;
mod guard;
mod hands;
mod inbox;
mod inform;
mod labels;
mod levels;
mod money;
mod orders;
mod pages;
mod places;
mod plan;
mod polling;
mod pushes;
mod questions;
mod rebase;
mod repository;
mod review;
mod secrets;
mod stopping;
mod story;
mod team;
mod tightening;
mod transitions;
mod trouble;

use world::{Setup, World};

/// Plays a scenario and checks at its end what must hold after any of them.
async fn scenario(setup: impl Into<Setup>, play: impl AsyncFnOnce(&World)) {
    let w = Box::pin(World::new(setup)).await;
    // On the heap: the stack of a test's thread is small.
    Box::pin(play(&w)).await;
    Box::pin(w.end()).await;
}
