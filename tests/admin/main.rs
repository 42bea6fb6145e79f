//! What an administrator types: the commands that set up, check and watch an installation. The shipped program is run as a process.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod apps;
mod bootstrap;
mod config;
mod doctor;
mod doctor_more;
mod followed;
mod init;
mod jobs;
mod linked;
mod native;
mod onboard;
mod packaging;
mod program;
mod reference;
mod serve;
mod token;
mod traces;
mod world;
