//! Merging, tested below the permit: a permit can only be made by the merge gate.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{body_json, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::base::secret::SecretString;
use crate::domain::forge::*;
use crate::forge::{ForgeError, Result};

use super::{GitHubConfig, GitHubForge, Login, Pace};

async fn merge_answered(status: u16, body: Value, pull: Value) -> Result<()> {
    let server = MockServer::start().await;
    let asked = json!({"merge_method": "squash", "sha": "c0ffee", "commit_title": "T", "commit_message": "M"});
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method("PUT")).and(body_json(asked)).respond_with(answer).expect(1).mount(&server).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_json(pull)).mount(&server).await;
    let pace = Pace { backoff: Duration::from_millis(1), writes_apart: Duration::ZERO, ..Pace::default() };
    let login = Login::Token(SecretString::from("t".to_owned()));
    let forge = GitHubForge::new(GitHubConfig { base_url: server.uri(), login, pace }).unwrap();
    let repo = RepoRef { id: 42, path: "acme/shop".to_owned() };
    forge.write_merge(&repo, 18, &Sha("c0ffee".to_owned()), (MergeStyle::Squash, "T", "M")).await
}

#[tokio::test]
async fn every_answer_to_a_merge_has_a_meaning() {
    let pull = |merged: bool, mergeable: Value| json!({"number": 18, "state": "open", "merged": merged, "mergeable": mergeable});
    let refused = json!({"message": "Pull Request is not mergeable"});
    merge_answered(200, json!({"merged": true, "sha": "d0"}), Value::Null).await.unwrap();
    let rows = [
        (pull(true, Value::Null), "merged before"),
        (pull(false, Value::Null), "passes by itself"),
        (pull(false, json!(true)), "a rule of the repository"),
    ];
    for (pull, part) in rows {
        let answer = merge_answered(405, refused.clone(), pull).await;
        assert!(matches!(&answer, Err(ForgeError::NotAllowed(text)) if text.contains(part)), "{part}: {answer:?}");
    }
    let conflict = merge_answered(405, refused, pull(false, json!(false))).await;
    assert!(matches!(&conflict, Err(ForgeError::Conflict(text)) if text.contains("base branch")), "{conflict:?}");
    let moved = merge_answered(409, json!({"message": "Head branch was modified. Review and try the merge again."}), Value::Null).await;
    assert!(matches!(&moved, Err(ForgeError::Conflict(text)) if text.contains("modified")), "{moved:?}");
    assert!(matches!(merge_answered(502, json!({"message": ""}), Value::Null).await, Err(ForgeError::Uncertain(_))));
}

#[tokio::test]
async fn a_way_that_github_does_not_have_is_refused_before_anything_is_sent() {
    let pace = Pace::default();
    let login = Login::Token(SecretString::from("t".to_owned()));
    let forge = GitHubForge::new(GitHubConfig { base_url: "http://127.0.0.1:9".to_owned(), login, pace }).unwrap();
    let repo = RepoRef { id: 42, path: "acme/shop".to_owned() };
    let answer = forge.write_merge(&repo, 18, &Sha("c0ffee".to_owned()), (MergeStyle::FastForwardOnly, "T", "M")).await;
    assert!(matches!(&answer, Err(ForgeError::NotAllowed(text)) if text.contains("squash")), "{answer:?}");
}
