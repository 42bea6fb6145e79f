//! Pages for people: read and write issues and pull requests in a browser, signed in by a link with a token. No script anywhere.

mod actions;
mod diff;
mod html;
mod lists;
mod markdown;
mod session;
mod thread;

use axum::Router;
use axum::routing::{get, post};

use super::forge::Shared;

/// All routes of the pages.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(lists::home))
        .route("/sandbox/login", get(session::login).post(session::paste))
        .route("/sandbox/logout", post(session::logout))
        .route("/sandbox/deliveries", get(lists::deliveries))
        .route("/sandbox/style.css", get(html::style))
        .route("/sandbox/labels.css", get(html::label_colors))
        .route("/{owner}/{repo}", get(lists::repo))
        .route("/{owner}/{repo}/issues", get(lists::repo).post(actions::open_issue))
        .route("/{owner}/{repo}/pulls", get(lists::repo))
        .route("/{owner}/{repo}/issues/{n}", get(thread::page))
        .route("/{owner}/{repo}/pulls/{n}", get(thread::page))
        .route("/{owner}/{repo}/issues/{n}/{action}", post(actions::act))
        .route("/{owner}/{repo}/pulls/{n}/{action}", post(actions::act))
}
