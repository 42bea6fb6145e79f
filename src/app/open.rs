//! What is outside, opened: the database, the forges.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::Options;
use crate::base::Clock;
use crate::base::secret::{ExposeSecret, SecretString};
use crate::config::{Config, ForgeSettings};
use crate::domain::forge::ForgeKind;
use crate::engine::Connection;
use crate::forge::Timeouts;
use crate::forge::gitea::{GiteaConfig, GiteaForge, GiteaHost};
use crate::forge::gitlab::{GitLabConfig, GitLabForge};
use crate::forge::{Forge, ForgeError, Host};
use crate::store::{Schema, ServingLock, Store, StoreError, StoreUrl};

pub(super) async fn lock(store: &Store, patience: Duration) -> Result<ServingLock> {
    let step = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    loop {
        match store.lock_for_serving() {
            Err(StoreError::Locked { .. }) if waited < patience => waited += step,
            other => return Ok(other?),
        }
        tokio::time::sleep(step).await;
    }
}

/// Opens the database of this configuration beside a process that may be serving it.
pub async fn open_store(config: &Config, clock: Clock) -> Result<Store> {
    let url = store_url(config, &config.settings.data_dir)?;
    if let StoreUrl::Sqlite(path) = &url
        && !path.exists()
    {
        bail!("there is no database at {}; name the settings file that `syndarix serve` uses with --config", path.display());
    }
    Ok(Store::open(&url, clock).await?)
}

/// How the database of this configuration stands to what this program knows; nothing is changed. An embedded one has to be there.
pub async fn look_at_store(config: &Config) -> Result<Schema> {
    Ok(Store::look_at(&store_url(config, &config.settings.data_dir)?).await?)
}

/// Where the embedded database of this configuration is; `None` when it uses PostgreSQL.
pub fn embedded_database(config: &Config) -> Result<Option<PathBuf>> {
    Ok(match store_url(config, &config.settings.data_dir)? {
        StoreUrl::Sqlite(path) => Some(path),
        StoreUrl::Postgres { .. } => None,
    })
}

pub(super) fn store_url(config: &Config, data: &Path) -> Result<StoreUrl> {
    Ok(match &config.settings.store_url {
        Some(url) => url.expose_secret().parse::<StoreUrl>()?,
        None => StoreUrl::Sqlite(data.join("syndarix.db")),
    })
}

/// The driver for a forge, which asks nothing yet.
pub fn open_forge(settings: &ForgeSettings, call: Duration, timeouts: Option<Timeouts>, clock: &Clock) -> Result<Arc<dyn Forge>> {
    let standard = Timeouts::default();
    let timeouts = timeouts.unwrap_or(Timeouts { total: call, connect: standard.connect.min(call), ..standard });
    match settings.kind {
        ForgeKind::Gitea | ForgeKind::Forgejo => open_gitea(settings, timeouts, clock),
        ForgeKind::GitHub => super::github::open(settings, timeouts, clock),
        ForgeKind::GitLab => open_gitlab(settings, timeouts, clock),
    }
}

fn open_gitea(settings: &ForgeSettings, timeouts: Timeouts, clock: &Clock) -> Result<Arc<dyn Forge>> {
    let config = GiteaConfig { base_url: settings.url.clone(), token: settings.token.clone(), timeouts, kind: settings.kind };
    let forge = GiteaForge::new(config).map_err(anyhow::Error::msg)?.with_clock(clock.clone());
    Ok(Arc::new(match &settings.public_url {
        Some(url) => forge.with_public_url(url),
        None => forge,
    }))
}

fn open_gitlab(settings: &ForgeSettings, timeouts: Timeouts, clock: &Clock) -> Result<Arc<dyn Forge>> {
    let config = GitLabConfig { base_url: settings.url.clone(), token: settings.token.clone(), timeouts, bearer: false };
    let forge = GitLabForge::new(config).map_err(anyhow::Error::msg)?.with_clock(clock.clone());
    Ok(Arc::new(match &settings.public_url {
        Some(url) => forge.with_public_url(url),
        None => forge,
    }))
}

/// A Gitea or Forgejo with the eyes of its administrator, who signs in by name and password. It asks nothing yet.
pub fn open_host(url: &str, login: &str, password: &SecretString) -> Result<Box<dyn Host>> {
    Ok(Box::new(GiteaHost::new(url, login, password, Timeouts::default()).map_err(anyhow::Error::msg)?))
}

/// The repository on this forge that an address of a Git repository names, as `owner/name`.
pub fn repo_on_forge(settings: &ForgeSettings, address: &str) -> Option<String> {
    let path = address.strip_prefix(&settings.url)?.strip_prefix('/')?;
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let parts = path.split('/').filter(|part| !part.is_empty()).count();
    // Only GitLab nests groups.
    let fits = if settings.kind == ForgeKind::GitLab { parts >= 2 } else { parts == 2 };
    (fits && path.matches('/').count() + 1 == parts).then(|| path.to_owned())
}

/// Connects to a forge. One that is still starting is given half a minute.
pub(super) async fn connection(settings: &ForgeSettings, call: Duration, options: &Options) -> Result<Connection> {
    let forge = open_forge(settings, call, options.timeouts, &options.clock)?;
    let mut tries = 0;
    let bot = loop {
        match forge.whoami().await {
            Ok(bot) => break bot,
            Err(error) if error.is_transient() && tries < 10 => {
                tries += 1;
                tracing::info!(forge = settings.id, "the forge does not answer yet: {error}");
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            Err(ForgeError::Unauthorized(text)) => bail!("the forge `{}` does not accept the bot's token: {text}", settings.id),
            Err(error) => bail!("the forge `{}` at {} cannot be used: {error}", settings.id, settings.url),
        }
    };
    Ok(Connection { id: settings.id.clone(), forge, bot, hook_secret: settings.hook_secret.clone() })
}

/// A secret made of this process's random numbers, for hooks that nobody else has to know.
pub fn fresh_secret() -> SecretString {
    let random = [crate::base::ids::EntryId::random(), crate::base::ids::EntryId::random()].map(|id| id.0.simple().to_string());
    SecretString::from(random.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_a_forge_name_a_repository() {
        let text =
            "[[forges]]\nid = \"home\"\nkind = \"gitea\"\nurl = \"https://git.example.org/gitea\"\ntoken = \"t\"\nhook_secret = \"s\"\n";
        let settings = crate::config::Settings::read(&crate::config::Env::default(), "s.toml", text).unwrap();
        let rows = [
            ("https://git.example.org/gitea/acme/audit.git", Some("acme/audit")),
            ("https://git.example.org/gitea/acme/audit", Some("acme/audit")),
            ("https://git.example.org/gitea/acme", None),
            ("https://git.example.org/gitea/acme/audit/x", None),
            ("https://git.example.org/giteas/acme/audit", None),
            ("https://other.example.org/acme/audit", None),
            ("/srv/audit/projects.git", None),
        ];
        for (address, want) in rows {
            assert_eq!(repo_on_forge(&settings.forges[0], address).as_deref(), want, "{address}");
        }
    }
}
