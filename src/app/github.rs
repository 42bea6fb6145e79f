//! The driver for GitHub, or the sentence that it was left out.

#[cfg(feature = "github")]
pub(super) use with::open;
#[cfg(not(feature = "github"))]
pub(super) use without::open;

#[cfg(feature = "github")]
mod with {
    use std::sync::Arc;
    use std::time::Duration;

    use anyhow::Result;

    use crate::base::Clock;
    use crate::config::ForgeSettings;
    use crate::forge::Forge;
    use crate::forge::Timeouts;
    use crate::forge::github::{App, GitHubConfig, GitHubForge, Login, Pace};

    /// The driver, which asks nothing yet.
    pub(in crate::app) fn open(settings: &ForgeSettings, timeouts: Timeouts, clock: &Clock) -> Result<Arc<dyn Forge>> {
        let login = match &settings.app {
            Some(app) => Login::App(App { id: app.id, private_key: app.private_key.clone() }),
            None => Login::Token(settings.token.clone()),
        };
        // A stand-in on this machine has no limits to keep away from.
        let writes_apart = if is_loopback(&settings.url) { Duration::ZERO } else { Pace::default().writes_apart };
        let pace = Pace { connect: timeouts.connect, total: timeouts.total, backoff: timeouts.backoff, writes_apart };
        let config = GitHubConfig { base_url: settings.url.clone(), login, pace };
        let forge = GitHubForge::new(config).map_err(anyhow::Error::msg)?.with_clock(clock.clone());
        Ok(Arc::new(match &settings.public_url {
            Some(url) => forge.with_public_url(url),
            None => forge,
        }))
    }

    fn is_loopback(url: &str) -> bool {
        let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(not(feature = "github"))]
mod without {
    use std::sync::Arc;

    use anyhow::{Result, bail};

    use crate::base::Clock;
    use crate::config::ForgeSettings;
    use crate::forge::Forge;
    use crate::forge::Timeouts;

    pub(in crate::app) fn open(settings: &ForgeSettings, _timeouts: Timeouts, _clock: &Clock) -> Result<Arc<dyn Forge>> {
        bail!(
            "the forge `{}` is a GitHub, and this program was built without its driver: build it with `cargo build --features github`, or without `--no-default-features`",
            settings.id
        )
    }
}
