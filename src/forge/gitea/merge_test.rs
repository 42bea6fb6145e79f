//! Merging, tested below the permit: a permit can only be made by the merge gate.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::base::secret::SecretString;
use crate::domain::forge::*;
use crate::forge::{Forge, ForgeError, NewPull, Result};

use super::client::Call;
use super::{GiteaConfig, GiteaForge, Timeouts};

fn forge_at(base_url: &str, token: &str) -> GiteaForge {
    let timeouts = Timeouts { backoff: Duration::from_millis(1), ..Timeouts::default() };
    let config =
        GiteaConfig { base_url: base_url.to_owned(), token: SecretString::from(token.to_owned()), timeouts, kind: ForgeKind::Gitea };
    GiteaForge::new(config).unwrap()
}

async fn merge_answered(status: u16, body: Value) -> Result<()> {
    let server = MockServer::start().await;
    let asked = json!({"Do": "squash", "MergeTitleField": "T", "MergeMessageField": "M", "head_commit_id": "c0ffee"});
    let answer = ResponseTemplate::new(status);
    let answer = if body.is_null() { answer } else { answer.set_body_json(body) };
    Mock::given(method("POST")).and(body_json(asked)).respond_with(answer).expect(1).mount(&server).await;
    let repo = RepoRef { id: 42, path: "acme/shop".to_owned() };
    forge_at(&server.uri(), "t").write_merge(&repo, 18, &Sha("c0ffee".to_owned()), (MergeStyle::Squash, "T", "M")).await
}

#[tokio::test]
async fn every_answer_to_a_merge_has_a_meaning() {
    merge_answered(200, Value::Null).await.unwrap();
    let not_allowed =
        |answer: Result<()>, part: &str| assert!(matches!(&answer, Err(ForgeError::NotAllowed(text)) if text.contains(part)), "{answer:?}");
    not_allowed(merge_answered(201, Value::Null).await, "scheduled");
    not_allowed(merge_answered(405, json!({"message": "Please try again later"})).await, "passes by itself");
    not_allowed(merge_answered(405, json!({"message": "Does not have enough approvals"})).await, "enough approvals");
    let conflict = merge_answered(409, json!({"Style": "merge", "StdOut": "CONFLICT (content): src/csv.rs", "StdErr": ""})).await;
    assert!(matches!(&conflict, Err(ForgeError::Conflict(text)) if text.contains("src/csv.rs")), "{conflict:?}");
    let moved = merge_answered(409, json!({"message": "head out of date"})).await;
    assert!(matches!(&moved, Err(ForgeError::Conflict(text)) if text.contains("out of date")), "{moved:?}");
    assert!(matches!(merge_answered(500, json!({"message": ""})).await, Err(ForgeError::Uncertain(_))));
}

#[tokio::test]
async fn a_real_server_merges_exactly_the_named_head() {
    #[expect(clippy::disallowed_methods, reason = "the switch that turns the live test on")]
    let (url, token) = (std::env::var("SYNDARIX_LIVE_FORGE_URL"), std::env::var("SYNDARIX_LIVE_FORGE_TOKEN"));
    let (Ok(url), Ok(token)) = (url, token) else {
        println!("skipped: SYNDARIX_LIVE_FORGE_URL and SYNDARIX_LIVE_FORGE_TOKEN are not set");
        return;
    };
    let forge = forge_at(&url, &token);
    let name = format!("merge-{}", uuid::Uuid::now_v7().simple());
    let made = Call::new(Method::POST, &["user", "repos"]).json(json!({"name": name, "auto_init": true, "default_branch": "main"}));
    let made: super::wire::Repo = forge.client.send(&made).await.unwrap().json().unwrap();
    let repo = RepoRef { id: made.id, path: made.full_name };
    let outcome = AssertUnwindSafe(merge_live(&forge, &repo)).catch_unwind().await;
    forge.client.on_repo(&repo, &Call::new(Method::DELETE, &[])).await.unwrap();
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).unwrap();
}

async fn merge_live(forge: &GiteaForge, repo: &RepoRef) -> Result<()> {
    let file = json!({"content": "b25lCg==", "message": "Add a file", "branch": "main", "new_branch": "topic"});
    forge.client.on_repo(repo, &Call::new(Method::POST, &["contents", "file.txt"]).json(file)).await?;
    let new = NewPull { title: "Topic".to_owned(), body: String::new(), head: "topic".to_owned(), base: "main".to_owned(), draft: true };
    let pull = forge.create_pull(repo, &new).await?;
    let how = (MergeStyle::Merge, "Merge the topic", "Because.");
    let draft = merge_settled(forge, repo, &pull.head.sha, pull.number, how).await;
    assert!(matches!(&draft, Err(ForgeError::NotAllowed(text)) if text.contains("Work in progress")), "{draft:?}");
    forge.write_pull_patch(repo, pull.number, &crate::forge::PullPatch { draft: Some(false), ..Default::default() }).await?;
    let stale = merge_settled(forge, repo, &pull.base.sha, pull.number, how).await;
    assert!(matches!(&stale, Err(ForgeError::Conflict(text)) if text.contains("out of date")), "{stale:?}");
    merge_settled(forge, repo, &pull.head.sha, pull.number, how).await?;
    let merged = forge.pull(repo, pull.number).await?;
    assert!(merged.merged && merged.state == State::Closed && merged.merge_sha.is_some() && merged.merged_by.is_some(), "{merged:?}");
    let again = merge_settled(forge, repo, &pull.head.sha, pull.number, how).await;
    assert!(matches!(&again, Err(ForgeError::NotAllowed(text)) if text.contains("merged before")), "{again:?}");
    Ok(())
}

/// Merges, and repeats while the server is still checking for conflicts.
async fn merge_settled(forge: &GiteaForge, repo: &RepoRef, head: &Sha, number: i64, how: (MergeStyle, &str, &str)) -> Result<()> {
    for _ in 0..100 {
        match forge.write_merge(repo, number, head, how).await {
            Err(ForgeError::NotAllowed(text)) if text.contains("passes by itself") => tokio::time::sleep(Duration::from_millis(100)).await,
            other => return other,
        }
    }
    panic!("the server never finished checking");
}
