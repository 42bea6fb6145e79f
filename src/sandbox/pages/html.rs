//! The frame of every page, escaping, and the headers that keep a page from loading or running anything foreign.

use std::fmt::Write;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::sandbox::forge::Shared;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::Label;

/// What a page may load: its own two style sheets, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Text as it may stand in HTML, also inside a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A finished page.
pub fn page(title: &str, login: Option<&str>, body: &str) -> Response {
    let who = match login {
        Some(login) => format!(
            "<form method=post action=/sandbox/logout><span>Signed in as <b>{}</b></span> <button>Sign out</button></form>",
            escape(login)
        ),
        None => "<a href=/sandbox/login>Sign in</a>".to_owned(),
    };
    let html = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <title>{title} · Sandbox forge</title><link rel=stylesheet href=/sandbox/style.css><link rel=stylesheet href=/sandbox/labels.css></head>\
         <body><header><a href=/ class=home>Sandbox forge</a>{who}</header><main>{body}</main></body></html>",
        title = escape(title)
    );
    guarded(Html(html).into_response())
}

/// A page that says what went wrong.
pub fn refusal(problem: &Problem) -> Response {
    let (status, words) = match problem.kind {
        Kind::SignIn => (StatusCode::UNAUTHORIZED, "Please sign in"),
        Kind::Missing => (StatusCode::NOT_FOUND, "Not found"),
        Kind::Denied => (StatusCode::FORBIDDEN, "Not allowed"),
        Kind::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "The sandbox forge failed"),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "That did not work"),
    };
    let body = format!("<h1>{words}</h1><p>{}</p><p><a href=/>Back to the repositories</a></p>", escape(&problem.text));
    let mut response = page(words, None, &body);
    *response.status_mut() = status;
    response
}

/// Adds the headers that every page carries.
pub fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A label as a coloured chip. The colour comes from a style sheet of its own, because inline styles are forbidden.
pub fn chip(label: &Label) -> String {
    format!("<span class=\"chip l{}\">{}</span>", label.id, escape(&label.name))
}

const CSS: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];

/// The style of all pages.
pub async fn style() -> Response {
    guarded((CSS, include_str!("style.css")).into_response())
}

/// One rule per label: its colour, with letters dark or light after the brightness.
pub async fn label_colors(State(forge): State<Shared>) -> Response {
    let css = forge.read(|world| {
        world.labels.all().fold(String::new(), |mut css, label| {
            let part = |at: usize| label.color.get(at..at + 2).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(128);
            let bright = part(0) * 299 + part(2) * 587 + part(4) * 114 > 140_000;
            let letters = if bright { "#111" } else { "#fff" };
            let _ = writeln!(css, ".l{}{{background:#{};color:{letters}}}", label.id, label.color);
            css
        })
    });
    guarded((CSS, css).into_response())
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_that_opens_markup_survives() {
        assert_eq!(escape("<a href=\"x\" onclick='y'>&"), "&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;");
    }
}
