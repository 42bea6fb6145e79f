//! The state on disk: a snapshot and a journal of changes. One line of the journal is one finished piece of work, on the disk before it is answered.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::state::Meta;
use super::world::World;

/// A row as it is stored: name of the table, id, content (`null`: removed).
type Row = (String, i64, Value);

/// The state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the sandbox directory {0} is in use by another running sandbox; stop that one first, or choose another directory")]
    InUse(PathBuf),
    #[error("{path} is damaged at line {line} ({why}); move the file away to start afresh")]
    Damaged { path: PathBuf, line: usize, why: String },
    #[error("cannot read or write {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// The state in memory with its journal.
#[derive(Debug)]
pub struct Store {
    pub world: World,
    journal: File,
    path: PathBuf,
    _lock: File,
}

impl Store {
    /// Opens the state in a directory (made when missing), replays the journal and folds it into a new snapshot.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        fs::create_dir_all(dir).map_err(at(dir))?;
        let lock_path = dir.join("lock");
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        lock.try_lock().map_err(|_| StoreError::InUse(dir.to_owned()))?;

        let mut world = World::default();
        let snapshot = dir.join("state.jsonl");
        load(&mut world, &snapshot, false)?;
        let path = dir.join("journal.jsonl");
        load(&mut world, &path, true)?;
        world.number_apart();
        if world.instance().is_empty() {
            let mut meta = world.meta.get(0).cloned().unwrap_or_default();
            meta.instance = uuid::Uuid::now_v7().simple().to_string();
            world.meta.put(0, Meta { ..meta });
        }
        write_snapshot(&mut world, &snapshot).map_err(at(&snapshot))?;
        let journal = OpenOptions::new().create(true).truncate(true).write(true).open(&path).map_err(at(&path))?;
        journal.sync_all().map_err(at(&path))?;
        sync_dir(dir).map_err(at(dir))?;
        Ok(Store { world, journal, path, _lock: lock })
    }

    /// Writes down what changed since the last commit and waits until the disk has it. On an error nothing has changed.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let io = |source| StoreError::Io { path: self.path.clone(), source };
        let rows = changed_rows(&mut self.world).map_err(|error| io(error.into()))?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&rows).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        let start = self.journal.stream_position().map_err(io)?;
        let written = self.journal.write_all(&line).and_then(|()| self.journal.sync_data());
        if let Err(source) = written {
            // Without this the next line would be glued to a torn one.
            let _ = self.journal.set_len(start).and_then(|()| self.journal.seek(SeekFrom::Start(start)));
            self.undo();
            return Err(StoreError::Io { path: self.path.clone(), source });
        }
        for (_, table) in self.world.tables() {
            table.settle();
        }
        Ok(())
    }

    /// Takes back what changed since the last commit.
    pub fn undo(&mut self) {
        for (_, table) in self.world.tables() {
            table.undo();
        }
    }
}

fn changed_rows(world: &mut World) -> serde_json::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, table) in world.tables() {
        rows.extend(table.changes()?.into_iter().map(|(id, row)| (name.to_owned(), id, row)));
    }
    Ok(rows)
}

/// Reads a file of rows. A journal may end in a torn line: that work was never answered, so it is left out.
fn load(world: &mut World, path: &Path, may_be_torn: bool) -> Result<(), StoreError> {
    let mut text = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(StoreError::Io { path: path.to_owned(), source }),
    }
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let whole = line.ends_with(b"\n");
        let outcome = serde_json::from_slice::<Vec<Row>>(line).map_err(|error| error.to_string());
        match outcome.and_then(|rows| apply(world, rows)) {
            Ok(()) if whole => {}
            _ if may_be_torn && index + 1 == lines.len() => break,
            Ok(()) => {}
            Err(why) => return Err(StoreError::Damaged { path: path.to_owned(), line: index + 1, why }),
        }
    }
    Ok(())
}

fn apply(world: &mut World, rows: Vec<Row>) -> Result<(), String> {
    for (name, id, row) in rows {
        let mut tables = world.tables();
        let table = tables.iter_mut().find(|(table, _)| *table == name);
        let (_, table) = table.ok_or_else(|| format!("there is no table `{name}`"))?;
        table.load(id, row).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Writes everything beside the old snapshot, then puts it in its place in one step.
fn write_snapshot(world: &mut World, path: &Path) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = io::BufWriter::new(File::create(&beside)?);
    for (name, table) in world.tables() {
        for (id, row) in table.snapshot()? {
            serde_json::to_writer(&mut file, &[(name, id, row)])?;
            file.write_all(b"\n")?;
        }
        table.settle();
    }
    file.into_inner()?.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::sandbox::state::User;

    fn user(id: i64) -> User {
        User {
            id,
            login: format!("user{id}"),
            admin: false,
            bot: false,
            token: String::new(),
            token_name: String::new(),
            full_name: String::new(),
            created: Time(0),
        }
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_everything_before_it_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let instance = store.world.instance().to_owned();
        for id in 1..=3 {
            store.world.users.put(id, user(id));
            store.commit().unwrap();
        }
        store.world.users.remove(2);
        store.commit().unwrap();
        drop(store);
        let journal = dir.path().join("journal.jsonl");
        let mut text = fs::read(&journal).unwrap();
        text.extend_from_slice(br#"[["user",4,{"id":4,"log"#);
        fs::write(&journal, text).unwrap();
        for _ in 0..2 {
            // A process that another test starts at this moment holds a copy of the lock until it is a program of its own.
            let store = loop {
                match Store::open(dir.path()) {
                    Err(StoreError::InUse(_)) => std::thread::yield_now(),
                    other => break other.unwrap(),
                }
            };
            assert_eq!(store.world.users.entries().map(|(id, _)| id).collect::<Vec<_>>(), [1, 3]);
            assert_eq!(store.world.instance(), instance);
        }
    }

    #[test]
    fn damage_in_the_middle_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("journal.jsonl"), "nonsense\n[]\n").unwrap();
        let error = Store::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("journal.jsonl is damaged at line 1"), "{error}");
    }

    #[test]
    fn a_directory_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Store::open(dir.path()).unwrap();
        assert!(matches!(Store::open(dir.path()), Err(StoreError::InUse(_))));
    }
}
