//! Stands between a client and a forge, passes everything on and keeps it.

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// One request below `/api/v1` and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Option<Value>,
    pub status: u16,
    pub answer: Option<Value>,
}

#[derive(Clone)]
struct Wire {
    forge: String,
    http: reqwest::Client,
    kept: Arc<Mutex<Vec<Exchange>>>,
}

pub struct Recorder {
    pub url: String,
    kept: Arc<Mutex<Vec<Exchange>>>,
    _server: JoinSet<()>,
}

impl Recorder {
    pub async fn before(forge: String) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let wire = Wire { forge, http, kept: kept.clone() };
        let routes = axum::Router::new().fallback(pass).with_state(wire);
        let server = JoinSet::from_iter([async move { axum::serve(listener, routes).await.unwrap() }]);
        Recorder { url, kept, _server: server }
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        self.kept.lock().unwrap().clone()
    }
}

async fn pass(State(wire): State<Wire>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let url = format!("{}{}", wire.forge, parts.uri);
    let mut headers = parts.headers;
    headers.remove("host");
    // An answer as it is, to be read here.
    headers.remove("accept-encoding");
    let answered = wire.http.request(parts.method.clone(), url.as_str()).headers(headers).body(body.clone()).send().await.unwrap();
    let (status, headers) = (answered.status(), answered.headers().clone());
    let answer = answered.bytes().await.unwrap();
    let query = reqwest::Url::parse(&url).unwrap().query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let json = |bytes: &Bytes| serde_json::from_slice(bytes).ok();
    let path = parts.uri.path().strip_prefix("/api/v1").unwrap_or(parts.uri.path()).to_owned();
    let exchange =
        Exchange { method: parts.method.to_string(), path, query, body: json(&body), status: status.as_u16(), answer: json(&answer) };
    wire.kept.lock().unwrap().push(exchange);
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = status;
    for (name, value) in headers.iter().filter(|(name, _)| !["transfer-encoding", "content-length", "connection"].contains(&name.as_str()))
    {
        response.headers_mut().append(name, value.clone());
    }
    response
}
