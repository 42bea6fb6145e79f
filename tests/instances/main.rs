//! Several instances on one PostgreSQL, each a process of its own with a data directory of its own: they share the database and
//! nothing else. And what becomes of stories when processes stop, databases end and disks are full. Without
//! `SYNDARIX_TEST_POSTGRES` only what needs no server runs.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod database;
mod disk;
mod fleet;
mod handover;
mod outage;
mod racing;
mod relay;
mod spread;
mod stop;
mod upgrade;

#[path = "../crash/page.rs"]
#[allow(dead_code, reason = "shared with the crash sweep, which compares more")]
mod page;
#[path = "../crash/record.rs"]
#[allow(dead_code, reason = "shared with the crash sweep, which asks for more")]
mod record;

/// A line that is seen without asking for the output of tests.
fn say(line: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
}

/// Tests take turns: each starts several processes and measures, and all at once would only measure each other.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
