//! A generator of web hooks: connections that are kept open, each with one request under way, nothing in between that costs time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const SECRET: &str = "a secret of the benchmark";

/// One body, signed once; only the delivery's id differs from request to request, which no signature covers.
pub struct Hooks {
    head: String,
    body: Vec<u8>,
    next: AtomicU64,
}

/// What a leg gave.
pub struct Leg {
    pub per_second: f64,
    pub millis: Vec<f64>,
    /// Ids that were answered with 202.
    pub stored: Vec<String>,
    /// Ids that were sent and not answered, or not with 202.
    pub unanswered: Vec<String>,
}

impl Hooks {
    /// Bodies of about 8 KB, as of a comment on an issue.
    pub fn new() -> Hooks {
        let filler = "x".repeat(7_400);
        let body = serde_json::json!({
            "action": "created", "comment": {"id": 1, "body": filler}, "issue": {"number": 7},
            "repository": {"id": 1, "full_name": "acme/shop"}, "sender": {"id": 2, "login": "ada"}
        });
        let body = serde_json::to_vec(&body).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&body);
        let signature = hex::encode(mac.finalize().into_bytes());
        let head = format!(
            "POST /hooks/gitea HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-Gitea-Event: issue_comment\r\n\
             X-Gitea-Event-Type: issue_comment\r\nX-Gitea-Signature: {signature}\r\nContent-Length: {}\r\nX-Gitea-Delivery: ",
            body.len()
        );
        Hooks { head, body, next: AtomicU64::new(0) }
    }

    fn fresh_id(&self) -> String {
        format!("{:08x}-bench", self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn request(&self, id: &str) -> Vec<u8> {
        let mut request = Vec::with_capacity(self.head.len() + self.body.len() + 64);
        request.extend_from_slice(self.head.as_bytes());
        request.extend_from_slice(id.as_bytes());
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(&self.body);
        request
    }

    /// Sends for as long as told, or until the server is gone, over so many connections.
    pub async fn send(self: &Arc<Self>, port: u16, connections: usize, time: Duration) -> Leg {
        let began = Instant::now();
        let senders: Vec<_> = (0..connections)
            .map(|_| {
                let hooks = self.clone();
                tokio::spawn(async move { hooks.one_connection(port, began + time, None).await })
            })
            .collect();
        gather(began, senders).await
    }

    /// Sends these ids again.
    pub async fn again(self: &Arc<Self>, port: u16, ids: Vec<String>) -> Leg {
        let began = Instant::now();
        let hooks = self.clone();
        let sender = tokio::spawn(async move { hooks.one_connection(port, began + Duration::from_secs(60), Some(ids)).await });
        gather(began, vec![sender]).await
    }

    async fn one_connection(&self, port: u16, until: Instant, only: Option<Vec<String>>) -> Leg {
        let mut leg = Leg { per_second: 0.0, millis: vec![], stored: vec![], unanswered: vec![] };
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return leg };
        stream.set_nodelay(true).unwrap();
        let mut only = only.map(Vec::into_iter);
        let mut buffer = vec![0; 4096];
        while Instant::now() < until {
            let id = match &mut only {
                Some(ids) => match ids.next() {
                    Some(id) => id,
                    None => break,
                },
                None => self.fresh_id(),
            };
            let sent = Instant::now();
            match exchange(&mut stream, &self.request(&id), &mut buffer).await {
                Some(202) => {
                    leg.millis.push(sent.elapsed().as_secs_f64() * 1000.0);
                    leg.stored.push(id);
                }
                Some(_) => leg.unanswered.push(id),
                None => {
                    leg.unanswered.push(id);
                    break;
                }
            }
        }
        leg
    }
}

async fn gather(began: Instant, senders: Vec<tokio::task::JoinHandle<Leg>>) -> Leg {
    let mut sum = Leg { per_second: 0.0, millis: vec![], stored: vec![], unanswered: vec![] };
    for sender in senders {
        let leg = sender.await.unwrap();
        sum.millis.extend(leg.millis);
        sum.stored.extend(leg.stored);
        sum.unanswered.extend(leg.unanswered);
    }
    sum.per_second = sum.stored.len() as f64 / began.elapsed().as_secs_f64();
    sum
}

/// The status of the answer; `None` when the connection broke.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> Option<u16> {
    stream.write_all(request).await.ok()?;
    let mut read = 0;
    loop {
        let got = stream.read(buffer.get_mut(read..)?).await.ok()?;
        if got == 0 {
            return None;
        }
        read += got;
        let text = std::str::from_utf8(&buffer[..read]).ok()?;
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let head = text[..end].to_ascii_lowercase();
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|value| value.trim().parse().ok())?;
        if read >= end + 4 + length {
            return head.get(9..12).and_then(|code| code.parse().ok());
        }
    }
}
