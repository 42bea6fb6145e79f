//! Agents: what a model is told, what it may answer, and what comes out of a run.

pub mod brief;
pub mod fence;
pub mod kind;
pub mod message;
pub mod outcome;

pub use brief::{Brief, ConflictBrief, IssueBrief, OpenFinding, Said, Trust};
pub use kind::{AgentKind, Caps, Purpose};
pub use outcome::{Analysis, Answer, CriterionResult, Design, Finding, Outcome, Resolution, ReviewResult, Severity, TestResult, Work};
