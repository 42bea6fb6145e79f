//! Words everybody uses: identifiers, time, money, secrets, text hygiene. Nothing here knows about forges, stories or SQL.

pub mod clock;
pub mod ids;
pub mod json;
pub mod money;
pub mod secret;
pub mod text;
pub mod trace;

pub use clock::{Clock, Time};
pub use money::Nano;
