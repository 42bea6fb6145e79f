//! Stands between the forge and the program and does to deliveries what networks do: holds them, loses them, sends them many times.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::account;
use super::envelope;
use super::world::{HOOK_SECRET, REPO, World, skin};

/// What happens to a delivery on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Kept until it is sent on by hand.
    Hold,
    Lose,
    /// Only the one of this number, from 0, is lost.
    LoseOne(usize),
    /// So many of each at the same time.
    Copies(usize),
}

/// A delivery as it came.
#[derive(Clone, Debug)]
pub struct Letter {
    headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Letter {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// What somebody other than the bot did.
    pub fn is_peoples(&self) -> bool {
        envelope::sender(&self.json()) != account::login()
    }

    /// A new issue is told.
    pub fn is_opened_issue(&self) -> bool {
        envelope::is_opened_issue(self.event(), &self.json())
    }

    fn event(&self) -> &str {
        let names = ["x-gitea-event-type", "x-github-event", "x-gitlab-event"];
        names.into_iter().find_map(|name| self.headers.get(name)).map_or("?", |value| value.to_str().unwrap())
    }

    /// The event and its action.
    pub fn what(&self) -> String {
        let body = self.json();
        let action = body["action"].as_str().or(body["object_attributes"]["action"].as_str());
        format!("{} {}", self.event(), action.unwrap_or_default())
    }
}

#[derive(Default)]
struct State {
    mode: Option<Mode>,
    seen: Vec<Letter>,
    held: Vec<Letter>,
}

pub struct Relay {
    state: Arc<Mutex<State>>,
    http: reqwest::Client,
    target: String,
    _server: JoinSet<()>,
}

impl Relay {
    /// From now on the repository's deliveries come this way.
    pub async fn between(w: &World, mode: Mode) -> Relay {
        let state = Arc::new(Mutex::new(State { mode: Some(mode), ..State::default() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/relay", listener.local_addr().unwrap());
        let (shared, http, target) = (state.clone(), w.http.clone(), w.hook.clone());
        let taken = move |request: Request| {
            let (state, http, target) = (shared.clone(), http.clone(), target.clone());
            async move {
                let headers = request.headers().iter().filter(|(name, _)| name.as_str().starts_with("x-") || *name == "idempotency-key");
                let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
                let letter = Letter { headers, body: to_bytes(request.into_body(), usize::MAX).await.unwrap().to_vec() };
                let copies = take(&mut state.lock().unwrap(), &letter);
                let sent: JoinSet<()> = (0..copies).map(|_| send(http.clone(), target.clone(), letter.clone())).collect();
                sent.join_all().await;
                StatusCode::ACCEPTED
            }
        };
        let server = JoinSet::from_iter([async move { axum::serve(listener, Router::new().fallback(taken)).await.unwrap() }]);
        w.hooks_are_lost();
        w.sandbox.ensure_hook_in(skin(), Some(REPO), &url, HOOK_SECRET).unwrap();
        Relay { state, http: w.http.clone(), target: w.hook.clone(), _server: server }
    }

    pub fn set(&self, mode: Mode) {
        self.state.lock().unwrap().mode = Some(mode);
    }

    /// Everything that came by, lost or not.
    pub fn seen(&self) -> Vec<Letter> {
        self.state.lock().unwrap().seen.clone()
    }

    /// What is held, in the order in which it came. Nothing is held any more.
    pub fn held(&self) -> Vec<Letter> {
        std::mem::take(&mut self.state.lock().unwrap().held)
    }

    pub async fn sends(&self, letter: &Letter) {
        send(self.http.clone(), self.target.clone(), letter.clone()).await;
    }

    /// The same content under a new id: what a forge's button for another delivery does.
    pub async fn sends_anew(&self, letter: &Letter, id: &str) {
        let mut letter = letter.clone();
        for name in envelope::id_headers() {
            letter.headers.insert(*name, id.parse().unwrap());
        }
        self.sends(&letter).await;
    }
}

/// How many of this delivery go on.
fn take(state: &mut State, letter: &Letter) -> usize {
    let number = state.seen.len();
    state.seen.push(letter.clone());
    match state.mode {
        Some(Mode::Hold) => {
            state.held.push(letter.clone());
            0
        }
        Some(Mode::Lose) => 0,
        Some(Mode::LoseOne(lost)) => usize::from(lost != number),
        Some(Mode::Copies(copies)) => copies,
        Some(Mode::Pass) | None => 1,
    }
}

async fn send(http: reqwest::Client, target: String, letter: Letter) {
    let answer = http.post(target).headers(letter.headers).body(letter.body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
}
