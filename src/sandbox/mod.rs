//! The sandbox forge: a small stateful forge over real bare Git repositories, for the demo and for tests. It listens on loopback only,
//! keeps everything it has acknowledged, and speaks to clients and hooks as Gitea 1.27 does, and as other forges do at the same time.
//!
//! [`state`], [`act`] and the Git files know nothing of wire formats; [`gitea`], [`github`] and [`gitlab`] are skins over them, [`pages`] shows
//! them to people.

mod act;
mod admin;
mod committing;
mod deliver;
mod fate;
mod flows;
mod forge;
mod git_http;
mod git_merge;
mod git_ops;
mod git_read;
mod gitea;
mod github;
mod gitlab;
mod history;
mod inspect;
mod limits;
mod making;
mod pages;
mod persist;
mod problem;
mod render;
pub mod seed;
mod server;
mod skin;
mod state;
mod table;
mod told;
mod world;

pub use admin::{Changes, LabelWish, Permission};
pub use deliver::{Delivered, DeliveryConfig};
pub use github::AppWish;
pub use gitlab::Numbered;
pub use inspect::Move;
pub use problem::Problem;
pub use render::Counts;
pub use server::{Sandbox, SandboxConfig, SandboxError};
pub use state::{Lab, Skin};
