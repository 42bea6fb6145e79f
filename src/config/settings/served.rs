//! Which repositories are served.

/// Repositories by name and pattern, as `projects` lists them: `owner/name`, `owner/*`, `owner/prefix*`, `*`, and `!` before any of them
/// for what is taken out. Whatever the case, as on the forges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served(Vec<String>);

impl Served {
    pub fn new(patterns: Vec<String>) -> Served {
        Served(patterns.into_iter().map(|pattern| pattern.trim().to_owned()).filter(|pattern| !pattern.is_empty()).collect())
    }

    /// The same without these repositories.
    pub fn without(&self, paths: &[String]) -> Served {
        Served(self.0.iter().cloned().chain(paths.iter().map(|path| format!("!{path}"))).collect())
    }

    /// The patterns as they were listed.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }

    /// True when the repository may be served. Nobody is served by accident: an empty list serves none.
    pub fn serves(&self, path: &str) -> bool {
        !self.excludes(path) && self.wanted().any(|pattern| fits(pattern, path))
    }

    /// True when the repository is taken out, whatever else is listed.
    pub fn excludes(&self, path: &str) -> bool {
        self.0.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(|pattern| fits(pattern.trim(), path))
    }

    /// Repositories that are named in full.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.wanted().filter(|pattern| !pattern.contains('*') && !self.excludes(pattern))
    }

    /// Owners whose repositories have to be listed to find those that fit a pattern. `None` stands for everything the bot has a part in.
    pub fn owners(&self) -> Vec<Option<String>> {
        let owner = |pattern: &str| pattern.split_once('/').map(|(owner, _)| owner.to_lowercase()).filter(|owner| !owner.contains('*'));
        let mut owners: Vec<Option<String>> = self.wanted().filter(|pattern| pattern.contains('*')).map(owner).collect();
        owners.sort();
        owners.dedup();
        owners
    }

    fn wanted(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|pattern| !pattern.starts_with('!'))
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.to_lowercase(), path.to_lowercase());
    match pattern.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(patterns: &[&str]) -> Served {
        Served::new(patterns.iter().map(|pattern| (*pattern).to_owned()).collect())
    }

    #[test]
    fn what_is_taken_out_is_out() {
        let served = served(&["acme/*", "Solo/one", "!acme/secret", "!acme/old-*"]);
        for path in ["acme/shop", "ACME/Shop", "solo/One"] {
            assert!(served.serves(path), "{path}");
        }
        for path in ["acme/secret", "Acme/Old-1", "acmex/shop", "solo/two"] {
            assert!(!served.serves(path), "{path}");
        }
        assert!(served.excludes("acme/secret") && !served.excludes("solo/two"));
        assert_eq!(served.named().collect::<Vec<_>>(), ["Solo/one"]);
    }

    #[test]
    fn owners_are_listed_once_and_everything_only_for_a_star() {
        assert_eq!(served(&["acme/*", "acme/x*", "Solo/one"]).owners(), [Some("acme".to_owned())]);
        assert_eq!(served(&["*", "acme/*"]).owners(), [None, Some("acme".to_owned())]);
        assert!(served(&["acme/shop", "!acme/*"]).owners().is_empty() && !served(&[]).serves("a/b"));
    }
}
