//! Git against real repositories: local remotes, hooks, an HTTP server that runs `git http-backend`, and trees no honest Git would write.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

#[path = "git/audit.rs"]
mod audit;
#[path = "git/checkout.rs"]
mod checkout;
#[path = "git/cut.rs"]
mod cut;
#[path = "git/http.rs"]
mod http;
#[path = "git/merge.rs"]
mod merge;
#[path = "git/names.rs"]
mod names;
#[path = "git/objects.rs"]
mod objects;
#[path = "git/push.rs"]
mod push;
#[path = "git/world.rs"]
mod world;
