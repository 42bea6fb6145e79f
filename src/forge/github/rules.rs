//! What holds for branches: protection of a branch by its name, and rulesets, which may come from the organisation.

use reqwest::Method;
use serde_json::json;

use crate::domain::forge::*;
use crate::forge::{BranchRules, ForgeError, NameRule, Result};

use super::call::Call;
use super::classic::{Classic, worse};
use super::{GitHubForge, wire};

/// Rules under which nobody pushes who may not pass them by.
const AGAINST_PUSHES: [&str; 5] = ["creation", "update", "pull_request", "required_status_checks", "merge_queue"];

fn branch_segments<'a>(prefix: &[&'a str], branch: &'a str, tail: &[&'a str]) -> Vec<&'a str> {
    prefix.iter().copied().chain(branch.split('/')).chain(tail.iter().copied()).collect()
}

impl GitHubForge {
    pub(super) async fn read_branch_rules(&self, repo: &RepoRef, branch: &str) -> Result<Option<BranchRules>> {
        let found: wire::Branch = match self.client.on_repo(repo, &Call::get(&branch_segments(&["branches"], branch, &[]))).await {
            Ok(answer) => answer.json()?,
            Err(ForgeError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut rules = BranchRules { rule: String::new(), required_approvals: 0, bot_may_push: true, bot_may_merge: true, told: true };
        if found.protected {
            self.protection(repo, branch, &mut rules).await?;
        }
        for rule in self.ruled(repo, branch).await? {
            if rules.rule.is_empty() {
                rules.rule = self.ruleset(repo, rule.ruleset_id).await.0;
            }
            let passes = || self.ruleset(repo, rule.ruleset_id);
            match rule.kind.as_str() {
                "pull_request" => {
                    let needed = rule.parameters.map_or(0, |parameters| parameters.required_approving_review_count);
                    rules.required_approvals = rules.required_approvals.max(needed);
                    rules.bot_may_push = false;
                }
                "update" if passes().await.1 != Some(true) => (rules.bot_may_push, rules.bot_may_merge) = (false, false),
                _ => {}
            }
        }
        if found.protected && rules.rule.is_empty() {
            // Something does: a protection that only administrators may read.
            (rules.rule, rules.told) = (branch.to_owned(), false);
        }
        Ok(Some(rules))
    }

    /// What protects a branch. Only administrators are told; others know that something does.
    async fn protection(&self, repo: &RepoRef, branch: &str, rules: &mut BranchRules) -> Result<()> {
        let call = Call::get(&branch_segments(&["branches"], branch, &["protection"]));
        let protection: wire::Protection = match self.client.on_repo(repo, &call).await {
            Ok(answer) => answer.json()?,
            // Protected by a ruleset alone, or not for the bot to read.
            Err(ForgeError::NotFound(_) | ForgeError::Forbidden(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        rules.rule = branch.to_owned();
        if let Some(reviews) = &protection.required_pull_request_reviews {
            rules.required_approvals = reviews.required_approving_review_count;
            rules.bot_may_push = false;
        }
        if let Some(listed) = &protection.restrictions {
            let bot = self.whoami_once().await?;
            let slug = bot.login.trim_end_matches("[bot]");
            let is_listed = listed.users.iter().any(|user| user.id == bot.id) || listed.apps.iter().any(|app| app.slug == slug);
            rules.bot_may_merge = is_listed;
            rules.bot_may_push &= is_listed;
        }
        if protection.lock_branch.is_some_and(|lock| lock.enabled) {
            (rules.bot_may_push, rules.bot_may_merge) = (false, false);
        }
        Ok(())
    }

    /// The active rules of rulesets for a branch of this name, whether it is there or not. Everybody who can read may ask.
    async fn ruled(&self, repo: &RepoRef, branch: &str) -> Result<Vec<wire::Rule>> {
        match self.client.list(repo, &Call::get(&branch_segments(&["rules", "branches"], branch, &[]))).await {
            // Servers and plans without rulesets.
            Err(ForgeError::NotFound(_) | ForgeError::Forbidden(_)) => Ok(Vec::new()),
            other => other,
        }
    }

    /// Name of a ruleset, and whether the bot may pass it by; `None`: that is not told.
    async fn ruleset(&self, repo: &RepoRef, id: i64) -> (String, Option<bool>) {
        let unnamed = format!("ruleset {id}");
        let Ok(answer) = self.client.on_repo(repo, &Call::get(&["rulesets", &id.to_string()]).remembered()).await else {
            return (unnamed, None);
        };
        let ruleset: wire::Ruleset = answer.json().unwrap_or_default();
        let passes = match ruleset.current_user_can_bypass.as_str() {
            "" => None,
            word => Some(word == "always"),
        };
        (if ruleset.name.is_empty() { unnamed } else { ruleset.name }, passes)
    }

    pub(super) async fn read_rule_for(&self, repo: &RepoRef, branch: &str) -> Result<Option<NameRule>> {
        let mut found: Option<NameRule> = None;
        for rule in self.ruled(repo, branch).await?.into_iter().filter(|rule| AGAINST_PUSHES.contains(&rule.kind.as_str())) {
            let (name, passes) = self.ruleset(repo, rule.ruleset_id).await;
            match passes {
                Some(false) => return Ok(Some(NameRule { rule: name, bot_may_push: Some(false) })),
                passes if found.as_ref().is_none_or(|known| known.bot_may_push.is_some()) => {
                    found = Some(NameRule { rule: name, bot_may_push: passes });
                }
                _ => {}
            }
        }
        match self.read_classic(repo, branch).await? {
            Classic::Holds(rule) => Ok(Some(worse(found, rule))),
            Classic::Nothing => Ok(found),
            Classic::Untold if found.is_some() => Ok(found),
            Classic::Untold => Err(ForgeError::Forbidden(
                "no ruleset holds for it, but GitHub tells administrators alone which branches are protected by a pattern".to_owned(),
            )),
        }
    }

    pub(super) async fn write_branch_rules(&self, repo: &RepoRef, branch: &str, approvals: i64) -> Result<()> {
        let body = json!({
            "required_status_checks": null, "enforce_admins": true, "restrictions": null,
            "required_pull_request_reviews": {"dismiss_stale_reviews": true, "required_approving_review_count": approvals},
        });
        let call = Call::new(Method::PUT, &branch_segments(&["branches"], branch, &["protection"])).json(body);
        self.client.on_repo(repo, &call).await.map(drop)
    }
}
