//! A project with a second place for its issues: two forges, people on both, and one program between them. A test reads as what people do
//! on either side and what the other side shows then.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod crash;
mod flow;
mod limits;
mod losing;
mod world;
