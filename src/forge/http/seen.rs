//! Names of labels that repositories were seen to have. Some forges make a label in passing when an unknown name is put on an issue: one
//! without colour or meaning, while the others that people should find stay missing.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Names by repository, whatever their case.
#[derive(Default)]
pub(crate) struct SeenLabels(Mutex<BTreeSet<(i64, String)>>);

impl SeenLabels {
    /// Those that were not seen yet.
    pub fn unseen<'a>(&self, repo: i64, names: &'a [String]) -> Vec<&'a str> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().map(String::as_str).filter(|name| !seen.contains(&(repo, name.to_lowercase()))).collect()
    }

    pub fn add<'a>(&self, repo: i64, names: impl Iterator<Item = &'a str>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(names.map(|name| (repo, name.to_lowercase())));
    }
}

#[cfg(test)]
mod tests {
    use super::SeenLabels;

    #[test]
    fn names_are_seen_per_repository() {
        let seen = SeenLabels::default();
        let names = ["Bug".to_owned(), "story/done".to_owned()];
        seen.add(1, ["bug"].into_iter());
        assert_eq!(seen.unseen(1, &names), ["story/done"]);
        assert_eq!(seen.unseen(2, &names), ["Bug", "story/done"]);
    }
}
