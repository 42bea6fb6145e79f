//! What every route needs: the caller, the project, errors as GitLab words them, pages.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::look::{Look, may_see};
use super::params::Params;
use crate::base::Time;
use crate::sandbox::act::Act;
use crate::sandbox::forge::{Forge, Shared};
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Issue, Pull, Repo};

/// What a handler returns.
pub type Answer = Result<Response, Failure>;

/// Number of entries on a page when none is asked for.
const DEFAULT_PAGE: usize = 20;
/// Largest page; a larger wish is cut without a word.
const LARGEST_PAGE: usize = 100;

/// A problem on its way to the caller.
#[derive(Debug)]
pub enum Failure {
    Problem(Problem),
    /// `{"message": …}` with this status.
    Message(StatusCode, Value),
    /// `{"error": …}` with this status.
    Error(StatusCode, String),
    /// A body of its own shape.
    Body(StatusCode, Value),
    /// The project has another path now.
    Moved(String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Problem(problem)
    }
}

/// `{"message": "404 Project Not Found"}` and the like.
pub fn missing(what: &str) -> Failure {
    let text = if what.is_empty() { "404 Not found".to_owned() } else { format!("404 {what} Not Found") };
    Failure::Message(StatusCode::NOT_FOUND, text.into())
}

/// A parameter that is wrong or missing: `{"error": "title is missing"}`.
pub fn bad(text: impl Into<String>) -> Failure {
    Failure::Error(StatusCode::BAD_REQUEST, text.into())
}

/// `{"message": …}` with a status of its own.
pub fn refused(status: u16, text: impl Into<Value>) -> Failure {
    Failure::Message(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), text.into())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let message = |status: StatusCode, message: Value| (status, Json(json!({"message": message}))).into_response();
        match self {
            Failure::Message(status, text) => message(status, text),
            Failure::Error(status, text) => (status, Json(json!({"error": text}))).into_response(),
            Failure::Body(status, body) => (status, Json(body)).into_response(),
            Failure::Moved(target) => (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, target)]).into_response(),
            Failure::Problem(problem) => match problem.kind {
                Kind::SignIn => message(StatusCode::UNAUTHORIZED, "401 Unauthorized".into()),
                Kind::Missing => message(StatusCode::NOT_FOUND, "404 Not found".into()),
                Kind::Denied => message(StatusCode::FORBIDDEN, "403 Forbidden".into()),
                Kind::Invalid => message(StatusCode::BAD_REQUEST, problem.text.into()),
                Kind::Conflict => message(StatusCode::CONFLICT, problem.text.into()),
                Kind::Refused => message(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed".into()),
                Kind::Unready => message(StatusCode::UNPROCESSABLE_ENTITY, problem.text.into()),
                Kind::Broken => {
                    tracing::warn!(error = %problem.text, "the sandbox forge failed");
                    message(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error".into())
                }
            },
        }
    }
}

/// The request as the handlers see it.
pub struct Call {
    pub forge: Shared,
    pub user: Option<i64>,
    pub params: Params,
    /// Path and query as they were asked for.
    uri: axum::http::Uri,
    safe: bool,
}

impl FromRequest<Shared> for Call {
    type Rejection = Failure;

    async fn from_request(request: Request, forge: &Shared) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let uri = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.clone(), |uri| uri.0.clone());
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        let (safe, headers) = (parts.method.is_safe(), parts.headers.clone());
        let bytes = Bytes::from_request(Request::from_parts(parts, body), forge).await;
        let bytes = bytes.map_err(|error| Failure::Error(error.status(), error.body_text()))?;
        let params =
            Params::read(uri.query().unwrap_or_default(), &kind, &bytes).map_err(|why| bad(format!("The JSON is not valid: {why}")))?;
        let user = caller(forge, &headers, &params)?;
        limited(forge, user, safe)?;
        Ok(Call { forge: forge.clone(), user, params, uri, safe })
    }
}

/// The caller, `None` when nobody signs in. An unknown token is refused, and one that has ended.
fn caller(forge: &Forge, headers: &HeaderMap, params: &Params) -> Result<Option<i64>, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = text("authorization").and_then(|value| value.split_once(' ').map(|(_, token)| token.trim().to_owned()));
    let Some(token) = text("private-token").or(bearer).or_else(|| params.some("private_token")) else { return Ok(None) };
    let user = forge.read(|world| world.user_with_token(&token).map(|user| user.id));
    let Some(user) = user else { return Err(Problem::sign_in("the token is unknown").into()) };
    let today = forge.clock.now().rfc3339();
    if forge.scopes.end_of(user).is_some_and(|end| end.as_str() <= &today[..10]) {
        let text = "Token is expired. You can either do re-authorization or token refresh.";
        let body = json!({"error": "invalid_token", "error_description": text});
        return Err(Failure::Body(StatusCode::UNAUTHORIZED, body));
    }
    Ok(Some(user))
}

