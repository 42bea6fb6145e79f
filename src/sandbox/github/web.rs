//! What every route needs: the caller, the repository of the path, errors as GitHub words them, pages.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OriginalUri, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::auth::{self, Caller};
use super::failure::Failure;
use super::shapes::View;
use crate::base::Time;
use crate::sandbox::act::{Act, lacking};
use crate::sandbox::forge::Shared;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{Grant, Repo};

/// What a handler returns.
pub type Answer = Result<Response, Failure>;

/// Number of entries on a page when none is asked for.
const DEFAULT_PAGE: usize = 30;
/// Largest page; a larger wish is cut without a word.
const LARGEST_PAGE: usize = 100;

/// The request as the handlers see it.
pub struct Call {
    pub forge: Shared,
    pub caller: Caller,
    /// As it was sent, with `/api/v3`.
    pub uri: Uri,
    method: Method,
    accept: String,
    query: HashMap<String, String>,
    path: HashMap<String, String>,
}

impl FromRequestParts<Shared> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, forge: &Shared) -> Result<Self, Failure> {
        let caller = auth::caller(forge, &parts.headers)?;
        let uri = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.clone(), |uri| uri.0.clone());
        let path = match RawPathParams::from_request_parts(parts, forge).await {
            Ok(params) => params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            Err(_) => HashMap::new(),
        };
        let query = axum::extract::Query::try_from_uri(&uri).map(|query| query.0).unwrap_or_default();
        let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Call { forge: forge.clone(), caller, uri, method: parts.method.clone(), accept, query, path })
    }
}

