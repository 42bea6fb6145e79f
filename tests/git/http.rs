//! Git over HTTP with a credential, against `git http-backend` behind a small server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::GitRemote;
use syndarix::git::{GitError, Pushed};
use tokio::io::AsyncWriteExt as _;

use crate::world::{World, branch};

pub const HEADER: &str = "Basic Ym90OnMzY3JldC10b2tlbg==";

/// Where a push or a fetch ends. The first two wait until whoever asked is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The pack is here, no ref has moved.
    AfterPack,
    /// The ref has moved, nobody was told.
    AfterRef,
    /// The connection breaks after the pack was read.
    BrokenBeforeRef,
    /// The connection breaks after the ref has moved.
    BrokenAfterRef,
    /// Of a fetch, nearly everything is sent, and never the rest.
    NeverEnds,
}

#[derive(Clone)]
pub struct Server {
    root: PathBuf,
    cut: Arc<Mutex<Option<Cut>>>,
    /// The place of the cut is reached.
    reached: Arc<tokio::sync::Notify>,
    /// Answers that replace the next ones: a status, and where to redirect to.
    surprise: Arc<Mutex<Option<(StatusCode, String)>>>,
    /// The answer to a push that was carried out is lost on the way.
    lose_answer: Arc<AtomicBool>,
    /// Every credential header that arrived.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(root: PathBuf) -> (Server, SocketAddr) {
        let server = Server {
            root,
            cut: Arc::default(),
            reached: Arc::default(),
            surprise: Arc::default(),
            lose_answer: Arc::default(),
            seen: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(backend).with_state(server.clone());
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        serving.detach_all();
        (server, address)
    }

    /// Where the next requests end.
    pub fn cut(&self, cut: Option<Cut>) {
        *self.cut.lock().unwrap() = cut;
    }

    /// Until the place of the cut is reached.
    pub async fn is_cut(&self) {
        self.reached.notified().await;
    }

    /// Tells that the place is reached, and waits for the asker to go away.
    async fn waits(&self) -> Response {
        self.reached.notify_one();
        std::future::pending().await
    }
}

/// An answer that breaks off after its first bytes.
fn broken() -> Response {
    let pieces = [Ok(Bytes::from_static(b"00")), Err(std::io::Error::other("cut"))];
    Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
}

/// The answer less its last bytes, without an end.
fn endless(output: &[u8]) -> Body {
    use futures_util::StreamExt as _;
    let most = Bytes::copy_from_slice(&output[..output.len() - 64]);
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(most)]);
    Body::from_stream(first.chain(futures_util::stream::pending()))
}

/// The common gateway interface of `git http-backend`.
async fn backend(State(server): State<Server>, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let credential = header("authorization");
    server.seen.lock().unwrap().push(credential.clone());
    if let Some((status, location)) = server.surprise.lock().unwrap().clone() {
        return (status, [("location", location)], "try elsewhere").into_response();
    }
    if credential != HEADER {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"git\"")], "no").into_response();
    }
    let mut command = tokio::process::Command::new("git");
    command.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env("GIT_PROJECT_ROOT", &server.root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "bot");
    command.env("REQUEST_METHOD", request.method.as_str()).env("PATH_INFO", request.uri.path());
    command.env("QUERY_STRING", request.uri.query().unwrap_or_default()).env("CONTENT_TYPE", header("content-type"));
    command.env("HTTP_CONTENT_ENCODING", header("content-encoding")).env("GIT_PROTOCOL", header("git-protocol"));
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let pushes = request.method == "POST" && request.uri.path().ends_with("/git-receive-pack");
    let fetches = request.method == "POST" && String::from_utf8_lossy(&body).contains("command=fetch");
    let cut = *server.cut.lock().unwrap();
    // A first request asks only whether the credential is good.
    let cut = cut.filter(|_| pushes && body.len() > 4 || fetches);
    match cut {
        Some(Cut::AfterPack) => return server.waits().await,
        Some(Cut::BrokenBeforeRef) => return broken(),
        _ => {}
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&body).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap().stdout;
    match cut {
        Some(Cut::AfterRef) => return server.waits().await,
        Some(Cut::BrokenAfterRef) => return broken(),
        _ => {}
    }
    if pushes && server.lose_answer.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let at = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..at]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(value.split(' ').next().unwrap()),
            _ => response.header(name, value),
        };
    }
    let rest = &output[at + 4..];
    let body = if cut == Some(Cut::NeverEnds) { endless(rest) } else { Body::from(rest.to_vec()) };
    response.body(body).unwrap()
}

pub fn remote(address: SocketAddr, credential: Option<&str>) -> GitRemote {
    let header = credential.map(|text| SecretString::from(format!("Authorization: {text}")).into());
    GitRemote { url: format!("http://{address}/remote.git"), header }
}

pub async fn served() -> (World, Server, SocketAddr) {
    let world = World::new().await;
    crate::world::git(&world.bare(), &["config", "http.receivepack", "true"]);
    let (server, address) = Server::start(world.dir.path().to_owned()).await;
    (world, server, address)
}

