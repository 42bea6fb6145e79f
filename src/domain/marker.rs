//! The hidden line by which the bot knows its own comments again: after a crash it looks for the marker before it posts a second time, and it never parses what carries one.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const OPEN: &str = "<!-- syndarix:v1 ";
const CLOSE: &str = " -->";
/// Bytes of the HMAC that are kept: 16 hex digits.
const MAC_BYTES: usize = 8;

/// A marker as found in a text. Anybody can write one: only [`Marker::is_genuine`] says who did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// What kind of comment it stands in, such as `status`.
    pub kind: String,
    /// The object it belongs to, such as an effect's id.
    pub object: String,
    mac: String,
}

/// The marker line for a comment of this kind about this object, signed with `key`. Characters that could end an HTML comment or split the line are percent-encoded.
pub fn build(key: &[u8], kind: &str, object: &str) -> String {
    format!("{OPEN}{} {} {}{CLOSE}", encode(kind), encode(object), hex::encode(&mac(key, kind, object)[..MAC_BYTES]))
}

/// Every well-formed marker in the text, in order. Markers inside code or quotes are found as well; who wrote the text is for the caller to check.
pub fn find_all(body: &str) -> impl Iterator<Item = Marker> + '_ {
    body.split(OPEN).skip(1).filter_map(|after| read(after.split_once(CLOSE)?.0))
}

/// The last marker in the text: the bot puts its own at the end.
pub fn find(body: &str) -> Option<Marker> {
    find_all(body).last()
}

/// True when the text holds a marker that was made with `key`.
pub fn is_ours(key: &[u8], body: &str) -> bool {
    find_all(body).any(|marker| marker.is_genuine(key))
}

impl Marker {
    /// True when it was made with `key`; compared in constant time.
    pub fn is_genuine(&self, key: &[u8]) -> bool {
        hex::decode(&self.mac)
            .is_ok_and(|given| given.len() == MAC_BYTES && hasher(key, &self.kind, &self.object).verify_truncated_left(&given).is_ok())
    }
}

fn read(inner: &str) -> Option<Marker> {
    let mut words = inner.split(' ');
    let (kind, object, mac) = (words.next()?, words.next()?, words.next()?);
    let well_formed = words.next().is_none() && mac.len() == 2 * MAC_BYTES;
    well_formed.then_some(())?;
    Some(Marker { kind: decode(kind)?, object: decode(object)?, mac: mac.to_owned() })
}

fn hasher(key: &[u8], kind: &str, object: &str) -> Hmac<Sha256> {
    // HMAC takes a key of any length, so making one cannot fail; an empty key stands in to keep the types honest.
    let mut hasher = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    for part in [kind, object] {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher
}

fn mac(key: &[u8], kind: &str, object: &str) -> Vec<u8> {
    hasher(key, kind, object).finalize().into_bytes().to_vec()
}

fn encode(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes() {
        // A single dash is fine; two could end the HTML comment.
        let safe = byte.is_ascii_alphanumeric() || b"_.:/#".contains(&byte) || (byte == b'-' && !out.ends_with('-'));
        if safe { out.push(char::from(byte)) } else { out.push_str(&format!("%{byte:02x}")) }
    }
    out
}

fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(tail.get(..2)?).ok()?, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_marker_is_known_again_and_cannot_be_made_up() {
        let line = build(b"key", "status", "sub_0123");
        assert!(line.starts_with("<!-- syndarix:v1 status sub_0123 ") && line.ends_with(" -->"), "{line}");
        let body = format!("Working on it.\n\n{line}");
        let marker = find(&body).expect("marker");
        assert_eq!((marker.kind.as_str(), marker.object.as_str()), ("status", "sub_0123"));
        assert!(marker.is_genuine(b"key"));
        assert!(!marker.is_genuine(b"other"));
        assert!(!is_ours(b"key", &body.replace("sub_0123", "sub_0124")));
        assert!(!is_ours(b"key", &body.replace("status", "reply")));
    }

    #[test]
    fn malformed_markers_are_not_found() {
        for body in [
            "",
            "<!-- syndarix:v1 -->",
            "<!-- syndarix:v1 a b -->",
            "<!-- syndarix:v1 a b c -->",
            "<!-- syndarix:v1 a b 0123456789abcdef",
            "<!-- syndarix:v1 a b 0123456789abcdef x -->",
            "<!-- syndarix:v1 %zz b 0123456789abcdef -->",
        ] {
            assert_eq!(find(body), None, "{body}");
        }
        assert!(!find("<!-- syndarix:v1 a b 0123456789abcdeg -->").expect("shape").is_genuine(b"key"));
    }

    #[test]
    fn the_last_of_several_counts() {
        let body = format!("{}\n{}", build(b"k", "a", "1"), build(b"k", "b", "2"));
        assert_eq!(find(&body).map(|marker| marker.kind), Some("b".to_owned()));
    }

    proptest! {
        #[test]
        fn any_object_survives_and_stays_one_comment(kind in "\\PC{1,12}", object in "(\\PC|[\n -]){0,40}") {
            let line = build(b"k", &kind, &object);
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(line.matches("--").count(), 2);
            let marker = find(&line);
            prop_assert_eq!(marker.as_ref().map(|m| (m.kind.clone(), m.object.clone())), Some((kind, object)));
            prop_assert!(marker.is_some_and(|m| m.is_genuine(b"k")));
        }
    }
}
