//! Where a configuration lies, and how it is read: from objects of a mirror, never from a directory that somebody is writing to.

use std::path::Path;

use crate::base::text::sha256_hex;
use crate::config::{Config, ConfigErrors, Settings, TeamFiles, files};
use crate::domain::forge::{GitRemote, Sha};
use crate::domain::path::RepoPath;
use crate::git::{FetchLimits, GitError, Mirror, read_kept};

/// The commit that held together last, kept in the mirror.
pub(super) const GOOD: &str = "config-good";

/// A repository with a configuration.
#[derive(Clone, Debug)]
pub struct Place {
    /// As the settings name it, without a login.
    pub shown: String,
    pub remote: GitRemote,
    /// Id of the forge and `owner/name`, when it lies on a configured forge.
    pub on_forge: Option<(String, String)>,
    /// Folder in it, without slashes around it; empty: its top.
    pub folder: String,
}

impl Place {
    /// Its mirror in the data directory. Another repository has another one.
    pub async fn mirror(&self, data: &Path, limits: FetchLimits) -> Result<Mirror, GitError> {
        Ok(Mirror::open(&data.join("config").join(format!("{}.git", self.key()))).await?.with_limits(limits))
    }

    /// Tells this place from others, in names of rows and files.
    pub fn key(&self) -> String {
        sha256_hex(format!("{}\0{}", self.remote.url, self.folder))[..16].to_owned()
    }

    /// The commit that held together last and its files, by the mirror in the data directory alone. For commands beside a serving process.
    pub fn kept(&self, data: &Path) -> Result<Option<(Sha, TeamFiles)>, GitError> {
        let Some((commit, files)) = read_kept(&data.join("config").join(format!("{}.git", self.key())), GOOD)? else { return Ok(None) };
        let prefix = self.prefix();
        let inside = files.into_iter().filter_map(|(path, bytes)| Some((path.strip_prefix(&prefix)?.to_owned(), bytes)));
        Ok(TeamFiles::sort(inside).ok().map(|files| (commit, files)))
    }

    /// What the paths of its files begin with.
    fn prefix(&self) -> String {
        if self.folder.is_empty() { String::new() } else { format!("{}/", self.folder) }
    }

    /// The configuration of a commit, as far as it holds together. The outer error: the commit could not be read. `renders`: prompts are
    /// not only compiled but rendered, which whoever wrote them must be trusted with.
    pub async fn config(
        &self,
        mirror: &Mirror,
        commit: &Sha,
        settings: &Settings,
        renders: bool,
    ) -> Result<Result<Config, ConfigErrors>, GitError> {
        let read = self.read(mirror, commit).await?;
        let (settings, folder) = (settings.clone(), self.folder.clone());
        let checked = tokio::task::spawn_blocking(move || read.and_then(|files| Config::of_files(&settings, &files, renders)));
        Ok(checked.await?.map_err(|errors| below(&folder, errors)))
    }

    /// The files of a commit that count.
    pub(super) async fn read(&self, mirror: &Mirror, commit: &Sha) -> Result<Result<TeamFiles, ConfigErrors>, GitError> {
        let prefix = self.prefix();
        let listed = mirror.list_files(commit).await?;
        let inside = listed.into_iter().filter_map(|file| Some((file.path.as_str().strip_prefix(&prefix)?.to_owned(), file.size)));
        let names = match files::wanted(inside) {
            Ok(names) => names,
            Err(errors) => return Ok(Err(errors)),
        };
        let mut texts = Vec::with_capacity(names.len());
        for name in names {
            let bytes = mirror.read_file(commit, &RepoPath::parse(&format!("{prefix}{name}"))?).await?;
            texts.extend(bytes.map(|bytes| (name, bytes)));
        }
        Ok(TeamFiles::sort(texts))
    }
}

/// Mistakes with their places seen from the top of the repository.
fn below(folder: &str, mut errors: ConfigErrors) -> ConfigErrors {
    if !folder.is_empty() {
        for error in &mut errors.0 {
            error.file = format!("{folder}/{}", error.file);
        }
    }
    errors
}
