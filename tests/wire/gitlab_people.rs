//! Whose a commit of GitLab is: addresses that anybody can write prove nothing, unless GitLab itself knows them.

use serde_json::json;
use syndarix::domain::forge::PULL_OFFSET;
use syndarix::forge::Forge;
use wiremock::matchers::query_param;

use crate::gitlab_client::{answer, forge_at, on, said, server, shop};

#[tokio::test]
async fn a_no_reply_address_counts_when_gitlab_knows_the_account() {
    let server = server().await;
    let commit = |id: &str, email: &str| json!({"id": id.repeat(40), "message": "m", "author_email": email, "committer_email": email});
    let commits = [
        commit("1", "5-renamed@users.noreply.127.0.0.1"),
        commit("2", "6-nobody@users.noreply.127.0.0.1"),
        commit("3", "5-renamed@users.noreply.gitlab.com"),
        commit("4", "bob@example.org"),
        commit("5", "syndarix@noreply.invalid"),
    ];
    on(&server, "/merge_requests/18/commits", json!(commits.iter().rev().collect::<Vec<_>>())).await;
    said("GET", "/users/5").respond_with(answer(200, json!({"id": 5, "username": "alice"}))).mount(&server).await;
    said("GET", "/users/6").respond_with(answer(404, json!({"message": "404 User Not Found"}))).mount(&server).await;
    said("GET", "/users")
        .and(query_param("search", "bob@example.org"))
        .respond_with(answer(200, json!([{"id": 7, "username": "bob"}])))
        .mount(&server)
        .await;
    let found = forge_at(&server.uri()).pull_commits(&shop(), PULL_OFFSET + 18).await.unwrap();
    let authors: Vec<Option<(i64, &str)>> =
        found.iter().map(|one| one.author.as_ref().map(|user| (user.id, user.login.as_str()))).collect();
    assert_eq!(authors, [Some((5, "alice")), None, None, Some((7, "bob")), None]);
}
