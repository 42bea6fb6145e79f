//! A client of Gitea that others made from its description talks to the forge: what it understands is not only what our own driver expects.

use std::path::PathBuf;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// Where gitea-js is: named by the environment, or where `scripts/test` puts it.
fn modules() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
    let named = std::env::var("SYNDARIX_TEST_GITEA_JS").ok().map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gitea-js/node_modules");
    named.into_iter().chain([usual]).find(|place| place.join("gitea-js/package.json").is_file())
}

#[tokio::test(flavor = "multi_thread")]
async fn gitea_js_goes_through_a_story() {
    let node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    let Some(modules) = modules().filter(|_| node) else {
        println!(
            "skipped: gitea-js on the sandbox forge: type `npm install --prefix target/gitea-js gitea-js@1.23.0`, with Node 20 or newer"
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
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/gitea_js.mjs");
        Command::new("node").arg(script).args(arguments).env("NO_PROXY", "*").output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim_end().ends_with("done"), "{said}\n{wrong}");
    world.forge.settled().await;
    let requests = receiver.received_requests().await.unwrap();
    let told = |event: &str| requests.iter().filter(|request| request.headers["X-Gitea-Event-Type"] == event).count();
    assert_eq!((told("issue_comment"), told("issue_label"), told("pull_request_review_approved")), (5, 2, 1));
    assert!(world.forge.page(REPO, 2).unwrap().contains("[merged]"));
}
