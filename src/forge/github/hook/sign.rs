//! The headers of a delivery: which event it is, under which id it came, and whether it is genuine.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::secret::{ExposeSecret, SecretString};
use crate::forge::{DeliveryHead, Headers};

/// Other forges send every header under its GitHub name as well.
const OTHERS: [&str; 3] = ["x-gitea-", "x-forgejo-", "x-gogs-"];

/// Reads event and id. The id is that of the event: the same when it is sent once more.
pub fn delivery_head(headers: &Headers) -> Option<DeliveryHead> {
    if headers.keys().any(|name| OTHERS.iter().any(|other| name.starts_with(other))) {
        return None;
    }
    let event = headers.get("x-github-event")?.clone();
    let delivery_id = headers.get("x-github-delivery").filter(|id| !id.is_empty())?.clone();
    Some(DeliveryHead { delivery_id, event })
}

/// HMAC-SHA256 over the raw body, compared in constant time. The older header with SHA-1 counts for nothing.
pub fn verify(secret: &SecretString, headers: &Headers, body: &[u8]) -> bool {
    let given = headers.get("x-hub-signature-256").and_then(|value| value.trim().strip_prefix("sha256="));
    let Some(given) = given.and_then(|hex| hex::decode(hex).ok()).filter(|bytes| bytes.len() == 32) else {
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
    fn only_github_itself_speaks_with_its_names() {
        let own = [("x-github-event", "push"), ("x-github-delivery", "d-1")];
        assert_eq!(delivery_head(&headers(&own)), Some(DeliveryHead { delivery_id: "d-1".into(), event: "push".into() }));
        for other in ["x-gitea-event", "x-forgejo-event-type", "x-gogs-event"] {
            assert_eq!(delivery_head(&headers(&[own[0], own[1], (other, "push")])), None, "{other}");
        }
        assert_eq!(delivery_head(&headers(&[own[0], ("x-github-delivery", "")])), None, "it cannot be told from a repetition");
    }

    #[test]
    fn signatures_follow_the_published_vector() {
        let key = SecretString::from("It's a Secret to Everybody".to_owned());
        let good = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let signed = |value: &str| headers(&[("x-hub-signature-256", value)]);
        assert!(verify(&key, &signed(&format!("sha256={good}")), b"Hello, World!"));
        for bad in [good, "sha256=", "", &format!("sha256={}", &good[..62]), &format!("sha1={good}")] {
            assert!(!verify(&key, &signed(bad), b"Hello, World!"), "{bad}");
        }
        assert!(!verify(&key, &signed(&format!("sha256={good}")), b"Hello, World?"));
        assert!(!verify(&key, &headers(&[("x-hub-signature", &format!("sha256={good}"))]), b"Hello, World!"));
        let signed_with_nothing = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        assert!(!verify(&SecretString::from(String::new()), &signed(&format!("sha256={signed_with_nothing}")), b""));
    }
}
