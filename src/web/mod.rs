//! What is served over HTTP: web hooks in; health, numbers and what administrators ask for out.

pub mod api;
pub mod auth;
mod health;
mod metrics;
mod pace;
mod problem;
mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
pub use health::room;
pub use metrics::{Kept, MOST_PROJECTS};
pub use pace::Pace;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::base::secret::{Redactor, SecretString};
use crate::base::trace::Traces;
use crate::config::Standing;
use crate::config::endings::Endings;
use crate::forge::Forge;
use crate::store::Store;

/// Largest web hook body that is taken, in bytes: the limit that GitHub and GitLab set for themselves.
pub const MAX_BODY: usize = 25 * 1024 * 1024;

/// A web hook that deliveries may come through.
#[derive(Clone)]
pub struct Hook {
    pub forge: Arc<dyn Forge>,
    pub secret: SecretString,
    /// How many deliveries were refused for their signature since the start. Nothing else of them is kept.
    refused: Arc<AtomicU64>,
}

impl Hook {
    /// A hook whose deliveries are signed with this secret.
    pub fn new(forge: Arc<dyn Forge>, secret: SecretString) -> Hook {
        Hook { forge, secret, refused: Arc::default() }
    }

    /// How many deliveries were refused for their signature since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Counts a delivery whose signature is wrong. The log is told of the first and then ever more rarely, so that a flood does not fill it.
    fn refuse(&self, name: &str, bytes: usize) {
        let count = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() || count.is_multiple_of(1_000) {
            tracing::warn!(
                hook = name,
                refused = count,
                bytes,
                "a delivery was refused and not kept: its signature does not fit the secret of this web hook. If it came from your forge, set the same secret on both sides"
            );
        }
    }
}

/// What the handlers need.
#[derive(Clone)]
pub struct WebState {
    pub store: Store,
    pub clock: Clock,
    /// By the last part of the address, `/hooks/{hook}`.
    pub hooks: Arc<BTreeMap<String, Hook>>,
    pub data_dir: PathBuf,
    /// Cancelled when the process has been asked to stop.
    pub stopping: CancellationToken,
    /// How it stands with a configuration that is followed in a repository.
    pub team: Option<Standing>,
    /// When the tokens of the forges end.
    pub endings: Endings,
    pub metrics: Kept,
    /// `/metrics` asks for a token.
    pub metrics_need_token: bool,
    /// How much each token asked lately.
    pub pace: Pace,
    /// Where spans of what comes in go.
    pub traces: Traces,
    /// Masks what leaves in answers.
    pub redactor: Redactor,
}

/// Serves until `stop` is cancelled, then lets open requests end.
pub async fn serve(listener: TcpListener, state: WebState, stop: CancellationToken) {
    // A bare router would be taken apart and copied, all routes of it, for every connection.
    let served = axum::serve(listener, router(state).into_make_service()).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!("the web server ended: {error}");
    }
}

/// All routes.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/hooks/{hook}", post(webhook::receive))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .merge(api::router())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(state)
}
