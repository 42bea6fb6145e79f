//! Panics end where the work ends: one poisoned piece of work takes neither its lane nor its process down.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::{EngineError, Result};

/// Most tries of work that fails for no reason that passes.
pub const MAX_TRIES: i64 = 8;

/// Does the work; a panic in it becomes an error. What it had not committed did not happen: transactions roll back when they are dropped.
pub async fn shielded<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.unwrap_or_else(|panic| Err(EngineError::Panicked(words(panic.as_ref()))))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no words").to_owned()
}
