//! Wire format of Gitea 1.22 to 1.27 and Forgejo, read with tolerance: a missing field, `null` and an empty value are the same thing.

use serde::{Deserialize, Deserializer};

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
    User { id: i64, login: String, username: String, }
    /// `admin`, `push` and `pull` of the account that asks.
    Permissions { admin: bool, push: bool, }
    Repo {
        id: i64, full_name: String, default_branch: String, private: bool, internal: bool, archived: bool, empty: bool, html_url: String,
        default_merge_style: String, permissions: Option<Permissions>, owner: Option<Owner>,
    }
    /// `limited`: only those with an account see what is there. `private`: only members.
    Owner { visibility: String, }
    Label { id: i64, name: String, color: String, exclusive: bool, description: String, }
    /// Present on issues that are pull requests.
    PullMark { merged: bool, draft: bool, }
    Issue {
        number: i64, title: String, body: String, state: String, user: Option<User>, labels: Vec<Label>, created_at: String, updated_at: String,
        pull_request: Option<PullMark>, repository: Option<RepoMeta>,
    }
    /// The short form of a repository inside an issue.
    RepoMeta { id: i64, }
    Comment {
        id: i64, body: String, user: Option<User>, created_at: String, updated_at: String,
        /// One of the two is empty: the address for people of what it stands on.
        issue_url: String, pull_request_url: String,
    }
    BranchCommit { id: String, }
    Branch { name: String, commit: BranchCommit, }
    /// A branch with the rules that hold for it.
    RuledBranch { protected: bool, effective_branch_protection_name: String, required_approvals: i64, user_can_push: bool, user_can_merge: bool, }
    /// One rule of a repository, which fits by its name.
    BranchProtection {
        rule_name: String, branch_name: String, priority: i64, enable_push: bool, enable_push_whitelist: bool,
        push_whitelist_usernames: Vec<String>, push_whitelist_teams: Vec<String>,
    }
    HookConfig { url: String, content_type: String, }
    Hook { id: i64, config: HookConfig, events: Vec<String>, active: bool, branch_filter: String, }
    Side { label: String, #[serde(rename = "ref")] reference: String, sha: String, repo_id: i64, repo: Option<Repo>, }
    Pull {
        number: i64, title: String, body: String, state: String, draft: bool, merged: bool, mergeable: Option<bool>, merge_commit_sha: String,
        merged_by: Option<User>, head: Side, base: Side, labels: Vec<Label>, user: Option<User>, updated_at: String,
    }
    Review {
        id: i64, user: Option<User>, state: String, body: String, commit_id: String, stale: bool, official: bool, dismissed: bool, submitted_at: String,
    }
    /// `position` is the line in the new file, 0 for a comment on the old one.
    ReviewComment { id: i64, user: Option<User>, path: String, position: u32, body: String, }
    Signature { email: String, }
    GitCommit { message: String, author: Option<Signature>, }
    Commit { sha: String, commit: GitCommit, author: Option<User>, committer: Option<User>, }
    /// Answers name the state `status`; requests, hooks and Forgejo's older lists name it `state`.
    Status { context: String, status: String, state: String, description: String, target_url: String, }
    Combined { statuses: Vec<Status>, total_count: u64, }
    TimelineEntry { id: i64, #[serde(rename = "type")] kind: String, user: Option<User>, label: Option<Label>, body: String, created_at: String, }
    UserPermission { permission: String, user: Option<User>, }
    Version { version: String, }
    From { from: String, }
    Changes { body: Option<From>, }
    /// The verdict inside a review delivery: no id and no commit.
    HookReview { #[serde(rename = "type")] kind: String, content: String, }
    Workflow { name: String, path: String, }
    WorkflowRun { head_sha: String, conclusion: String, event: String, html_url: String, path: String, }
    /// A run of Forgejo Actions; the repository is inside the run.
    ActionRun {
        workflow_id: String, commit_sha: String, event: String, trigger_event: String, html_url: String, trigger_user: Option<User>, repository: Option<Repo>,
    }
    /// The union of all deliveries.
    Delivery {
        action: String, number: i64, repository: Option<Repo>, sender: Option<User>, issue: Option<Issue>, comment: Option<Comment>, pull_request: Option<Pull>,
        is_pull: bool, changes: Option<Changes>, review: Option<HookReview>, #[serde(rename = "ref")] reference: String, ref_type: String,
        before: String, after: String, sha: String, context: String, state: String, target_url: String,
        workflow: Option<Workflow>, workflow_run: Option<WorkflowRun>, run: Option<ActionRun>,
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
    fn negative_ids_are_ids() {
        let ghost: User = serde_json::from_str(r#"{"id":-1,"login":"Ghost"}"#).unwrap();
        assert_eq!(ghost.id, -1);
    }
}
