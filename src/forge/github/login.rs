//! Under which token a call goes out. A personal one is always the same; a GitHub App has one for each account that it is installed on,
//! which holds for an hour and is renewed in time, for Git as well.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;

use crate::base::Time;
use crate::base::secret::{ExposeSecret, SecretString};
use crate::domain::forge::GitHeader;
use crate::forge::http::gate::left;
use crate::forge::http::pace::date;
use crate::forge::{ForgeError, Result};

use super::call::{Call, Failure, below};
use super::client::Client;
use super::pace::Lane;
use super::transport::Identity;
use super::wire;

/// A token of an installation is renewed when it holds for less than this: longer than anything that begins with it takes.
const RENEW_BEFORE: Duration = Duration::from_secs(15 * 60);
/// How long a token is taken to hold whose end cannot be read.
const SHORT: Duration = Duration::from_secs(20 * 60);

/// Whom the driver signs in as.
#[derive(Clone, Debug)]
pub enum Login {
    /// Personal access token, classic or fine-grained.
    Token(SecretString),
    App(super::transport::App),
}

/// A token of an installation.
#[derive(Clone)]
struct Held {
    token: SecretString,
    since: Time,
    /// For how long it was given, by the server's own clock.
    lasts: Duration,
}

#[derive(Default)]
struct State {
    /// Installations by the account they are on, in lower case.
    owners: HashMap<String, i64>,
    tokens: HashMap<i64, Held>,
    lanes: HashMap<i64, Arc<Lane>>,
    /// What Git signs in with, by account.
    git: HashMap<String, Arc<RwLock<Option<SecretString>>>>,
}

/// Tokens as far as they are known.
#[derive(Default)]
pub(super) struct Tokens {
    state: Mutex<State>,
    /// One is asked for at a time.
    asking: tokio::sync::Mutex<()>,
}

/// The header line with which Git signs in.
fn git_line(token: &SecretString) -> SecretString {
    let pair = STANDARD.encode(format!("x-access-token:{}", token.expose_secret()));
    SecretString::from(format!("Authorization: Basic {pair}"))
}

/// The account in `owner/name`, as tokens are kept by it.
fn account(path: &str) -> String {
    path.split('/').next().unwrap_or_default().to_lowercase()
}

impl Tokens {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lane(&self, id: i64) -> Arc<Lane> {
        self.state().lanes.entry(id).or_default().clone()
    }

    /// What Git signs in with in a repository of this path: always the newest token.
    pub fn git(&self, path: &str) -> GitHeader {
        GitHeader::Renewed(self.state().git.entry(account(path)).or_default().clone())
    }

    fn know(&self, owner: &str, id: i64) {
        let mut state = self.state();
        state.owners.insert(owner.to_lowercase(), id);
        state.hand_to_git(id);
    }

    fn keep(&self, id: i64, held: Held) {
        let mut state = self.state();
        state.tokens.insert(id, held);
        state.hand_to_git(id);
    }

    fn forget(&self, id: i64) {
        self.state().tokens.remove(&id);
    }

    fn good(&self, id: i64, now: Time) -> Option<SecretString> {
        let state = self.state();
        let held = state.tokens.get(&id)?;
        // One that is given for a short time only is used for half of it.
        let spare = RENEW_BEFORE.min(held.lasts / 2);
        left(held.since, held.lasts, now).filter(|left| *left > spare).map(|_| held.token.clone())
    }

    /// An installation whose token Git has in hand and that has to be renewed.
    fn due(&self, now: Time) -> Option<i64> {
        let known: Vec<i64> = {
            let state = self.state();
            state.git.keys().filter_map(|owner| state.owners.get(owner).copied()).collect()
        };
        known.into_iter().find(|id| self.good(*id, now).is_none())
    }

    /// Every token that is held, for masking.
    pub fn secrets(&self) -> Vec<SecretString> {
        self.state().tokens.values().map(|held| held.token.clone()).collect()
    }
}

impl State {
    fn hand_to_git(&mut self, id: i64) {
        let Some(line) = self.tokens.get(&id).map(|held| git_line(&held.token)) else { return };
        let owners: Vec<String> = self.owners.iter().filter(|(_, known)| **known == id).map(|(owner, _)| owner.clone()).collect();
        for owner in owners {
            let slot = self.git.entry(owner).or_default();
            *slot.write().unwrap_or_else(PoisonError::into_inner) = Some(line.clone());
        }
    }
}

/// For whom a call is made, when a GitHub App makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Whose {
    /// The App itself.
    App,
    /// A repository, `owner/name`.
    Repo(String),
    /// An installation by its number.
    Installation(i64),
    /// Any account that it is installed on.
    #[default]
    Anyone,
}

impl Client {
    /// What Git signs in with in this repository.
    pub fn git_header(&self, path: &str) -> GitHeader {
        match &self.login {
            Login::Token(token) => git_line(token).into(),
            Login::App(_) => self.tokens.git(path),
        }
    }

