//! Opening: pools, migrations, start-up checks, the lock of the serving process.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, PgConnection, PgPool, SqlStr, SqlitePool};

use super::error::{Result, StoreError};
use super::url::StoreUrl;
use crate::base::secret::{ExposeSecret, SecretString};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

const READERS: u32 = 4;
const PG_CONNECTIONS: u32 = 16;
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// How long to wait for a connection. Shorter than a forge waits for the answer to its web hook.
const PATIENCE: Duration = Duration::from_secs(4);
/// The advisory lock of those who set a database up.
const SETUP_LOCK: i64 = 0x7379_6e64_6172_6978;

/// What holds on every connection. A process that was stopped in the middle of a transaction, or whose machine is gone, must not keep
/// its locks: the server ends the transaction, and whoever wakes up finds nothing of it written. Statements go by indexes whatever their
/// parameters are: planning each anew would cost more than carrying it out. Plans live long, so none may come from a moment when a table
/// was empty and reading all of it looked cheapest; nothing here is worth compiling, least of all for the price that ruling that out puts
/// on the statements which have no index.
const SESSION: &str = "set role syndarix_app; set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off;
    set idle_in_transaction_session_timeout = '5s'; set lock_timeout = '10s';
    set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3";

/// Tables that hold a project's id (or are looked up by it) and yet have no row-level security, each with its reason.
pub const WITHOUT_ROW_SECURITY: &[(&str, &str)] = &[
    ("projects", "the directory of projects itself: intake looks a repository up before a project is known; it holds no content"),
    ("inbox", "a delivery arrives before its project is known; only intake and the operator's delivery list read it"),
    ("work", "claiming happens before a project is known; a row holds ids and times, no content"),
];

/// The open database: one writer and some readers on SQLite, one pool on PostgreSQL.
#[derive(Clone)]
pub(super) enum Pools {
    Lite { path: PathBuf, writer: SqlitePool, readers: SqlitePool },
    Pg(PgPool),
}

/// Held by the one process that serves an embedded database; released when dropped or when the process ends in any way.
#[derive(Debug)]
pub struct ServingLock {
    _file: Option<File>,
}

/// A migration of a later version of this program, in the words of the engine it is meant for.
#[derive(Clone, Debug)]
pub struct LaterMigration {
    /// Its number; greater than all of this program's.
    pub version: i64,
    /// What it does, in a few words.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// `later`: bring these migrations, too, as a later version would.
pub(super) async fn open(at: &StoreUrl, later: &[LaterMigration]) -> Result<Pools> {
    match at {
        StoreUrl::Sqlite(path) => open_sqlite(path, &and_later(&SQLITE, later)).await,
        StoreUrl::Postgres { app, owner } => open_postgres(app, owner.as_ref(), &and_later(&POSTGRES, later)).await,
    }
}

/// How the schema of a database stands to what this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Nothing is there yet.
    Empty,
    /// An older program left it; opening the store brings it up to date.
    Older { found: i64, known: i64 },
    /// It is as this program knows it.
    Current,
}

/// Reads the version of the schema and changes nothing. A database of a newer program is refused with [`StoreError::TooNew`].
pub(super) async fn look(at: &StoreUrl) -> Result<Schema> {
    let (found, migrations) = match at {
        StoreUrl::Sqlite(path) => {
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).busy_timeout(BUSY);
            let pool = sqlite_pool().max_connections(1).connect_with(options).await?;
            let found = newest_sqlite(&pool).await;
            pool.close().await;
            (found?, &SQLITE)
        }
        StoreUrl::Postgres { app, owner } => {
            let mut connection = PgConnection::connect_with(&pg_options(&StoreUrl::owner_url(app, owner.as_ref()))?).await?;
            let found = newest_postgres(&mut connection).await;
            connection.close().await?;
            (found?, &POSTGRES)
        }
    };
    check_version(found, migrations)?;
    let known = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
    Ok(match found {
        None => Schema::Empty,
        Some(found) if found < known => Schema::Older { found, known },
        Some(_) => Schema::Current,
    })
}

fn and_later(own: &Migrator, later: &[LaterMigration]) -> Migrator {
    let later =
        later.iter().map(|one| Migration::new(one.version, one.name.into(), MigrationType::Simple, SqlStr::from_static(one.sql), false));
    Migrator::with_migrations(own.iter().cloned().chain(later).collect())
}

