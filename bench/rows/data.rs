//! Databases to measure on: a fresh one per use, gone afterwards.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// Where files are put: beside what is built, on a real disk (`/tmp` may be memory).
pub fn home() -> PathBuf {
    let home = PathBuf::from(std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into())).join("bench-data");
    std::fs::create_dir_all(&home).unwrap();
    home
}

/// A fresh database; the URL is what `serve` would be given.
pub struct Database {
    pub url: String,
    _dir: Option<tempfile::TempDir>,
    admin: Option<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub const BOTH: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

    pub fn word(self) -> &'static str {
        match self {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
        }
    }
}

impl Database {
    pub async fn new(kind: Kind) -> Database {
        match kind {
            Kind::Sqlite => {
                let dir = tempfile::tempdir_in(home()).unwrap();
                Database { url: format!("sqlite:{}", dir.path().join("bench.db").display()), _dir: Some(dir), admin: None }
            }
            Kind::Postgres => {
                let server = server();
                let name = format!("syndarix_bench_{}_{}", std::process::id(), uuid::Uuid::now_v7().simple());
                admin(&server, &format!("create database {name}")).await;
                let url = options(&server).database(&name).to_url_lossy().to_string();
                Database { url, _dir: None, admin: Some((server, name)) }
            }
        }
    }

    pub async fn remove(self) {
        if let Some((server, name)) = self.admin {
            admin(&server, &format!("drop database {name} with (force)")).await;
        }
    }
}

/// The owner's URL of the server to measure on.
fn server() -> String {
    std::env::var("SYNDARIX_TEST_POSTGRES").unwrap_or_else(|_| give_up("names no server; start this through bench/run"))
}

async fn admin(server: &str, sql: &str) {
    let mut connection = match options(server).connect().await {
        Ok(connection) => connection,
        Err(error) => give_up(&format!("names a server that cannot be used: {error}; start this through bench/run, which starts one")),
    };
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await {
        give_up(&format!("names a server that refuses `{sql}`: {error}; give the URL of a user who may make databases"));
    }
    // What was to be done is done.
    let _ = connection.close().await;
}

/// The parser's own message might repeat the URL, and with it the password.
fn options(server: &str) -> PgConnectOptions {
    server.parse().unwrap_or_else(|_| give_up("cannot be read as postgres://USER:PASSWORD@HOST:PORT/NAME; start this through bench/run"))
}

/// Nothing can be measured without a database; the sentence says which setting is wrong.
fn give_up(why: &str) -> ! {
    eprintln!("SYNDARIX_TEST_POSTGRES {why}");
    std::process::exit(2);
}
