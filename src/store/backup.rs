//! Copies of the embedded database: taken while it is served, and looked at before they are put in its place.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::error::{Result, StoreError};
use super::open;

/// A copy that was found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Version of its newest migration.
    pub version: i64,
}

/// Writes everything that was committed to the database at `from` into the new file `to`, readable by its owner only, and looks at what
/// was written. The database may be served meanwhile: the copy shows one moment. `to` must not exist.
pub async fn copy(from: &Path, to: &Path) -> Result<Copied> {
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let new = new.map_err(|error| StoreError::Setup(format!("the file {} cannot be made: {error}", to.display())))?;
    let mut connection = connect(from, false).await?;
    // It writes to an empty file as well, which keeps the mode given above.
    sqlx::query("vacuum into ?").bind(to.to_string_lossy().into_owned()).execute(&mut connection).await?;
    connection.close().await?;
    new.sync_all().map_err(|error| StoreError::Setup(format!("the file {} could not be written to the disk: {error}", to.display())))?;
    inspect(to).await
}

/// Reads the whole database file at `path` without changing it. Refused with a sentence: what is no database of Syndarix, is damaged, or
/// was written by a newer program.
pub async fn inspect(path: &Path) -> Result<Copied> {
    let size = File::open(path).and_then(|file| file.metadata()).map(|data| data.len());
    let bytes = size.map_err(|error| StoreError::Setup(format!("the file {} cannot be read: {error}", path.display())))?;
    let refused = |why: &str| StoreError::Setup(format!("{} cannot be used as a backup: {why}", path.display()));
    let version = read(path).await.map_err(|error| match error {
        StoreError::Db(sqlx::Error::Database(told)) => refused(told.message()),
        StoreError::Setup(why) => refused(&why),
        other => refused(&other.to_string()),
    })?;
    open::check_embedded_version(version)?;
    Ok(Copied { bytes, version })
}

/// Reads everything and gives the version of the newest migration.
async fn read(path: &Path) -> Result<i64> {
    let mut connection = connect(path, true).await?;
    let ours = "select count(*) from sqlite_schema where type = 'table' and name in ('_sqlx_migrations', 'projects', 'inbox', 'work')";
    let tables: i64 = sqlx::query_scalar(ours).fetch_one(&mut connection).await?;
    if tables != 4 {
        return Err(StoreError::Setup("it is not a database of Syndarix, its tables are missing".into()));
    }
    let faults: Vec<String> = sqlx::query_scalar("pragma integrity_check(3)").fetch_all(&mut connection).await?;
    if faults != ["ok"] {
        return Err(StoreError::Setup(format!("it is damaged: {}", faults.join("; "))));
    }
    let version = sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(version)
}

/// `alone`: nobody writes to the file, so that it needs no side files and may lie on a medium that cannot be written.
async fn connect(path: &Path, alone: bool) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).busy_timeout(open::BUSY);
    let options = if alone { options.read_only(true).immutable(true) } else { options };
    Ok(SqliteConnection::connect_with(&options).await?)
}
