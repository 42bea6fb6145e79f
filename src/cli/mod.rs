//! The command line: one file per sub-command, each with its arguments and its run function.

pub mod audit;
