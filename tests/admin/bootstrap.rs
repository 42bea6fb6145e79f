//! `syndarix bootstrap`: from an empty forge to an onboarded repository, repeated, and cut off at every request.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use syndarix::sandbox::{Sandbox, SandboxConfig};

use crate::program::{Answer, answer, client, command, run};

struct Empty {
    dir: tempfile::TempDir,
    sandbox: Sandbox,
}

/// The forge takes tokens in place of passwords, so the administrator's is one.
async fn empty() -> Empty {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(SandboxConfig::new(dir.path().join("forge"))).await.unwrap();
    let password = sandbox.ensure_user("root", false, true).unwrap();
    std::fs::write(dir.path().join("password"), format!("{password}\n")).unwrap();
    Empty { dir, sandbox }
}

impl Empty {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    async fn bootstrap(&self, url: &str, more: &[&str]) -> Answer {
        let mut args = vec!["bootstrap", "home", "--forge-url", url, "--admin-password-file", "password", "--wait", "0"];
        args.extend(["--project", "acme/shop", "--public-url", "http://127.0.0.1:8620"]);
        if !more.contains(&"--admin") {
            args.extend(["--admin", "root"]);
        }
        args.extend(more);
        let output = tokio::process::Command::from(command(self.dir.path(), &args)).output();
        answer(output.await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let password = std::fs::read_to_string(self.path("password")).unwrap();
        let url = format!("{}/api/v1/{path}", self.sandbox.url());
        client().get(url).header("authorization", format!("token {}", password.trim())).send().await.unwrap().json().await.unwrap()
    }

