//! What an administrator types: the commands that set up, check and watch an installation. The shipped program is run as a process.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failure here is a failed test")]

mod config;
mod doctor;
mod init;
mod jobs;
mod onboard;
mod packaging;
mod program;
mod reference;
mod serve;
mod world;
