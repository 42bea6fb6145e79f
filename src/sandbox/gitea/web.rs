//! What every route of the API needs: the caller, the query, errors as Gitea words them, pages.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::auth;
use super::shapes::View;
use crate::base::Time;
use crate::sandbox::act::Act;
use crate::sandbox::forge::Shared;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Repo};

/// What a handler returns.
pub type Answer = Result<Response, Failure>;

/// Number of entries on a page when none is asked for.
const DEFAULT_PAGE: usize = 30;
/// Largest page; a larger wish is cut without a word.
const LARGEST_PAGE: usize = 50;

/// A problem on its way to the caller.
#[derive(Debug)]
pub enum Failure {
    Problem(Problem),
    /// A status that Gitea gives where another would be expected.
    Odd(StatusCode, String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Problem(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Failure::Odd(status, message) => (status, message),
            Failure::Problem(problem) => {
                let status = match problem.kind {
                    Kind::SignIn => StatusCode::UNAUTHORIZED,
                    Kind::Missing => StatusCode::NOT_FOUND,
                    Kind::Denied => StatusCode::FORBIDDEN,
                    Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                    Kind::Conflict => StatusCode::CONFLICT,
                    Kind::Refused => StatusCode::METHOD_NOT_ALLOWED,
                    Kind::Unready => StatusCode::PRECONDITION_FAILED,
                    Kind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
                };
                if status == StatusCode::INTERNAL_SERVER_ERROR {
                    tracing::warn!(error = %problem.text, "the sandbox forge failed");
                }
                (status, problem.text)
            }
        };
        (status, Json(json!({"message": message, "url": "https://docs.gitea.com/api/"}))).into_response()
    }
}

/// The request as the handlers see it.
pub struct Call {
    pub forge: Shared,
    pub user: Option<i64>,
    pub uri: Uri,
    pub query: HashMap<String, String>,
}

impl FromRequestParts<Shared> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, forge: &Shared) -> Result<Self, Failure> {
        let user = auth::user(forge, &parts.headers, &parts.uri)?;
        let whole =
            parts.extensions.get::<axum::extract::OriginalUri>().map_or_else(|| parts.uri.path().to_owned(), |uri| uri.path().to_owned());
        forge.scopes.check(user, parts.method.is_safe(), &whole)?;
        let query = axum::extract::Query::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default();
        Ok(Call { forge: forge.clone(), user, uri: parts.uri.clone(), query })
    }
}

impl Call {
    /// The signed-in caller.
    pub fn me(&self) -> Result<i64, Problem> {
        self.user.ok_or_else(|| Problem::sign_in("token is required"))
    }

    /// The repository, if the caller may see it and has this permission.
    pub fn repo(&self, owner: &str, name: &str, least: Grant) -> Result<Repo, Problem> {
        self.forge.repo_for(self.user, owner, name, least)
    }

    /// Ids of the repository and of the issue or pull request with this number.
    pub fn issue(&self, owner: &str, name: &str, number: i64) -> Result<(i64, i64), Problem> {
        let repo = self.repo(owner, name, Grant::Read)?;
        let id = self.forge.read(|world| world.issue_at(repo.id, number).map(|issue| issue.id));
        id.map(|id| (repo.id, id)).ok_or_else(crate::sandbox::act::no_such)
    }

    /// Ids of the repository and of the issue half of the pull request with this number.
    pub fn pull(&self, owner: &str, name: &str, number: i64) -> Result<(i64, i64), Problem> {
        let (repo, id) = self.issue(owner, name, number)?;
        let is_pull = self.forge.read(|world| world.issues.get(id).is_some_and(|issue| issue.pull.is_some()));
        if is_pull { Ok((repo, id)) } else { Err(crate::sandbox::act::no_such()) }
    }

    /// Does an act of the caller.
    pub fn act<R>(&self, work: impl FnOnce(&mut Act) -> Result<R, Problem>) -> Result<R, Problem> {
        self.forge.act(self.me()?, work)
    }

    /// Shapes something for the caller.
    pub fn show<R>(&self, shape: impl FnOnce(&View) -> R) -> R {
        self.forge.read(|world| shape(&View { world, root: &self.forge.root, viewer: self.user }))
    }

    /// A parameter of the query that is not empty.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A moment in the query, cut to whole seconds as Gitea stores them.
    pub fn moment(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.param(name) else { return Ok(None) };
        // A plus sign of the offset arrives as a space when the caller did not encode it.
        let time = Time::parse(&text.replace(' ', "+"));
        time.map(|time| Some(time.seconds())).ok_or_else(|| Problem::invalid(format!("cannot parse `{text}` as a time")))
    }

    /// One page of a list, with the headers that tell how many there are.
    pub fn page(&self, mut items: Vec<Value>) -> Response {
        let number = |name: &str| self.param(name).and_then(|text| text.parse::<usize>().ok());
        let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(DEFAULT_PAGE).min(LARGEST_PAGE);
        let page = number("page").filter(|page| *page > 0).unwrap_or(1);
        let total = items.len();
        let start = page.saturating_sub(1).saturating_mul(limit).min(total);
        let shown: Vec<Value> = items.drain(start..(start + limit).min(total)).collect();
        let mut response = Json(shown).into_response();
        let headers = response.headers_mut();
        headers.insert("X-Total-Count", HeaderValue::from(total));
        headers.insert("Access-Control-Expose-Headers", HeaderValue::from_static("X-Total-Count, Link"));
        if let Ok(link) = HeaderValue::try_from(self.links(page, total.div_ceil(limit).max(1)))
            && !link.is_empty()
        {
            headers.insert(header::LINK, link);
        }
        response
    }

    fn links(&self, page: usize, last: usize) -> String {
        let other = |page: usize, name: &str| {
            let kept = self.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page="));
            let query: Vec<String> = kept.map(str::to_owned).chain([format!("page={page}")]).collect();
            format!("<{}{}?{}>; rel=\"{name}\"", self.forge.root, self.uri.path(), query.join("&"))
        };
        let mut links = Vec::new();
        if page < last {
            links.push(other(page + 1, "next"));
            links.push(other(last, "last"));
        }
        if page > 1 {
            links.push(other(1, "first"));
            links.push(other(page - 1, "prev"));
        }
        links.join(",")
    }
}

/// A JSON body; an empty one reads as an empty object.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, forge: &Shared) -> Result<Self, Failure> {
        let bytes = Bytes::from_request(request, forge).await;
        let bytes = bytes.map_err(|error| Failure::Odd(error.status(), error.body_text()))?;
        let text: &[u8] = if bytes.trim_ascii().is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Body).map_err(|error| Problem::invalid(format!("[]: {error}")).into())
    }
}

/// 200 with a body.
pub fn ok(value: Value) -> Answer {
    Ok(Json(value).into_response())
}

/// 201 with a body.
pub fn created(value: Value) -> Answer {
    Ok((StatusCode::CREATED, Json(value)).into_response())
}

/// 204 without one.
pub fn nothing() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}
