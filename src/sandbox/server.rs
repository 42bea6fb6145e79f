//! Starting and stopping the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::deliver::{Deliveries, DeliveryConfig};
use super::forge::{Forge, Shared};
use super::persist::{Store, StoreError};
use super::problem::Problem;
use super::{gitea, github, gitlab, pages};
use crate::base::Clock;

/// Largest body of an API request.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
/// How long open connections may take to end at a stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// How to start a sandbox forge.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Everything is kept here; made when missing.
    pub dir: PathBuf,
    /// A loopback address; port 0 takes any free one.
    pub listen: SocketAddr,
    pub clock: Clock,
    /// After a push or the opening of a pull request, so many questions about merging are answered with "Please try again later".
    pub checking_answers: u32,
    pub deliveries: DeliveryConfig,
}

impl SandboxConfig {
    /// A well-behaved forge on any free port.
    pub fn new(dir: impl Into<PathBuf>) -> SandboxConfig {
        SandboxConfig {
            dir: dir.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: Clock::System,
            checking_answers: 0,
            deliveries: DeliveryConfig::default(),
        }
    }
}

/// The sandbox forge could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(
        "the sandbox forge listens on loopback only, not on {0}; use 127.0.0.1 or [::1], its tokens and pages are not made for a network"
    )]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for any free one")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Problem(#[from] Problem),
    #[error("the HTTP client for web hooks could not be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// A running sandbox forge. Dropping it ends it at once.
pub struct Sandbox {
    pub(super) forge: Shared,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Sandbox {
    /// Starts the forge on what its directory holds and finishes what a kill left half done.
    pub async fn start(config: SandboxConfig) -> Result<Sandbox, SandboxError> {
        if !config.listen.ip().is_loopback() {
            return Err(SandboxError::NotLoopback(config.listen));
        }
        let store = Store::open(&config.dir)?;
        let listen = |source| SandboxError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let dir = std::path::absolute(&config.dir).unwrap_or(config.dir);
        let stop = CancellationToken::new();
        let mut deliveries = Deliveries::new(config.deliveries, stop.clone())?;
        let root = format!("http://{address}");
        (deliveries.clock, deliveries.root) = (config.clock.clone(), root.clone());
        let forge = Arc::new(Forge::new(store, dir, root, config.clock, config.checking_answers, deliveries));
        forge.recover().await?;
        let server =
            axum::serve(listener, routes(forge.clone()).into_make_service()).with_graceful_shutdown(stop.clone().cancelled_owned());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the sandbox forge has stopped serving");
            }
        });
        Ok(Sandbox { forge, address, stop, tasks })
    }

    /// Address of the forge, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the forge: open connections get two seconds, deliveries under way are lost.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let done = async {
            while self.tasks.join_next().await.is_some() {}
            self.forge.work.close();
            self.forge.work.wait().await;
            self.forge.deliveries.close().await;
        };
        if tokio::time::timeout(FAREWELL, done).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn routes(forge: Shared) -> Router {
    Router::new()
        .nest("/api/v1", gitea::routes())
        .nest("/api/v3", github::routes(&forge))
        .merge(github::beside())
        .nest("/api/v4", gitlab::routes(&forge))
        .merge(gitlab::beside())
        .merge(pages::routes())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(forge.clone(), github::or_next))
        .layer(from_fn_with_state(forge.clone(), git_or_next))
        .layer(from_fn_with_state(forge.clone(), to_the_end))
        .layer(from_fn_with_state(forge.clone(), gate))
        .with_state(forge)
}

