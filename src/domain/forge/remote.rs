//! How Git gets at a repository.

use std::sync::{Arc, PoisonError, RwLock};

use crate::base::secret::SecretString;

/// Where Git finds a repository, and the header that lets it in. The secret goes into the environment of the Git process only.
#[derive(Clone, Debug)]
pub struct GitRemote {
    pub url: String,
    /// Full header line, such as `Authorization: Basic …`; `None` for a local path.
    pub header: Option<GitHeader>,
}

/// A header line with a credential: as it was given, or as it is when it is used, where a driver renews its tokens.
#[derive(Clone, Debug)]
pub enum GitHeader {
    Fixed(SecretString),
    /// `None` inside: no token was given to the driver yet.
    Renewed(Arc<RwLock<Option<SecretString>>>),
}

impl GitHeader {
    /// The line that holds now.
    pub fn now(&self) -> Option<SecretString> {
        match self {
            GitHeader::Fixed(line) => Some(line.clone()),
            GitHeader::Renewed(line) => line.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl From<SecretString> for GitHeader {
    fn from(line: SecretString) -> GitHeader {
        GitHeader::Fixed(line)
    }
}
