//! Protections of branches by a pattern, as they were before rulesets. REST knows them by the branches that are there alone, so GraphQL is asked.

use regex::Regex;
use serde_json::{Value, json};

use super::call::Call;
use super::{GitHubForge, wire};
use crate::domain::forge::{RepoRef, User};
use crate::forge::{ForgeError, NameRule, Result};

const RULES: &str = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { \
    branchProtectionRules(first: 100) { nodes { pattern isAdminEnforced requiresApprovingReviews requiresStatusChecks restrictsPushes lockBranch \
    pushAllowances(first: 100) { nodes { actor { __typename ... on User { login } ... on App { slug } } } } } } } }";

/// What is known of protections by a pattern.
pub(super) enum Classic {
    Holds(NameRule),
    Nothing,
    /// The bot may not read them.
    Untold,
}

/// The rule that stands more in the way.
pub(super) fn worse(one: Option<NameRule>, other: NameRule) -> NameRule {
    let rank = |rule: &NameRule| match rule.bot_may_push {
        Some(true) => 0,
        None => 1,
        Some(false) => 2,
    };
    match one {
        Some(one) if rank(&one) >= rank(&other) => one,
        _ => other,
    }
}

impl GitHubForge {
    /// The protection that would hold for a branch of this name: the exact name goes first, then the first of the patterns, as GitHub lists
    /// them. Who may not administer a repository gets an empty list or a refusal.
    pub(super) async fn read_classic(&self, repo: &RepoRef, branch: &str) -> Result<Classic> {
        let path = self.client.path_of(repo);
        let Some((owner, name)) = path.split_once('/') else { return Ok(Classic::Untold) };
        let call = Call::question(RULES, json!({"owner": owner, "name": name}), &path);
        let answer = match self.client.graphql(&call).await {
            Ok(answer) => answer,
            Err(error) if error.is_transient() => return Err(error),
            // Servers that lack a field refuse the whole question.
            Err(_) => return Ok(Classic::Untold),
        };
        let rules: Vec<wire::Pattern> = match answer["repository"]["branchProtectionRules"]["nodes"].clone() {
            Value::Null => Vec::new(),
            nodes => serde_json::from_value(nodes).map_err(|error| ForgeError::Malformed(format!("rules of branches: {error}")))?,
        };
        let is_admin = self.read_repo(repo).await?.bot_is_admin;
        if rules.is_empty() && !is_admin && !self.client.is_app() {
            return Ok(Classic::Untold);
        }
        let exact = rules.iter().find(|rule| rule.pattern == branch);
        let Some(rule) = exact.or_else(|| rules.iter().find(|rule| fits(&rule.pattern, branch))) else { return Ok(Classic::Nothing) };
        let bot = self.whoami_once().await?;
        Ok(match against(rule, &bot, is_admin) {
            Some(bot_may_push) => Classic::Holds(NameRule { rule: rule.pattern.clone(), bot_may_push }),
            None => Classic::Nothing,
        })
    }
}

/// Whether the bot may push under a rule; `None`: the rule does not concern pushes.
fn against(rule: &wire::Pattern, bot: &User, is_admin: bool) -> Option<Option<bool>> {
    let stops = rule.requires_approving_reviews || rule.requires_status_checks || rule.lock_branch;
    if !stops && !rule.restricts_pushes {
        return None;
    }
    if is_admin && !rule.is_admin_enforced && !rule.lock_branch {
        return Some(Some(true));
    }
    if stops {
        return Some(Some(false));
    }
    let slug = bot.login.trim_end_matches("[bot]");
    let actors = || rule.push_allowances.nodes.iter().filter_map(|node| node.actor.as_ref());
    let is_bot = |actor: &wire::Actor| match actor.kind.as_str() {
        "App" => slug != bot.login && actor.slug == slug,
        _ => actor.login.eq_ignore_ascii_case(&bot.login),
    };
    // Who is in a team is not asked.
    let may = if actors().any(is_bot) { Some(true) } else { actors().all(|actor| actor.kind != "Team").then_some(false) };
    Some(may)
}

/// Whether a pattern fits a branch, by Ruby's `fnmatch` with slashes kept apart: `*` and `?` stop at a slash, `**/` stands for any folders.
fn fits(pattern: &str, branch: &str) -> bool {
    let (mut text, mut chars) = (String::from("^"), pattern.chars().peekable());
    let mut begins = true;
    while let Some(c) = chars.next() {
        match c {
            '*' if begins && chars.next_if_eq(&'*').is_some() => match chars.next_if_eq(&'/') {
                Some(_) => text.push_str("(?:[^/]+/)*"),
                None => text.push_str("[^/]*"),
            },
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => text.push_str(if chars.next_if(|next| ['!', '^'].contains(next)).is_some() { "[^" } else { "[" }),
            ']' | '-' => text.push(c),
            '\\' => text.push_str(&regex::escape(&chars.next().map(String::from).unwrap_or_default())),
            c => text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
        begins = text.ends_with('/') || text.ends_with("/)*");
    }
    // What is no pattern fits nothing but itself.
    Regex::new(&(text + "$")).is_ok_and(|pattern| pattern.is_match(branch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_ruby_matches_file_names() {
        for (pattern, branch, want) in [
            ("syndarix/*", "syndarix/7-tax", true),
            ("*", "syndarix/7-tax", false),
            ("*/*", "syndarix/7-tax", true),
            ("**", "syndarix/7-tax", false),
            ("**/*", "syndarix/7-tax", true),
            ("**/*", "main", true),
            ("syndarix/**/*", "syndarix/a/b", true),
            ("syndarix/**/*", "syndarix/7-tax", true),
            ("syndarix/*", "syndarix/a/b", false),
            ("[sr]*/?-tax", "syndarix/7-tax", true),
            ("[!s]*/*", "syndarix/7-tax", false),
            ("syndarix.7", "syndarixx7", false),
            ("syndarix/[", "syndarix/7", false),
        ] {
            assert_eq!(fits(pattern, branch), want, "{pattern} {branch}");
        }
    }

    #[test]
    fn whoever_is_listed_or_passes_by_may_push() {
        let app = User { id: 1, login: "helper[bot]".to_owned() };
        let rule = |text: &str| serde_json::from_str::<wire::Pattern>(text).unwrap();
        let listed = |actor: &str| rule(&format!(r#"{{"restrictsPushes":true,"pushAllowances":{{"nodes":[{{"actor":{actor}}}]}}}}"#));
        let rows = [
            (rule(r#"{"pattern":"x"}"#), false, None),
            (rule(r#"{"requiresApprovingReviews":true}"#), true, Some(Some(true))),
            (rule(r#"{"requiresApprovingReviews":true,"isAdminEnforced":true}"#), true, Some(Some(false))),
            (rule(r#"{"lockBranch":true}"#), true, Some(Some(false))),
            (listed(r#"{"__typename":"App","slug":"helper"}"#), false, Some(Some(true))),
            (listed(r#"{"__typename":"User","login":"helper"}"#), false, Some(Some(false))),
            (listed(r#"{"__typename":"Team"}"#), false, Some(None)),
        ];
        for (rule, is_admin, want) in rows {
            assert_eq!(against(&rule, &app, is_admin), want, "{rule:?}");
        }
    }
}
