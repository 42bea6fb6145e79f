//! What ingest is compared with: the least that a server must do, and the least that a durable one must do.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};

use crate::load::SECRET;

type Waiting = (String, Bytes, oneshot::Sender<()>);

const MOST: usize = 256;

fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    let given = headers.get("x-gitea-signature").and_then(|value| hex::decode(value.as_bytes()).ok());
    given.is_some_and(|given| mac.verify_slice(&given).is_ok())
}

pub fn bare() -> Router {
    Router::new().route(
        "/hooks/gitea",
        post(|headers: HeaderMap, body: Bytes| async move {
            if is_signed(&headers, &body) { (StatusCode::ACCEPTED, "seen\n") } else { (StatusCode::UNAUTHORIZED, "no\n") }
        }),
    )
}

pub async fn group_commit(url: &str) -> Router {
    let (sender, receiver) = mpsc::channel::<Waiting>(1024);
    if url.starts_with("postgres") {
        postgres(url, receiver).await;
    } else {
        sqlite(url, receiver).await;
    }
    Router::new()
        .route(
            "/hooks/gitea",
            post(|State(sender): State<mpsc::Sender<Waiting>>, headers: HeaderMap, body: Bytes| async move {
                if !is_signed(&headers, &body) {
                    return (StatusCode::UNAUTHORIZED, "no\n");
                }
                let id = headers.get("x-gitea-delivery").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
                let (done, stored) = oneshot::channel();
                sender.send((id, body, done)).await.unwrap();
                stored.await.unwrap();
                (StatusCode::ACCEPTED, "stored\n")
            }),
        )
        .with_state(sender)
}

/// Two committers, as the product has: one fills while the other is flushed.
async fn postgres(url: &str, receiver: mpsc::Receiver<Waiting>) {
    let options: PgConnectOptions = url.parse().unwrap();
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
    sqlx::raw_sql("create table hooks (hook text not null, id text not null, body bytea not null, primary key (hook, id))")
        .execute(&pool)
        .await
        .unwrap();
    let receiver = std::sync::Arc::new(tokio::sync::Mutex::new(receiver));
    for _ in 0..2 {
        let (pool, receiver) = (pool.clone(), receiver.clone());
        tokio::spawn(async move {
            loop {
                let mut batch = Vec::new();
                if receiver.lock().await.recv_many(&mut batch, MOST).await == 0 {
                    return;
                }
                sqlx::query("insert into hooks select 'gitea', * from unnest($1::text[], $2::bytea[]) on conflict do nothing")
                    .bind(batch.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>())
                    .bind(batch.iter().map(|(_, body, _)| body.as_ref()).collect::<Vec<_>>())
                    .execute(&pool)
                    .await
                    .unwrap();
                batch.into_iter().for_each(|(.., done)| done.send(()).unwrap());
            }
        });
    }
}

async fn sqlite(url: &str, mut receiver: mpsc::Receiver<Waiting>) {
    let options = SqliteConnectOptions::new()
        .filename(url.trim_start_matches("sqlite:"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql("create table hooks (hook text not null, id text not null, body blob not null, primary key (hook, id))")
        .execute(&mut connection)
        .await
        .unwrap();
    tokio::spawn(async move {
        let mut batch = Vec::new();
        while receiver.recv_many(&mut batch, MOST).await > 0 {
            let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
            for (id, body, _) in &batch {
                let insert = sqlx::query("insert into hooks values ('gitea', $1, $2) on conflict do nothing");
                insert.bind(id.as_str()).bind(body.as_ref()).execute(&mut *tx).await.unwrap();
            }
            tx.commit().await.unwrap();
            batch.drain(..).for_each(|(.., done)| done.send(()).unwrap());
        }
    });
}
