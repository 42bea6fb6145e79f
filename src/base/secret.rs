//! Secrets: values that never print, and a mask for texts that might hold one.

pub use secrecy::{ExposeSecret, SecretString};

/// What a masked secret looks like.
pub const MASK: &str = "[redacted]";

/// The secrets this process holds, kept so that any text that leaves it can be masked first.
#[derive(Clone, Default)]
pub struct Redactor {
    known: std::sync::Arc<Vec<SecretString>>,
}

impl Redactor {
    /// A redactor for these secrets. Those shorter than six characters are left out: masking them would garble ordinary words.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Redactor {
        let known = secrets.into_iter().filter(|secret| secret.expose_secret().len() >= 6).collect();
        Redactor { known: std::sync::Arc::new(known) }
    }

    /// The text with every known secret masked.
    pub fn mask(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), MASK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_masked_and_never_debug_printed() {
        let secret = SecretString::from("s3cret-token".to_owned());
        assert!(!format!("{secret:?}").contains("s3cret"));
        let redactor = Redactor::new([secret, SecretString::from("a".to_owned())]);
        assert_eq!(redactor.mask("Authorization: token s3cret-token, a"), "Authorization: token [redacted], a");
    }
}
