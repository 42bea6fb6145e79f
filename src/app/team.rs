//! The team's configuration in a Git repository: where it lies, and what to begin with.

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use super::rules::Made;
use super::{open_forge, repo_on_forge};
use crate::base::Clock;
use crate::base::text::without_login;
use crate::config::{Config, ConfigErrors, Standing, TeamFiles};
use crate::domain::forge::{GitRemote, RepoRef, Sha};
use crate::engine::team::{self, First, Place, Source};
use crate::forge::Forge;
use crate::git::FetchLimits;
use crate::store::Store;

/// Where the settings say that the team is followed; `None`: in files of this machine. `forges`: by their ids.
pub fn place(config: &Config, forges: &[(String, Arc<dyn Forge>)]) -> Result<Option<Place>> {
    let Some(set) = &config.settings.config_repo else { return Ok(None) };
    let named = set.place.split_once(':').filter(|_| !set.place.contains("://")).map(|(forge, path)| (forge.to_owned(), path.to_owned()));
    let known = named.filter(|(forge, _)| forges.iter().any(|(id, _)| id == forge));
    let by_address = || config.settings.forges.iter().find_map(|forge| Some((forge.id.clone(), repo_on_forge(forge, &set.place)?)));
    let on_forge = known.or_else(by_address);
    let remote = match &on_forge {
        Some((id, path)) => {
            let Some((_, forge)) = forges.iter().find(|(known, _)| known == id) else { bail!("there is no forge `{id}` in the settings") };
            forge.git_remote(&RepoRef { id: 0, path: path.clone() })
        }
        None if set.place.contains("://") => GitRemote { url: set.place.clone(), header: None },
        None => {
            let path = std::path::absolute(&set.place).with_context(|| format!("`config_repo` is `{}`", set.place))?;
            GitRemote { url: path.display().to_string(), header: None }
        }
    };
    let shown = match &on_forge {
        Some((id, path)) => format!("{id}:{path}"),
        None => without_login(&set.place),
    };
    Ok(Some(Place { shown, remote, on_forge, folder: set.path.clone() }))
}

/// What a command beside the serving process can tell of a followed configuration.
pub struct Looked {
    pub place: Place,
    /// The commit that held together last here, with its files.
    pub kept: Option<(Sha, TeamFiles)>,
}

/// Reads what is kept in the data directory, and asks nobody. `None`: the team lies in files of this machine.
pub fn kept(config: &Config) -> Result<Option<Looked>> {
    let Some(place) = place(config, &drivers(config)?)? else { return Ok(None) };
    let kept = place.kept(&config.settings.data_dir)?;
    Ok(Some(Looked { place, kept }))
}

/// The configuration with the team that was in force last, for commands that need to know the team. Where none is kept yet, the newest
/// commit is fetched.
pub async fn laid(config: Config) -> Result<Config> {
    let Some(looked) = kept(&config)? else { return Ok(config) };
    if let Some((_, files)) = &looked.kept {
        return Ok(Config::of_files(&config.settings, files, true)?);
    }
    let (_, newest) = newest(&config, &looked.place).await?;
    Ok(newest?)
}

/// The newest commit, and the configuration that it gives.
pub async fn newest(config: &Config, place: &Place) -> Result<(Sha, Result<Config, ConfigErrors>)> {
    let mirror = place.mirror(&config.settings.data_dir, FetchLimits::default()).await?;
    let Some(commit) = team::newest(place, &mirror).await? else { bail!("nothing was pushed to {} yet", place.shown) };
    let checked = place.config(&mirror, &commit, &config.settings, true).await?;
    Ok((commit, checked))
}

fn drivers(config: &Config) -> Result<Vec<(String, Arc<dyn Forge>)>> {
    let settings = &config.settings;
    settings.forges.iter().map(|forge| Ok((forge.id.clone(), open_forge(forge, settings.timings.call, None, &Clock::System)?))).collect()
}

/// What a start begins with.
pub(super) struct Begun {
    pub config: Config,
    pub first: Option<(Place, Standing, First)>,
}

impl Begun {
    /// `owner/name` and folder of the repository that is followed, when it lies on a configured forge.
    pub fn place(&self) -> Option<(String, String)> {
        let (place, _, _) = self.first.as_ref()?;
        Some((place.on_forge.as_ref()?.1.clone(), place.folder.clone()))
    }

    /// The commit that it was read from.
    pub fn commit(&self) -> Option<&Sha> {
        self.first.as_ref().map(|(_, _, first)| &first.commit)
    }
}

/// The configuration to begin with: from the repository if the settings name one.
pub(super) async fn begin(config: Config, place: Option<Place>, store: &Store, limits: FetchLimits) -> Result<Begun> {
    let Some(place) = place else { return Ok(Begun { config, first: None }) };
    let mirror = place.mirror(&config.settings.data_dir, limits).await?;
    let standing = Standing::new(&place.shown);
    let redactor = config.redactor();
    let first =
        team::first(&place, &mirror, store, &config.settings, &standing).await.map_err(|why| anyhow::anyhow!(redactor.mask(&why)))?;
    standing.set(|now| {
        now.in_force = Some(first.commit.0.clone());
        now.since = Some(store.clock().now());
    });
    match standing.get().trouble() {
        None => tracing::info!(place = place.shown, commit = first.commit.0, "the configuration is in force"),
        Some(trouble) => tracing::error!(alarm = "config-refused", "{}", redactor.mask(&trouble)),
    }
    Ok(Begun { config: first.config.clone(), first: Some((place, standing, first)) })
}

/// What follows it from now on.
pub(super) fn source(begun: Begun, made: Made) -> Option<Source> {
    let (place, standing, first) = begun.first?;
    let build: team::Build = Box::new(move |config, commit| made.in_force(config, commit).map_err(|error| error.to_string()));
    Some(Source::new(place, first.config.settings, build, standing, first.checked))
}
