//! What a delivery carries beside its body, on each kind of forge: its event, its id, and what proves who sends it.

#![allow(dead_code, reason = "not every suite that plays in this world posts deliveries of all kinds")]

use hmac::{Hmac, KeyInit, Mac};
use reqwest::RequestBuilder;
use serde_json::Value;
use sha2::Sha256;
use syndarix::sandbox::Skin;

use super::world::skin;

/// The event that tells of a comment.
pub fn comment_event() -> &'static str {
    match skin() {
        Skin::Gitea | Skin::GitHub => "issue_comment",
        Skin::GitLab => "Note Hook",
    }
}

/// A request with the headers of a delivery. `event`: as the program lists it, `broad/precise` where a forge gives two names.
pub fn addressed(request: RequestBuilder, event: &str, id: &str, body: &[u8], secret: &str) -> RequestBuilder {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let signature = hex::encode(mac.finalize().into_bytes());
    let (broad, precise) = event.split_once('/').unwrap_or((event, event));
    let headers = match skin() {
        Skin::Gitea => {
            vec![("X-Gitea-Event", broad), ("X-Gitea-Event-Type", precise), ("X-Gitea-Delivery", id), ("X-Gitea-Signature", &signature)]
        }
        Skin::GitHub => vec![("X-GitHub-Event", broad), ("X-GitHub-Delivery", id)],
        Skin::GitLab => vec![("X-Gitlab-Event", event), ("Idempotency-Key", id), ("X-Gitlab-Token", secret)],
    };
    let request = headers.into_iter().fold(request.body(body.to_vec()), |request, (name, value)| request.header(name, value));
    if skin() == Skin::GitHub { request.header("X-Hub-Signature-256", format!("sha256={signature}")) } else { request }
}

/// The headers that name a delivery, so that it may be sent under another name.
pub fn id_headers() -> &'static [&'static str] {
    match skin() {
        Skin::Gitea => &["x-gitea-delivery", "x-gogs-delivery", "x-github-delivery"],
        Skin::GitHub => &["x-github-delivery"],
        Skin::GitLab => &["idempotency-key", "x-gitlab-event-uuid"],
    }
}

/// Who did what the body tells of.
pub fn sender(body: &Value) -> &Value {
    match skin() {
        Skin::Gitea | Skin::GitHub => &body["sender"]["login"],
        Skin::GitLab if body["user_username"].is_string() => &body["user_username"],
        Skin::GitLab => &body["user"]["username"],
    }
}

/// True for the delivery that tells of an approval.
pub fn is_approval(event: &str, body: &Value) -> bool {
    match skin() {
        Skin::Gitea => event.contains("approved"),
        Skin::GitHub => event == "pull_request_review" && body["review"]["state"] == "approved",
        Skin::GitLab => matches!(body["object_attributes"]["action"].as_str(), Some("approved" | "approval")),
    }
}

/// True for the delivery that tells of a new issue.
pub fn is_opened_issue(event: &str, body: &Value) -> bool {
    match skin() {
        Skin::Gitea | Skin::GitHub => event == "issues" && body["action"] == "opened",
        Skin::GitLab => event == "Issue Hook" && body["object_attributes"]["action"] == "open",
    }
}
