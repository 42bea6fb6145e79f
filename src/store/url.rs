//! Where the database is.

use std::path::PathBuf;
use std::str::FromStr;

use crate::base::secret::{ExposeSecret, SecretString};

/// Which database to open.
#[derive(Clone, Debug)]
pub enum StoreUrl {
    /// The embedded engine: one file, one serving process.
    Sqlite(PathBuf),
    /// A PostgreSQL server (15 or newer), for any number of instances.
    Postgres {
        /// URL with which instances connect. They switch to the role `syndarix_app` at once.
        app: SecretString,
        /// URL of the role that owns the tables and migrates; `app` when it is the same.
        owner: Option<SecretString>,
    },
}

impl StoreUrl {
    /// The same PostgreSQL database, migrated with this owner URL. The embedded engine has no owner and stays as it is.
    pub fn with_owner(self, url: SecretString) -> StoreUrl {
        match self {
            StoreUrl::Postgres { app, .. } => StoreUrl::Postgres { app, owner: Some(url) },
            embedded => embedded,
        }
    }

    pub(super) fn owner_url(app: &SecretString, owner: Option<&SecretString>) -> String {
        owner.unwrap_or(app).expose_secret().to_owned()
    }
}

/// The text does not name a database.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` does not name a database: write `sqlite:PATH` for the embedded one or `postgres://USER:PASSWORD@HOST/NAME`")]
pub struct BadStoreUrl(String);

impl FromStr for StoreUrl {
    type Err = BadStoreUrl;

    /// Reads `sqlite:PATH` (also `sqlite://PATH`) or a `postgres://` / `postgresql://` URL.
    fn from_str(text: &str) -> Result<StoreUrl, BadStoreUrl> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(StoreUrl::Postgres { app: SecretString::from(text.to_owned()), owner: None });
        }
        let path = text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            Some(path) if !path.is_empty() && !path.starts_with(':') && !path.contains('\0') => Ok(StoreUrl::Sqlite(PathBuf::from(path))),
            // Whatever else it is, it may be a URL with a password in it: only its scheme is repeated.
            _ => Err(BadStoreUrl(text.split_once(':').map_or_else(|| text.to_owned(), |(scheme, _)| format!("{scheme}:...")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_name_a_database() {
        for (text, path) in [("sqlite:data/a.db", "data/a.db"), ("sqlite://data/a.db", "data/a.db"), ("sqlite:///srv/a.db", "/srv/a.db")] {
            assert!(matches!(text.parse(), Ok(StoreUrl::Sqlite(found)) if found.as_path() == std::path::Path::new(path)), "{text}");
        }
        assert!(matches!("postgresql://u:p@h/d".parse(), Ok(StoreUrl::Postgres { owner: None, .. })));
    }

    #[test]
    fn other_texts_are_refused_without_showing_a_password() {
        for text in ["", "sqlite:", "sqlite::memory:", "mysql://root:hunter2@h/d", "data.db"] {
            let error = text.parse::<StoreUrl>().expect_err(text).to_string();
            assert!(error.contains("sqlite:PATH") && !error.contains("hunter2"), "{error}");
        }
    }
}
