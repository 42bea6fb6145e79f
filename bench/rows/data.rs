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
                let url = server.parse::<PgConnectOptions>().unwrap().database(&name).to_url_lossy().to_string();
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
    std::env::var("SYNDARIX_TEST_POSTGRES").unwrap_or_else(|_| {
        eprintln!("SYNDARIX_TEST_POSTGRES names no server; start this through bench/run");
        std::process::exit(2);
    })
}

async fn admin(server: &str, sql: &str) {
    let mut connection = server.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
