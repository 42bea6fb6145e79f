//! Service tokens: what a program shows instead of a person's name. Whoever holds one may do what its scopes say, in the projects it is
//! bound to. The secret is shown once; what is kept tells only whether a shown one is the same.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::ids::TokenId;
use crate::base::secret::{ExposeSecret, SecretString, TOKEN_PREFIX};
use crate::base::text::sha256_hex;

/// Digits of the id, of the secret (192 bits) and of the check sum, in a token after its prefix.
const PARTS: [usize; 3] = [32, 48, 8];
/// Separates these digests from any others of the same bytes.
const PURPOSE: &[u8] = b"syndarix service token v1";
/// Longest name of a token in bytes.
const MAX_NAME: usize = 64;

/// What a token may be used for. Each is asked for somewhere; none includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read `/metrics`.
    Metrics,
    /// See the projects, their stories and their numbers.
    ReadProjects,
    /// See what is under way and what waits and why.
    ReadJobs,
    /// Have a job tried again now.
    RetryJobs,
    /// See what the forges sent, the bodies included.
    ReadDeliveries,
    /// Have a delivery read again.
    ReplayDeliveries,
    /// See how far the record is sealed and pushed.
    ReadAudit,
}

impl Scope {
    /// Every scope with its word and what it lets a program do.
    pub const ALL: &'static [(Scope, &'static str, &'static str)] = &[
        (Scope::Metrics, "metrics", "read /metrics; for tokens of all projects only"),
        (Scope::ReadProjects, "projects:read", "see the projects, their stories and their numbers"),
        (Scope::ReadJobs, "jobs:read", "see what is under way and what waits and why"),
        (Scope::RetryJobs, "jobs:retry", "have a job tried again now"),
        (Scope::ReadDeliveries, "deliveries:read", "see what the forges sent, the bodies included"),
        (Scope::ReplayDeliveries, "deliveries:replay", "have a delivery read again"),
        (Scope::ReadAudit, "audit:read", "see how far the record is sealed and pushed"),
    ];

    /// The word for it on the command line and in the database.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(scope, ..)| *scope == self).map_or("", |(_, word, _)| word)
    }

    /// Whether it makes sense for a token that is bound to some projects: the numbers of `/metrics` are those of all.
    pub fn fits_projects(self) -> bool {
        self != Scope::Metrics
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        let known = || Self::ALL.iter().map(|(_, word, _)| *word).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|(_, word, _)| *word == text);
        found.map(|(scope, ..)| *scope).ok_or_else(|| format!("`{text}` is not one of: {}", known()))
    }
}

/// A token as it is shown once and carried in requests. It never prints.
#[derive(Clone, Debug)]
pub struct Token {
    /// Which one it is; no secret.
    pub id: TokenId,
    text: SecretString,
}

/// The text is no token: cut off, mistyped, or of another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no token of Syndarix: one begins with {TOKEN_PREFIX}, and its last digits are a check sum that must fit")]
pub struct NotAToken;

impl Token {
    /// A new token, made of random numbers of the operating system.
    pub fn mint() -> Token {
        let (id, seed) = (TokenId::random(), [TokenId::random(), TokenId::random()]);
        // Two random ids carry 244 random bits, of which the digest keeps 192.
        let secret = &sha256_hex(format!("{}{}", seed[0].0.simple(), seed[1].0.simple()))[..PARTS[1]];
        let body = format!("{TOKEN_PREFIX}{}{secret}", id.0.simple());
        Token { id, text: SecretString::from(format!("{body}{}", check_sum(&body))) }
    }

    /// Reads a token; whether it was ever issued is another question.
    pub fn parse(text: &str) -> Result<Token, NotAToken> {
        let digits = text.strip_prefix(TOKEN_PREFIX).ok_or(NotAToken)?;
        let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !plain || digits.len() != PARTS.iter().sum::<usize>() {
            return Err(NotAToken);
        }
        let (body, sum) = text.split_at(text.len() - PARTS[2]);
        if check_sum(body) != sum {
            return Err(NotAToken);
        }
        let id = format!("{}_{}", TokenId::PREFIX, &digits[..PARTS[0]]).parse().map_err(|_| NotAToken)?;
        Ok(Token { id, text: SecretString::from(text.to_owned()) })
    }

