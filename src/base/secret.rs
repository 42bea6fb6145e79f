//! Secrets: values that never print, and a mask for texts that might hold one.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::Regex;
pub use secrecy::{ExposeSecret, SecretString};

/// What a masked secret looks like.
pub const MASK: &str = "[redacted]";
/// What each service token begins with, so that scanners for secrets, and the masks here, find one that nobody has told them of.
pub const TOKEN_PREFIX: &str = "sdx_";

/// The secrets this process holds, kept so that any text that leaves it can be masked first.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<Vec<SecretString>>,
    /// The same as they look inside JSON, addresses and Basic authorization.
    disguised: Arc<Vec<SecretString>>,
}

impl Redactor {
    /// A redactor for these secrets. Those shorter than six characters are left out: masking them would garble ordinary words.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Redactor {
        let known: Vec<SecretString> = secrets.into_iter().filter(|secret| secret.expose_secret().len() >= 6).collect();
        let disguised = known.iter().flat_map(|secret| disguises(secret.expose_secret())).collect();
        Redactor { known: Arc::new(known), disguised: Arc::new(disguised) }
    }

    /// The text with every known secret masked, and every service token, whoever's it is.
    pub fn mask(&self, text: &str) -> String {
        let text = masked(text.to_owned(), &self.known);
        match text.contains(TOKEN_PREFIX) {
            true => SERVICE_TOKEN.replace_all(&text, MASK).into_owned(),
            false => text,
        }
    }

    /// A line of a log: known secrets are masked in their disguises as well, and so is what looks like a secret that nobody has told of,
    /// a login in an address or the value of an authorization header.
    pub fn mask_line(&self, text: &str) -> String {
        let text = masked(self.mask(text), &self.disguised);
        let text = LOOKS_SECRET.replace_all(&text, |found: &regex::Captures<'_>| {
            let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
            format!("{}{}{MASK}{}", part(1), part(3), part(2))
        });
        text.into_owned()
    }
}

#[expect(clippy::expect_used, reason = "the pattern is fixed and tested")]
static LOOKS_SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(://)[^/\s@:"']+:[^/\s@"']+(@)|(authorization["']?\s*[:=]\s*["']?(?:basic|bearer|token)\s+)[^\s"']+"#)
        .expect("a pattern")
});

/// A cut one still gives most of the secret away.
#[expect(clippy::expect_used, reason = "the pattern is fixed and tested")]
static SERVICE_TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(&format!("{TOKEN_PREFIX}[0-9a-f]{{33,}}")).expect("a pattern"));

fn masked(text: String, secrets: &[SecretString]) -> String {
    secrets.iter().fold(text, |text, secret| text.replace(secret.expose_secret(), MASK))
}

/// How a secret looks where it is escaped or encoded, as far as that differs from the secret itself.
fn disguises(secret: &str) -> Vec<SecretString> {
    let json = serde_json::to_string(secret).unwrap_or_default().trim_matches('"').to_owned();
    let percent: String =
        secret
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            })
            .collect();
    let mut all = vec![json, percent];
    // What stands before it decides how its bits fall; the first and last characters hold foreign bits as well.
    for before in 0..3_usize {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        let text = STANDARD_NO_PAD.encode(&bytes);
        let (begin, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        all.extend(text.get(begin..end).map(str::to_owned));
    }
    all.retain(|text| text != secret && text.len() >= 6);
    all.into_iter().map(SecretString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn known_secrets_are_masked_and_never_debug_printed() {
        let secret = SecretString::from("s3cret-token".to_owned());
        assert!(!format!("{secret:?}").contains("s3cret"));
        let redactor = Redactor::new([secret, SecretString::from("a".to_owned())]);
        assert_eq!(redactor.mask("Authorization: token s3cret-token, a"), "Authorization: token [redacted], a");
    }

    #[test]
    fn lines_of_the_log_hold_no_secret_in_any_disguise() {
        let secret = "pa\"ss/w ord+1";
        let redactor = Redactor::new([SecretString::from(secret.to_owned())]);
        let json = serde_json::json!({ "token": secret }).to_string();
        for text in [secret.to_owned(), json, "x=pa%22ss%2Fw%20ord%2B1&y".to_owned()] {
            assert!(redactor.mask_line(&text).contains(MASK) && !redactor.mask_line(&text).contains("ord"), "{text}");
        }
        for login in ["", "a:", "bo:", "bot:", "syndarix:"] {
            let text = format!("header {}", STANDARD.encode(format!("{login}{secret}")));
            let shown = redactor.mask_line(&text);
            assert!(shown.contains(MASK), "{login}: {shown}");
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_masked_although_nobody_told_of_it() {
        let redactor = Redactor::default();
        let rows = [
            ("fetch https://bot:hunter22@git.example.org/a", "fetch https://[redacted]@git.example.org/a"),
            ("authorization: Bearer abc.def", "authorization: Bearer [redacted]"),
            ("{\"Authorization\":\"token 123\"}", "{\"Authorization\":\"token [redacted]\"}"),
            ("listening on http://127.0.0.1:8620", "listening on http://127.0.0.1:8620"),
            ("the token expired, basic facts", "the token expired, basic facts"),
            ("ssh://git@host:22/x", "ssh://git@host:22/x"),
        ];
        for (text, want) in rows {
            assert_eq!(redactor.mask_line(text), want);
        }
    }
}