    /// Whom to sign in as, with the number under which its limits are kept.
    pub(super) async fn identity(&self, whose: &Whose) -> std::result::Result<(Identity, i64), Failure> {
        if let Login::Token(token) = &self.login {
            return Ok((Identity::Bearer(token.clone()), 0));
        }
        let id = match whose {
            Whose::App => return Ok((Identity::App, 0)),
            Whose::Installation(id) => *id,
            Whose::Repo(path) => self.installation_of(path).await?,
            Whose::Anyone => self.any_installation().await.map_err(Failure::Final)?,
        };
        let token = self.token(id).await?;
        if let Some(due) = self.tokens.due(self.clock.now())
            && due != id
            && self.token(due).await.is_err()
        {
            tracing::debug!(installation = due, "the token that Git uses could not be renewed yet");
        }
        Ok((Identity::Bearer(token), id))
    }

    /// A token that was refused is no good, whatever its time.
    pub(super) fn refused_token(&self, id: i64) {
        self.tokens.forget(id);
    }

    async fn token(&self, id: i64) -> std::result::Result<SecretString, Failure> {
        if let Some(token) = self.tokens.good(id, self.clock.now()) {
            return Ok(token);
        }
        let _one = self.tokens.asking.lock().await;
        if let Some(token) = self.tokens.good(id, self.clock.now()) {
            return Ok(token);
        }
        let call = Call::new(Method::POST, &["app", "installations", &id.to_string(), "access_tokens"]).repeatable();
        let answer = self.attempt_as(&Identity::App, 0, &call).await?;
        let given: wire::AccessToken = answer.json().map_err(Failure::Final)?;
        if given.token.is_empty() {
            return Err(Failure::Final(ForgeError::Malformed("the forge gave no token for the installation".to_owned())));
        }
        let since = self.clock.now();
        let end = Time::parse(&given.expires_at);
        let lasts = end.map(|end| Duration::from_micros(u64::try_from(end.0 - date(&answer.headers).unwrap_or(since).0).unwrap_or(0)));
        let token = SecretString::from(given.token);
        self.tokens.keep(id, Held { token: token.clone(), since, lasts: lasts.unwrap_or(SHORT) });
        self.mask_anew();
        Ok(token)
    }

    async fn installation_of(&self, path: &str) -> std::result::Result<i64, Failure> {
        let owner = account(path);
        if let Some(id) = self.tokens.state().owners.get(&owner).copied() {
            return Ok(id);
        }
        let call = below(path, &Call::get(&["installation"])).map_err(Failure::Final)?;
        let found = match self.attempt_as(&Identity::App, 0, &call).await {
            Ok(answer) => answer.json::<wire::Installation>().map_err(Failure::Final)?,
            Err(Failure::Moved(ForgeError::NotFound(text), id)) => {
                return Err(Failure::Moved(ForgeError::NotFound(format!("the GitHub App is not installed on {path}: {text}")), id));
            }
            Err(failure) => return Err(failure),
        };
        self.tokens.know(&owner, found.id);
        Ok(found.id)
    }

    /// The accounts that the App is installed on.
    ///
    /// On the heap: calls ask for it, and it is a call itself.
    pub(super) fn installations(&self) -> Pin<Box<dyn Future<Output = Result<Vec<wire::Installation>>> + Send + '_>> {
        Box::pin(async {
            let call = Call::get(&["app", "installations"]).by(Whose::App);
            let found: Vec<wire::Installation> = self.list_some(None, &call, usize::MAX).await?.items;
            for installation in &found {
                if let Some(account) = &installation.account {
                    self.tokens.know(&account.login, installation.id);
                }
            }
            Ok(found)
        })
    }

    async fn any_installation(&self) -> Result<i64> {
        let known = self.tokens.state().owners.values().min().copied();
        match known {
            Some(id) => Ok(id),
            None => self.installations().await?.first().map(|installation| installation.id).ok_or_else(|| {
                ForgeError::NotFound(
                    "the GitHub App is installed nowhere yet: install it on the account whose repositories it shall work in".to_owned(),
                )
            }),
        }
    }

    /// Gets a token for each account that the App is installed on, so that Git has one before anything else is asked.
    pub(super) async fn all_tokens(&self) -> Result<Vec<i64>> {
        let ids: Vec<i64> = self.installations().await?.iter().map(|installation| installation.id).collect();
        for id in &ids {
            self.token(*id).await.map_err(Failure::into_error)?;
        }
        Ok(ids)
    }

    pub(super) fn is_app(&self) -> bool {
        matches!(self.login, Login::App(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_in_time_and_git_gets_the_newest() {
        let tokens = Tokens::default();
        let (start, minutes) = (Time(1_000_000_000_000), |count: i64| Time(1_000_000_000_000 + count * 60_000_000));
        let GitHeader::Renewed(line) = tokens.git("Acme/shop") else { panic!("a renewed one") };
        let hold = |text: &str, since: Time| {
            tokens.keep(7, Held { token: SecretString::from(text.to_owned()), since, lasts: Duration::from_secs(3_600) });
        };
        let shown = || line.read().unwrap().as_ref().map(|line| line.expose_secret().to_owned());
        hold("one", start);
        assert_eq!(shown(), None, "nobody knows yet whose installation that is");
        tokens.know("acme", 7);
        let first = shown();
        assert!(first.is_some() && tokens.good(7, minutes(44)).is_some() && tokens.due(minutes(44)).is_none());
        assert!(tokens.good(7, minutes(45)).is_none() && tokens.due(minutes(45)) == Some(7));
        hold("two", minutes(45));
        assert!(shown() != first && tokens.good(7, minutes(46)).is_some());
        tokens.forget(7);
        assert!(tokens.good(7, minutes(46)).is_none());
    }
}
