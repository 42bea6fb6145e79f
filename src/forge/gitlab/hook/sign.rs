//! The headers of a delivery: which event it is, under which id it came, and whether it is genuine.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::Time;
use crate::base::secret::{ExposeSecret, SecretString};
use crate::base::text::sha256_hex;
use crate::forge::{DeliveryHead, Headers};

/// A signed delivery that is older or newer than this is refused, in seconds.
const MAX_SKEW: i64 = 300;
/// How a signing token begins; the rest is the key in Base64.
const SIGNING: &str = "whsec_";

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
}

/// Reads event and id; `Idempotency-Key` (17.4 and later) stays the same when GitLab sends a delivery once more.
pub fn delivery_head(headers: &Headers) -> Option<DeliveryHead> {
    let event = header(headers, "x-gitlab-event")?.to_owned();
    let id = ["idempotency-key", "webhook-id", "x-gitlab-event-uuid"].into_iter().find_map(|name| header(headers, name))?;
    Some(DeliveryHead { delivery_id: id.to_owned(), event })
}

/// The same with the body: chains of deliveries share the UUID of older servers, so what is said is part of the id there.
pub fn delivery(headers: &Headers, body: &[u8]) -> Option<DeliveryHead> {
    let event = header(headers, "x-gitlab-event")?.to_owned();
    let steady = ["idempotency-key", "webhook-id"].into_iter().find_map(|name| header(headers, name));
    let delivery_id = match steady {
        Some(id) => id.to_owned(),
        None => format!("{}-{}", header(headers, "x-gitlab-event-uuid").unwrap_or("gitlab"), &sha256_hex(body)[..16]),
    };
    Some(DeliveryHead { delivery_id, event })
}

/// A delivery with a signature has to pass it, whatever else it carries; one without shows the secret itself.
pub fn verify(secret: &SecretString, headers: &Headers, body: &[u8], now: Time) -> bool {
    let secret = secret.expose_secret();
    if secret.is_empty() {
        return false;
    }
    match headers.get("webhook-signature") {
        Some(signature) => signed(secret, headers, signature, body, now).unwrap_or(false),
        None => header(headers, "x-gitlab-token").is_some_and(|given| same(secret, given)),
    }
}

fn signed(secret: &str, headers: &Headers, signature: &str, body: &[u8], now: Time) -> Option<bool> {
    let key = STANDARD.decode(secret.strip_prefix(SIGNING)?).ok().filter(|key| !key.is_empty())?;
    let (id, stamp) = (header(headers, "webhook-id")?, header(headers, "webhook-timestamp")?);
    let sent: i64 = stamp.parse().ok()?;
    if now.seconds().abs_diff(sent) > MAX_SKEW.unsigned_abs() {
        return Some(false);
    }
    let mac = Hmac::<Sha256>::new_from_slice(&key).ok()?.chain_update(format!("{id}.{stamp}.")).chain_update(body);
    let given = signature.split_whitespace().filter_map(|entry| STANDARD.decode(entry.strip_prefix("v1,")?).ok());
    // Several while a key is being changed. All are looked at, so that the time says nothing.
    Some(given.fold(false, |good, given| mac.clone().verify_slice(&given).is_ok() | good))
}

/// Compares by a keyed digest, so that the time tells nothing about where they differ.
fn same(secret: &str, given: &str) -> bool {
    let digest = |text: &str| Hmac::<Sha256>::new_from_slice(b"compare").ok().map(|mac| mac.chain_update(text));
    match (digest(secret), digest(given)) {
        (Some(wanted), Some(given)) => wanted.verify(&given.finalize().into_bytes()).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const ID: &str = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f";
    const BODY: &[u8] = br#"{"object_kind":"note"}"#;
    const GOOD: &str = "v1,viSTWvjvHS5qbD1ghCF2x2lbvdL+I+RMAlqLgI5gGVA=";

    fn at(signature: &str, seconds: i64, more: &[(&str, &str)]) -> bool {
        let mut all = headers(&[("webhook-id", ID), ("webhook-timestamp", "1767225600"), ("webhook-signature", signature)]);
        all.extend(headers(more));
        verify(&SecretString::from(KEY.to_owned()), &all, BODY, Time(seconds * 1_000_000))
    }

    #[test]
    fn signatures_follow_the_standard_of_signed_web_hooks() {
        assert!(at(GOOD, 1_767_225_600, &[]));
        assert!(at(&format!("v1,AAAA v2,xx {GOOD}"), 1_767_225_900, &[]), "one of several, at the edge of the time");
        assert!(!at(GOOD, 1_767_225_901, &[]) && !at(GOOD, 1_767_225_299, &[]), "too old, too new");
        assert!(!at("v1,AAAA", 1_767_225_600, &[("x-gitlab-token", KEY)]), "a bad signature never falls back to the token");
        assert!(!at("", 1_767_225_600, &[("x-gitlab-token", KEY)]), "an empty one neither");
        let plain = SecretString::from("plain".to_owned());
        let both =
            headers(&[("webhook-id", ID), ("webhook-timestamp", "1767225600"), ("webhook-signature", GOOD), ("x-gitlab-token", "plain")]);
        assert!(!verify(&plain, &both, BODY, Time(1_767_225_600_000_000)), "a secret that is no signing token signs nothing");
    }

    #[test]
    fn without_a_signature_the_token_has_to_be_the_secret() {
        let check = |secret: &str, given: &str| {
            verify(&SecretString::from(secret.to_owned()), &headers(&[("x-gitlab-token", given)]), BODY, Time(0))
        };
        assert!(check("s3cret", "s3cret"));
        for (secret, given) in [("s3cret", "s3cre"), ("s3cret", "S3cret"), ("s3cret", ""), ("", "")] {
            assert!(!check(secret, given), "{secret} {given}");
        }
        assert!(!verify(&SecretString::from("s".to_owned()), &Headers::new(), BODY, Time(0)));
    }

    #[test]
    fn the_steadiest_id_is_taken() {
        let old = headers(&[("x-gitlab-event", "Note Hook"), ("x-gitlab-event-uuid", "u-1")]);
        let (one, other) = (delivery(&old, b"a").unwrap(), delivery(&old, b"b").unwrap());
        assert!(one.delivery_id.starts_with("u-1-") && one.delivery_id != other.delivery_id, "a chain shares its UUID");
        let new = headers(&[("x-gitlab-event", "Note Hook"), ("x-gitlab-event-uuid", "u-1"), ("idempotency-key", "k-1")]);
        assert_eq!(delivery(&new, b"a").unwrap().delivery_id, "k-1");
        assert_eq!(delivery_head(&new).map(|head| head.event), Some("Note Hook".into()));
        assert_eq!(delivery(&headers(&[("x-github-event", "push")]), b""), None);
    }
}
