//! Syndarix: an AI software team that lives in a Git forge.
//!
//! A delivery comes in, is stored, becomes an intent, is decided by pure code, is committed with its effects in one
//! transaction, and the effects are performed; whatever comes back enters by the same door. `docs/ARCHITECTURE.md` walks
//! one delivery through these rooms:
//!
//! - [`base`]: identifiers, time, money, secrets, text hygiene
//! - [`domain`]: what Syndarix knows and decides; pure
//! - [`forge`], [`llm`], [`git`], [`tree`], [`tool`], [`store`]: one kind of outside world each
//! - [`engine`]: what moves; [`web`]: what is served
//! - [`app`]: where everything is put together; [`cli`]: the command line
//! - `sandbox`: a small forge for the demo and the tests

pub mod app;
pub mod base;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod forge;
pub mod git;
pub mod llm;
#[cfg(feature = "demo")]
pub mod sandbox;
pub mod store;
pub mod tool;
pub mod tree;
pub mod web;