    /// The token itself, to be shown once to whoever asked for it.
    pub fn text(&self) -> &str {
        self.text.expose_secret()
    }

    /// What is kept of it.
    pub fn digest(&self) -> String {
        self.mac().map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default()
    }

    /// Whether this is the token that a digest was made of. Takes the same time whatever differs.
    pub fn fits(&self, digest: &str) -> bool {
        let Ok(kept) = hex::decode(digest) else { return false };
        kept.len() == 32 && self.mac().is_some_and(|mac| mac.verify_slice(&kept).is_ok())
    }

    fn mac(&self) -> Option<Hmac<Sha256>> {
        Some(Hmac::<Sha256>::new_from_slice(PURPOSE).ok()?.chain_update(self.text.expose_secret()))
    }
}

/// The first digits of the body's SHA-256: mistyped and invented tokens are known without asking anybody.
fn check_sum(body: &str) -> String {
    sha256_hex(body)[..PARTS[2]].to_owned()
}

/// The name if it can be one: letters, digits, `.`, `-` and `_`, and not the form of an id.
pub fn token_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty() || text.len() > MAX_NAME || !text.chars().all(fits) {
        return Err(format!("a name has 1 to {MAX_NAME} letters, digits, dots, dashes and underscores"));
    }
    match text.starts_with("tok_") || text.starts_with(TOKEN_PREFIX) {
        true => Err("a name must not look like the id of a token, or like a token".to_owned()),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Redactor;

    #[test]
    fn a_token_is_read_again_and_fits_its_own_digest_alone() {
        let (one, other) = (Token::mint(), Token::mint());
        let read = Token::parse(one.text()).unwrap();
        assert_eq!(read.id, one.id);
        assert!(read.fits(&one.digest()) && !other.fits(&one.digest()));
        assert_ne!(one.text(), other.text());
        for nothing in ["", "00", &one.digest()[..62], "no hex at all"] {
            assert!(!one.fits(nothing), "{nothing}");
        }
        assert!(!one.digest().contains(&one.text()[36..84]), "what is kept does not hold the secret");
    }

    #[test]
    fn a_changed_digit_is_noticed_wherever_it_stands() {
        let token = Token::mint().text().to_owned();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
            assert!(Token::parse(std::str::from_utf8(&changed).unwrap()).is_err(), "{at}");
        }
        for text in ["", "sdx_", &token[..token.len() - 1], &format!("{token}0"), &token.to_uppercase(), &format!(" {token}")] {
            assert!(Token::parse(text).is_err());
        }
    }

    #[test]
    fn a_token_is_masked_by_those_who_never_saw_it() {
        let token = Token::mint();
        let (text, masker) = (token.text(), Redactor::default());
        for line in [format!("a {text} b"), format!("{{\"token\":\"{text}\"}}"), format!("cut off {}", &text[..50])] {
            let shown = masker.mask(&line);
            assert!(!shown.contains(&text[..40]) && shown.contains("[redacted]"), "{shown}");
            assert!(!masker.mask_line(&line).contains(&text[..40]));
        }
        assert!(!format!("{token:?}").contains(&text[36..]));
        assert_eq!(masker.mask(&format!("{}", token.id)), token.id.to_string(), "the id is no secret");
    }

    #[test]
    fn scopes_and_names_are_what_they_say() {
        for (scope, word, meaning) in Scope::ALL {
            assert_eq!((word.parse(), scope.word()), (Ok(*scope), *word));
            assert!(meaning.len() > 10);
        }
        assert!("jobs".parse::<Scope>().unwrap_err().contains("jobs:read, jobs:retry"));
        for (name, ok) in
            [("ci", true), ("grafana-1.eu_w", true), ("", false), ("a b", false), ("tok_1", false), ("sdx_x", false), ("ü", false)]
        {
            assert_eq!(token_name(name).is_ok(), ok, "{name}");
        }
        assert!(token_name(&"a".repeat(65)).is_err());
    }
}
