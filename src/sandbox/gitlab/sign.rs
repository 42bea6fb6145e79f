//! The headers of a delivery: what names the event, and what proves who sends it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::base::Time;
use crate::sandbox::deliver::Message;
use crate::sandbox::state::Hook;

/// What a signing token begins with.
pub const MARK: &str = "whsec_";

/// The plain token and the signing token of a hook. A hook has one secret text; the signing token stands on a line of its own in it.
pub fn secrets(hook: &Hook) -> (String, String) {
    let (signing, plain): (Vec<&str>, Vec<&str>) = hook.secret.lines().partition(|line| line.starts_with(MARK));
    (plain.join("\n"), signing.concat())
}

/// The secret text that holds both.
pub fn together(plain: &str, signing: &str) -> String {
    [plain, signing].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The key in a signing token: 32 bytes behind the mark.
pub fn key(signing: &str) -> Option<Vec<u8>> {
    STANDARD.decode(signing.strip_prefix(MARK)?).ok().filter(|key| key.len() == 32)
}

/// A signature as Standard Webhooks has it, over id, seconds and body.
fn signature(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// The headers of a delivery.
pub fn headers(hook: &Hook, id: &str, message: &Message, at: Time, root: &str) -> Vec<(String, String)> {
    let (plain, signing) = secrets(hook);
    let named = |text: String| Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).to_string();
    let mut headers = vec![
        ("User-Agent".to_owned(), "GitLab/18.5.0-ee".to_owned()),
        ("X-Gitlab-Event".to_owned(), message.event.to_owned()),
        ("X-Gitlab-Webhook-UUID".to_owned(), named(format!("{root}/hooks/{}", hook.id))),
        ("X-Gitlab-Instance".to_owned(), root.to_owned()),
        ("X-Gitlab-Event-UUID".to_owned(), named(format!("{root}/events/{id}"))),
        ("Idempotency-Key".to_owned(), id.to_owned()),
    ];
    if !plain.is_empty() {
        headers.push(("X-Gitlab-Token".to_owned(), plain));
    }
    if let Some(signed) = key(&signing).and_then(|key| signature(&key, id, at.seconds(), &message.body)) {
        headers.push(("webhook-id".to_owned(), id.to_owned()));
        headers.push(("webhook-timestamp".to_owned(), at.seconds().to_string()));
        headers.push(("webhook-signature".to_owned(), signed));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::{key, signature};

    #[test]
    fn a_known_signature() {
        let key = key("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let id = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f";
        let signed = signature(&key, id, 1_767_225_600, br#"{"object_kind":"note"}"#).unwrap();
        assert_eq!(signed, "v1,viSTWvjvHS5qbD1ghCF2x2lbvdL+I+RMAlqLgI5gGVA=");
        assert!(super::key("whsec_AAEC").is_none());
    }
}
