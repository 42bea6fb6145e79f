//! Wire formats: deliveries against their golden translations, captured deliveries of real servers, and the HTTP behaviour of the drivers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod gitea_client;
mod gitea_hooks;
#[cfg(feature = "github")]
mod github_calls;
#[cfg(feature = "github")]
mod github_client;
#[cfg(feature = "github")]
mod github_hooks;
#[cfg(feature = "github")]
mod github_openapi;
mod gitlab_client;
mod gitlab_hidden;
mod gitlab_hooks;
mod gitlab_people;
mod gitlab_rules;
#[cfg(feature = "github")]
mod matrix;
