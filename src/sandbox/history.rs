//! What was sent to hooks that can ask for it again: every try, with its outcome. Kept in memory, the newest thousand.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::deliver::Outgoing;
use crate::base::Time;

/// How many tries are remembered.
const REMEMBERED: usize = 1000;

/// One try to deliver.
#[derive(Clone, Debug)]
pub struct Try {
    pub outgoing: Outgoing,
    pub at: Time,
    pub ms: u64,
    /// Status code of the receiver; absent when there was no answer.
    pub status: Option<u16>,
    pub error: String,
}

impl Try {
    /// True when the receiver has taken it.
    pub fn arrived(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// All tries, oldest first.
#[derive(Debug, Default)]
pub struct History(Mutex<VecDeque<Try>>);

impl History {
    /// Remembers a try.
    pub fn add(&self, one: Try) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == REMEMBERED {
            all.pop_front();
        }
        all.push_back(one);
    }

    /// The tries for one hook, newest first.
    pub fn of_hook(&self, hook: i64) -> Vec<Try> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().rev().filter(|one| one.outgoing.hook.id == hook).cloned().collect()
    }
}
