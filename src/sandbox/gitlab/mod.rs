//! The wire skin of GitLab 18: its REST API and its web hooks. Issues and merge requests are counted apart here.

mod admin;
mod commands;
mod diff;
mod discussions;
mod draft;
mod files;
mod graphql;
mod hooks;
mod issues;
mod labelling;
mod labels;
mod look;
mod look_issue;
mod making;
mod merge_requests;
mod merging;
mod notes;
mod pages;
mod params;
pub mod payload;
mod payload_thing;
mod projects;
mod remarks;
mod repository;
pub mod sign;
mod statuses;
mod web;

pub use admin::Numbered;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};

use super::forge::Shared;

/// All routes below `/api/v4`.
pub fn routes(forge: &Shared) -> Router<Shared> {
    Router::new()
        .route("/version", get(projects::version))
        .route("/metadata", get(projects::metadata))
        .route("/user", get(projects::me))
        .route("/users", get(projects::users))
        .route("/users/{id}", get(projects::user))
        .route("/users/{id}/projects", get(projects::of_owner))
        .route("/groups/{id}/projects", get(projects::of_owner))
        .route("/personal_access_tokens/self", get(projects::token))
        .route("/namespaces/{id}", get(making::namespace))
        .route("/projects", get(projects::list).post(making::create))
        .nest("/projects/{id}", of_project())
        .fallback(async || web::Failure::Error(StatusCode::NOT_FOUND, "404 Not Found".into()))
        .method_not_allowed_fallback(async || web::Failure::Error(StatusCode::METHOD_NOT_ALLOWED, "405 Not Allowed".into()))
        .layer(from_fn_with_state(forge.clone(), web::with_limits))
}

/// What lies beside the REST API: GraphQL, and the addresses for people.
pub fn beside() -> Router<Shared> {
    Router::new().route("/api/graphql", post(graphql::answer)).route("/{owner}/{repo}/-/{kind}/{n}", get(pages::thing))
}

fn of_project() -> Router<Shared> {
    Router::new()
        .route("/", get(projects::get).put(projects::update).delete(projects::delete))
        .route("/archive", post(projects::archive))
        .route("/unarchive", post(projects::unarchive))
        .route("/transfer", put(projects::transfer))
        .route("/members", get(projects::members).post(projects::let_in))
        .route("/members/all", get(projects::members))
        .route("/members/all/{user}", get(projects::member_of))
        .route("/members/{user}", get(projects::member_of).put(projects::change_member).delete(projects::let_out))
        .route("/labels", get(labels::list).post(labels::create).put(labels::update).delete(labels::delete))
        .route("/labels/{name}", get(labels::get).put(labels::update).delete(labels::delete))
        .route("/milestones", get(labels::milestones).post(labels::create_milestone))
        .route("/milestones/{n}", get(labels::milestone).put(labels::edit_milestone))
        .route("/approvals", get(merging::rules).post(merging::set_rules))
        .route("/issues", get(issues::list).post(issues::create))
        .route("/issues/{iid}", get(issues::get).put(issues::update).delete(issues::delete))
        .nest("/issues/{iid}", of_thing())
        .merge(of_merge_requests())
        .merge(of_code())
        .merge(of_hooks())
}

/// What issues and merge requests have in common.
fn of_thing() -> Router<Shared> {
    Router::new()
        .route("/notes", get(notes::list).post(notes::create))
        .route("/notes/{note}", get(notes::get).put(notes::update).delete(notes::delete))
        .route("/notes/{note}/award_emoji", get(notes::note_awards).post(notes::note_award))
        .route("/notes/{note}/award_emoji/{award}", delete(notes::note_unaward))
        .route("/award_emoji", get(notes::awards_of).post(notes::award))
        .route("/award_emoji/{award}", delete(notes::unaward))
        .route("/discussions", get(discussions::list).post(discussions::create))
        .route("/discussions/{name}", get(discussions::get).put(discussions::resolve))
        .route("/discussions/{name}/notes", post(discussions::reply))
        .route("/discussions/{name}/notes/{note}", get(discussions::note).put(discussions::update_note).delete(discussions::delete_note))
        .route("/resource_label_events", get(labels::events))
        .route("/resource_state_events", get(labels::state_events))
}

fn of_merge_requests() -> Router<Shared> {
    Router::new()
        .route("/merge_requests", get(merge_requests::list).post(merge_requests::create))
        .route("/merge_requests/{iid}", get(merge_requests::get).put(merge_requests::update))
        .route("/merge_requests/{iid}/commits", get(merge_requests::commits))
        .route("/merge_requests/{iid}/changes", get(merge_requests::changes))
        .route("/merge_requests/{iid}/diffs", get(merge_requests::diffs))
        .route("/merge_requests/{iid}/versions", get(merge_requests::versions))
        .route("/merge_requests/{iid}/versions/{n}", get(merge_requests::version))
        .route("/merge_requests/{iid}/pipelines", get(statuses::of_pull))
        .route("/merge_requests/{iid}/merge", put(merging::merge))
        .route("/merge_requests/{iid}/rebase", put(merging::rebase))
        .route("/merge_requests/{iid}/approvals", get(merging::approved))
        .route("/merge_requests/{iid}/approval_state", get(merging::state))
        .route("/merge_requests/{iid}/approve", post(merging::approve))
        .route("/merge_requests/{iid}/unapprove", post(merging::unapprove))
        .route("/merge_requests/{iid}/reviewers", get(merging::reviewers))
        .nest("/merge_requests/{iid}", of_thing())
}

fn of_code() -> Router<Shared> {
    Router::new()
        .route("/repository/branches", get(repository::branches).post(repository::create_branch))
        .route("/repository/branches/{name}", get(repository::branch).delete(repository::delete_branch))
        .route("/repository/commits", get(repository::commits).post(files::commit_many))
        .route("/repository/commits/{sha}", get(repository::commit))
        .route("/repository/commits/{sha}/diff", get(repository::commit_diff))
        .route("/repository/commits/{sha}/merge_requests", get(repository::commit_merge_requests))
        .route("/repository/commits/{sha}/statuses", get(statuses::list))
        .route("/repository/compare", get(repository::compare))
        .route("/repository/tree", get(repository::tree))
        .route("/repository/files/{path}", get(files::get).post(files::create).put(files::update).delete(files::delete))
        .route("/repository/files/{path}/raw", get(files::raw))
        .route("/statuses/{sha}", post(statuses::create))
        .route("/pipelines", get(statuses::pipelines))
        .route("/pipelines/{n}", get(statuses::pipeline))
        .route("/protected_branches", get(repository::rules).post(repository::protect))
        .route("/protected_branches/{name}", get(repository::rule).patch(repository::reprotect).delete(repository::unprotect))
}

fn of_hooks() -> Router<Shared> {
    Router::new()
        .route("/hooks", get(hooks::list).post(hooks::create))
        .route("/hooks/{hook}", get(hooks::get).put(hooks::update).delete(hooks::delete))
        .route("/hooks/{hook}/test/{trigger}", post(hooks::test))
        .route("/hooks/{hook}/events", get(hooks::sent))
        .route("/hooks/{hook}/events/{event}/resend", post(hooks::resend))
}
