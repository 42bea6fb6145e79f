//! Why something was not done, in neutral words; each skin has its own status codes for these.

use super::persist::StoreError;

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nobody is signed in, or the token is unknown.
    SignIn,
    /// It does not exist, or the caller may not know that it does.
    Missing,
    /// The caller lacks the permission.
    Denied,
    /// The request makes no sense as it stands.
    Invalid,
    /// It contradicts what is there.
    Conflict,
    /// A rule of the repository forbids it now.
    Refused,
    /// A precondition on other objects is not met.
    Unready,
    /// The forge itself failed.
    Broken,
}

/// A refusal with its sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Problem {
    pub kind: Kind,
    pub text: String,
}

macro_rules! makers {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {
        impl Problem { $($(#[$doc])* pub fn $name(text: impl Into<String>) -> Problem { Problem { kind: Kind::$kind, text: text.into() } })* }
    };
}

makers! {
    /// See [`Kind::SignIn`].
    sign_in => SignIn,
    /// See [`Kind::Missing`].
    missing => Missing,
    /// See [`Kind::Denied`].
    denied => Denied,
    /// See [`Kind::Invalid`].
    invalid => Invalid,
    /// See [`Kind::Conflict`].
    conflict => Conflict,
    /// See [`Kind::Refused`].
    refused => Refused,
    /// See [`Kind::Unready`].
    unready => Unready,
    /// See [`Kind::Broken`].
    broken => Broken,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        Problem::broken(error.to_string())
    }
}
