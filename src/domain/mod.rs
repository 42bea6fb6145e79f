//! What Syndarix knows and decides. Everything here is synchronous and pure: no IO, no SQL, no clock of its own, no wire types.

pub mod ability;
pub mod access;
pub mod agent;
pub mod approval;
pub mod audit;
pub mod budget;
pub mod command;
pub mod conflict;
pub mod edit;
pub mod forecast;
pub mod forge;
pub mod guard;
pub mod marker;
pub mod mirror;
pub mod path;
pub mod refusal;
pub mod scopes;
pub mod speech;
pub mod tighten;
pub mod workflow;
