//! A client of GitHub that others wrote talks to the forge: what it understands is not only what our own driver expects.

use std::path::PathBuf;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// Where octokit is: named by the environment, or where `scripts/test` puts it.
fn modules() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
    let named = std::env::var("SYNDARIX_TEST_OCTOKIT").ok().map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/octokit/node_modules");
    named.into_iter().chain([usual]).find(|place| place.join("@octokit/rest/package.json").is_file())
}

#[tokio::test(flavor = "multi_thread")]
async fn octokit_goes_through_a_story() {
    let node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    let Some(modules) = modules().filter(|_| node) else {
        println!(
            "skipped: octokit on the sandbox forge: type `npm install --prefix target/octokit @octokit/rest@22.0.1`, with Node 20 or newer"
        );
        return;
    };
    let world = World::new().await;
    let receiver = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&receiver).await;
    let mut arguments = vec![modules.display().to_string(), world.forge.url()];
    arguments.extend(["bot", "alice", "acme"].map(|login| world.token(login)));
    arguments.push(receiver.uri());
    let run = move || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/octokit.mjs");
        Command::new("node").arg(script).args(arguments).env("NO_PROXY", "*").output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim_end().ends_with("done"), "{said}\n{wrong}");
    world.forge.settled().await;
    let requests = receiver.received_requests().await.unwrap();
    let told = |event: &str| requests.iter().filter(|request| request.headers["X-GitHub-Event"] == event).count();
    assert_eq!((told("ping"), told("issue_comment"), told("pull_request_review")), (2, 5, 2));
    assert!(world.forge.page(REPO, 2).unwrap().contains("[merged]"));
}
