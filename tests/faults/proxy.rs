//! A proxy between program and forge that lets things go wrong by rules, and writes down every call it saw.

use std::io::Result;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use syndarix::base::{Clock, Time};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::http::{self, Request};
use super::rules::{Fault, Rule, is_write};

/// A call as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub body_hash: String,
    pub body: Vec<u8>,
    pub authorized: bool,
    /// By the clock of the world, and by the machine's.
    pub at: Time,
    pub real: Time,
    /// What went wrong with it.
    pub fault: Option<String>,
    /// What the other side answered, when it was asked.
    pub applied: Option<u16>,
}

impl Seen {
    pub fn is_write(&self) -> bool {
        is_write(&self.method, &self.path)
    }
}

#[derive(Default)]
struct Shared {
    target: OnceLock<SocketAddr>,
    clock: OnceLock<Clock>,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
}

/// A running proxy on loopback.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: Mutex<Option<JoinSet<()>>>,
}

impl Proxy {
    /// Starts on any free port; where it leads to is told later.
    pub async fn start() -> Arc<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serving = Mutex::new(Some(JoinSet::from_iter([serve(listener, shared.clone())])));
        Arc::new(Proxy { address, shared, serving })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads to this server from now on; gives the proxy's own address.
    pub fn leads_to(&self, url: &str) -> String {
        let target = url.trim_start_matches("http://").parse().expect("an address of this machine");
        assert!(self.shared.target.set(target).is_ok(), "a proxy leads to one place");
        self.url()
    }

    /// Writes down arrivals by this clock, too.
    pub fn goes_by(&self, clock: &Clock) {
        let _ = self.shared.clock.set(clock.clone());
    }

    /// From now on these rules count, and no others; their counts begin at 0.
    pub fn plays(&self, rules: impl IntoIterator<Item = Rule>) {
        *self.shared.rules.lock().unwrap() = rules.into_iter().collect();
    }

    /// Nothing goes wrong any more.
    pub fn heals(&self) {
        self.plays([]);
    }

    /// Every call since the start.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Refuses connections, and cuts those that stand.
    pub fn goes_down(&self) {
        self.serving.lock().unwrap().take();
    }

    /// Takes connections again, at the same address.
    pub async fn comes_back(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        *self.serving.lock().unwrap() = Some(JoinSet::from_iter([serve(listener, self.shared.clone())]));
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let shared = shared.clone();
                    // What goes wrong with the connection itself is what these tests are about.
                    calls.spawn(async move { drop(call(stream, &shared).await) });
                }
            }
            Some(_) = calls.join_next() => {}
        }
    }
}

async fn call(stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let Some(request) = http::read_request(&mut stream).await? else { return Ok(()) };
    // Every rule counts the call, the first that it meets decides.
    let met: Vec<Fault> =
        shared.rules.lock().unwrap().iter_mut().filter_map(|rule| rule.meets(&request).then(|| rule.fault.clone())).collect();
    let fault = met.into_iter().next();
    let place = shared.note(&request, fault.as_ref());
    let pass_on = async || {
        let target = *shared.target.get().expect("the proxy leads somewhere");
        let answer = http::forward(target, &request).await?;
        shared.seen.lock().unwrap()[place].applied = Some(http::status_of(&answer));
        std::io::Result::Ok(answer)
    };
    let answer = match fault {
        None => pass_on().await?,
        Some(Fault::Hook(act)) => {
            act();
            pass_on().await?
        }
        Some(Fault::Delay(by)) => {
            let answer = pass_on().await?;
            tokio::time::sleep(by).await;
            answer
        }
        Some(Fault::DropBefore) => return Ok(()),
        Some(Fault::DropAfter) => return pass_on().await.map(drop),
        Some(Fault::CutAt(n)) => {
            let mut answer = pass_on().await?;
            answer.truncate(http::body_at(&answer) + n);
            answer
        }
        Some(Fault::Reset) => {
            stream.get_ref().set_zero_linger()?;
            return Ok(());
        }
        Some(Fault::Stall) => return stall().await,
        Some(Fault::StallAfter) => {
            pass_on().await?;
            return stall().await;
        }
        Some(Fault::Status(status)) => http::answer(status, &json(), br#"{"message":"made up"}"#),
        Some(Fault::StatusAfter(status)) => {
            pass_on().await?;
            http::answer(status, &json(), br#"{"message":"made up"}"#)
        }
        Some(Fault::Limited(status, headers, message)) => {
            let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(json()).collect();
            http::answer(status, &headers, format!(r#"{{"message":"{message}"}}"#).as_bytes())
        }
        Some(Fault::Html) => {
            let kind = ("content-type".to_owned(), "text/html; charset=utf-8".to_owned());
            http::answer(200, &[kind], b"<!DOCTYPE html><title>Sign in</title><form>...</form>")
        }
        Some(Fault::BrokenGzip) => {
            let status = http::status_of(&pass_on().await?);
            let gzip = ("content-encoding".to_owned(), "gzip".to_owned());
            http::answer(status, &[json(), vec![gzip]].concat(), b"\x1f\x8b\x08\0no gzip at all")
        }
        Some(Fault::Redirect(status, to)) => http::answer(status, &[("location".to_owned(), to)], b""),
        Some(Fault::Instead(answer)) => answer,
    };
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

/// Half open: the other side learns nothing until it loses patience.
async fn stall() -> Result<()> {
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    Ok(())
}

fn json() -> Vec<(String, String)> {
    vec![("content-type".to_owned(), "application/json".to_owned())]
}

impl Shared {
    fn note(&self, request: &Request, fault: Option<&Fault>) -> usize {
        let mut seen = self.seen.lock().unwrap();
        let real = Clock::System.now();
        seen.push(Seen {
            method: request.method.clone(),
            path: request.path.clone(),
            body_hash: hex::encode(Sha256::digest(&request.body)),
            body: request.body.clone(),
            authorized: request.header("authorization").is_some(),
            at: self.clock.get().map_or(real, Clock::now),
            real,
            fault: fault.map(Fault::name),
            applied: None,
        });
        seen.len() - 1
    }
}