/// A token that may only read changes nothing.
fn limited(forge: &Forge, user: Option<i64>, safe: bool) -> Result<(), Failure> {
    let Some(scopes) = user.and_then(|user| forge.scopes.of(user)) else { return Ok(()) };
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    // Scopes of another protocol's words say nothing here.
    if has("api")
        || (safe && has("read_api"))
        || !scopes.iter().any(|scope| ["read_api", "read_user", "read_repository"].contains(&scope.as_str()))
    {
        return Ok(());
    }
    let text = "The request requires higher privileges than provided by the access token.";
    Err(Failure::Body(StatusCode::FORBIDDEN, json!({"error": "insufficient_scope", "error_description": text, "scope": "api"})))
}

impl Call {
    /// The signed-in caller.
    pub fn me(&self) -> Result<i64, Problem> {
        self.user.ok_or_else(|| Problem::sign_in("sign in"))
    }

    /// The project by number or path, if the caller may see it and has this permission. Nothing is written into an archived one.
    pub fn project(&self, id: &str, least: Grant) -> Result<Repo, Failure> {
        let repo = self.settings(id, least)?;
        if repo.archived && !self.safe {
            return Err(Problem::denied("the project is archived").into());
        }
        Ok(repo)
    }

    /// The same for what can be changed of an archived project too: its settings and hooks.
    pub fn settings(&self, id: &str, least: Grant) -> Result<Repo, Failure> {
        let (repo, former, grant) = self.forge.read(|world| {
            let path = id.split_once('/');
            let repo = match id.parse() {
                Ok(number) => world.repos.get(number),
                Err(_) => path.and_then(|(owner, name)| world.repo_at(owner, name)),
            };
            let former = path.and_then(|(owner, name)| world.repo_formerly_at(owner, name)).map(|repo| repo.id);
            (repo.cloned(), former, repo.map_or(Grant::None, |repo| world.grant(repo, self.user)))
        });
        if let (None, Some(former)) = (&repo, former) {
            return Err(self.moved(id, former));
        }
        let repo = repo.filter(|_| grant > Grant::None).ok_or_else(|| missing("Project"))?;
        if !self.safe {
            self.me()?;
        }
        match grant >= least {
            true => Ok(repo),
            false if self.user.is_none() => Err(Problem::sign_in("sign in").into()),
            false => Err(Problem::denied("not enough").into()),
        }
    }

    /// Reading leads to the present place, by number; writing does not.
    fn moved(&self, path: &str, present: i64) -> Failure {
        if !self.safe {
            return refused(405, "405 Non GET methods are not allowed for moved projects");
        }
        let whole = self.uri.path_and_query().map_or("", |whole| whole.as_str());
        let encoded = path.replace('/', "%2F");
        let found = [encoded.clone(), encoded.to_lowercase(), path.to_owned()].into_iter().find(|text| whole.contains(text.as_str()));
        Failure::Moved(format!("{}{}", self.forge.root, whole.replacen(&found.unwrap_or(encoded), &present.to_string(), 1)))
    }

    /// An issue by its number among the issues; a confidential one only for those concerned.
    pub fn issue(&self, repo: &Repo, iid: i64) -> Result<Issue, Failure> {
        let found = self.forge.read(|world| {
            let fits =
                |issue: &&Issue| issue.repo == repo.id && issue.iid == iid && issue.pull.is_none() && may_see(world, issue, self.user);
            world.issues.all().find(fits).cloned()
        });
        found.ok_or_else(|| missing(""))
    }

    /// A merge request by its number among the merge requests.
    pub fn pull(&self, repo: &Repo, iid: i64) -> Result<(Issue, Pull), Failure> {
        let found = self.forge.read(|world| {
            let fits = |issue: &&Issue| issue.repo == repo.id && issue.iid == iid && issue.pull.is_some();
            world.issues.all().find(fits).cloned()
        });
        found.and_then(|issue| issue.pull.clone().map(|pull| (issue, pull))).ok_or_else(|| missing(""))
    }

