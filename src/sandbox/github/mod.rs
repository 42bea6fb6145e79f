//! GitHub as a skin over the forge, in the layout of an Enterprise server: REST below `/api/v3`, the few questions of GraphQL that a bot needs at
//! `/api/graphql`, web hooks that name and sign as GitHub does. A repository that was renamed answers 301 with its number.
//!
//! Shapes and status codes follow GitHub's published OpenAPI description; what differs from it is said where it does.

mod app;
mod auth;
mod code;
mod comments;
mod contents;
mod failure;
mod graphql;
mod hooks;
mod issues;
mod jwt;
mod labels;
mod patterns;
pub mod payload;
mod payload_repo;
mod protection;
mod pulls;
mod query;
mod quota;
mod repos;
mod reviews;
mod shapes;
mod shapes_code;
pub mod sign;
mod statuses;
mod timeline;
mod web;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{delete, get, post, put};
use serde_json::json;

use super::forge::Shared;
use failure::Failure;
use web::{Answer, Call, ok};

pub use app::AppWish;
pub use auth::of_git;
pub use graphql::or_next;
pub use quota::Quota;

/// All routes below `/api/v3`.
pub fn routes(forge: &Shared) -> Router<Shared> {
    Router::new()
        .route("/", get(async || ok(json!({}))))
        .route("/meta", get(repos::meta))
        .route("/rate_limit", get(rate_limit))
        .route("/user", get(repos::me))
        .route("/user/repos", get(repos::mine).post(repos::create_mine))
        .route("/user/{id}", get(repos::user_by_id))
        .route("/users/{login}", get(repos::user))
        .route("/users/{login}/repos", get(repos::of_owner))
        .route("/orgs/{login}/repos", get(repos::of_owner).post(repos::create_of_org))
        .route("/app", get(app::get))
        .route("/app/installations", get(app::installations))
        .route("/app/installations/{id}", get(app::installation))
        .route("/app/installations/{id}/access_tokens", post(app::token))
        .route("/installation/repositories", get(repos::of_installation))
        .route("/installation/token", delete(app::revoke))
        .nest("/repos/{owner}/{repo}", of_repo())
        .nest("/repositories/{id_of_repo}", of_repo())
        .fallback(async || Failure::not_found())
        .method_not_allowed_fallback(async || Failure::not_found())
        .layer(from_fn_with_state(forge.clone(), quota::around))
}

/// What lies beside `/api/v3`: the addresses of pull requests for people.
pub fn beside() -> Router<Shared> {
    let page = async |axum::extract::Path((owner, repo, number)): axum::extract::Path<(String, String, i64)>| {
        Redirect::to(&format!("/{owner}/{repo}/pulls/{number}"))
    };
    Router::new().route("/{owner}/{repo}/pull/{number}", get(page))
}

/// What is left; asking costs nothing.
async fn rate_limit(call: Call, headers: axum::http::HeaderMap) -> Answer {
    let left = quota::left(&call.forge, &headers);
    let core = json!({"limit": left.limit, "used": left.used, "remaining": left.limit - left.used, "reset": left.reset});
    ok(json!({"resources": {"core": core, "graphql": core, "search": core}, "rate": core}))
}

fn of_repo() -> Router<Shared> {
    let code = Router::new()
        .route("/", get(repos::get).patch(repos::edit).delete(repos::delete))
        .route("/transfer", post(repos::transfer))
        .route("/installation", get(app::of_repo))
        .route("/branches", get(code::branches))
        .route("/branches/{*branch}", get(protection::get_or_branch).put(protection::put_at).delete(protection::delete_at))
        .route("/rules/branches/{*branch}", get(protection::rules))
        .route("/rulesets/{id}", get(protection::ruleset))
        .route("/collaborators", get(repos::collaborators))
        .route("/collaborators/{login}", get(repos::is_collaborator).put(repos::let_in).delete(repos::let_go))
        .route("/collaborators/{login}/permission", get(repos::permission))
        .route("/contents", get(contents::top))
        .route("/contents/", get(contents::top))
        .route("/contents/{*path}", get(contents::get).put(contents::put).delete(contents::delete))
        .route("/git/ref/{*ref}", get(code::get_ref))
        .route("/git/refs", post(code::create_ref))
        .route("/git/refs/{*ref}", get(code::get_ref).patch(code::update_ref).delete(code::delete_ref))
        .route("/git/matching-refs/{*ref}", get(code::matching))
        .route("/git/commits/{sha}", get(code::git_commit))
        .route("/git/trees/{*sha}", get(code::tree))
        .route("/commits", get(code::commits))
        .route("/commits/{*rest}", get(commit))
        .route("/compare/{*ends}", get(code::compare))
        .route("/statuses/{sha}", post(statuses::create))
        .route("/check-runs", post(statuses::create_check))
        .route("/check-runs/{id}", get(statuses::get_check).patch(statuses::edit_check));
    code.merge(of_hooks()).merge(of_issues()).merge(of_pulls())
}

