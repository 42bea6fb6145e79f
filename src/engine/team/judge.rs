//! What people are told about commits of the configuration: a commit status on the newest one, and on the heads of pull requests. One instance at a time is here; a status
//! that stands already is not written again.

use crate::base::text::visible;
use crate::config::{ConfigError, standing::short};
use crate::domain::forge::{CiState, CiStatus, RepoRef, Sha};

use super::super::world::Connection;
use super::super::{Engine, Result};
use super::{Source, pulls};

/// Name of the status.
pub const CONTEXT: &str = "syndarix/config";
/// Longest description, in characters: what all forges show whole.
const MOST: usize = 140;

/// Tells on the newest commit what became of it.
pub(super) async fn judge(engine: &Engine, source: &Source) -> Result<()> {
    let Some((forge, path)) = &source.place.on_forge else { return Ok(()) };
    let Some(connection) = engine.connection(forge) else { return Ok(()) };
    let checked = source.checked.lock().await.clone();
    let found = connection.forge.repo(&RepoRef { id: 0, path: path.clone() }).await?;
    let repo = RepoRef { id: found.id, path: found.path.clone() };
    if let Some((commit, errors)) = checked {
        let (state, sentence) = match errors {
            None => (CiState::Success, "this configuration is in force".to_owned()),
            Some(errors) => {
                let kept = source.standing.get().in_force.map(|kept| format!("; {} stays in force", short(&kept))).unwrap_or_default();
                (CiState::Failure, first_of(&errors.0, &kept))
            }
        };
        Status { context: CONTEXT, state, sentence: &sentence }.set(engine, connection, &repo, &commit).await?;
    }
    pulls::judge(engine, source, connection, &repo, &found.default_branch).await
}

/// The first mistake and how many more there are, then `tail`, as long as a status may be.
pub fn first_of(errors: &[ConfigError], tail: &str) -> String {
    let first = errors.first().map(ConfigError::brief).unwrap_or_default();
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    let room = MOST.saturating_sub(more.chars().count() + tail.chars().count());
    format!("{}{more}{tail}", line(&first, room))
}

/// A text on one line, of at most so many characters.
pub(super) fn line(text: &str, most: usize) -> String {
    let plain: String = visible(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match plain.chars().count() > most {
        true => plain.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => plain,
    }
}

/// A commit status.
pub struct Status<'a> {
    pub context: &'a str,
    pub state: CiState,
    pub sentence: &'a str,
}

impl Status<'_> {
    /// Sets it, unless it stands there already.
    pub async fn set(&self, engine: &Engine, connection: &Connection, repo: &RepoRef, commit: &Sha) -> Result<()> {
        let description = line(&engine.redactor.mask(self.sentence), MOST);
        let standing = connection.forge.ci(repo, commit).await?.into_iter().find(|status| status.context == self.context);
        if standing.is_some_and(|standing| standing.state == self.state && standing.description == description) {
            return Ok(());
        }
        let status = CiStatus { context: self.context.to_owned(), state: self.state, description, url: String::new() };
        Ok(engine.outside(connection.forge.post_status(repo, commit, &status)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_short_line() {
        let errors = |n: usize| (0..n).map(|_| ConfigError::whole("policy.toml", "é\n".repeat(200))).collect::<Vec<_>>();
        for (n, tail) in [(1, ""), (3, ""), (2, "; 0123456789 stays in force")] {
            let text = first_of(&errors(n), tail);
            assert!(text.chars().count() <= MOST && !text.contains('\n') && text.ends_with(tail), "{text}");
            assert_eq!(text.contains("more)"), n > 1);
        }
    }
}
