//! `/api/v1`: what an administrator reads and does every day, for programs. One table says what is served; routing, permission,
//! parameters and the OpenAPI description follow from it, so that nothing is served that is not described or that asks for no scope.

mod audit;
pub mod deliveries;
pub mod jobs;
mod openapi;
mod projects;
mod query;
mod schema;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawPathParams, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde_json::{Value, json};

use super::WebState;
use super::auth::Caller;
use super::problem::Problem;
use crate::domain::access::token::Scope;

pub use openapi::document;
use query::{Asked, Param};

/// How long answering may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a route is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// One thing that is served.
pub struct Route {
    pub method: Method,
    /// With at most one part that varies, `{id}`.
    pub path: &'static str,
    /// What a token must be good for.
    pub scope: Scope,
    /// In a sentence, for the description.
    pub about: &'static str,
    /// Parameters of the query, beside `limit` and `cursor` where a list is answered.
    pub params: &'static [Param],
    /// The shape of one item of the answer.
    pub item: &'static schema::Shape,
    /// A list of items that is read page by page.
    pub list: bool,
    /// Status of an answer that went well.
    pub status: u16,
    /// Refusals of its own, beside those of every route.
    pub refusals: &'static [u16],
    answer: fn(Call) -> Answering,
}

/// What a route is at until it answers.
type Answering = Pin<Box<dyn Future<Output = Result<Value, Problem>> + Send>>;

/// A request that was let in.
pub struct Call {
    state: WebState,
    caller: Caller,
    asked: Asked,
    /// The part of the address that varies; empty where there is none.
    id: String,
}

/// Everything that is served here beside the description itself.
pub const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/api/v1/projects",
        scope: Scope::ReadProjects,
        about: "The projects with their numbers, by path.",
        params: &[],
        item: &schema::PROJECT,
        list: true,
        status: 200,
        refusals: &[],
        answer: |call| Box::pin(projects::list(call)),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/projects/{id}/stories",
        scope: Scope::ReadProjects,
        about: "The stories of a project, by the number of their issue.",
        params: &[],
        item: &schema::STORY,
        list: true,
        status: 200,
        refusals: &[404],
        answer: |call| Box::pin(projects::stories(call)),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/jobs",
        scope: Scope::ReadJobs,
        about: "What is under way and what waits and why, by the time at which it is due.",
        params: &[query::PROJECT, query::KIND],
        item: &schema::JOB,
        list: true,
        status: 200,
        refusals: &[],
        answer: |call| Box::pin(jobs::list(call)),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/jobs/{id}/retry",
        scope: Scope::RetryJobs,
        about: "Has a job tried again now. 409: somebody is at it.",
        params: &[],
        item: &schema::RETRIED,
        list: false,
        status: 202,
        refusals: &[404, 409],
        answer: |call| Box::pin(jobs::retry(call)),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/deliveries",
        scope: Scope::ReadDeliveries,
        about: "What the forges sent and what became of it, the newest first, without the bodies.",
        params: &[query::PROJECT, query::STATE],
        item: &schema::DELIVERY,
        list: true,
        status: 200,
        refusals: &[],
        answer: |call| Box::pin(deliveries::list(call)),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/deliveries/{id}",
        scope: Scope::ReadDeliveries,
        about: "One delivery with its body.",
        params: &[],
        item: &schema::DELIVERY_WITH_BODY,
        list: false,
        status: 200,
        refusals: &[404],
        answer: |call| Box::pin(deliveries::show(call)),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/deliveries/{id}/replay",
        scope: Scope::ReplayDeliveries,
        about: "Has a delivery read again, as if it had just come. Nothing is done twice.",
        params: &[],
        item: &schema::REPLAYED,
        list: false,
        status: 202,
        refusals: &[404],
        answer: |call| Box::pin(deliveries::replay(call)),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/audit/state",
        scope: Scope::ReadAudit,
        about: "How far the record of each project is sealed and pushed, and whether its repository still continues it.",
        params: &[],
        item: &schema::RECORD,
        list: true,
        status: 200,
        refusals: &[],
        answer: |call| Box::pin(audit::state(call)),
    },
];

/// Everything below `/api/`.
pub fn router() -> Router<WebState> {
    let described = Router::new().route("/api/v1/openapi.json", get(async || as_json(200, &document())));
    let all = ROUTES.iter().fold(described, |router, route| {
        let serve =
            async move |State(state): State<WebState>, caller: Result<Caller, Problem>, id: RawPathParams, query: RawQuery| match caller {
                Ok(caller) => serve(route, state, caller, &id, query.0.unwrap_or_default()).await,
                Err(problem) => problem.into_response(),
            };
        let served = match route.method {
            Method::Get => get(serve),
            Method::Post => post(serve),
        };
        router.route(route.path, served)
    });
    let all = all.method_not_allowed_fallback(async || Problem::wrong_method());
    all.route("/api/{*rest}", any(async || Problem::no_such_page()))
}

async fn serve(route: &'static Route, state: WebState, caller: Caller, path: &RawPathParams, query: String) -> Response {
    let answered = async {
        caller.need(route.scope)?;
        let asked = Asked::read(&query, route)?;
        let id = path.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default();
        let call = Call { state, caller, asked, id };
        match tokio::time::timeout(PATIENCE, (route.answer)(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(Problem::unavailable()),
        }
    };
    match answered.await {
        Ok(body) => as_json(route.status, &body),
        Err(problem) => problem.into_response(),
    }
}

fn as_json(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body.to_string()).into_response()
}

/// An answer of one item.
fn one(item: Value) -> Value {
    json!({ "data": item })
}

/// A page of a list: at most as many items as were asked for, of which one more was looked for. `cursor` names an item's place.
fn page<T>(mut items: Vec<T>, asked: &Asked, cursor: impl Fn(&T) -> String, shown: impl Fn(&T) -> Value) -> Value {
    let goes_on = items.len() > asked.limit;
    items.truncate(asked.limit);
    let next = items.last().filter(|_| goes_on).map(|last| query::cursor(&cursor(last)));
    json!({ "data": items.iter().map(shown).collect::<Vec<_>>(), "next": next })
}