impl Call {
    /// The signed-in caller.
    pub fn me(&self) -> Result<i64, Failure> {
        self.caller.user.ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "Requires authentication"))
    }

    /// Whether the caller asks for this form of the answer, such as `diff`.
    pub fn accepts(&self, form: &str) -> bool {
        self.accept.contains(&format!("application/vnd.github.{form}"))
            || self.accept.contains(&format!("application/vnd.github.v3.{form}"))
    }

    /// A part of the path.
    pub fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A number in the path; anything else is not there.
    pub fn number(&self, name: &str) -> Result<i64, Failure> {
        self.part(name).parse().map_err(|_| Failure::not_found())
    }

    /// The repository of the path, by name or by number, if the caller may see it and has this permission. A former name leads to the number.
    pub fn repo(&self, least: Grant) -> Result<Repo, Failure> {
        let found = self.forge.read(|world| match self.part("id_of_repo") {
            "" => world.repo_at(self.part("owner"), self.part("repo")).cloned(),
            id => id.parse().ok().and_then(|id| world.repos.get(id)).cloned(),
        });
        let Some(repo) = found else { return Err(self.moved().unwrap_or_else(Failure::not_found)) };
        let grant = self.forge.read(|world| world.grant(&repo, self.caller.user));
        if grant == Grant::None || !self.caller.reaches(repo.id) {
            return Err(Failure::not_found());
        }
        if grant < least {
            return Err(if self.caller.user.is_none() {
                self.me().err().unwrap_or_else(Failure::not_found)
            } else {
                lacking(least).into()
            });
        }
        if repo.archived && !self.method.is_safe() && !self.is_about_the_repo() {
            return Err(Failure::new(StatusCode::FORBIDDEN, "Repository was archived so is read-only."));
        }
        Ok(repo)
    }

    /// The path behind the repository.
    fn rest(&self) -> &str {
        let parts = if self.part("id_of_repo").is_empty() { 7 } else { 6 };
        self.uri.path().splitn(parts, '/').nth(parts - 1).unwrap_or_default()
    }

    /// Settings of the repository and its hooks can be changed in the archive too.
    fn is_about_the_repo(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest == "transfer" || rest.starts_with("hooks")
    }

    /// Where the repository is found that once had this name.
    fn moved(&self) -> Option<Failure> {
        let id = self.forge.read(|world| {
            let repo = world.repo_formerly_at(self.part("owner"), self.part("repo"))?;
            (world.grant(repo, self.caller.user) > Grant::None).then_some(repo.id)
        })?;
        let rest = self.rest();
        let rest = if rest.is_empty() { String::new() } else { format!("/{rest}") };
        let query = self.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        Some(Failure::moved(format!("{}/api/v3/repositories/{id}{rest}{query}", self.forge.root)))
    }

    /// The repository, and the id of the issue or pull request with the number in the path.
    pub fn issue(&self) -> Result<(Repo, i64), Failure> {
        let repo = self.repo(Grant::Read)?;
        let number = self.number("n")?;
        let id = self.forge.read(|world| world.issue_at(repo.id, number).map(|issue| issue.id));
        id.map(|id| (repo, id)).ok_or_else(Failure::not_found)
    }

    /// The repository, and the id of the issue half of the pull request with the number in the path.
    pub fn pull(&self) -> Result<(Repo, i64), Failure> {
        let (repo, id) = self.issue()?;
        let is_pull = self.forge.read(|world| world.issues.get(id).is_some_and(|issue| issue.pull.is_some()));
        if is_pull { Ok((repo, id)) } else { Err(Failure::not_found()) }
    }

    /// Does an act of the caller.
    pub fn act<R>(&self, work: impl FnOnce(&mut Act) -> Result<R, Problem>) -> Result<R, Failure> {
        Ok(self.forge.act(self.me()?, work)?)
    }

    /// Shapes something for the caller.
    pub fn show<R>(&self, shape: impl FnOnce(&View) -> R) -> R {
        self.forge.read(|world| shape(&View { world, root: &self.forge.root, viewer: self.caller.user }))
    }

    /// A parameter of the query that is not empty.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A moment in the query, in whole seconds.
    pub fn moment(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.param(name) else { return Ok(None) };
        // A plus sign of the offset arrives as a space when the caller did not encode it.
        let time = Time::parse(&text.replace(' ', "+"));
        time.map(|time| Some(time.seconds())).ok_or_else(|| Failure::invalid("", name, "invalid"))
    }

    /// Number of entries a page has here.
    pub fn per_page(&self) -> usize {
        let number = self.param("per_page").and_then(|text| text.parse::<usize>().ok());
        number.filter(|limit| *limit > 0).unwrap_or(DEFAULT_PAGE).min(LARGEST_PAGE)
    }

    /// One page of a list, with links to the others.
    pub fn page(&self, items: Vec<Value>) -> Response {
        let (shown, link) = self.cut(items);
        let mut response = Json(shown).into_response();
        self.link(&mut response, link);
        response
    }

    /// One page of a list that is a field of an object, with the number of all.
    pub fn page_in(&self, field: &str, items: Vec<Value>) -> Response {
        let total = items.len();
        let (shown, link) = self.cut(items);
        let mut response = Json(serde_json::json!({"total_count": total, field: shown})).into_response();
        self.link(&mut response, link);
        response
    }

    fn cut(&self, mut items: Vec<Value>) -> (Vec<Value>, String) {
        let limit = self.per_page();
        let page = self.param("page").and_then(|text| text.parse::<usize>().ok()).filter(|page| *page > 0).unwrap_or(1);
        let total = items.len();
        let start = (page - 1).saturating_mul(limit).min(total);
        let shown = items.drain(start..(start + limit).min(total)).collect();
        let last = total.div_ceil(limit).max(1);
        let mut links = Vec::new();
        if page > 1 {
            links.push(self.other("page", &(page - 1).min(last).to_string(), "prev"));
        }
        if page < last {
            links.push(self.other("page", &(page + 1).to_string(), "next"));
            links.push(self.other("page", &last.to_string(), "last"));
        }
        if page > 1 {
            links.push(self.other("page", "1", "first"));
        }
        (shown, links.join(", "))
    }

    /// Puts a `Link` header on an answer, unless it is empty.
    pub fn link(&self, response: &mut Response, link: String) {
        if let Ok(link) = HeaderValue::try_from(link)
            && !link.is_empty()
        {
            response.headers_mut().insert(header::LINK, link);
        }
    }

    /// A link to this list with another value of a parameter.
    pub fn other(&self, name: &str, value: &str, rel: &str) -> String {
        let start = format!("{name}=");
        let kept = self.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&start));
        let query: Vec<String> = kept.map(str::to_owned).chain([format!("{name}={value}")]).collect();
        format!("<{}{}?{}>; rel=\"{rel}\"", self.forge.root, self.uri.path(), query.join("&"))
    }
}

/// A JSON body; an empty one reads as an empty object.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, forge: &Shared) -> Result<Self, Failure> {
        let bytes = Bytes::from_request(request, forge).await;
        let bytes = bytes.map_err(|error| Failure::new(error.status(), error.body_text()))?;
        let text: &[u8] = if bytes.trim_ascii().is_empty() { b"{}" } else { &bytes };
        let value: Value = serde_json::from_slice(text).map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "Problems parsing JSON"))?;
        let read = serde_json::from_value(value);
        read.map(Body).map_err(|error| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, format!("Invalid request.\n\n{error}")))
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

/// What is there, or 404.
pub fn found<T>(value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(Failure::not_found)
}