/// Turns away requests that a foreign page made a browser send (a Host that is not this machine), and leads from former paths to present ones.
async fn gate(State(forge): State<Shared>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_local(host) {
        return (StatusCode::FORBIDDEN, format!("`{host}` is not an address of this sandbox; open {}\n", forge.root)).into_response();
    }
    let mut response = match moved(&forge, &request) {
        Some(target) => (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, target)]).into_response(),
        None if is_locked(&forge, &request) => locked(),
        None => next.run(request).await,
    };
    // Clients take the forge's time from here; it is the time of everything else on this forge.
    let now = chrono::DateTime::from_timestamp(forge.clock.now().seconds(), 0).unwrap_or_default();
    if let Ok(date) = HeaderValue::try_from(now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// Whether a request would write to a repository in the archive. Settings and hooks can still be changed.
fn is_locked(forge: &Forge, request: &Request) -> bool {
    let path = request.uri().path();
    let is_api = path.starts_with("/api/v1/repos/");
    let mut parts = path.strip_prefix("/api/v1/repos/").or_else(|| path.strip_prefix('/')).unwrap_or_default().splitn(3, '/');
    let (Some(owner), Some(name), rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default()) else { return false };
    let pushes = rest == "git-receive-pack" || request.uri().query() == Some("service=git-receive-pack");
    let writes = !request.method().is_safe() && rest != "git-upload-pack";
    let about_itself = is_api && (rest.is_empty() || rest == "transfer" || rest.starts_with("hooks"));
    let bare = name.strip_suffix(".git").unwrap_or(name);
    (pushes || (writes && !about_itself)) && forge.read(|world| world.repo_at(owner, bare).is_some_and(|repo| repo.archived))
}

fn locked() -> Response {
    (StatusCode::LOCKED, axum::Json(serde_json::json!({"message": "the repository is archived", "url": "https://docs.gitea.com/api/"})))
        .into_response()
}

/// A request that changes something is finished even when the caller is gone: else a push could move refs that nobody takes note of.
async fn to_the_end(State(forge): State<Shared>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let done = forge.work.spawn(async move { next.run(request).await }).await;
    done.unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("the request failed: {error}\n")).into_response())
}

fn is_local(host: &str) -> bool {
    let name = host.parse::<axum::http::uri::Authority>().map(|authority| authority.host().to_owned()).unwrap_or_default();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.ends_with(".localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The address of a renamed repository, with the rest of the path and the query kept.
fn moved(forge: &Forge, request: &Request) -> Option<String> {
    let path = request.uri().path();
    let (start, rest) = match path.strip_prefix("/api/v1/repos/") {
        Some(rest) => ("/api/v1/repos/", rest),
        None => ("/", path.strip_prefix('/')?),
    };
    let mut parts = rest.splitn(3, '/');
    let (owner, name, rest) = (parts.next()?, parts.next()?, parts.next());
    let (bare, ending) = name.strip_suffix(".git").map_or((name, ""), |bare| (bare, ".git"));
    let present = forge.read(|world| match world.repo_at(owner, bare) {
        Some(_) => None,
        None => world.repo_formerly_at(owner, bare).map(|repo| world.path_of(repo)),
    })?;
    let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{}{start}{present}{ending}{rest}{query}", forge.root))
}

/// Git's own requests go to Git; `/{owner}/{name}.git` alone leads to the page of the repository.
async fn git_or_next(State(forge): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (Some(owner), Some(name)) = (parts.next(), parts.next().and_then(|name| name.strip_suffix(".git"))) else {
        return next.run(request).await;
    };
    match parts.next() {
        Some(rest) => {
            let (owner, name, rest) = (owner.to_owned(), name.to_owned(), rest.to_owned());
            super::git_http::serve(State(forge), owner, name, rest, request).await
        }
        None => Redirect::to(&format!("/{owner}/{name}")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for host in ["127.0.0.1:80", "localhost", "localhost:3000", "[::1]:3000", "forge.localhost:1"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "example.org", "127.0.0.1.example.org", "10.0.0.1", "localhost.example.org:80"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[tokio::test]
    async fn other_addresses_are_refused_with_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let config = SandboxConfig { listen: "0.0.0.0:0".parse().unwrap(), ..SandboxConfig::new(dir.path()) };
        let error = Sandbox::start(config).await.err().unwrap();
        assert!(error.to_string().contains("loopback only, not on 0.0.0.0:0; use 127.0.0.1"), "{error}");
    }
}
