//! What went wrong with a request, as `application/problem+json` (RFC 9457): in words, and with what to do.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::access::token::Scope;
use crate::store::StoreError;

/// A refusal or failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    /// The last part of its type, the same for every problem of the kind.
    kind: &'static str,
    title: &'static str,
    detail: String,
    scope: Option<Scope>,
    /// Seconds after which it is worth trying again.
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem { status, kind, title, detail: detail.into(), scope: None, retry_after: None }
    }

    /// No token, or none that holds.
    pub fn unauthenticated(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "token-needed", "A token that holds is needed", detail)
    }

    /// The token holds and is not good for this.
    pub fn scope_missing(name: &str, scope: Scope) -> Problem {
        let detail = format!(
            "the token `{name}` lacks the scope `{scope}`. Where the server runs, `syndarix token issue --name NAME --scope {scope}` issues one that has it"
        );
        let problem = Problem::new(StatusCode::FORBIDDEN, "scope-missing", "The token is not good for this", detail);
        Problem { scope: Some(scope), ..problem }
    }

    /// It is not there, or the token is not good for its project: the answer does not tell which.
    pub fn not_found(what: &str) -> Problem {
        let detail = format!("there is no {what} with this id, or it belongs to a project that this token does not see");
        Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// Nothing is served at this address.
    pub fn no_such_page() -> Problem {
        let detail = "nothing is served at this address; GET /api/v1/openapi.json describes what is";
        Problem::new(StatusCode::NOT_FOUND, "no-such-page", "No such page", detail)
    }

    /// The address takes other methods.
    pub fn wrong_method() -> Problem {
        let detail = "this address does not take this method; GET /api/v1/openapi.json says which it takes";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method", detail)
    }

    /// A parameter cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read", detail)
    }

    /// What is asked for does not fit how things stand.
    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "conflict", "It cannot be done as things stand", detail)
    }

    /// More requests than one token may make.
    pub fn too_many(name: &str, seconds: u64) -> Problem {
        let detail = format!("the token `{name}` has made more requests than one may; the next is answered in {seconds} s");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", detail);
        Problem { retry_after: Some(seconds), ..problem }
    }

    /// The database cannot be asked at the moment.
    pub fn unavailable() -> Problem {
        let problem =
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available", "the database does not answer; try again later");
        Problem { retry_after: Some(5), ..problem }
    }

    fn body(&self) -> Value {
        let mut body = json!({
            "type": format!("urn:syndarix:problem:{}", self.kind), "title": self.title, "status": self.status.as_u16(), "detail": self.detail,
        });
        if let Some(scope) = self.scope {
            body["scope"] = json!(scope.word());
        }
        body
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        tracing::warn!("a request could not be answered: {error}");
        Problem::unavailable()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"syndarix\""));
        }
        if let Some(scope) = self.scope {
            // The words of scopes are plain.
            let asked = format!("Bearer realm=\"syndarix\", error=\"insufficient_scope\", scope=\"{scope}\"");
            headers.extend(HeaderValue::from_str(&asked).ok().map(|value| (header::WWW_AUTHENTICATE, value)));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