async fn open_sqlite(path: &Path, migrations: &Migrator) -> Result<Pools> {
    create_private(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .statement_cache_capacity(256);
    // One writer: SQLite allows no more, and a queue inside the process is fair where its busy handler is not.
    let pool = || sqlite_pool().idle_timeout(None).max_lifetime(None).test_before_acquire(false);
    let writer = pool().max_connections(1).connect_with(options.clone()).await?;
    check_version(newest_sqlite(&writer).await?, migrations)?;
    migrations.run(&writer).await.map_err(|error| StoreError::Migrate(Box::new(error)))?;
    let readers = pool().max_connections(READERS).connect_with(options.pragma("query_only", "1")).await?;
    Ok(Pools::Lite { path: path.to_owned(), writer, readers })
}

/// A full disk, or one that fails, makes SQLite end a transaction by itself. The driver cannot end it once more then and counts it as open
/// for ever, so that no other can begin: such a connection is given up for a new one.
fn sqlite_pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new().before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

/// The database holds other people's texts, so only its owner may read the file. SQLite gives its side files the same mode.
fn create_private(path: &Path) -> Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let opened = made.and_then(|()| OpenOptions::new().create(true).append(true).mode(0o600).open(path));
    opened.map(drop).map_err(|error| {
        StoreError::Setup(format!(
            "the database file {} cannot be opened for writing: {error}. Check the path and who owns it",
            path.display()
        ))
    })
}

async fn open_postgres(app: &SecretString, owner: Option<&SecretString>, migrations: &Migrator) -> Result<Pools> {
    let app_options = pg_options(app.expose_secret())?;
    let mut owner_connection = PgConnection::connect_with(&pg_options(&StoreUrl::owner_url(app, owner))?).await?;
    check_server(&mut owner_connection).await?;
    // Instances that start together take turns; the lock ends with the connection.
    sqlx::query("select pg_advisory_lock($1)").bind(SETUP_LOCK).execute(&mut owner_connection).await?;
    let app_user = app_options.get_username();
    ensure_role(&mut owner_connection, app_user).await.map_err(|error| role_refused(app_user, error))?;
    check_version(newest_postgres(&mut owner_connection).await?, migrations)?;
    migrations.run(&mut owner_connection).await.map_err(|error| StoreError::Migrate(Box::new(error)))?;
    check_row_security(&mut owner_connection).await?;
    owner_connection.close().await?;

    let pool = pg_pool(pg_connections(app.expose_secret()));
    let pool = pool.connect_with(app_options).await?;
    check_role(&pool).await?;
    Ok(Pools::Pg(pool))
}

/// Connections as the role of instances. A connection that was idle is tried first: after a restart of the database each of them is
/// dead, and a delivery must not be the one to find out.
fn pg_pool(connections: u32) -> PgPoolOptions {
    let options = PgPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE).test_before_acquire(false);
    let options = options.before_acquire(|connection, meta| {
        Box::pin(async move {
            if meta.idle_for > Duration::from_secs(1) {
                connection.ping().await?;
            }
            Ok(true)
        })
    });
    options.after_connect(|connection, _| {
        Box::pin(async move {
            sqlx::raw_sql(SESSION).execute(connection).await?;
            Ok(())
        })
    })
}

/// `max_connections=N` in the URL is ours, not the server's.
fn pg_connections(url: &str) -> u32 {
    let given = url.split_once('?').and_then(|(_, rest)| rest.split('&').find_map(|part| part.strip_prefix("max_connections=")));
    given.and_then(|number| number.parse().ok()).filter(|number| *number > 0).unwrap_or(PG_CONNECTIONS)
}

fn pg_options(url: &str) -> Result<PgConnectOptions> {
    let plain = match url.split_once('?') {
        Some((base, rest)) => {
            let rest: Vec<&str> = rest.split('&').filter(|part| !part.starts_with("max_connections=")).collect();
            format!("{base}?{}", rest.join("&"))
        }
        None => url.to_owned(),
    };
    let parsed: Result<PgConnectOptions, _> = plain.parse();
    // The parser's message may repeat the URL and with it the password.
    let options = parsed.map_err(|_| {
        StoreError::Setup(
            "the PostgreSQL URL cannot be read; write postgres://USER:PASSWORD@HOST:PORT/NAME and percent-encode the password".into(),
        )
    })?;
    Ok(options.statement_cache_capacity(256))
}

async fn check_server(connection: &mut PgConnection) -> Result<()> {
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(connection).await?;
    if version < 150_000 {
        return Err(StoreError::Setup(format!("this PostgreSQL server is version {}; Syndarix needs 15 or newer", version / 10_000)));
    }
    Ok(())
}

