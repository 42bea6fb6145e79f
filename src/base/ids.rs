//! Identifiers: one type per thing, each readable by its prefix (`prj_…`, `sub_…`), so that two kinds cannot be confused in code or in a log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The text is not an identifier of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an id that starts with `{prefix}_`")]
pub struct BadId {
    text: String,
    prefix: &'static str,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What every printed id of this kind starts with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id; ids made later sort later.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// A new id that nobody can guess; for secrets, not for keys.
            #[expect(clippy::disallowed_methods, reason = "secrets must not be guessable from the time")]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The id that belongs to a name: the same name always gives the same id, so that a repeated decision names the same thing.
            pub fn named(name: &str) -> Self {
                Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}:{name}", $prefix).as_bytes()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| BadId { text: text.to_owned(), prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

id_type!(
    /// A project: one repository on one forge. The unit of isolation.
    ProjectId, "prj");
id_type!(
    /// A subject of work: a story, a sprint, or a pull request that belongs to neither. Also its lane: everything about one subject happens in order.
    SubjectId, "sub");
id_type!(
    /// One run of one agent.
    RunId, "run");
id_type!(
    /// One thing to do to the outside world.
    EffectId, "eff");
id_type!(
    /// One delivery in the inbox.
    DeliveryId, "del");
id_type!(
    /// One named agent instance.
    AgentId, "agt");
id_type!(
    /// One intent: something somebody wants of a subject.
    IntentId, "int");
id_type!(
    /// One journal entry.
    EntryId, "ent");
id_type!(
    /// One service token.
    TokenId, "tok");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_readable_and_not_confusable() {
        let id = ProjectId::named("acme/shop");
        assert_eq!(id, ProjectId::named("acme/shop"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().parse::<RunId>().is_err());
        assert_ne!(SubjectId::named("x").0, RunId::named("x").0);
    }
}
