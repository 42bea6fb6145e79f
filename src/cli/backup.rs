//! `syndarix backup` and `syndarix restore`: the embedded database as one file. Everything else that the data directory holds follows from
//! it: mirrors are fetched again, and the record is written again from the chain that the database keeps.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::app::embedded_database;
use crate::base::{Clock, Time};
use crate::config::Config;
use crate::store::backup::{self, Copied};
use crate::store::lock_embedded;

/// What stands in the data directory beside the database and continues what the database says, so that it must not outlive it.
const FOLLOWERS: &[&str] = &["audit", "record"];

/// Arguments of `syndarix backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write; it must not exist yet. It holds people's texts: keep it as carefully as the database.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The settings file of `syndarix serve`; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Arguments of `syndarix restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file that `syndarix backup` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Also when there is a database already: it is kept beside the new one under another name.
    #[arg(long)]
    replace: bool,
    /// The settings file of `syndarix serve`; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Writes the backup. Exit code 0, or an error (2) after which no file is left under the given name.
pub async fn backup(args: BackupArgs) -> Result<u8> {
    let Place { database, .. } = place(args.config.as_deref())?;
    if !database.exists() {
        bail!("there is no database at {}; name the settings file that `syndarix serve` uses with --config", database.display());
    }
    if args.file.exists() {
        bail!("{} is there already; choose another name, or move it away first", args.file.display());
    }
    let unfinished = beside(&args.file, ".unfinished");
    remove(&unfinished)?;
    let copied = backup::copy(&database, &unfinished).await;
    let written = copied.map_err(anyhow::Error::from).and_then(|copied| {
        std::fs::rename(&unfinished, &args.file)?;
        sync_directory(&args.file)?;
        Ok(copied)
    });
    let Copied { bytes, version } = written.inspect_err(|_| {
        // The error says what is wrong; a leftover is overwritten the next time.
        let _ = remove(&unfinished);
    })?;
    println!("Wrote {} ({bytes} bytes, schema version {version}).", args.file.display());
    println!("It holds everything but the settings, the team's files and the secrets; keep those as well.");
    Ok(0)
}

/// Puts the backup in place. Exit code 0, or an error (2) after which the database is what it was.
pub async fn restore(args: RestoreArgs) -> Result<u8> {
    let Place { database, data } = place(args.config.as_deref())?;
    let directory = database.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).with_context(|| format!("the directory {} cannot be made", directory.display()))?;
    let _lock = lock_embedded(&database)?;
    if database.exists() && !args.replace {
        bail!("there is a database at {} already; with --replace it is kept under another name", database.display());
    }
    backup::inspect(&args.file).await?;
    let fresh = beside(&database, ".restoring");
    copy_private(&args.file, &fresh)?;
    let Copied { bytes, version } = backup::inspect(&fresh).await?;
    let kept = set_aside(&database, &data, Clock::System.now())?;
    std::fs::rename(&fresh, &database).with_context(|| format!("{} cannot be put in place", database.display()))?;
    sync_directory(&database)?;
    println!("Restored {} ({bytes} bytes, schema version {version}).", database.display());
    for path in kept {
        println!("What was there before is kept as {}.", path.display());
    }
    println!(
        "Start `syndarix serve`. It looks at the forge and hears again what was said there since the backup was taken. If the record is \
         pushed to a repository that goes further than the backup, the bot says so and writes no more to it: give the project a new one."
    );
    Ok(0)
}

/// Where the embedded database and the data directory of a configuration are.
struct Place {
    database: PathBuf,
    data: PathBuf,
}

fn place(config: Option<&Path>) -> Result<Place> {
    let config = Config::load(&super::environment(), config)?;
    let database = embedded_database(&config)?.context(
        "this configuration keeps its data in PostgreSQL: use `pg_dump --format=custom` and `pg_restore`, or the backups of your server",
    )?;
    Ok(Place { database, data: config.settings.data_dir })
}

/// Keeps what stands in the way under names of its own. The database itself stays in place under its name as well, until the new one
/// takes that name in one step: killed here, there is still a database.
fn set_aside(database: &Path, data: &Path, now: Time) -> Result<Vec<PathBuf>> {
    let ending = format!(".before-{}", now.0);
    let mut kept = Vec::new();
    if database.exists() {
        let aside = beside(database, &ending);
        std::fs::hard_link(database, &aside).with_context(|| format!("{} cannot be made", aside.display()))?;
        let log = beside(database, "-wal");
        if log.exists() {
            std::fs::rename(&log, beside(&aside, "-wal"))?;
        }
        remove(&beside(database, "-shm"))?;
        kept.push(aside);
    }
    for name in FOLLOWERS {
        let path = data.join(name);
        if path.exists() {
            let aside = beside(&path, &ending);
            std::fs::rename(&path, &aside).with_context(|| format!("{} cannot be moved", path.display()))?;
            kept.push(aside);
        }
    }
    Ok(kept)
}

/// `path` with `ending` behind its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn copy_private(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).with_context(|| format!("{}", to.display()))?;
    io::copy(&mut File::open(from)?, &mut target).with_context(|| format!("{} could not be copied", from.display()))?;
    target.sync_all()?;
    Ok(())
}

/// A new name is only kept through a loss of power when its directory was written too.
fn sync_directory(of: &Path) -> io::Result<()> {
    let directory = of.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}