/// Makes the role that instances work as and lets the connecting user switch to it. Roles belong to the whole server, so two
/// databases may be set up at once: a role that appears meanwhile is as good as ours.
async fn ensure_role(connection: &mut PgConnection, app_user: &str) -> Result<()> {
    let create = "do $$ begin
        if not exists (select from pg_roles where rolname = 'syndarix_app') then create role syndarix_app nologin nobypassrls; end if;
        exception when duplicate_object or unique_violation then null;
        end $$";
    sqlx::raw_sql(create).execute(&mut *connection).await?;
    // Since version 16 a role's maker is its member without leave to switch to it.
    let member = "select pg_has_role($1, 'syndarix_app',
        case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)";
    let is_member: bool = sqlx::query_scalar(member).bind(app_user).fetch_one(&mut *connection).await?;
    if !is_member {
        // A utility statement takes no parameters: the server itself quotes the name.
        sqlx::query("select set_config('app.login', $1, false)").bind(app_user).execute(&mut *connection).await?;
        let grant = "do $$ begin execute format('grant syndarix_app to %I', current_setting('app.login')); end $$";
        sqlx::raw_sql(grant).execute(&mut *connection).await?;
    }
    Ok(())
}

/// A lack of privilege (42501) becomes the two lines an administrator has to run.
fn role_refused(app_user: &str, error: StoreError) -> StoreError {
    match &error {
        StoreError::Db(sqlx::Error::Database(denied)) if denied.code().as_deref() == Some("42501") => StoreError::Setup(format!(
            "the database owner may not set up the role that Syndarix works as ({denied}). As an administrator run \
             `create role syndarix_app nologin nobypassrls` (unless it exists) and `grant syndarix_app to \"{app_user}\"`, then start again"
        )),
        _ => error,
    }
}

/// Refuses to run when a table with a project id could be read across projects.
async fn check_row_security(connection: &mut PgConnection) -> Result<()> {
    let exempt: Vec<String> = WITHOUT_ROW_SECURITY.iter().map(|(table, _)| (*table).to_owned()).collect();
    let open = "select c.relname::text from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
        where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
          and not (c.relrowsecurity and c.relforcerowsecurity) and c.relname <> all ($1)
        order by 1";
    let tables: Vec<String> = sqlx::query_scalar(open).bind(exempt).fetch_all(connection).await?;
    if tables.is_empty() {
        return Ok(());
    }
    Err(StoreError::Setup(format!(
        "row-level security is not forced on {}: one project could read another. Run, as the owner of the tables, \
         `alter table NAME enable row level security, force row level security` for each",
        tables.join(", ")
    )))
}

async fn check_role(pool: &PgPool) -> Result<()> {
    let check = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user";
    let unsafe_role: bool = sqlx::query_scalar(check).fetch_one(pool).await?;
    if unsafe_role {
        return Err(StoreError::Setup(
            "the database role syndarix_app bypasses row-level security; run `alter role syndarix_app nosuperuser nobypassrls` as an administrator".into(),
        ));
    }
    Ok(())
}

fn check_version(found: Option<i64>, migrations: &Migrator) -> Result<()> {
    let known = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
    match found {
        Some(found) if found > known => Err(StoreError::TooNew { found, known }),
        _ => Ok(()),
    }
}

/// Refuses an embedded database whose newest migration this program does not know.
pub(super) fn check_embedded_version(found: i64) -> Result<()> {
    check_version(Some(found), &SQLITE)
}

async fn newest_sqlite(pool: &SqlitePool) -> Result<Option<i64>> {
    let exists = "select count(*) from sqlite_schema where type = 'table' and name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(exists).fetch_one(pool).await?;
    if tables == 0 {
        return Ok(None);
    }
    Ok(sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(pool).await?)
}

async fn newest_postgres(connection: &mut PgConnection) -> Result<Option<i64>> {
    let exists: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(&mut *connection).await?;
    if !exists {
        return Ok(None);
    }
    Ok(sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(connection).await?)
}

/// Takes the lock beside the database file. PostgreSQL serves many instances and needs none.
pub(super) fn lock_for_serving(pools: &Pools) -> Result<ServingLock> {
    match pools {
        Pools::Lite { path, .. } => lock_embedded(path),
        Pools::Pg(_) => Ok(ServingLock { _file: None }),
    }
}

/// Takes the lock beside this database file, whether the file is there or not. Refuses with [`StoreError::Locked`] while it is served.
pub fn lock_embedded(path: &Path) -> Result<ServingLock> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&lock_path);
    let mut file = opened.map_err(|error| StoreError::Setup(format!("the lock file {} cannot be opened: {error}", lock_path.display())))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        // The number only makes the sentence better; without it the sentence still holds.
        let _ = file.read_to_string(&mut holder);
        return Err(StoreError::Locked { path: path.to_owned(), pid: holder.trim().parse().ok() });
    }
    let written = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    written.map_err(|error| StoreError::Setup(format!("the lock file {} cannot be written: {error}", lock_path.display())))?;
    Ok(ServingLock { _file: Some(file) })
}
