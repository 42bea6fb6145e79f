//! Stands between the forge and the instances: hands each delivery on as often as a test wants, and notes which were acknowledged.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What one delivery becomes.
#[derive(Clone)]
struct Plan {
    http: reqwest::Client,
    targets: Arc<Mutex<Vec<String>>>,
    copies: usize,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    refused: Arc<Mutex<usize>>,
}

pub struct Relay {
    plan: Plan,
    url: String,
    _server: JoinSet<()>,
}

impl Relay {
    /// Hands on so many copies of each delivery to every target, all at once.
    pub async fn start(copies: usize) -> Relay {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(6)).no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let plan = Plan { http, targets: Arc::default(), copies, acknowledged: Arc::default(), refused: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let routes = Router::new().fallback(hand_on).with_state(plan.clone());
        let server = JoinSet::from_iter([async move { axum::serve(listener, routes).await.unwrap() }]);
        Relay { plan, url, _server: server }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn add_target(&self, url: String) {
        self.plan.targets.lock().unwrap().push(url);
    }

    /// Ids of the deliveries for which an instance answered 202.
    pub fn acknowledged(&self) -> BTreeSet<String> {
        self.plan.acknowledged.lock().unwrap().clone()
    }

    /// How many copies were answered otherwise, or not at all.
    pub fn refused(&self) -> usize {
        *self.plan.refused.lock().unwrap()
    }
}

async fn hand_on(State(plan): State<Plan>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let targets = plan.targets.lock().unwrap().clone();
    let copies = targets.iter().flat_map(|target| std::iter::repeat_n(target, plan.copies));
    let sent = join_all(copies.map(|target| {
        let mut headers = headers.clone();
        headers.remove("host");
        plan.http.post(target).headers(headers).body(body.clone()).send()
    }));
    let mut answer = StatusCode::SERVICE_UNAVAILABLE;
    for sent in sent.await {
        if sent.is_ok_and(|answer| answer.status() == StatusCode::ACCEPTED) {
            answer = StatusCode::ACCEPTED;
        } else {
            *plan.refused.lock().unwrap() += 1;
        }
    }
    if answer == StatusCode::ACCEPTED
        && let Some(id) = headers.get("x-gitea-delivery").and_then(|id| id.to_str().ok())
    {
        plan.acknowledged.lock().unwrap().insert(id.to_owned());
    }
    answer
}

impl Relay {
    /// From now on only the first instance hears anything.
    pub fn keep_only_first_target(&self) {
        self.plan.targets.lock().unwrap().truncate(1);
    }
}
