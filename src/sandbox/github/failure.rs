//! Refusals in GitHub's words: `message`, `documentation_url`, `status`, and for 422 the list of what is wrong.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::sandbox::problem::{Kind, Problem};

/// Where GitHub sends whoever wants to know more.
const DOCUMENTATION: &str = "https://docs.github.com/enterprise-server@3.17/rest";

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    message: String,
    errors: Vec<Value>,
    /// Where to look instead.
    location: Option<String>,
    /// Seconds to wait before another try.
    retry_after: Option<i64>,
}

impl Failure {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Failure {
        Failure { status, message: message.into(), errors: Vec::new(), location: None, retry_after: None }
    }

    /// What is not there, or may not be seen.
    pub fn not_found() -> Failure {
        Failure::new(StatusCode::NOT_FOUND, "Not Found")
    }

    /// 422 for one field with one of GitHub's codes (`missing`, `missing_field`, `invalid`, `already_exists`).
    pub fn invalid(resource: &str, field: &str, code: &str) -> Failure {
        let error = json!({"resource": resource, "field": field, "code": code});
        Failure { errors: vec![error], ..Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed") }
    }

    /// 422 with a sentence.
    pub fn custom(resource: &str, message: impl Into<String>) -> Failure {
        let error = json!({"resource": resource, "code": "custom", "message": message.into()});
        Failure { errors: vec![error], ..Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed") }
    }

    /// 422 whose list of errors is a sentence, as reviews are refused.
    pub fn sentence(message: impl Into<String>) -> Failure {
        Failure { errors: vec![message.into().into()], ..Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "Unprocessable Entity") }
    }

    /// 301.
    pub fn moved(location: String) -> Failure {
        Failure { location: Some(location), ..Failure::new(StatusCode::MOVED_PERMANENTLY, "Moved Permanently") }
    }

    /// What it says.
    pub fn sentence_of(&self) -> &str {
        &self.message
    }

    /// True for 403.
    pub fn is_forbidden(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
    }

    /// 403 with the seconds to wait.
    pub fn too_fast(message: &str, seconds: i64) -> Failure {
        Failure { retry_after: Some(seconds), ..Failure::new(StatusCode::FORBIDDEN, message) }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        let text = problem.text;
        match problem.kind {
            Kind::SignIn => Failure::new(StatusCode::UNAUTHORIZED, "Requires authentication"),
            Kind::Missing => Failure::not_found(),
            Kind::Denied if text.contains("admin") => Failure::new(StatusCode::FORBIDDEN, "Must have admin rights to Repository."),
            Kind::Denied => Failure::new(StatusCode::FORBIDDEN, "Resource not accessible by personal access token"),
            Kind::Invalid | Kind::Unready => Failure::custom("", text),
            Kind::Conflict => Failure::new(StatusCode::CONFLICT, text),
            Kind::Refused => Failure::new(StatusCode::METHOD_NOT_ALLOWED, text),
            Kind::Broken => {
                tracing::warn!(error = %text, "the sandbox forge failed");
                Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = json!({"message": self.message, "documentation_url": DOCUMENTATION, "status": self.status.as_u16().to_string()});
        if !self.errors.is_empty() {
            body["errors"] = self.errors.into();
        }
        if let Some(location) = &self.location {
            body["url"] = location.as_str().into();
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