/// `/commits/{name}` and what lies below it; the name may have slashes.
async fn commit(call: Call) -> Answer {
    let rest = call.part("rest").to_owned();
    match rest.rsplit_once('/') {
        Some((name, "status")) => statuses::combined(call, name).await,
        Some((name, "statuses")) => statuses::list(call, name).await,
        Some((name, "check-runs")) => statuses::checks(call, name).await,
        Some((name, "pulls")) => code::pulls_of(call, name).await,
        _ => code::commit(call, &rest).await,
    }
}

fn of_hooks() -> Router<Shared> {
    Router::new()
        .route("/hooks", get(hooks::list).post(hooks::create))
        .route("/hooks/{id}", get(hooks::get).patch(hooks::edit).delete(hooks::delete))
        .route("/hooks/{id}/pings", post(hooks::ping))
        .route("/hooks/{id}/tests", post(hooks::test))
        .route("/hooks/{id}/deliveries", get(hooks::deliveries))
        .route("/hooks/{id}/deliveries/{delivery}", get(hooks::get_delivery))
        .route("/hooks/{id}/deliveries/{delivery}/attempts", post(hooks::redeliver))
}

fn of_issues() -> Router<Shared> {
    Router::new()
        .route("/labels", get(labels::list).post(labels::create))
        .route("/labels/{name}", get(labels::get).patch(labels::edit).delete(labels::delete))
        .route("/milestones", get(labels::milestones).post(labels::create_milestone))
        .route("/milestones/{number}", get(labels::get_milestone).patch(labels::edit_milestone))
        .route("/issues", get(issues::list).post(issues::create))
        .route("/issues/events", get(timeline::of_repo))
        .route("/issues/comments", get(comments::of_repo))
        .route("/issues/comments/{id}", get(comments::get).patch(comments::edit).delete(comments::delete))
        .route("/issues/comments/{id}/reactions", get(comments::reactions).post(comments::react))
        .route("/issues/comments/{id}/reactions/{reaction}", delete(comments::unreact))
        .route("/issues/{n}", get(issues::get).patch(issues::edit))
        .route("/issues/{n}/assignees", post(issues::add_assignees).delete(issues::remove_assignees))
        .route("/issues/{n}/comments", get(comments::of_issue).post(comments::create))
        .route("/issues/{n}/reactions", get(comments::reactions).post(comments::react))
        .route("/issues/{n}/reactions/{reaction}", delete(comments::unreact))
        .route("/issues/{n}/labels", get(labels::of_issue).post(labels::add).put(labels::replace).delete(labels::clear))
        .route("/issues/{n}/labels/{name}", delete(labels::remove))
        .route("/issues/{n}/events", get(timeline::events))
        .route("/issues/{n}/timeline", get(timeline::timeline))
}

fn of_pulls() -> Router<Shared> {
    Router::new()
        .route("/pulls", get(pulls::list).post(pulls::create))
        .route("/pulls/comments", get(reviews::comments_of_repo))
        .route("/pulls/comments/{id}", get(reviews::comment))
        .route("/pulls/{n}", get(pulls::get).patch(pulls::edit))
        .route("/pulls/{n}/files", get(pulls::files))
        .route("/pulls/{n}/commits", get(pulls::commits))
        .route("/pulls/{n}/merge", get(pulls::merged).put(pulls::merge))
        .route("/pulls/{n}/update-branch", put(pulls::update))
        .route("/pulls/{n}/comments", get(reviews::comments_of_pull).post(reviews::add_comment))
        .route("/pulls/{n}/requested_reviewers", get(reviews::requested).post(reviews::request).delete(reviews::unrequest))
        .route("/pulls/{n}/reviews", get(reviews::list).post(reviews::create))
        .route("/pulls/{n}/reviews/{id}", get(reviews::get).delete(reviews::delete))
        .route("/pulls/{n}/reviews/{id}/comments", get(reviews::comments_of_review))
        .route("/pulls/{n}/reviews/{id}/events", post(reviews::submit))
        .route("/pulls/{n}/reviews/{id}/dismissals", put(reviews::dismiss))
}
