//! How it stands with a configuration that is followed in a repository, for those who ask: the health page, the metrics, `/syndarix config`.

use std::sync::{Arc, PoisonError, RwLock};

use crate::base::Time;

/// What is known of a followed configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Where it is followed, for people.
    pub place: String,
    /// The commit in force.
    pub in_force: Option<String>,
    /// Since when it has been in force in this process.
    pub since: Option<Time>,
    /// The newest commit and its mistakes, when it is not the one in force because of them.
    pub refused: Option<(String, Vec<String>)>,
    /// Why the repository could not be asked the last time.
    pub unreachable: Option<String>,
}

/// Shared between whoever follows and whoever asks. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Standing(Arc<RwLock<Followed>>);

impl Standing {
    /// Nothing is known yet.
    pub fn new(place: &str) -> Standing {
        Standing(Arc::new(RwLock::new(Followed { place: place.to_owned(), ..Followed::default() })))
    }

    /// What is known now.
    pub fn get(&self) -> Followed {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what is known.
    pub fn set(&self, change: impl FnOnce(&mut Followed)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Followed {
    /// One sentence about what is wrong, with the first mistake; `None`: nothing is.
    pub fn trouble(&self) -> Option<String> {
        let kept =
            self.in_force.as_deref().map_or_else(|| "no other is known".to_owned(), |commit| format!("{} stays in force", short(commit)));
        match (&self.refused, &self.unreachable) {
            (Some((commit, mistakes)), _) => {
                let more = if mistakes.len() > 1 { format!(" (and {} more)", mistakes.len() - 1) } else { String::new() };
                let first = mistakes.first().map(|first| line(first)).unwrap_or_default();
                Some(format!("commit {} of {} is not used: {first}{more}; {kept}", short(commit), self.place))
            }
            (None, Some(why)) => Some(format!("{} cannot be asked: {}; {kept}", self.place, line(why))),
            (None, None) => None,
        }
    }
}

/// The beginning of a text, on one line.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// A commit as people write it.
pub fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_one_sentence_with_what_stays() {
        let standing = Standing::new("home:acme/bot-config");
        assert_eq!(standing.get().trouble(), None);
        standing.set(|now| now.in_force = Some("0123456789abcdef".into()));
        standing.set(|now| now.refused = Some(("fedcba9876543210".into(), vec!["policy.toml:2:1: a".into(), "b".into()])));
        let sentence = standing.get().trouble().unwrap();
        assert_eq!(
            sentence,
            "commit fedcba9876 of home:acme/bot-config is not used: policy.toml:2:1: a (and 1 more); 0123456789 stays in force"
        );
        standing.set(|now| (now.refused, now.unreachable) = (None, Some("no route".into())));
        assert_eq!(standing.get().trouble().unwrap(), "home:acme/bot-config cannot be asked: no route; 0123456789 stays in force");
    }
}
