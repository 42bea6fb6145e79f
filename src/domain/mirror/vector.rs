//! Version vectors over the two sides of a link.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The project's own repository.
    Here,
    /// The linked repository.
    There,
}

impl Side {
    /// Both.
    pub const BOTH: [Side; 2] = [Side::Here, Side::There];

    /// The one across.
    pub fn other(self) -> Side {
        match self {
            Side::Here => Side::There,
            Side::There => Side::Here,
        }
    }

    /// The word in rows and markers.
    pub fn word(self) -> &'static str {
        match self {
            Side::Here => "here",
            Side::There => "there",
        }
    }

    /// The side of this word.
    pub fn parse(word: &str) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| side.word() == word)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How two states stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Equal,
    /// The first is part of what led to the second.
    Before,
    After,
    /// Neither knew of the other.
    Concurrent,
}

/// How many changes of each side a state takes in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vector(BTreeMap<Side, u64>);

impl Vector {
    /// Changes of this side that are taken in.
    pub fn get(&self, side: Side) -> u64 {
        self.0.get(&side).copied().unwrap_or(0)
    }

    /// The same with one more change of a side, if there was one.
    pub fn after(&self, side: Side, changed: bool) -> Vector {
        let mut next = self.clone();
        if changed {
            let count = next.0.entry(side).or_default();
            *count = count.saturating_add(1);
        }
        next
    }

    /// What takes both in.
    pub fn merge(&self, other: &Vector) -> Vector {
        let of = |side| (side, self.get(side).max(other.get(side)));
        Vector(Side::BOTH.map(of).into_iter().filter(|(_, count)| *count > 0).collect())
    }

    /// How this stands to another.
    pub fn order(&self, other: &Vector) -> Order {
        let less = Side::BOTH.into_iter().any(|side| self.get(side) < other.get(side));
        let more = Side::BOTH.into_iter().any(|side| self.get(side) > other.get(side));
        match (less, more) {
            (false, false) => Order::Equal,
            (true, false) => Order::Before,
            (false, true) => Order::After,
            (true, true) => Order::Concurrent,
        }
    }
}