#[tokio::test]
async fn fetch_push_and_delete_over_http() {
    let (world, _server, address) = served().await;
    let remote = remote(address, Some(HEADER));
    let theirs = world.person_pushes("origin/main", "main", "f");
    world.mirror.fetch(&remote).await.unwrap();
    assert_eq!(world.main().await, theirs);
    let (name, made) = (branch("syndarix/1"), world.commit(&theirs, "big.txt", &"line\n".repeat(500_000)).await);
    assert_eq!(world.mirror.push(&remote, &name, None, &made).await, Ok(Pushed::Done));
    assert_eq!(world.mirror.push(&remote, &name, None, &made).await, Ok(Pushed::Already));
    assert_eq!(world.remote_tip("syndarix/1"), Some(made.clone()));
    assert_eq!(world.mirror.delete_remote_branch(&remote, &name, &made).await, Ok(Pushed::Done));
    assert_eq!(world.remote_tip("syndarix/1"), None);
    // Nothing that belongs to the credential was left on the disk.
    let found = std::process::Command::new("grep").args(["-rlE", "s3cret|Ym90On"]).arg(world.mirror.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[tokio::test]
async fn failures_of_the_server_are_told_apart() {
    let (world, server, address) = served().await;
    let fetch = |remote: GitRemote| {
        let mirror = world.mirror.clone();
        async move { mirror.fetch(&remote).await.unwrap_err() }
    };
    for credential in [None, Some("Basic d3Jvbmc6d3Jvbmctd3Jvbmc=")] {
        let error = fetch(remote(address, credential)).await;
        assert!(matches!(error, GitError::Denied(_)) && !error.to_string().contains("d3Jvbmc6"), "{error:?}");
    }
    for (status, transient) in [(StatusCode::BAD_GATEWAY, true), (StatusCode::TOO_MANY_REQUESTS, true), (StatusCode::NOT_FOUND, false)] {
        *server.surprise.lock().unwrap() = Some((status, "/".to_owned()));
        let error = fetch(remote(address, Some(HEADER))).await;
        assert_eq!(error.is_transient(), transient, "{status}: {error:?}");
    }
    *server.surprise.lock().unwrap() = None;
    let missing = GitRemote { url: format!("http://{address}/other.git"), ..remote(address, Some(HEADER)) };
    assert!(matches!(fetch(missing).await, GitError::NotFound(_)));
    let closed = { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    assert!(matches!(fetch(remote(closed, Some(HEADER))).await, GitError::Unreachable(_)));
}

#[tokio::test]
async fn a_push_whose_answer_was_lost_is_looked_at() {
    let (world, server, address) = served().await;
    let (remote, name, main) = (remote(address, Some(HEADER)), branch("syndarix/1"), world.main().await);
    server.lose_answer.store(true, Ordering::SeqCst);
    let made = world.commit(&main, "a", "1").await;
    assert_eq!(world.mirror.push(&remote, &name, None, &made).await, Ok(Pushed::Done));
    assert_eq!(world.remote_tip("syndarix/1"), Some(made.clone()));
    assert_eq!(world.mirror.delete_remote_branch(&remote, &name, &made).await, Ok(Pushed::Done));
    // Reading is allowed, writing is not: nothing was done, and it is said so.
    server.lose_answer.store(false, Ordering::SeqCst);
    crate::world::git(&world.bare(), &["config", "http.receivepack", "false"]);
    let denied = world.mirror.push(&remote, &name, None, &made).await;
    assert!(matches!(denied, Err(GitError::Denied(_))), "{denied:?}");
    assert_eq!(world.remote_tip("syndarix/1"), None);
}

#[tokio::test]
async fn a_credential_never_follows_a_redirect() {
    let (world, server, address) = served().await;
    let (elsewhere, other) = Server::start(world.dir.path().to_owned()).await;
    let target = format!("http://{other}/remote.git/info/refs?service=git-upload-pack");
    *server.surprise.lock().unwrap() = Some((StatusCode::MOVED_PERMANENTLY, target));
    let error = world.mirror.fetch(&remote(address, Some(HEADER))).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound(_)), "{error:?}");
    assert!(elsewhere.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_with_all_its_processes() {
    let world = World::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mirror = world.mirror.clone().with_patience(Duration::from_millis(700));
    let remote = remote(address, Some(HEADER));
    let (error, connection) = tokio::join!(mirror.fetch(&remote), listener.accept());
    let error = error.unwrap_err();
    assert!(matches!(error, GitError::Timeout { .. }) && error.is_transient(), "{error:?}");
    // The transport helper is gone too: its side of the connection closes. Until it does, reading blocks.
    let (mut stream, _) = connection.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest)).await;
    assert!(closed.is_ok(), "still connected");
    assert!(String::from_utf8_lossy(&rest).contains(HEADER), "the credential went to its own host");
}
