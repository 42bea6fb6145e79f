//! Pages for people.

use axum::Router;

use super::forge::Shared;

/// All routes of the pages.
pub fn routes() -> Router<Shared> {
    Router::new()
}
