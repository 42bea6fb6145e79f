//! Which rule of a repository would hold for a branch that is not there yet.

use regex::Regex;

use super::GiteaForge;
use super::client::Call;
use super::wire;
use crate::domain::forge::RepoRef;
use crate::forge::{NameRule, Result};

impl GiteaForge {
    /// The rules are read by administrators of the repository alone. Of several that fit, an exact name goes first, then the lowest
    /// `priority`, as the server itself chooses.
    pub(super) async fn read_rule_for(&self, repo: &RepoRef, branch: &str) -> Result<Option<NameRule>> {
        let bot = self.read_whoami().await?;
        let mut rules: Vec<wire::BranchProtection> = self.client.on_repo(repo, &Call::get(&["branch_protections"])).await?.json()?;
        rules.sort_by_key(|rule| (rule.name().contains(['*', '?', '[', '{', '\\']), rule.priority));
        let Some(rule) = rules.into_iter().find(|rule| fits(rule.name(), branch)) else { return Ok(None) };
        let listed = rule.push_whitelist_usernames.iter().any(|name| name.eq_ignore_ascii_case(&bot.login));
        let bot_may_push = match (rule.enable_push, rule.enable_push_whitelist) {
            (false, _) => Some(false),
            (true, false) => Some(true),
            (true, true) if listed => Some(true),
            // Who is in a team is not asked.
            (true, true) if !rule.push_whitelist_teams.is_empty() => None,
            (true, true) => Some(false),
        };
        Ok(Some(NameRule { rule: rule.name().to_owned(), bot_may_push }))
    }
}

impl wire::BranchProtection {
    /// Servers older than 1.22 know the older word alone.
    fn name(&self) -> &str {
        if self.rule_name.is_empty() { &self.branch_name } else { &self.rule_name }
    }
}

/// Whether a rule's name, which may be a pattern, fits a branch: `*` and `?` stop at a slash, `**` does not.
fn fits(rule: &str, branch: &str) -> bool {
    if rule.eq_ignore_ascii_case(branch) {
        return true;
    }
    let (mut pattern, mut chars, mut depth) = (String::from("^"), rule.chars().peekable(), 0_usize);
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => pattern.push_str(".*"),
            '*' => pattern.push_str("[^/]*"),
            '?' => pattern.push_str("[^/]"),
            '{' => (depth, _) = (depth + 1, pattern.push_str("(?:")),
            '}' if depth > 0 => (depth, _) = (depth - 1, pattern.push(')')),
            ',' if depth > 0 => pattern.push('|'),
            '[' => pattern.push_str(if chars.next_if_eq(&'!').is_some() { "[^" } else { "[" }),
            ']' | '-' => pattern.push(c),
            '\\' => pattern.push_str(&regex::escape(&chars.next().map(String::from).unwrap_or_default())),
            c => pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    // What is no pattern fits nothing, on the server too.
    Regex::new(&(pattern + "$")).is_ok_and(|pattern| pattern.is_match(branch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_on_the_server() {
        for (rule, branch, want) in [
            ("main", "main", true),
            ("Main", "main", true),
            ("main", "main2", false),
            ("syndarix/**", "syndarix/7-tax", true),
            ("syndarix/*", "syndarix/7-tax", true),
            ("*", "syndarix/7-tax", false),
            ("**", "syndarix/7-tax", true),
            ("*/7-*", "syndarix/7-tax", true),
            ("{release,syndarix}/**", "syndarix/7-tax", true),
            ("{release,hot}/**", "syndarix/7-tax", false),
            ("syndarix/[0-9]-ta?", "syndarix/7-tax", true),
            ("syndarix/[!0-9]*", "syndarix/7-tax", false),
            ("syndarix.7", "syndarixx7", false),
            ("syndarix/[", "syndarix/7-tax", false),
        ] {
            assert_eq!(fits(rule, branch), want, "{rule} {branch}");
        }
    }
}
