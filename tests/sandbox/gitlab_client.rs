//! A client of GitLab that others wrote talks to the forge: what it understands is not only what our own driver expects.

use std::path::PathBuf;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// Where python-gitlab is: named by the environment, or where `scripts/test` puts it.
fn packages() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
    let named = std::env::var("SYNDARIX_TEST_PYTHON_GITLAB").ok().map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python-gitlab");
    named.into_iter().chain([usual]).find(|place| place.join("gitlab/__init__.py").is_file())
}

#[tokio::test(flavor = "multi_thread")]
async fn python_gitlab_goes_through_a_story() {
    let Some(packages) = packages() else {
        println!("skipped: python-gitlab on the sandbox forge: type `pip install --target target/python-gitlab python-gitlab==8.6.0`");
        return;
    };
    let world = World::new().await;
    let receiver = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&receiver).await;
    let mut arguments = vec![world.forge.url()];
    arguments.extend(["bot", "alice", "acme"].map(|login| world.token(login)));
    arguments.push(receiver.uri());
    let run = move || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/python_gitlab.py");
        let python = Command::new("python3").arg(script).args(arguments).env("PYTHONPATH", packages).env("NO_PROXY", "*").output();
        python.unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim_end().ends_with("done"), "{said}\n{wrong}");
    world.forge.settled().await;
    let requests = receiver.received_requests().await.unwrap();
    let told = |event: &str| requests.iter().filter(|request| request.headers["X-Gitlab-Event"] == event).count();
    assert_eq!((told("Issue Hook"), told("Note Hook"), told("Push Hook") > 0), (3, 29, true));
    assert!(world.forge.page(REPO, 2).unwrap().contains("[merged]"));
}
