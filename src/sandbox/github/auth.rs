//! Who is calling: `Authorization: Bearer|token <token>` of a person, of an installation of an app, or the signed word of an app itself.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::failure::Failure;
use super::jwt;
use crate::sandbox::forge::Forge;

/// Who calls.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The account that acts; for an installation the bot of its app.
    pub user: Option<i64>,
    /// The app that speaks for itself or through an installation.
    pub app: Option<i64>,
    /// The repositories that an installation's token reaches; all for people.
    reach: Option<BTreeSet<i64>>,
}

impl Caller {
    /// True when the token is not limited to other repositories.
    pub fn reaches(&self, repo: i64) -> bool {
        self.reach.as_ref().is_none_or(|reach| reach.contains(&repo))
    }

    /// True for the token of an installation.
    pub fn is_installation(&self) -> bool {
        self.reach.is_some()
    }
}

fn bad() -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "Bad credentials")
}

/// The caller; nobody when nobody signs in. An unknown or expired token is refused.
pub fn caller(forge: &Forge, headers: &HeaderMap) -> Result<Caller, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(Caller::default()) };
    let (scheme, rest) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(bad)?;
    let token = match scheme.to_ascii_lowercase().as_str() {
        "token" | "bearer" => rest.trim().to_owned(),
        "basic" => basic(rest).ok_or_else(bad)?,
        _ => return Err(bad()),
    };
    if token.split('.').count() == 3 {
        let app = jwt::app(forge, &token).map_err(|why| Failure::new(StatusCode::UNAUTHORIZED, why))?;
        return Ok(Caller { app: Some(app), ..Caller::default() });
    }
    holder(forge, &token).ok_or_else(bad)
}

/// Whom a token belongs to.
fn holder(forge: &Forge, token: &str) -> Option<Caller> {
    let now = forge.clock.now();
    forge.read(|world| {
        if let Some(user) = world.user_with_token(token) {
            return Some(Caller { user: Some(user.id), ..Caller::default() });
        }
        let kept = world.app_tokens.all().find(|kept| kept.token == token && !token.is_empty() && now < kept.expires)?;
        let app = world.apps.get(kept.app)?;
        Some(Caller { user: Some(app.bot), app: Some(app.id), reach: Some(kept.repos.as_ref().unwrap_or(&app.repos).clone()) })
    })
}

/// The account behind the password of a Git request, for tokens of installations: `x-access-token:<token>`.
pub fn of_git(forge: &Forge, headers: &HeaderMap) -> Option<i64> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = if scheme.eq_ignore_ascii_case("basic") { basic(rest)? } else { rest.trim().to_owned() };
    holder(forge, &token)?.user
}

/// The password, or the name where the password is empty.
fn basic(encoded: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some(if password.is_empty() || password == "x-oauth-basic" { name.to_owned() } else { password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::basic;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn a_token_is_the_password_or_stands_alone() {
        for text in ["x-access-token:abc", "abc:", "abc:x-oauth-basic", "bot:abc"] {
            assert_eq!(basic(&STANDARD.encode(text)).as_deref(), Some("abc"), "{text}");
        }
        assert_eq!(basic("%%%"), None);
    }
}