    /// What is on the forge that a second run could make twice.
    async fn counts(&self) -> Value {
        serde_json::json!({
            "labels": self.get("repos/acme/shop/labels?limit=50").await.as_array().map(Vec::len),
            "hooks": self.get("repos/acme/shop/hooks").await.as_array().map(Vec::len),
            "issues": self.get("repos/acme/shop/issues?state=all&type=issues").await.as_array().map(Vec::len),
            "pulls": self.get("repos/acme/shop/pulls?state=all").await.as_array().map(Vec::len),
            "commits": self.get("repos/acme/shop/commits").await.as_array().map(Vec::len),
            "record": self.get("repos/acme/syndarix-audit").await["full_name"],
        })
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_forge_is_ready_after_one_run_and_a_second_changes_nothing() {
    let world = empty().await;
    std::fs::write(world.path("database-password"), "p/w").unwrap();
    let more = ["--sample", "--database", "postgres://syndarix@db:5432/syndarix", "--database-password-file", "database-password"];
    let first = world.bootstrap(&world.sandbox.url(), &more).await;
    assert_eq!(first.code, 0, "{first:#?}");
    assert!(
        first.out.contains("made    account: @syndarix") && first.out.contains("ok      record: the repository acme/syndarix-audit"),
        "{}",
        first.out
    );
    let token = std::fs::read_to_string(world.path("home/token")).unwrap();
    for name in ["home/token", "home/hook-secret", "home/store-url"] {
        assert_eq!(mode(&world.path(name)), 0o600, "{name}");
    }
    assert_eq!(std::fs::read_to_string(world.path("home/store-url")).unwrap(), "postgres://syndarix:p%2Fw@db:5432/syndarix");
    assert!(!first.out.contains(&token) && !first.out.contains("p/w"), "{}", first.out);
    assert_eq!(run(&world.path("home"), &["config", "check"]).code, 0);
    let shown = run(&world.path("home"), &["config", "show"]);
    assert!(shown.out.contains("/acme/syndarix-audit.git"), "{}", shown.out);
    let counts = world.counts().await;
    assert_eq!((&counts["hooks"], &counts["issues"], &counts["pulls"]), (&1.into(), &1.into(), &1.into()), "{counts}");

    let second = world.bootstrap(&world.sandbox.url(), &more).await;
    assert!(second.code == 0 && !second.out.contains("made  "), "{second:#?}");
    assert_eq!(world.counts().await, counts);
    assert_eq!(std::fs::read_to_string(world.path("home/token")).unwrap(), token, "a token that works is kept");

    // Somebody took the token away: the bot gets another one.
    std::fs::write(world.path("home/token"), "gone").unwrap();
    let third = world.bootstrap(&world.sandbox.url(), &more).await;
    assert!(third.code == 0 && third.out.contains("made    token"), "{third:#?}");
    assert_ne!(std::fs::read_to_string(world.path("home/token")).unwrap(), "gone");
    assert_eq!(world.counts().await, counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_said_with_what_to_do() {
    let world = empty().await;
    let url = world.sandbox.url();
    let gone = world.bootstrap("http://127.0.0.1:1", &[]).await;
    assert!(gone.code == 2 && gone.err.contains("http://127.0.0.1:1 cannot be used"), "{gone:#?}");
    let own = world.bootstrap(&url, &["--bot", "root"]).await;
    assert!(own.code == 2 && own.err.contains("the bot needs an account of its own"), "{own:#?}");
    let pattern = world.bootstrap(&url, &["--project", "acme/*"]).await;
    assert!(pattern.code == 2 && pattern.err.contains("`acme/*` is not one repository"), "{pattern:#?}");
    let password = std::fs::read_to_string(world.path("password")).unwrap();
    std::fs::write(world.path("password"), "wrong").unwrap();
    let wrong = world.bootstrap(&url, &[]).await;
    assert!(wrong.code == 2 && wrong.err.contains("does not accept the password of @root"), "{wrong:#?}");
    let ann = world.sandbox.ensure_user("ann", false, false).unwrap();
    std::fs::write(world.path("password"), ann).unwrap();
    let person = world.bootstrap(&url, &["--admin", "ann"]).await;
    assert!(person.code == 2 && person.err.contains("does not administer the whole forge"), "{person:#?}");
    std::fs::write(world.path("password"), password).unwrap();
    world.sandbox.ensure_user("boss", false, true).unwrap();
    let boss = world.bootstrap(&url, &["--bot", "boss"]).await;
    assert!(boss.code == 2 && boss.err.contains("@boss administers the whole forge"), "{boss:#?}");
    world.sandbox.ensure_user("carol", false, false).unwrap();
    let person = world.bootstrap(&url, &["--bot", "carol"]).await;
    assert!(person.code == 2 && person.err.contains("@carol that may be a person's"), "{person:#?}");
    // Without a sample an empty repository stays empty, and the run holds.
    let bare = world.bootstrap(&url, &[]).await;
    assert!(bare.code == 0 && bare.out.contains("the repository is empty"), "{bare:#?}");
}

/// The connection ends after so many requests, as when the machine does: the next run goes on, and nothing is there twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_anywhere_is_repeated() {
    let mut requests = 0;
    for cut in [1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 22, 26, 30] {
        let world = empty().await;
        let gate = Gate::open(&world.sandbox.url(), cut).await;
        let first = world.bootstrap(&gate.url, &["--sample"]).await;
        requests = requests.max(gate.count());
        if first.code == 0 {
            assert!(cut > 20, "{cut}: {first:#?}");
            continue;
        }
        gate.reopen();
        let second = world.bootstrap(&gate.url, &["--sample"]).await;
        assert_eq!(second.code, 0, "after {cut}: {second:#?}");
        let counts = world.counts().await;
        assert_eq!(
            (&counts["hooks"], &counts["issues"], &counts["pulls"], &counts["commits"]),
            (&1.into(), &1.into(), &1.into(), &1.into()),
            "{cut}: {counts}"
        );
    }
    assert!(requests > 20, "only {requests} requests were seen");
}

/// A port before the forge that loses every answer after some requests.
struct Gate {
    url: String,
    seen: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    most: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Gate {
    async fn open(target: &str, most: usize) -> Gate {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let seen = std::sync::Arc::new(AtomicUsize::new(0));
        let most = std::sync::Arc::new(AtomicUsize::new(most));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (counted, limit, target) = (seen.clone(), most.clone(), target.to_owned());
        let pass = move |request: axum::extract::Request| {
            let (counted, limit, target) = (counted.clone(), limit.clone(), target.clone());
            async move {
                let lost = counted.fetch_add(1, Ordering::SeqCst) >= limit.load(Ordering::SeqCst);
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
                let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
                let mut onward = client().request(parts.method, format!("{target}{path}")).body(body);
                for name in ["authorization", "content-type"] {
                    if let Some(value) = parts.headers.get(name) {
                        onward = onward.header(name, value);
                    }
                }
                // The request is carried out; only its answer never comes.
                let answer = onward.send().await.unwrap();
                let mut back = axum::response::Response::builder().status(if lost { 504 } else { answer.status().as_u16() });
                for name in ["content-type", "x-total-count", "link", "date"] {
                    if let Some(value) = answer.headers().get(name) {
                        back = back.header(name, value);
                    }
                }
                let bytes = answer.bytes().await.unwrap();
                back.body(axum::body::Body::from(if lost { axum::body::Bytes::new() } else { bytes })).unwrap()
            }
        };
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, axum::Router::new().fallback(pass)).await.unwrap() });
        Gate { url, seen, most, _tasks: tasks }
    }

    fn count(&self) -> usize {
        self.seen.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn reopen(&self) {
        self.most.store(usize::MAX, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn secrets_are_made_once_and_readable_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let first = run(dir.path(), &["secret", "--shared", "a/one", "a/two"]);
    assert_eq!(first.code, 0, "{first:#?}");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let (one, two) = (read("a/one"), read("a/two"));
    assert!(one.len() >= 32 && one != two && !first.out.contains(&one));
    assert_eq!(mode(&dir.path().join("a/one")), 0o444);
    let second = run(dir.path(), &["secret", "a/one", "b"]);
    assert!(second.code == 0 && second.out.contains("kept    a/one") && second.out.contains("made    b"), "{second:#?}");
    assert_eq!((read("a/one"), mode(&dir.path().join("b"))), (one, 0o600));
    assert_eq!(run(dir.path(), &["secret"]).code, 2);
}
