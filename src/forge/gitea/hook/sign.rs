//! The headers of a delivery: which event it is, under which id it came, and whether it is genuine.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::secret::{ExposeSecret, SecretString};
use crate::forge::{DeliveryHead, Headers};

/// Reads event and id. Gitea also sends every header under its GitHub name, so only its own and Forgejo's names tell it apart.
/// The event *type* is the precise name; the plain event is the family and says `pull_request_comment` for something else.
pub fn delivery_head(headers: &Headers) -> Option<DeliveryHead> {
    let first = |names: [&str; 2]| names.iter().find_map(|name| headers.get(*name)).cloned();
    let family = first(["x-forgejo-event", "x-gitea-event"])?;
    let precise = first(["x-forgejo-event-type", "x-gitea-event-type"]).unwrap_or_default();
    let delivery_id = first(["x-forgejo-delivery", "x-gitea-delivery"]).filter(|id| !id.is_empty())?;
    Some(DeliveryHead { delivery_id, event: if precise.is_empty() { family } else { precise } })
}

/// HMAC-SHA256 over the raw body, compared in constant time. The GitHub-style header counts only when the forge's own is absent.
pub fn verify(secret: &SecretString, headers: &Headers, body: &[u8]) -> bool {
    let own = ["x-gitea-signature", "x-forgejo-signature"].iter().find_map(|name| headers.get(*name)).map(String::as_str);
    let given = match own {
        Some(hex) => Some(hex),
        None => headers.get("x-hub-signature-256").and_then(|value| value.strip_prefix("sha256=")),
    };
    let Some(given) = given.and_then(|hex| hex::decode(hex.trim()).ok()).filter(|bytes| bytes.len() == 32) else {
        return false;
    };
    // With an empty secret anybody could sign.
    let key = secret.expose_secret();
    match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
        Ok(mac) if !key.is_empty() => mac.chain_update(body).verify_slice(&given).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_precise_name_wins_and_github_names_do_not_count() {
        let both = headers(&[
            ("x-github-event", "pull_request_comment"),
            ("x-gitea-event", "issue_comment"),
            ("x-gitea-event-type", "pull_request_comment"),
            ("x-gitea-delivery", "d-1"),
        ]);
        assert_eq!(delivery_head(&both).map(|head| (head.delivery_id, head.event)), Some(("d-1".into(), "pull_request_comment".into())));
        let family = headers(&[("x-gitea-event", "push"), ("x-gitea-delivery", "d-2")]);
        assert_eq!(delivery_head(&family).map(|head| head.event), Some("push".into()));
        let forgejo =
            headers(&[("x-forgejo-event", "action_run_failure"), ("x-gitea-event", "action_run_failure"), ("x-forgejo-delivery", "d-3")]);
        assert_eq!(delivery_head(&forgejo).map(|head| head.delivery_id), Some("d-3".into()));
        assert_eq!(delivery_head(&headers(&[("x-github-event", "push"), ("x-github-delivery", "d-4")])), None);
        assert_eq!(
            delivery_head(&headers(&[("x-gitea-event", "push"), ("x-gitea-delivery", "")])),
            None,
            "without an id it cannot be told from a repetition"
        );
    }

    #[test]
    fn signatures_follow_the_published_vectors() {
        let key = SecretString::from("It's a Secret to Everybody".to_owned());
        let good = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let other = "3ef76f8f67c2839504b3534592c6f42cabaa13dca21ed349ad19be2f2124b158";
        assert!(verify(&key, &headers(&[("x-gitea-signature", good)]), b"Hello, World!"));
        assert!(verify(&key, &headers(&[("x-forgejo-signature", good)]), b"Hello, World!"));
        assert!(verify(&key, &headers(&[("x-hub-signature-256", &format!("sha256={good}"))]), b"Hello, World!"));
        assert!(verify(&SecretString::from("s3cret".to_owned()), &headers(&[("x-gitea-signature", other)]), br#"{"action":"opened"}"#));
        for (name, value) in [
            ("x-gitea-signature", ""),
            ("x-gitea-signature", other),
            ("x-gitea-signature", &good[..62]),
            ("x-hub-signature-256", good),
            ("x-hub-signature-256", "sha256="),
        ] {
            assert!(!verify(&key, &headers(&[(name, value)]), b"Hello, World!"), "{name}: {value}");
        }
        assert!(!verify(&key, &headers(&[]), b"Hello, World!"));
        assert!(!verify(&key, &headers(&[("x-gitea-signature", good)]), b"Hello, World?"));
        let twin = format!("sha256={good}");
        assert!(
            !verify(&key, &headers(&[("x-gitea-signature", ""), ("x-hub-signature-256", &twin)]), b"Hello, World!"),
            "an empty own signature is no signature"
        );
    }

    #[test]
    fn an_empty_secret_never_passes() {
        let signed_with_nothing = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        assert!(!verify(&SecretString::from(String::new()), &headers(&[("x-gitea-signature", signed_with_nothing)]), b""));
    }
}
