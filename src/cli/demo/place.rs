//! The directory of a demo: one demo at a time, and `--fresh` takes away nothing that a demo did not make.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::config::Env;
use crate::sandbox::Skin;

use super::DemoArgs;

const LOCK: &str = "demo.lock";
/// Says what the forge of this place speaks to the bot: the bot's books hold its numbers.
const KIND: &str = "forge.kind";
/// The kind of a place in which two linked forges were.
const LINKED: &str = "linked";

/// The directory, held until this is dropped.
pub struct Place {
    pub dir: PathBuf,
    _lock: File,
}

impl Place {
    /// Takes the directory, emptied when the demo shall start over.
    pub fn take(args: &DemoArgs, env: &Env) -> Result<Place> {
        let dir = data_dir(args, env)?;
        std::fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made; name another directory with --data", dir.display()))?;
        if !is_ours(&dir)? {
            bail!("{} holds other files; name an empty directory with --data", dir.display());
        }
        let lock = File::create(dir.join(LOCK))
            .with_context(|| format!("{} cannot be written; name another directory with --data", dir.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another demo is running in {}; end it with Ctrl-C first, or give this one a directory of its own with --data",
                dir.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("{} cannot be locked", dir.display())),
        }
        if !args.fresh {
            keep_kind(&dir, args)?;
        }
        // The linked demo always begins anew.
        if args.fresh || args.linked {
            empty(&dir)?;
        }
        let file = dir.join(KIND);
        std::fs::write(&file, kind(args)).with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(Place { dir, _lock: lock })
    }
}

fn data_dir(args: &DemoArgs, env: &Env) -> Result<PathBuf> {
    if let Some(dir) = &args.data {
        return Ok(std::path::absolute(dir)?);
    }
    let state = env.get("XDG_STATE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(env.get("HOME")?).join(".local/state")));
    let state = state.context("there is no home directory to keep the demo in; name a directory with --data")?;
    let name = match args.kind() {
        _ if args.linked => "demo-linked".to_owned(),
        Skin::Gitea => "demo".to_owned(),
        other => format!("demo-{}", other.name()),
    };
    Ok(state.join("syndarix").join(name))
}

/// What kind of demo this place is for.
fn kind(args: &DemoArgs) -> String {
    if args.linked { LINKED.to_owned() } else { args.kind().name().to_owned() }
}

/// A place is for one kind of demo.
fn keep_kind(dir: &Path, args: &DemoArgs) -> Result<()> {
    let Ok(known) = std::fs::read_to_string(dir.join(KIND)) else { return Ok(()) };
    let (known, kind) = (known.trim(), kind(args));
    let on = |kind: &str| if kind == LINKED { "two linked forges".to_owned() } else { kind.to_owned() };
    if known != kind {
        bail!(
            "{} holds a demo on {}; add --fresh to start over on {}, or name another directory with --data",
            dir.display(),
            on(known),
            on(&kind)
        );
    }
    Ok(())
}

/// Empty, or the place of an earlier demo.
fn is_ours(dir: &Path) -> Result<bool> {
    let mut entries =
        std::fs::read_dir(dir).with_context(|| format!("{} cannot be read; name another directory with --data", dir.display()))?;
    Ok([LOCK, "forge.port"].iter().any(|name| dir.join(name).is_file()) || entries.next().is_none())
}

fn empty(dir: &Path) -> Result<()> {
    let left = |path: &Path| format!("{} cannot be removed", path.display());
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name() == LOCK {
            continue;
        }
        let removed = if entry.file_type()?.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.with_context(|| left(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(dir: &Path, fresh: bool) -> DemoArgs {
        DemoArgs {
            repo: None,
            model: None,
            max_usd: 0.5,
            stay: false,
            fresh,
            json: false,
            forge: None,
            linked: false,
            data: Some(dir.to_owned()),
        }
    }

    #[test]
    fn a_directory_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("letter.txt"), "x").unwrap();
        let error = Place::take(&args(dir.path(), true), &Env::process()).err().unwrap().to_string();
        assert!(error.contains("holds other files"), "{error}");
        assert!(dir.path().join("letter.txt").exists());
    }

    #[test]
    fn a_place_is_for_one_kind_of_forge() {
        let dir = tempfile::tempdir().unwrap();
        let env = Env::process();
        drop(Place::take(&args(dir.path(), false), &env).unwrap());
        let other = |fresh| DemoArgs { forge: Some(Skin::GitLab), ..args(dir.path(), fresh) };
        let error = Place::take(&other(false), &env).err().unwrap().to_string();
        assert!(error.contains("holds a demo on gitea; add --fresh to start over on gitlab"), "{error}");
        drop(Place::take(&other(true), &env).unwrap());
        drop(Place::take(&other(false), &env).unwrap());
        let linked = |fresh| DemoArgs { linked: true, ..args(dir.path(), fresh) };
        let error = Place::take(&linked(false), &env).err().unwrap().to_string();
        assert!(error.contains("holds a demo on gitlab; add --fresh to start over on two linked forges"), "{error}");
        drop(Place::take(&linked(true), &env).unwrap());
        std::fs::create_dir(dir.path().join("bot")).unwrap();
        drop(Place::take(&linked(false), &env).unwrap());
        assert!(!dir.path().join("bot").exists(), "each one begins anew");
    }

    #[test]
    fn one_demo_at_a_time_and_fresh_starts_over() {
        let dir = tempfile::tempdir().unwrap();
        let env = Env::process();
        let first = Place::take(&args(dir.path(), false), &env).unwrap();
        std::fs::create_dir(first.dir.join("bot")).unwrap();
        let error = Place::take(&args(dir.path(), true), &env).err().unwrap().to_string();
        assert!(error.contains("another demo is running"), "{error}");
        assert!(first.dir.join("bot").exists());
        drop(first);
        let next = Place::take(&args(dir.path(), true), &env).unwrap();
        assert!(!next.dir.join("bot").exists());
    }
}
