//! A fresh database per test, and the things tests keep asking for.

use std::io::Write;
use std::sync::Once;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use syndarix::base::ids::{EffectId, IntentId, ProjectId, SubjectId};
use syndarix::base::{Clock, Time};
use syndarix::store::{NewDelivery, NewEffect, NewEvent, NewIntent, NewProject, Source, Store, StoreUrl};
use uuid::Uuid;

pub const START: Time = Time(1_790_000_000_000_000);
/// Longer than any test runs.
pub const LONG: Duration = Duration::from_secs(600);

pub enum Engine {
    Sqlite { dir: tempfile::TempDir },
    Postgres { server: String, name: String },
}

pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub engine: Engine,
}

impl World {
    pub async fn sqlite() -> World {
        World::open(Engine::Sqlite { dir: tempfile::tempdir().unwrap() }).await
    }

    /// `None`, said once, when there is no server to try.
    pub async fn postgres() -> Option<World> {
        let engine = Engine::postgres().await?;
        Some(World::open(engine).await)
    }

    async fn open(engine: Engine) -> World {
        let clock = Clock::manual(START);
        let store = Store::open(&engine.url(), clock.clone()).await.unwrap();
        World { store, clock, engine }
    }

    pub async fn drop_database(self) {
        self.store.close().await;
        if let Engine::Postgres { server, name } = &self.engine {
            admin(server, &format!("drop database {name} with (force)")).await;
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.engine, Engine::Postgres { .. })
    }

    pub async fn project(&self, path: &str) -> ProjectId {
        let repo_id = path.bytes().map(i64::from).sum();
        let new = NewProject { forge: "gitea".into(), repo_id, path: path.into(), default_branch: "main".into() };
        self.store.ensure_project(&new).await.unwrap().id
    }

    /// A project with one story.
    pub async fn story(&self) -> (ProjectId, SubjectId) {
        let project = self.project("acme/shop").await;
        let mut tx = self.store.begin(project).await.unwrap();
        let subject = tx.ensure_subject("story", 42, &["issue:42".into()]).await.unwrap().id;
        tx.commit().await.unwrap();
        (project, subject)
    }
}

impl Engine {
    pub async fn postgres() -> Option<Engine> {
        static SAID: Once = Once::new();
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        #[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
        let Ok(server) = std::env::var("SYNDARIX_TEST_POSTGRES") else {
            // Straight to the terminal: the test harness would swallow a printed line.
            SAID.call_once(|| {
                let _ = writeln!(std::io::stderr(), "PostgreSQL was left out: SYNDARIX_TEST_POSTGRES is not set");
            });
            return None;
        };
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let name = format!("syndarix_test_{}_{number}", std::process::id());
        admin(&server, &format!("drop database if exists {name} with (force)")).await;
        admin(&server, &format!("create database {name}")).await;
        Some(Engine::Postgres { server, name })
    }

    /// An empty database on the same engine.
    pub async fn another(&self) -> Engine {
        match self {
            Engine::Sqlite { .. } => Engine::Sqlite { dir: tempfile::tempdir().unwrap() },
            Engine::Postgres { .. } => Engine::postgres().await.unwrap(),
        }
    }

    pub fn url(&self) -> StoreUrl {
        match self {
            Engine::Sqlite { dir } => StoreUrl::Sqlite(dir.path().join("syndarix.db")),
            Engine::Postgres { .. } => self.pg_options().to_url_lossy().as_str().parse().unwrap(),
        }
    }

    pub fn pg_options(&self) -> PgConnectOptions {
        let Engine::Postgres { server, name } = self else { panic!("not PostgreSQL") };
        server.parse::<PgConnectOptions>().unwrap().database(name)
    }

    fn sqlite_options(&self) -> SqliteConnectOptions {
        let Engine::Sqlite { dir } = self else { panic!("not SQLite") };
        SqliteConnectOptions::new().filename(dir.path().join("syndarix.db")).create_if_missing(true)
    }

    /// Runs statements past the store, as the owner of the tables.
    pub async fn raw(&self, sql: &str) -> Result<(), sqlx::Error> {
        match self {
            Engine::Sqlite { .. } => {
                let mut connection = self.sqlite_options().connect().await?;
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
                connection.close().await
            }
            Engine::Postgres { .. } => {
                let mut connection = self.pg_options().connect().await?;
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
                connection.close().await
            }
        }
    }

    /// One number, asked past the store.
    pub async fn number(&self, sql: &str) -> i64 {
        match self {
            Engine::Sqlite { .. } => {
                let mut connection = self.sqlite_options().connect().await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
            }
            Engine::Postgres { .. } => {
                let mut connection = self.pg_options().connect().await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// The lines that PostgreSQL answers statements with.
    pub async fn lines(&self, sql: &str) -> Vec<String> {
        let mut connection = self.pg_options().connect().await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Brings the schema to exactly this version.
    pub async fn migrate_to(&self, version: i64) {
        match self {
            Engine::Sqlite { .. } => {
                let pool = sqlx::SqlitePool::connect_with(self.sqlite_options()).await.unwrap();
                up_to(&sqlx::migrate!("migrations/sqlite"), version).run(&pool).await.unwrap();
                pool.close().await;
            }
            Engine::Postgres { .. } => {
                let pool = sqlx::PgPool::connect_with(self.pg_options()).await.unwrap();
                up_to(&sqlx::migrate!("migrations/postgres"), version).run(&pool).await.unwrap();
                pool.close().await;
            }
        }
    }

    pub fn migrations_dir(&self) -> &'static str {
        match self {
            Engine::Sqlite { .. } => concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite"),
            Engine::Postgres { .. } => concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres"),
        }
    }
}

fn up_to(all: &sqlx::migrate::Migrator, version: i64) -> sqlx::migrate::Migrator {
    sqlx::migrate::Migrator::with_migrations(all.iter().filter(|migration| migration.version <= version).cloned().collect())
}

async fn admin(server: &str, sql: &str) {
    let mut connection = server.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub fn delivery(delivery_id: &str) -> NewDelivery {
    NewDelivery {
        hook: "gitea".into(),
        delivery_id: delivery_id.into(),
        event: "issue_comment".into(),
        body: b"{\"a\":\"\x00\xff\"}".to_vec(),
        source: Source::Webhook,
        received_at: START,
    }
}

pub fn event(kind: &str) -> NewEvent {
    NewEvent {
        kind: kind.into(),
        actor: json!({"id": 7}),
        target: json!({"issue": 42}),
        payload: json!({"z": 1, "a": "nul \u{0} here"}),
        causation: Some("comment:17".into()),
        at: START,
    }
}

pub fn intent(subject: SubjectId, source_key: &str) -> NewIntent {
    NewIntent {
        id: IntentId::generate(),
        subject,
        source_key: source_key.into(),
        kind: "plan".into(),
        actor: Some(json!({"id": 7})),
        payload: json!({"focus": "tax"}),
        at: START,
    }
}

pub fn effect(lane: SubjectId, name: &str, key: Option<&str>) -> NewEffect {
    let payload: Value = json!({ "name": name });
    NewEffect { id: EffectId::named(name), lane, kind: "comment".into(), key: key.map(str::to_owned), payload, not_before: None }
}

/// An id that only depends on a number.
pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x7000_8000_0000_0000_0000 + number)
}
