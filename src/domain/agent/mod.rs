//! Agents: what a model is told, what it may answer, and what comes out of a run.

pub mod message;
