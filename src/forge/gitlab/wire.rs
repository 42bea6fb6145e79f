//! Wire format of GitLab's interface, read with tolerance: a missing field, `null` and an empty value are the same thing. Field names from the
//! REST documentation and the crate `gitlab`.

use serde::{Deserialize, Deserializer};

pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Declares structs whose every field may be absent or `null`.
macro_rules! tolerant {
    ($($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$meta])* #[serde(deserialize_with = "crate::forge::gitlab::wire::or_default")] pub $field: $type,)*
        }
    )*};
}
pub(super) use tolerant;

tolerant! {
    User { id: i64, username: String, }
    Access { access_level: i64, }
    Permissions { project_access: Option<Access>, group_access: Option<Access>, }
    Project {
        id: i64, path_with_namespace: String, default_branch: String, visibility: String, archived: bool, empty_repo: bool, merge_method: String,
        squash_option: String, web_url: String, permissions: Permissions,
    }
    Member { id: i64, access_level: i64, state: String, }
    Issue {
        iid: i64, title: String, description: String, state: String, author: Option<User>, labels: Vec<String>, created_at: String, updated_at: String,
        confidential: bool, issue_type: String,
    }
    Position { base_sha: String, head_sha: String, new_path: String, old_path: String, new_line: Option<u32>, old_line: Option<u32>, }
    Note {
        id: i64, body: String, author: Option<User>, created_at: String, updated_at: String, system: bool, internal: bool, confidential: bool,
        #[serde(rename = "type")] kind: String, position: Option<Position>, resolvable: bool, resolved: bool,
    }
    Discussion { id: String, notes: Vec<Note>, }
    DiffRefs { base_sha: String, head_sha: String, start_sha: String, }
    Merge {
        iid: i64, title: String, description: String, state: String, draft: bool, work_in_progress: bool, author: Option<User>, merge_user: Option<User>,
        merged_by: Option<User>, labels: Vec<String>, sha: String, merge_commit_sha: String, squash_commit_sha: String, source_branch: String,
        target_branch: String, source_project_id: i64, target_project_id: i64, diff_refs: Option<DiffRefs>, detailed_merge_status: String,
        merge_status: String, has_conflicts: bool, created_at: String, updated_at: String,
    }
    Version { id: i64, head_commit_sha: String, created_at: String, }
    Approver { user: Option<User>, approved_at: String, }
    Approvals { approved_by: Vec<Approver>, }
    Reviewer { user: Option<User>, state: String, created_at: String, }
    Commit { id: String, message: String, author_email: String, committer_email: String, }
    Branch { name: String, commit: Commit, protected: bool, can_push: bool, developers_can_merge: bool, }
    Level { id: i64, access_level: i64, user_id: i64, group_id: i64, deploy_key_id: i64, }
    Protected { name: String, push_access_levels: Vec<Level>, merge_access_levels: Vec<Level>, }
    ApprovalRules { approvals_before_merge: i64, }
    ApprovalRule { approvals_required: i64, }
    Status { id: i64, name: String, status: String, description: String, target_url: String, allow_failure: bool, }
    Label { id: i64, name: String, color: String, description: String, is_project_label: Option<bool>, }
    LabelEvent { id: i64, user: Option<User>, created_at: String, label: Option<Label>, action: String, }
    Hook {
        id: i64, url: String, push_events: bool, issues_events: bool, confidential_issues_events: bool, merge_requests_events: bool, note_events: bool,
        confidential_note_events: bool, pipeline_events: bool, tag_push_events: bool, emoji_events: bool, push_events_branch_filter: String,
        alert_status: String, disabled_until: String,
    }
    ServerVersion { version: String, }
    Token { scopes: Vec<String>, expires_at: String, }
    Namespace { id: i64, }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_null_and_empty_read_alike() {
        for text in [r#"{}"#, r#"{"labels":null,"author":null,"title":null,"iid":null}"#, r#"{"labels":[],"title":"","iid":0}"#] {
            let issue: Issue = serde_json::from_str(text).unwrap();
            assert!(issue.labels.is_empty() && issue.author.is_none() && issue.title.is_empty() && issue.iid == 0, "{text}");
        }
    }
}
