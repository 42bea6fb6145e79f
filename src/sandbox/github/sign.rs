//! The headers of GitHub's deliveries, and the form in which a body is sent.

use serde_json::{Value, json};

use super::repos::VERSION;
use super::shapes::encode;
use crate::sandbox::deliver::{Message, signature};
use crate::sandbox::state::Hook;
use crate::sandbox::world::World;

/// Names and signs a delivery. The signature covers the body as it is sent; without a secret there is none.
pub fn headers(hook: &Hook, id: &str, message: &Message) -> Vec<(String, String)> {
    let (kind, target) = match (hook.app, hook.repo) {
        (Some(app), _) => ("integration", app),
        (None, Some(repo)) => ("repository", repo),
        (None, None) => ("organization", 0),
    };
    let mut headers: Vec<(String, String)> = [
        ("Accept", "*/*".to_owned()),
        ("User-Agent", format!("GitHub-Hookshot/{:07x}", hook.id)),
        ("X-GitHub-Delivery", id.to_owned()),
        ("X-GitHub-Event", message.event.to_owned()),
        ("X-GitHub-Hook-ID", hook.id.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", target.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", kind.to_owned()),
        ("X-GitHub-Enterprise-Host", "localhost".to_owned()),
        ("X-GitHub-Enterprise-Version", VERSION.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if !hook.secret.is_empty() {
        headers.push(("X-Hub-Signature-256".to_owned(), format!("sha256={}", signature(&hook.secret, &message.body))));
    }
    headers
}

/// The message as this hook gets it: with the installation for the hook of an app, as a form if it is not JSON that was asked for.
pub fn addressed(world: &World, hook: &Hook, mut message: Message) -> Message {
    if let Some(app) = hook.app.and_then(|id| world.apps.get(id))
        && let Ok(mut body) = serde_json::from_slice::<Value>(&message.body)
    {
        body["installation"] = json!({"id": app.installation(), "node_id": format!("MDI_{}", app.installation())});
        message.body = serde_json::to_vec(&body).unwrap_or(message.body);
    }
    if hook.form {
        message.body = format!("payload={}", encode(&String::from_utf8_lossy(&message.body))).into_bytes();
    }
    message
}