    /// The issue or the merge request that the path is about.
    pub fn thing(&self, repo: &Repo, iid: i64) -> Result<Issue, Failure> {
        // `/api/v4/projects/:id/merge_requests/…`
        match self.uri.path().split('/').nth(5) {
            Some("merge_requests") => self.pull(repo, iid).map(|(issue, _)| issue),
            _ => self.issue(repo, iid),
        }
    }

    /// Does an act of the caller.
    pub fn act<R>(&self, work: impl FnOnce(&mut Act) -> Result<R, Problem>) -> Result<R, Problem> {
        self.forge.act(self.me()?, work)
    }

    /// Shapes something for the caller.
    pub fn look<R>(&self, shape: impl FnOnce(&Look) -> R) -> R {
        self.forge.read(|world| shape(&Look { world, root: &self.forge.root, viewer: self.user }))
    }

    /// A parameter that must be there.
    pub fn need(&self, name: &str) -> Result<String, Failure> {
        self.params.text(name).ok_or_else(|| bad(format!("{name} is missing")))
    }

    /// A moment among the parameters.
    pub fn moment(&self, name: &str) -> Result<Option<Time>, Failure> {
        let Some(text) = self.params.some(name) else { return Ok(None) };
        // A plus sign of the offset arrives as a space when the caller did not encode it.
        let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.replace(' ', "+") };
        Time::parse(&whole).map(Some).ok_or_else(|| bad(format!("{name} is invalid")))
    }

    /// One page of a list, with the headers that tell how many there are.
    pub fn page(&self, mut items: Vec<Value>) -> Response {
        let number = |name: &str| self.params.number(name).and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
        let limit = number("per_page").unwrap_or(DEFAULT_PAGE).min(LARGEST_PAGE);
        let page = number("page").unwrap_or(1);
        let (total, last) = (items.len(), items.len().div_ceil(limit).max(1));
        let start = (page - 1).saturating_mul(limit).min(total);
        let shown: Vec<Value> = items.drain(start..(start + limit).min(total)).collect();
        let mut response = Json(shown).into_response();
        let (next, prev) = ((page < last).then_some(page + 1), (page > 1).then_some(page - 1));
        let headers = response.headers_mut();
        let text = |number: Option<usize>| number.map_or_else(String::new, |number| number.to_string());
        let counts = [
            ("x-total", total.to_string()),
            ("x-total-pages", last.to_string()),
            ("x-page", page.to_string()),
            ("x-per-page", limit.to_string()),
            ("x-next-page", text(next)),
            ("x-prev-page", text(prev)),
            ("link", self.links(&[("prev", prev), ("next", next), ("first", Some(1)), ("last", Some(last))], limit)),
        ];
        for (name, value) in counts {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }

    fn links(&self, pages: &[(&str, Option<usize>)], limit: usize) -> String {
        let own = |pair: &&str| {
            !pair.is_empty() && !pair.starts_with("page=") && !pair.starts_with("per_page=") && !pair.starts_with("private_token=")
        };
        let kept: Vec<&str> = self.uri.query().unwrap_or_default().split('&').filter(own).collect();
        let link = |(name, page): &(&str, Option<usize>)| {
            let page = (*page)?;
            let query: Vec<String> = kept.iter().map(|pair| (*pair).to_owned()).chain([format!("page={page}&per_page={limit}")]).collect();
            Some(format!("<{}{}?{}>; rel=\"{name}\"", self.forge.root, self.uri.path(), query.join("&")))
        };
        pages.iter().filter_map(link).collect::<Vec<_>>().join(", ")
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

/// Puts the headers of the rate limit on every answer. The sandbox counts nobody out.
pub async fn with_limits(
    axum::extract::State(forge): axum::extract::State<Shared>,
    request: Request,
    next: axum::middleware::Next,
) -> Response {
    let head = request.method() == Method::HEAD;
    let mut response = next.run(request).await;
    let reset = forge.clock.now().seconds().div_euclid(60).saturating_mul(60) + 60;
    let at = chrono::DateTime::from_timestamp(reset, 0).unwrap_or_default().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let values = [
        ("ratelimit-limit", "2000".to_owned()),
        ("ratelimit-name", "throttle_authenticated_api".to_owned()),
        ("ratelimit-observed", "1".to_owned()),
        ("ratelimit-remaining", "1999".to_owned()),
        ("ratelimit-reset", reset.to_string()),
        ("ratelimit-resettime", at),
    ];
    for (name, value) in values {
        if let (Ok(value), false) = (HeaderValue::try_from(value), head) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
