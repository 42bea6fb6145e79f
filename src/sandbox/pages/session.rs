//! Signing in: a link with the token sets a cookie. Posts are accepted only from this forge's own pages.

use axum::extract::{Form, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::html;
use crate::sandbox::forge::Shared;
use crate::sandbox::problem::Problem;

const COOKIE: &str = "sandbox_token";

/// The person in front of the browser. A post from a foreign page never becomes one.
pub struct Viewer {
    pub forge: Shared,
    pub user: Option<i64>,
    pub login: Option<String>,
}

impl Viewer {
    /// The signed-in user.
    pub fn me(&self) -> Result<i64, Problem> {
        self.user.ok_or_else(|| {
            Problem::sign_in("sign in first: open the link with your token that the terminal shows, or paste the token at /sandbox/login")
        })
    }
}

impl FromRequestParts<Shared> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, forge: &Shared) -> Result<Self, Response> {
        if parts.method != Method::GET && !same_origin(&parts.headers) {
            return Err(html::refusal(&Problem::denied("this form was sent by another site; open the page here and try again")));
        }
        let cookies =
            parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let token =
            cookies.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, token)| token.to_owned());
        let found = forge.read(|world| world.user_with_token(&token.unwrap_or_default()).map(|user| (user.id, user.login.clone())));
        let (user, login) = found.unzip();
        Ok(Viewer { forge: forge.clone(), user, login })
    }
}

/// True when the browser says that the request comes from a page of this very address.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin == format!("http://{host}"),
        (None, _) => text("sec-fetch-site") == Some("same-origin"),
        _ => false,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Token {
    token: String,
    /// The page to go to; only one of this forge.
    next: String,
}

/// A path on this forge; anything else leads to the first page.
fn inside(next: &str) -> &str {
    let plain = next.starts_with('/') && !next.starts_with("//") && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain { next } else { "/" }
}

fn sign_in(forge: &Shared, token: &str, next: &str) -> Response {
    let known = forge.read(|world| world.user_with_token(token).is_some());
    if !known {
        return html::refusal(&Problem::sign_in("this token belongs to nobody here; use the link that the terminal shows"));
    }
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
    html::guarded(([(header::SET_COOKIE, cookie)], Redirect::to(inside(next))).into_response())
}

/// The link from the terminal; without a token, the form to paste one.
pub async fn login(State(forge): State<Shared>, Query(given): Query<Token>) -> Response {
    if !given.token.is_empty() {
        return sign_in(&forge, given.token.trim(), &given.next);
    }
    let people: Vec<String> =
        forge.read(|world| world.users.all().filter(|user| !user.bot).map(|user| html::escape(&user.login)).collect());
    let body = format!(
        "<h1>Sign in</h1><p>Open the link that the terminal shows for the person you want to be, or paste the token. People here: {}.</p>\
         <form method=post action=/sandbox/login><div class=line><input type=password name=token aria-label=Token autocomplete=off required></div>\
         <button class=go>Sign in</button></form>",
        people.join(", ")
    );
    html::page("Sign in", None, &body)
}

/// The pasted token.
pub async fn paste(viewer: Viewer, Form(given): Form<Token>) -> Response {
    sign_in(&viewer.forge, given.token.trim(), &given.next)
}

/// Forgets the cookie.
pub async fn logout(_viewer: Viewer) -> Response {
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    html::guarded(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_only_to_pages_of_this_forge() {
        for (next, want) in [
            ("/a/b/issues/1", "/a/b/issues/1"),
            ("", "/"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil", "/"),
            ("/a\nb", "/"),
        ] {
            assert_eq!(inside(next), want, "{next}");
        }
    }

    #[test]
    fn only_forms_of_this_address_count() {
        let rows: [(&[(&str, &str)], bool); 5] = [
            (&[("host", "127.0.0.1:1"), ("origin", "http://127.0.0.1:1")], true),
            (&[("host", "127.0.0.1:1"), ("origin", "http://127.0.0.1:2")], false),
            (&[("host", "127.0.0.1:1"), ("origin", "null")], false),
            (&[("host", "127.0.0.1:1"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "127.0.0.1:1")], false),
        ];
        for (pairs, want) in rows {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            assert_eq!(same_origin(&headers), want, "{pairs:?}");
        }
    }
}
