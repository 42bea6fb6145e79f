//! Confidential issues of GitLab when nothing tells of them and the bot looks by itself.

use serde_json::json;
use syndarix::base::Time;
use syndarix::forge::{Forge, Window};

use crate::gitlab_client::{forge_at, on, server, shop};

/// What is found by looking is what is told by deliveries: of a confidential issue only what asks the bot.
#[tokio::test]
async fn of_a_confidential_issue_only_questions_to_the_bot_are_found() {
    let server = server().await;
    let at = "2026-08-03T09:00:00Z";
    let issue = |iid: i64, confidential: bool| {
        json!({"iid": iid, "title": "T", "state": "opened", "author": {"id": 7, "username": "alice"}, "confidential": confidential,
            "issue_type": "issue", "created_at": at, "updated_at": at})
    };
    on(&server, "/issues", json!([issue(1, true), issue(2, false)])).await;
    on(&server, "/merge_requests", json!([])).await;
    let note = |id: i64, body: &str, internal: bool| json!({"id": id, "body": body, "author": {"id": 7, "username": "alice"}, "created_at": at, "updated_at": at, "internal": internal});
    on(
        &server,
        "/issues/1/notes",
        json!([note(11, "It is Jones.", false), note(12, "/syndarix plan", false), note(13, "/syndarix plan", true)]),
    )
    .await;
    on(&server, "/issues/2/notes", json!([note(21, "It is round.", false)])).await;
    let forge = forge_at(&server.uri());
    let window = Window { since: Time::parse(at).unwrap(), until: None, at_most: 100 };
    let issues = forge.issues_touched(&shop(), &window).await.unwrap().items;
    assert_eq!(issues.iter().map(|issue| issue.number).collect::<Vec<_>>(), [2]);
    let comments = forge.comments_touched(&shop(), &window).await.unwrap().items;
    assert_eq!(comments.iter().map(|one| (one.number, one.comment.id)).collect::<Vec<_>>(), [(1, 12), (2, 21)]);
}
