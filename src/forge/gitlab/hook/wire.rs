//! Deliveries as GitLab sends them.

use super::super::wire::{User, tolerant};

tolerant! {
    Project { id: i64, path_with_namespace: String, }
    Title { title: String, }
    Hash { id: String, }
    /// What the delivery is about: the union of issues, notes, merge requests, pipelines and reactions.
    Attributes {
        id: i64, iid: i64, title: String, description: String, state: String, action: String, author_id: i64, created_at: String, updated_at: String,
        confidential: bool, internal: bool, #[serde(rename = "type")] kind: String, note: String, noteable_type: String, system: bool,
        oldrev: String, source_branch: String, target_branch: String, source_project_id: i64, target_project_id: i64, last_commit: Option<Hash>,
        draft: bool, work_in_progress: bool, merge_commit_sha: String, merge_status: String, detailed_merge_status: String,
        sha: String, status: String, detailed_status: String, url: String, name: String, #[serde(rename = "ref")] reference: String,
        labels: Vec<Title>, system_action: String,
    }
    Issue { iid: i64, confidential: bool, #[serde(rename = "type")] kind: String, issue_type: String, }
    Reviewer { id: i64, username: String, state: String, }
    Delta { current: Vec<Reviewer>, }
    Changes {
        labels: Option<serde_json::Value>, title: Option<serde_json::Value>, description: Option<serde_json::Value>, draft: Option<serde_json::Value>,
        target_branch: Option<serde_json::Value>, reviewers: Option<Delta>, assignees: Option<serde_json::Value>,
        milestone_id: Option<serde_json::Value>,
    }
    /// The union of all deliveries.
    Delivery {
        object_kind: String, event_type: String, event_name: String, user: Option<User>, project: Option<Project>, project_id: i64,
        object_attributes: Option<Attributes>, labels: Vec<Title>, changes: Option<Changes>, issue: Option<Issue>, merge_request: Option<Attributes>,
        reviewers: Vec<Reviewer>, #[serde(rename = "ref")] reference: String, before: String, after: String, user_id: i64, user_username: String,
        system: bool, system_action: String, action: String, path_with_namespace: String,
    }
}
