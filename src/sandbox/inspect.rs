//! Everything the forge holds, for whoever compares two moments of it, and who moved which branch.

use std::collections::BTreeMap;

use serde_json::Value;

use super::act::refs::ZERO;
use super::server::Sandbox;
use super::told::{Told, What};
use super::world::World;

/// A branch or tag that somebody moved, made or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Number of the repository.
    pub repo: i64,
    /// Number of the account; 0 is nobody.
    pub actor: i64,
    /// Full ref name.
    pub name: String,
    /// `None`: it was made.
    pub before: Option<String>,
    /// `None`: it was deleted.
    pub after: Option<String>,
}

/// The moves among what is told.
pub(super) fn moves(told: &[Told]) -> Vec<Move> {
    let some = |sha: &String| (sha != ZERO).then(|| sha.clone());
    let moved = |one: &Told| match &one.what {
        What::Pushed { name, before, after, .. } => {
            Some(Move { repo: one.repo, actor: one.actor, name: name.clone(), before: some(before), after: some(after) })
        }
        What::RefDeleted { name, .. } => Some(Move { repo: one.repo, actor: one.actor, name: name.clone(), before: None, after: None }),
        _ => None,
    };
    told.iter().filter_map(moved).collect()
}

impl Sandbox {
    /// Every row of every table as `table/id`.
    pub fn rows(&self) -> BTreeMap<String, Value> {
        let mut rows = BTreeMap::new();
        // Asking for all tables takes a mutable world, and nothing is changed.
        let read = self.forge.change(|world: &mut World| {
            for (table, stored) in world.tables() {
                for (id, row) in stored.snapshot().unwrap_or_default() {
                    rows.insert(format!("{table}/{id}"), row);
                }
            }
            Ok(())
        });
        debug_assert!(read.is_ok(), "reading is not refused");
        rows
    }

    /// Who moved which branch or tag since the start, oldest first.
    pub fn moves(&self) -> Vec<Move> {
        self.forge.moves()
    }

    /// The number of an account.
    pub fn user_id(&self, login: &str) -> Option<i64> {
        self.forge.read(|world| world.user_named(login).map(|user| user.id))
    }
}
