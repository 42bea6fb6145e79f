//! A fresh PostgreSQL database, where there is a server.

use std::io::Write;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// `None`, and a line that says so, without `SYNDARIX_TEST_POSTGRES`.
    pub async fn fresh() -> Option<Database> {
        Database::named("story").await
    }

    /// One of several that a run of the suite has at the same time.
    pub async fn named(what: &str) -> Option<Database> {
        #[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
        let Ok(server) = std::env::var("SYNDARIX_TEST_POSTGRES") else {
            // Straight to the terminal: the test harness would swallow a printed line.
            let _ = writeln!(std::io::stderr(), "the {what} on PostgreSQL was left out: SYNDARIX_TEST_POSTGRES is not set");
            return None;
        };
        let name = format!("syndarix_scenario_{what}_{}", std::process::id());
        let database = Database { server, name };
        database.admin("drop database if exists").await;
        let create = format!("create database {}", database.name);
        database.run(&create).await;
        Some(database)
    }

    pub fn url(&self) -> String {
        self.server.parse::<PgConnectOptions>().unwrap().database(&self.name).to_url_lossy().to_string()
    }

    pub async fn drop(self) {
        self.admin("drop database").await;
    }

    async fn admin(&self, what: &str) {
        self.run(&format!("{what} {} with (force)", self.name)).await;
    }

    async fn run(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}
