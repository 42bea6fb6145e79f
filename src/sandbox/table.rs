//! A table of rows by number that remembers what a piece of work changed, so that the change can be written down or taken back.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Rows by id, with the former state of every row touched since the last commit.
#[derive(Debug)]
pub struct Table<T> {
    rows: BTreeMap<i64, T>,
    before: BTreeMap<i64, Option<T>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { rows: BTreeMap::new(), before: BTreeMap::new() }
    }
}

impl<T: Clone> Table<T> {
    /// The row with this id.
    pub fn get(&self, id: i64) -> Option<&T> {
        self.rows.get(&id)
    }

    /// All rows, lowest id first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.values()
    }

    /// All ids with their rows, lowest first.
    pub fn entries(&self) -> impl Iterator<Item = (i64, &T)> {
        self.rows.iter().map(|(id, row)| (*id, row))
    }

    /// The row to change; it counts as changed from here on.
    pub fn edit(&mut self, id: i64) -> Option<&mut T> {
        let row = self.rows.get_mut(&id)?;
        self.before.entry(id).or_insert_with(|| Some(row.clone()));
        Some(row)
    }

    /// Adds or replaces a row.
    pub fn put(&mut self, id: i64, row: T) {
        let old = self.rows.insert(id, row);
        self.before.entry(id).or_insert(old);
    }

    /// Takes a row out.
    pub fn remove(&mut self, id: i64) -> Option<T> {
        let old = self.rows.remove(&id)?;
        self.before.entry(id).or_insert_with(|| Some(old.clone()));
        Some(old)
    }
}

/// What the store needs of every table, whatever its rows are.
pub trait Stored {
    /// The rows changed since the last call, `Null` for removed ones.
    fn changes(&self) -> serde_json::Result<Vec<(i64, Value)>>;
    /// Everything, for a snapshot.
    fn snapshot(&self) -> serde_json::Result<Vec<(i64, Value)>>;
    /// Accepts the changes.
    fn settle(&mut self);
    /// Takes the changes back.
    fn undo(&mut self);
    /// Puts a stored row in place; `Null` removes it.
    fn load(&mut self, id: i64, row: Value) -> serde_json::Result<()>;
}

impl<T: Clone + Serialize + DeserializeOwned> Stored for Table<T> {
    fn changes(&self) -> serde_json::Result<Vec<(i64, Value)>> {
        self.before.keys().map(|&id| Ok((id, serde_json::to_value(self.rows.get(&id))?))).collect()
    }

    fn snapshot(&self) -> serde_json::Result<Vec<(i64, Value)>> {
        self.rows.iter().map(|(&id, row)| Ok((id, serde_json::to_value(row)?))).collect()
    }

    fn settle(&mut self) {
        self.before.clear();
    }

    fn undo(&mut self) {
        for (id, old) in std::mem::take(&mut self.before) {
            match old {
                Some(row) => self.rows.insert(id, row),
                None => self.rows.remove(&id),
            };
        }
    }

    fn load(&mut self, id: i64, row: Value) -> serde_json::Result<()> {
        if row.is_null() {
            self.rows.remove(&id);
        } else {
            self.rows.insert(id, serde_json::from_value(row)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undo_brings_back_what_was_there_before_the_work() {
        let mut table = Table::default();
        table.put(1, "one".to_owned());
        table.settle();
        table.put(2, "two".to_owned());
        table.edit(1).unwrap().push_str(" changed");
        table.remove(1);
        assert_eq!(table.changes().unwrap(), [(1, Value::Null), (2, Value::from("two"))]);
        table.undo();
        assert_eq!(table.entries().collect::<Vec<_>>(), [(1, &"one".to_owned())]);
        assert_eq!(table.changes().unwrap(), []);
    }
}
