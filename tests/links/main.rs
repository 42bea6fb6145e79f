//! A project with a second place for its issues: two forges, people on both, and one program between them. A test reads as what people do
//! on either side and what the other side shows then.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// Plays between a project on Gitea and each kind of forge.
macro_rules! on_every_pair {
    ($($play:ident),* $(,)?) => {
        mod gitea_and_gitea { $(#[tokio::test] async fn $play() { super::$play(crate::world::Pair::GITEA_AND_GITEA).await })* }
        mod gitea_and_github { $(#[tokio::test] async fn $play() { super::$play(crate::world::Pair::GITEA_AND_GITHUB).await })* }
        mod gitea_and_gitlab { $(#[tokio::test] async fn $play() { super::$play(crate::world::Pair::GITEA_AND_GITLAB).await })* }
    };
}

/// Plays with the project on another forge than Gitea.
macro_rules! on_other_homes {
    ($($play:ident),* $(,)?) => {
        mod github_and_gitlab { $(#[tokio::test] async fn $play() { super::$play(crate::world::Pair::GITHUB_AND_GITLAB).await })* }
        mod gitlab_and_gitea { $(#[tokio::test] async fn $play() { super::$play(crate::world::Pair::GITLAB_AND_GITEA).await })* }
    };
}

/// What stands there is the same on every pair of forges.
macro_rules! shows {
    ($seen:expr, $($want:tt)*) => {{
        let seen = $seen;
        insta::allow_duplicates! { insta::assert_snapshot!(seen, $($want)*) }
    }};
}

mod crash;
mod flow;
mod limits;
mod losing;
mod world;
