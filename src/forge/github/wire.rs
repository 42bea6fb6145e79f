//! Wire format of GitHub, read with tolerance: a missing field, `null` and an empty value are the same thing, and unknown words are words.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads `null` as the type's default value.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Declares structs whose every field may be absent or `null`.
macro_rules! tolerant {
    ($($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$meta])* #[serde(deserialize_with = "or_default")] pub $field: $type,)*
        }
    )*};
}

tolerant! {
    User { id: i64, login: String, }
    Permissions { admin: bool, maintain: bool, push: bool, }
    Repo {
        id: i64, full_name: String, default_branch: String, private: bool, visibility: String, archived: bool, size: i64, html_url: String, owner: Option<User>,
        permissions: Option<Permissions>, allow_merge_commit: Option<bool>, allow_squash_merge: Option<bool>, allow_rebase_merge: Option<bool>,
    }
    Label { name: String, color: String, description: String, }
    /// Present on issues that are pull requests.
    PullMark { html_url: String, }
    Issue {
        number: i64, title: String, body: String, state: String, user: Option<User>, labels: Vec<Label>, created_at: String, updated_at: String,
        pull_request: Option<PullMark>, repository_url: String,
    }
    Comment { id: i64, body: String, user: Option<User>, created_at: String, updated_at: String, html_url: String, issue_url: String, }
    /// `repo` is null once the fork is gone.
    Side { #[serde(rename = "ref")] reference: String, sha: String, repo: Option<Repo>, }
    /// The short form, in lists and reviews, has no `merged`.
    Pull {
        number: i64, node_id: String, title: String, body: String, state: String, draft: bool, merged: bool, merged_at: String,
        mergeable: Option<bool>, merge_commit_sha: String, merged_by: Option<User>, head: Side, base: Side, labels: Vec<Label>,
        user: Option<User>, updated_at: String,
    }
    /// `state` is in capitals in answers and small in deliveries.
    Review { id: i64, user: Option<User>, state: String, body: String, commit_id: String, submitted_at: String, }
    ReviewComment { id: i64, user: Option<User>, path: String, line: u32, original_line: u32, side: String, body: String, }
    Signature { email: String, }
    GitCommit { message: String, author: Option<Signature>, }
    Commit { sha: String, commit: GitCommit, author: Option<User>, committer: Option<User>, }
    Compared { commits: Vec<Commit>, }
    Status { context: String, state: String, description: String, target_url: String, updated_at: String, }
    Output { title: String, }
    CheckRun {
        id: i64, name: String, head_sha: String, status: String, conclusion: String, html_url: String, details_url: String,
        started_at: String, completed_at: String, output: Option<Output>,
    }
    /// What a dismissal took the force of.
    Dismissed { review_id: i64, state: String, }
    IssueEvent {
        id: i64, event: String, actor: Option<User>, label: Option<Label>, created_at: String, dismissed_review: Option<Dismissed>,
    }
    UserPermission { permission: String, role_name: String, user: Option<User>, }
    Meta { installed_version: String, }
    AppItself { id: i64, slug: String, }
    Installation { id: i64, account: Option<User>, }
    AccessToken { token: String, expires_at: String, }
    Target { sha: String, }
    Reference { object: Target, }
    HookConfig { url: String, content_type: String, }
    Hook { id: i64, config: HookConfig, events: Vec<String>, active: bool, }
    /// One try to deliver; a try once more has the same `guid`.
    Delivery { id: i64, guid: String, delivered_at: String, status_code: i64, }
    Restricted { users: Vec<User>, apps: Vec<Slug>, }
    Slug { slug: String, }
    Switch { enabled: bool, }
    RequiredReviews { required_approving_review_count: i64, }
    Protection {
        required_pull_request_reviews: Option<RequiredReviews>, restrictions: Option<Restricted>, enforce_admins: Option<Switch>,
        lock_branch: Option<Switch>,
    }
    Branch { protected: bool, }
    Rule { #[serde(rename = "type")] kind: String, ruleset_id: i64, parameters: Option<RequiredReviews>, }
    Ruleset { name: String, current_user_can_bypass: String, }
    Actor { #[serde(rename = "__typename")] kind: String, login: String, slug: String, }
    Allowance { actor: Option<Actor>, }
    Allowances { nodes: Vec<Allowance>, }
    /// A protection by a pattern, in the words of GraphQL.
    Pattern {
        pattern: String, #[serde(rename = "isAdminEnforced")] is_admin_enforced: bool,
        #[serde(rename = "requiresApprovingReviews")] requires_approving_reviews: bool,
        #[serde(rename = "requiresStatusChecks")] requires_status_checks: bool, #[serde(rename = "restrictsPushes")] restricts_pushes: bool,
        #[serde(rename = "lockBranch")] lock_branch: bool, #[serde(rename = "pushAllowances")] push_allowances: Allowances,
    }
    GraphError { #[serde(rename = "type")] kind: String, message: String, }
    GraphAnswer { data: Value, errors: Vec<GraphError>, }
    Refusal { message: String, errors: Vec<Value>, }
    From { from: String, }
    Changes { body: Option<From>, }
    HookReview { id: i64, state: String, body: String, user: Option<User>, }
    CheckSuite { head_sha: String, status: String, conclusion: String, app: Option<AppName>, }
    AppName { name: String, }
    Workflow { name: String, path: String, }
    WorkflowRun { head_sha: String, conclusion: String, event: String, html_url: String, path: String, name: String, }
    /// The union of all deliveries.
    Delivered {
        action: String, number: i64, repository: Option<Repo>, sender: Option<User>, issue: Option<Issue>, comment: Option<Comment>,
        pull_request: Option<Pull>, changes: Option<Changes>, review: Option<HookReview>, #[serde(rename = "ref")] reference: String,
        ref_type: String, before: String, after: String, sha: String, context: String, state: String, target_url: String,
        check_run: Option<CheckRun>, check_suite: Option<CheckSuite>, workflow: Option<Workflow>, workflow_run: Option<WorkflowRun>,
    }
}

/// A list as it is, or inside an object.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Items<T> {
    List(Vec<Option<T>>),
    Repositories { repositories: Vec<Option<T>> },
    CheckRuns { check_runs: Vec<Option<T>> },
    Statuses { statuses: Vec<Option<T>> },
    Nothing(()),
}

impl<T> Items<T> {
    pub fn into_vec(self) -> Vec<Option<T>> {
        match self {
            Items::List(items)
            | Items::Repositories { repositories: items }
            | Items::CheckRuns { check_runs: items }
            | Items::Statuses { statuses: items } => items,
            Items::Nothing(()) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_null_and_empty_read_alike() {
        for text in [r#"{}"#, r#"{"labels":null,"user":null,"title":null,"number":null}"#, r#"{"labels":[],"title":"","number":0}"#] {
            let issue: Issue = serde_json::from_str(text).unwrap();
            assert!(issue.labels.is_empty() && issue.user.is_none() && issue.title.is_empty() && issue.number == 0, "{text}");
        }
    }

    #[test]
    fn lists_are_read_as_they_are_or_inside_an_object() {
        for text in [r#"[{"id":1},null]"#, r#"{"total_count":1,"repositories":[{"id":1}]}"#, r#"{"check_runs":[{"id":1}]}"#] {
            let items: Items<User> = serde_json::from_str(text).unwrap();
            assert_eq!(items.into_vec().into_iter().flatten().map(|user| user.id).collect::<Vec<_>>(), [1], "{text}");
        }
        assert!(serde_json::from_str::<Items<User>>("null").unwrap().into_vec().is_empty());
    }
}
