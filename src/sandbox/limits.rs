//! What an administrator of a forge can set that stands in a bot's way: scopes of a token, hosts that web hooks may reach. Kept in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Sandbox;
use super::problem::Problem;

/// Scopes of tokens by user; who is not listed has all.
#[derive(Default)]
pub struct Scopes(Mutex<HashMap<i64, Vec<String>>>, Mutex<HashMap<i64, String>>);

impl Scopes {
    /// The scopes of a user's token, if they are limited.
    pub fn of(&self, user: i64) -> Option<Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&user).cloned()
    }

    /// The day on which a user's token ends, `2026-08-31`.
    pub fn end_of(&self, user: i64) -> Option<String> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).get(&user).cloned()
    }

    /// Lets a user's token end on this day.
    pub fn set_end(&self, user: i64, day: String) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).insert(user, day);
    }

    /// Limits a user's token to these scopes.
    pub fn limit(&self, user: i64, scopes: Vec<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(user, scopes);
    }

    /// Refuses a request that the token's scopes do not cover, in Gitea's words.
    pub fn check(&self, user: Option<i64>, is_read: bool, path: &str) -> Result<(), Problem> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scopes) = user.and_then(|user| all.get(&user)) else { return Ok(()) };
        let Some(category) = category(path) else { return Ok(()) };
        let (read, write) = (format!("read:{category}"), format!("write:{category}"));
        if scopes.contains(&write) || (is_read && scopes.contains(&read)) {
            return Ok(());
        }
        let required = if is_read { read } else { write };
        Err(Problem::denied(format!(
            "token does not have at least one of required scope(s), required=[{required}], token scope={}",
            scopes.join(",")
        )))
    }
}

/// The category of scopes that a path belongs to.
fn category(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.trim_start_matches("/api/v1").trim_matches('/').split('/').collect();
    Some(match parts[..] {
        ["admin", ..] => "admin",
        ["orgs", ..] => "organization",
        ["user" | "users", ..] => "user",
        ["repos", _, _, "issues" | "labels" | "milestones", ..] => "issue",
        ["repos" | "repositories", ..] => "repository",
        _ => return None,
    })
}

impl Sandbox {
    /// Limits a user's token to these scopes.
    pub fn limit_scopes(&self, login: &str, scopes: &[&str]) {
        if let Some(user) = self.forge.read(|world| world.user_named(login).map(|user| user.id)) {
            self.forge.scopes.limit(user, scopes.iter().map(|scope| (*scope).to_owned()).collect());
        }
    }

    /// Forbids web hooks to reach anybody, as a list of allowed hosts does that lacks the receiver; or allows them again.
    pub fn forbid_hooks(&self, forbidden: bool) {
        self.forge.deliveries.forbidden.store(forbidden, std::sync::atomic::Ordering::Relaxed);
    }
}
