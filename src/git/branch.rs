//! Branch names: checked once, then safe to put into a ref and on a command line.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::text::is_invisible;

/// What every branch of the bot starts with. A branch with exactly this name would make all of them impossible.
pub const PREFIX: &str = "syndarix";

/// Longest branch name, in bytes; with `refs/heads/` and `.lock` around it, it must fit into file names.
const MAX_BYTES: usize = 200;

/// Longest slug, in bytes.
const MAX_SLUG: usize = 40;

/// A branch name without `refs/heads/`. Made only by [`BranchName::parse`] and [`BranchName::for_issue`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

/// Why a text is not a branch name that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the branch name `{name}` cannot be used: {reason}")]
pub struct BadBranch {
    name: String,
    reason: &'static str,
}

impl BranchName {
    /// Accepts what Git accepts as a branch name, less what a shell, an option parser or the ref syntax could read differently.
    pub fn parse(text: &str) -> Result<BranchName, BadBranch> {
        check(text).map_err(|reason| BadBranch { name: crate::base::text::visible(text).chars().take(80).collect(), reason })?;
        Ok(BranchName(text.to_owned()))
    }

    /// The branch of the `nth` story of an issue, counted from 1: `syndarix/42-fix-login`, `syndarix/42-fix-login-2`, with an empty slug `syndarix/42`.
    /// The slug is cut to what [`slug`] makes, so the result is a valid name for any text.
    pub fn for_issue(number: i64, title_or_slug: &str, nth: u32) -> BranchName {
        let mut name = format!("{PREFIX}/{}", number.unsigned_abs());
        let slug = slug(title_or_slug);
        if !slug.is_empty() {
            name.push('-');
            name.push_str(&slug);
        }
        if nth > 1 {
            name.push_str(&format!("-{nth}"));
        }
        BranchName(name)
    }

    /// True for a branch that the bot may have made: only such a one does it push to.
    pub fn is_ours(&self) -> bool {
        self.0.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full ref on the remote, so that no tag of the same name can be meant.
    pub(super) fn remote_ref(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// Where the mirror keeps what it last saw of the branch.
    pub(super) fn tracking_ref(&self) -> String {
        format!("refs/remotes/origin/{}", self.0)
    }
}

fn check(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > MAX_BYTES {
        return Err("it is longer than 200 bytes");
    }
    if name.starts_with('-') {
        return Err("it starts with a hyphen, as options do");
    }
    if name == "HEAD" || name == "@" || name.starts_with("refs/") {
        return Err("it is a ref, not a branch");
    }
    if name.chars().any(|c| c.is_whitespace() || c.is_control() || is_invisible(c)) {
        return Err("it holds a space, a control character or an invisible character");
    }
    if name.contains("..") || name.contains("@{") || name.chars().any(|c| "~^:?*[\\".contains(c)) {
        return Err("it holds `..`, `@{` or one of ~ ^ : ? * [ \\, which mean something to Git");
    }
    if name.chars().any(|c| "$`;|&<>()'\"!".contains(c)) {
        return Err("it holds one of $ ` ; | & < > ( ) ' \" !, which mean something to a shell");
    }
    if name.split('/').any(|part| part.is_empty() || part.starts_with(['.', '-']) || part.ends_with('.') || part.ends_with(".lock")) {
        return Err("a part of it is empty, starts with a dot or a hyphen, or ends in a dot or `.lock`");
    }
    Ok(())
}

/// Words of a title in lower-case ASCII joined by hyphens, at most 40 bytes, cut between words; empty when the title holds none.
/// Numbers at the end are dropped: `-2` at the end of a branch name counts the stories of an issue.
pub fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let mut words: Vec<&str> = Vec::new();
    let mut length = 0;
    for word in lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = &word[..word.len().min(MAX_SLUG)];
        if length + word.len() + usize::from(!words.is_empty()) > MAX_SLUG {
            break;
        }
        length += word.len() + usize::from(!words.is_empty());
        words.push(word);
    }
    while words.last().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        words.pop();
    }
    words.join("-")
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BranchName {
    type Error = BadBranch;
    fn try_from(text: String) -> Result<BranchName, BadBranch> {
        BranchName::parse(&text)
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> String {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_mean_something_else_are_refused() {
        let long = "a".repeat(300);
        let rows = [
            "-b",
            "--exec=x",
            "refs/heads/../x",
            "HEAD",
            "@{-1}",
            "@",
            "a..b",
            "a^{}",
            "a lock.lock",
            "a.lock",
            "a.lock/b",
            "feature/$(id)",
            "x;id",
            "",
            "syndarix/../main",
            "a//b",
            "/a",
            "a/",
            ".a",
            "a/.b",
            "a.",
            "a/-b",
            "a\nb",
            "a\0b",
            "a\u{200b}b",
            "a\u{202e}b",
            "refs/heads/main",
            "+main",
            "a:b",
            "a\\b",
            "a*",
            "a?",
            "a[b",
            "a~1",
            "`id`",
            &long,
        ];
        for name in rows {
            // A leading `+` is legal in a branch name; it is harmless because refspecs are built from full refs.
            assert_eq!(BranchName::parse(name).is_err(), name != "+main", "{name:?}");
        }
        for name in ["main", "release/1.0", "feature/äöü", "🚀", "user@host", "a#1", "syndarix/42", "syndarix/42-fix-login-2", "Main"]
        {
            assert_eq!(BranchName::parse(name).map(String::from).as_deref(), Ok(name));
        }
    }

    #[test]
    fn the_branch_of_a_story_is_frozen_and_counted() {
        let rows = [
            (42, "Fix the login!", 1, "syndarix/42-fix-the-login"),
            (42, "Fix the login!", 2, "syndarix/42-fix-the-login-2"),
            (7, "日本語", 1, "syndarix/7"),
            (7, "", 3, "syndarix/7-3"),
            (7, "Upgrade to Rails 7", 1, "syndarix/7-upgrade-to-rails"),
            (7, "2", 1, "syndarix/7"),
            (1, "../../etc; rm -rf $(HOME) .lock", 1, "syndarix/1-etc-rm-rf-home-lock"),
        ];
        for (number, title, nth, name) in rows {
            let branch = BranchName::for_issue(number, title, nth);
            assert_eq!(branch.as_str(), name);
            assert!(branch.is_ours());
        }
        assert!(!BranchName::parse("syndarix").unwrap().is_ours());
        assert!(!BranchName::parse("syndarix-old/1").unwrap().is_ours());
    }

    proptest! {
        #[test]
        fn any_title_gives_a_valid_branch(number in 1i64.., title in "\\PC*|[\\x00-\\x{10ffff}]*", nth in 0u32..9) {
            let branch = BranchName::for_issue(number, &title, nth);
            prop_assert!(BranchName::parse(branch.as_str()).is_ok());
            prop_assert_eq!(slug(&slug(&title)), slug(&title));
        }
    }
}
