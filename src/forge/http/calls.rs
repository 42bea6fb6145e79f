//! Counts of requests, by what came of them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::forge::ForgeError;

const OUTCOMES: [&str; 11] = [
    "ok",
    "not_found",
    "unauthorized",
    "forbidden",
    "not_allowed",
    "conflict",
    "unprocessable",
    "rate_limited",
    "unavailable",
    "uncertain",
    "malformed",
];

/// One number for each outcome.
#[derive(Default)]
pub struct Calls([AtomicU64; OUTCOMES.len()]);

impl Calls {
    pub fn count(&self, error: Option<&ForgeError>) {
        let at = match error {
            None => 0,
            Some(ForgeError::NotFound(_)) => 1,
            Some(ForgeError::Unauthorized(_)) => 2,
            Some(ForgeError::Forbidden(_)) => 3,
            Some(ForgeError::NotAllowed(_)) => 4,
            Some(ForgeError::Conflict(_)) => 5,
            Some(ForgeError::Unprocessable(_)) => 6,
            Some(ForgeError::RateLimited(_)) => 7,
            Some(ForgeError::Unavailable(_)) => 8,
            Some(ForgeError::Uncertain(_)) => 9,
            Some(ForgeError::Malformed(_)) => 10,
        };
        self.0[at].fetch_add(1, Ordering::Relaxed);
    }

    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        OUTCOMES.iter().zip(&self.0).map(|(outcome, count)| (*outcome, count.load(Ordering::Relaxed))).collect()
    }
}
