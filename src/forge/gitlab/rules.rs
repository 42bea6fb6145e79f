//! Protected branches: what holds for one, what would hold for a name, and making one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::domain::forge::*;
use crate::forge::{BranchRules, ForgeError, NameRule, Result};

use super::client::Call;
use super::{GitLabForge, convert, wire};

const NOBODY: i64 = 0;
const DEVELOPER: i64 = 30;

impl GitLabForge {
    async fn protections(&self, repo: &RepoRef) -> Result<Vec<wire::Protected>> {
        self.client.list(repo, &Call::get(&["protected_branches"])).await
    }

    pub(super) async fn read_branch_rules(&self, repo: &RepoRef, branch: &str) -> Result<Option<BranchRules>> {
        let Some(found) = self.raw_branch(repo, branch).await? else { return Ok(None) };
        let me = self.bot().await?;
        let level = convert::level(&self.raw_project(repo).await?.permissions);
        if !found.protected {
            let may = level >= DEVELOPER;
            return Ok(Some(BranchRules { rule: String::new(), required_approvals: 0, bot_may_push: may, bot_may_merge: may, told: true }));
        }
        // Developers may not read the rules; the branch itself says what the asking account may do.
        let rule = match self.protections(repo).await {
            Ok(rules) => best(rules, branch),
            Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        let may_merge = match &rule {
            Some(rule) => allowed(&rule.merge_access_levels, me.id, level).unwrap_or(false) || found.can_push,
            None => found.can_push || (found.developers_can_merge && level >= DEVELOPER),
        };
        Ok(Some(BranchRules {
            told: rule.is_some(),
            rule: rule.map_or_else(|| branch.to_owned(), |rule| rule.name),
            required_approvals: self.required_approvals(repo).await?,
            bot_may_push: found.can_push,
            bot_may_merge: may_merge,
        }))
    }

    /// Required approvals exist in the paid editions; elsewhere there are none, and the bot's own gate is what holds.
    async fn required_approvals(&self, repo: &RepoRef) -> Result<i64> {
        let gone = |error| match error {
            ForgeError::Forbidden(_) | ForgeError::NotFound(_) => Ok(0),
            other => Err(other),
        };
        let old = match self.client.on_repo(repo, &Call::get(&["approvals"])).await {
            Ok(answer) => answer.json::<wire::ApprovalRules>()?.approvals_before_merge,
            Err(error) => gone(error)?,
        };
        let rules = match self.client.list::<wire::ApprovalRule>(repo, &Call::get(&["approval_rules"])).await {
            Ok(rules) => rules.iter().map(|rule| rule.approvals_required).max().unwrap_or(0),
            Err(error) => gone(error)?,
        };
        Ok(old.max(rules))
    }

    pub(super) async fn read_rule_for(&self, repo: &RepoRef, branch: &str) -> Result<Option<NameRule>> {
        let Some(rule) = best(self.protections(repo).await?, branch) else { return Ok(None) };
        let me = self.bot().await?;
        let level = convert::level(&self.raw_project(repo).await?.permissions);
        Ok(Some(NameRule { bot_may_push: allowed(&rule.push_access_levels, me.id, level), rule: rule.name }))
    }

    async fn make_rule(&self, repo: &RepoRef, name: &str) -> Result<()> {
        let body = json!({"name": name, "push_access_level": NOBODY, "merge_access_level": DEVELOPER, "allow_force_push": false});
        self.client.on_repo(repo, &Call::new(Method::POST, &["protected_branches"]).json(body)).await.map(drop)
    }

    async fn drop_rule(&self, repo: &RepoRef, name: &str) -> Result<()> {
        match self.client.on_repo(repo, &Call::new(Method::DELETE, &["protected_branches", name])).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes an existing rule as strict as a new one. The paid editions change it in place, since 15.6; elsewhere it is made anew, and a
    /// pattern that fits the branch stands in meanwhile: no moment is without a rule, also when this is cut off.
    async fn change_rule(&self, repo: &RepoRef, branch: &str) -> Result<()> {
        let strict = |rule: &wire::Protected| {
            rule.push_access_levels.iter().all(|level| level.access_level == NOBODY)
                && rule.merge_access_levels.iter().any(|level| level.access_level == DEVELOPER && !is_named(level))
        };
        let Some(rule) = self.protections(repo).await?.into_iter().find(|rule| rule.name == branch) else {
            return self.make_rule(repo, branch).await;
        };
        if strict(&rule) {
            return Ok(());
        }
        let body = json!({
            "allow_force_push": false, "allowed_to_push": only(&rule.push_access_levels, NOBODY),
            "allowed_to_merge": only(&rule.merge_access_levels, DEVELOPER),
        });
        match self.client.on_repo(repo, &Call::new(Method::PATCH, &["protected_branches", branch]).json(body)).await {
            // The free edition answers with what it left as it was.
            Ok(answer) if strict(&answer.json()?) => return Ok(()),
            Ok(_) | Err(ForgeError::NotFound(_) | ForgeError::NotAllowed(_) | ForgeError::Unprocessable(_)) => {}
            Err(error) => return Err(error),
        }
        let pattern = stand_in(branch);
        match self.make_rule(repo, &pattern).await {
            Ok(()) | Err(ForgeError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        self.drop_rule(repo, branch).await?;
        self.make_rule(repo, branch).await?;
        self.drop_rule(repo, &pattern).await
    }

    pub(super) async fn write_branch_rules(&self, repo: &RepoRef, branch: &str, approvals: i64) -> Result<()> {
        match self.make_rule(repo, branch).await {
            // There already for most default branches.
            Err(ForgeError::Conflict(_)) => self.change_rule(repo, branch).await?,
            made => made?,
        }
        if approvals <= 0 {
            return Ok(());
        }
        let paid = [
            Call::new(Method::POST, &["approvals"]).json(json!({"reset_approvals_on_push": true})),
            Call::new(Method::POST, &["approval_rules"]).json(json!({"name": "Syndarix", "approvals_required": approvals})),
        ];
        for call in &paid {
            match self.client.on_repo(repo, call).await {
                // The free edition, or made before.
                Ok(_)
                | Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_) | ForgeError::Unprocessable(_) | ForgeError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A pattern that fits this branch and as few others as may be.
fn stand_in(branch: &str) -> String {
    let last = branch.char_indices().next_back().map_or(0, |(at, _)| at);
    format!("{}*{}", &branch[..last], &branch[last..])
}

/// It lets in somebody by name, not by rank.
fn is_named(level: &wire::Level) -> bool {
    level.user_id != 0 || level.group_id != 0 || level.deploy_key_id != 0
}

/// What turns these levels into one.
fn only(levels: &[wire::Level], wanted: i64) -> Vec<Value> {
    let is_wanted = |level: &wire::Level| level.access_level == wanted && !is_named(level);
    let kept = levels.iter().find(|level| is_wanted(level)).map(|level| level.id);
    let gone = levels.iter().filter(|level| Some(level.id) != kept).map(|level| json!({"id": level.id, "_destroy": true}));
    let new = kept.is_none().then(|| json!({"access_level": wanted}));
    gone.chain(new).collect()
}

/// The rule that fits a branch: the exact name, else the longest pattern. GitLab adds up the rights of all that fit, so the loosest of several
/// patterns would hold; that is for the forge to say when it is tried.
fn best(rules: Vec<wire::Protected>, branch: &str) -> Option<wire::Protected> {
    rules.into_iter().filter(|rule| fits(&rule.name, branch)).max_by_key(|rule| (rule.name == branch, rule.name.len()))
}

/// `*` stands for anything, slashes too.
fn fits(rule: &str, branch: &str) -> bool {
    let mut parts = rule.split('*');
    let Some(mut rest) = branch.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// Whether these access levels let the account in; `None`: only groups or keys are named, of which nothing is known.
fn allowed(levels: &[wire::Level], me: i64, own: i64) -> Option<bool> {
    if levels.iter().any(|level| level.user_id == me) {
        return Some(true);
    }
    if levels.iter().filter(|level| !is_named(level)).any(|level| level.access_level > NOBODY && own >= level.access_level) {
        return Some(true);
    }
    if levels.iter().any(|level| level.group_id != 0) { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_on_the_server() {
        let rows = [
            ("main", "main", true),
            ("main", "mains", false),
            ("release/*", "release/1/2", true),
            ("*-stable", "v1-stable", true),
            ("*", "x", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("syndarix/*", "syndarix", false),
        ];
        for (rule, branch, want) in rows {
            assert_eq!(fits(rule, branch), want, "{rule} {branch}");
        }
    }

    #[test]
    fn a_stand_in_fits_the_branch() {
        for (branch, pattern) in [("main", "mai*n"), ("m", "*m"), ("zweig-ä", "zweig-*ä")] {
            assert_eq!(stand_in(branch), pattern);
            assert!(fits(pattern, branch));
        }
    }

    #[test]
    fn levels_are_changed_into_one() {
        let level = |id, access_level, user_id| wire::Level { id, access_level, user_id, ..Default::default() };
        assert_eq!(
            only(&[level(1, 40, 0), level(2, 40, 9)], 0),
            [json!({"id": 1, "_destroy": true}), json!({"id": 2, "_destroy": true}), json!({"access_level": 0})]
        );
        assert_eq!(only(&[level(1, 30, 0)], 30), Vec::<Value>::new());
    }

    #[test]
    fn access_levels_let_in_by_rank_or_by_name() {
        let level = |access_level, user_id, group_id| wire::Level { access_level, user_id, group_id, ..Default::default() };
        assert_eq!(allowed(&[level(0, 0, 0)], 9, 50), Some(false));
        assert_eq!(allowed(&[level(30, 0, 0)], 9, 30), Some(true));
        assert_eq!(allowed(&[level(40, 0, 0)], 9, 30), Some(false));
        assert_eq!(allowed(&[level(40, 9, 0)], 9, 30), Some(true));
        assert_eq!(allowed(&[level(40, 0, 3)], 9, 30), None);
    }
}
