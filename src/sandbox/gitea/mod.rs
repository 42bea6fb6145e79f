//! The wire skin of Gitea 1.27: its REST API and the bodies of its web hooks.

pub mod auth;
mod comments;
mod contents;
mod fate;
pub mod hooks;
mod host;
mod issues;
mod labels;
mod made;
pub mod payload;
mod pulls;
mod repos;
mod reviews;
pub mod shapes;
mod statuses;
pub mod web;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};

use super::forge::Shared;

/// All routes below `/api/v1`.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/version", get(repos::version))
        .route("/settings/api", get(repos::settings))
        .route("/user", get(repos::me))
        .route("/user/repos", get(repos::mine).post(made::mine))
        .route("/admin/cron", get(repos::cron))
        .route("/users/{owner}", get(repos::user))
        .route("/orgs/{owner}/repos", get(fate::of_owner).post(made::of_org))
        .route("/users/{owner}/repos", get(fate::of_owner))
        .route("/admin/users", post(host::new_user))
        .route("/admin/users/{owner}/repos", post(host::repo_of))
        .route("/orgs", post(host::new_org))
        .route("/users/{owner}/tokens", post(host::tokens_new))
        .route("/users/{owner}/tokens/{name}", delete(host::tokens_delete))
        .route("/repositories/{id}", get(repos::by_id))
        .nest("/repos/{owner}/{repo}", of_repo())
        .fallback(async || web::Failure::Odd(StatusCode::NOT_FOUND, "the sandbox forge has no such route".into()))
        .method_not_allowed_fallback(async || web::Failure::Odd(StatusCode::METHOD_NOT_ALLOWED, String::new()))
}

fn of_repo() -> Router<Shared> {
    let code = Router::new()
        .route("/", get(repos::get).patch(fate::edit).delete(fate::delete))
        .route("/transfer", post(fate::transfer))
        .route("/branches", get(repos::branches).post(repos::create_branch))
        .route("/branches/{*branch}", get(repos::branch).delete(repos::delete_branch))
        .route("/branch_protections", get(hooks::protections).post(hooks::protect))
        .route("/branch_protections/{*rule}", get(hooks::protection).delete(hooks::unprotect))
        .route("/collaborators", get(repos::collaborators))
        .route("/collaborators/{login}", get(repos::is_collaborator).put(host::let_in))
        .route("/collaborators/{login}/permission", get(repos::permission))
        .route("/contents", get(contents::top).post(host::files))
        .route("/contents/{*path}", get(contents::get).post(made::file))
        .route("/raw/{*path}", get(contents::raw))
        .route("/git/trees/{*sha}", get(contents::tree))
        .route("/git/commits/{sha}", get(contents::commit))
        .route("/commits", get(contents::commits))
        .route("/commits/{sha}/status", get(statuses::combined))
        .route("/commits/{sha}/statuses", get(statuses::list))
        .route("/statuses/{sha}", get(statuses::list).post(statuses::create))
        .route("/hooks", get(hooks::list).post(hooks::create))
        .route("/hooks/{id}", get(hooks::get).patch(hooks::edit).delete(hooks::delete))
        .route("/hooks/{id}/tests", post(hooks::test));
    code.merge(of_issues()).merge(of_pulls())
}

fn of_issues() -> Router<Shared> {
    Router::new()
        .route("/labels", get(labels::list).post(labels::create))
        .route("/labels/{id}", get(labels::get).patch(labels::edit).delete(labels::delete))
        .route("/milestones", get(labels::milestones).post(labels::create_milestone))
        .route("/milestones/{id}", get(labels::get_milestone).patch(labels::edit_milestone))
        .route("/issues", get(issues::list).post(issues::create))
        .route("/issues/comments", get(comments::of_repo))
        .route("/issues/comments/{id}", get(comments::get).patch(comments::edit).delete(comments::delete))
        .route(
            "/issues/comments/{id}/reactions",
            get(comments::comment_reactions).post(comments::comment_react).delete(comments::comment_unreact),
        )
        .route("/issues/{n}", get(issues::get).patch(issues::edit).delete(issues::delete))
        .route("/issues/{n}/comments", get(comments::of_issue).post(comments::create))
        .route("/issues/{n}/reactions", get(comments::issue_reactions).post(comments::issue_react).delete(comments::issue_unreact))
        .route("/issues/{n}/labels", get(labels::of_issue).post(labels::add).put(labels::replace).delete(labels::clear))
        .route("/issues/{n}/labels/{label}", delete(labels::remove))
        .route("/issues/{n}/timeline", get(issues::timeline))
}

fn of_pulls() -> Router<Shared> {
    Router::new()
        .route("/pulls", get(pulls::list).post(pulls::create))
        .route("/pulls/{n}", get(pulls::get).patch(pulls::edit))
        .route("/pulls/{n}/files", get(pulls::files))
        .route("/pulls/{n}/commits", get(pulls::commits))
        .route("/pulls/{n}/merge", get(pulls::merged).post(pulls::merge))
        .route("/pulls/{n}/update", post(pulls::update))
        .route("/pulls/{n}/requested_reviewers", post(reviews::request).delete(reviews::unrequest))
        .route("/pulls/{n}/reviews", get(reviews::list).post(reviews::create))
        .route("/pulls/{n}/reviews/{id}", get(reviews::get).delete(reviews::delete))
        .route("/pulls/{n}/reviews/{id}/comments", get(reviews::comments))
        .route("/pulls/{n}/reviews/{id}/dismissals", post(reviews::dismiss))
        .route("/pulls/{n}/reviews/{id}/undismissals", post(reviews::undismiss))
        .route("/pulls/{n}/{*head}", get(pulls::between))
}
